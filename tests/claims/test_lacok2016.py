"""The claims of Lacok (2016): one test a claim and reading, and one for its control."""

PAPER = "lacok2016"


def test_claim(claim_case):
    claim_case.check()


def test_control(control_case):
    control_case.check()
