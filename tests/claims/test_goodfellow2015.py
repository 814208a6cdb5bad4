"""The claims of Goodfellow et al. (2015), each under each of its readings.

`claim` is its record in repro/papers/goodfellow2015/claims.toml, `population` its measurement over
independent trainings, and `measure` measures it on this machine (see repro/plugin/tests.py).
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
    how = stale(claim, reading, measured, seed0, judge_claim(claim, population_here))
    if how is None:
        # Not a pass: there is nothing to compare.
        pytest.skip("nothing to hold the measurement to: too few seeds on record")
    assert not how, how


def test_control(claim, control, population_here, measure):
    """What must not pass does not: a band that held the control too would prove nothing."""
    outside = control_outside(claim, measure(claim), judge_claim(claim, population_here))
    if outside is None:
        # As above.
        pytest.skip("no band to hold the control against: too few seeds on record")
    assert outside, control.why


def test_snapshot(shipped, snapshot, num_regression):
    """The shipped networks measure what they did: our code did not change."""
    # pytest-regressions does not miss a metric that is no longer measured.
    assert snapshot.metrics() in (set(), set(shipped))
    values = {metric: [value] for metric, value in shipped.items()}
    num_regression.check(values, **snapshot.settings(shipped))
