"""The claims of Popović & Mihajlović (2017): one test a claim and reading, one for its control."""

PAPER = "popovic2017"


def test_claim(claim_case):
    claim_case.check()


def test_control(control_case):
    control_case.check()
