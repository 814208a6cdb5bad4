"""The claims of Lacok (2016): a test a claim and reading, its control, and snapshots."""

PAPER = "lacok2016"


def test_claim(claim_case):
    claim_case.check()


def test_control(control_case):
    control_case.check()


def test_snapshot(snapshot_case, num_regression):
    snapshot_case.check(num_regression)
