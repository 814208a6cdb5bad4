"""The claims of a paper, each under each of its readings.

`claim` is its record in the paper's claims.toml, `population` its measurement over independent
trainings, and `measure` measures it on this machine (see repro/plugin/tests.py).
"""

import pytest

from repro.claims.verdict import PASSING
from repro.judge.cases import judge_claim
from repro.measure.live import control_outside, stale

PAPER = "goodfellow2015"


def test_claim(claim, expected, population, measure):
    """What the population says of the claim is what is on record, whether or not it holds."""
    measure(claim)  # for the report; skips where the images at hand cannot show the claim
    judgement = judge_claim(claim, population)
    assert judgement.verdict == expected.verdict, judgement.reason
    if judgement.verdict not in PASSING:
        pytest.xfail(f"{expected.verdict}: {expected.reason}")  # a miss that is on record


def test_fresh(claim, reading, seed0, population_here, measure):
    """This machine measures what is on record for the same networks: code and evidence agree."""
    measured = measure(claim, anew=True)
    judgement = judge_claim(claim, population_here)
    how = stale(claim, reading, measured, seed0, judgement)
    if how is None:
        # Not a pass: there is nothing to compare.
        pytest.skip(f"nothing to hold the measurement to: {judgement.reason}")
    assert not how, how


def test_control(claim, control, population_here, measure):
    """What must not pass does not: a band that held the control too would prove nothing."""
    judgement = judge_claim(claim, population_here)
    outside = control_outside(claim, measure(claim), judgement)
    if outside is None:
        # As above.
        pytest.skip(f"no band to hold the control against: {judgement.reason}")
    assert outside, control.why


def test_snapshot(shipped, snapshot, num_regression):
    """The shipped networks measure what they did: our code did not change."""
    snapshot.check(shipped, num_regression)
