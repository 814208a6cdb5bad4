"""The freshness gate: which live measurements are too far from the population."""

from __future__ import annotations

import numpy as np

from repro.judge.bands import prediction_band
from repro.judge.curves import simultaneous_bands
from repro.judge.freshness import outside_gate
from repro.judge.scales import Scale
from repro.judge.verdicts import Trend, judge_numbers, judge_ordering

FIVE = [1.0, 2.0, 3.0, 4.0, 5.0]
CURVE = np.array([FIVE, [v + 10 for v in FIVE[::-1]]]).T
CEILING = [0.97, 0.98, 0.98, 0.985, 0.99, 0.99, 0.995, 1.0]


def test_the_gate_is_the_999_band_without_the_widening() -> None:
    number = judge_numbers(FIVE, published=3.0, unit=0.5, margin=10)
    assert number.gate == prediction_band(FIVE, level=0.999)
    assert judge_ordering(Trend(FIVE, 1 / 32)).gate == prediction_band(FIVE, level=0.999)
    curve = judge_numbers(CURVE, published=[3.0, 13.0], unit=0.5, margin=20)
    assert curve.gate is None
    assert [p.gate for p in curve.points] == simultaneous_bands(CURVE, level=0.999)


def test_a_measurement_outside_the_gate_is_stale() -> None:
    judgement = judge_numbers(FIVE, published=3.0, unit=0.0, margin=10.0)
    low, high = judgement.gate.low, judgement.gate.high
    assert not outside_gate(3.0, judgement)
    assert not outside_gate(high, judgement)
    assert outside_gate(high + 1e-6, judgement)
    assert outside_gate(low - 1e-6, judgement)
    assert not outside_gate(judgement.band.high + 0.1, judgement)  # the 95 % band is not the gate


def test_without_a_gate_nothing_is_stale() -> None:
    judgement = judge_numbers(FIVE[:3], published=3.0, unit=0.1, margin=1.0)
    assert judgement.gate is None
    assert not outside_gate(1e6, judgement)


def test_a_population_at_a_ceiling_has_a_gate() -> None:
    judgement = judge_numbers(CEILING, published=0.99, unit=0.01, margin=0.1, scale=Scale("logit"))
    assert not any(outside_gate(v, judgement) for v in CEILING)
    assert outside_gate(0.8, judgement)
    exact = judge_numbers([1.0] * 9, published=1.0, unit=0.01, margin=0.1, scale=Scale("logit"))
    assert not outside_gate(1.0, exact)
    assert outside_gate(0.0883, exact)


def test_one_point_outside_its_gate_makes_a_curve_stale() -> None:
    judgement = judge_numbers(CURVE, published=[3.0, 13.0], unit=0.0, margin=20.0)
    assert not outside_gate([3.0, 13.0], judgement)
    assert outside_gate([3.0, 99.0], judgement)


def test_a_value_without_spread_may_move_by_the_least_tolerance() -> None:
    """Other weights may misclassify one image of many; code that changed moves more."""
    exact = judge_ordering(Trend([0.005] * 10, 0.01))
    assert not outside_gate(0.0045, exact)
    assert outside_gate(0.003, exact)
