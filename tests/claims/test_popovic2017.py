"""The claims of Popović & Mihajlović (2017): tests of claims, controls and snapshots."""

PAPER = "popovic2017"


def test_claim(claim_case):
    claim_case.check()


def test_control(control_case):
    control_case.check()


def test_snapshot(snapshot_case, num_regression):
    snapshot_case.check(num_regression)
