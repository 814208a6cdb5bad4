"""The verdict table, row by row, with its edges."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from repro.claims.verdict import PASSING, Verdict
from repro.errors import ClaimsError, EvidenceError
from repro.judge.bands import prediction_band, simultaneous_bands
from repro.judge.freshness import is_stale
from repro.judge.verdicts import (
    Judgement,
    judge_curve,
    judge_ordering,
    judge_value,
)

FIVE = [1.0, 2.0, 3.0, 4.0, 5.0]
HALF = 2.776445105 * math.sqrt(3.0)  # t(0.975, 4) sqrt(2.5) sqrt(1 + 1/5)
TIGHT = [0.900, 0.901, 0.902, 0.903, 0.904]
CEILING = [0.97, 0.98, 0.98, 0.985, 0.99, 0.99, 0.995, 1.0]
CURVE = np.array([FIVE, [v + 10 for v in FIVE[::-1]]]).T


def value(published: float, margin: float = 10.0, **rest: object) -> Judgement:
    settings: dict[str, object] = {"unit": 0.0} | rest
    return judge_value(FIVE, published=published, margin=margin, **settings)


def test_verdicts_are_spelt_as_in_the_reports() -> None:
    assert [str(v) for v in Verdict] == [
        "reproduced",
        "equivalent",
        "trend-only",
        "not-reproduced",
        "inconclusive",
        "paper-inconsistent",
        "not-run",
    ]
    assert {Verdict.REPRODUCED, Verdict.EQUIVALENT} == PASSING


def test_reproduced_with_its_numbers() -> None:
    judgement = value(3.5)
    assert judgement.verdict is Verdict.REPRODUCED
    assert (judgement.n, judgement.mean, judgement.miss, judgement.p) == (5, 3.0, None, None)
    assert judgement.sd == pytest.approx(math.sqrt(2.5))
    assert judgement.band == prediction_band(FIVE)
    assert judgement.gate == prediction_band(FIVE, level=0.999)
    assert judgement.points == ()


@pytest.mark.parametrize(("side", "miss"), [(1, "above"), (-1, "below")])
def test_the_bands_edge_decides(side: int, miss: str) -> None:
    settings = {"unit": 0.5, "margin": HALF + 0.26}
    edge = 3 + side * (HALF + 0.25)
    assert value(edge - side * 1e-6, **settings).verdict is Verdict.REPRODUCED
    assert value(edge, **settings).band.contains(edge)
    outside = value(edge + side * 1e-6, **settings)
    assert outside.verdict is Verdict.NOT_REPRODUCED
    assert outside.miss == miss
    assert f"{miss} the" in outside.reason


def test_the_rounding_unit_is_what_saves_a_value_just_outside() -> None:
    x0 = 3 + HALF + 0.01
    assert value(x0, HALF + 0.1, unit=0.02).verdict is Verdict.REPRODUCED
    assert value(x0, HALF + 0.1, unit=0.0).verdict is Verdict.NOT_REPRODUCED


def test_the_margin_bounds_the_half_width_with_the_widening() -> None:
    assert value(3.0, HALF + 0.25 + 1e-6, unit=0.5).verdict is Verdict.REPRODUCED
    too_wide = value(3.0, HALF + 0.25 - 1e-6, unit=0.5)
    assert too_wide.verdict is Verdict.INCONCLUSIVE
    assert too_wide.miss is None
    assert "exceeds the margin" in too_wide.reason


def test_equivalent_outside_the_band() -> None:
    judgement = judge_value(TIGHT, published=0.91, unit=0.0, margin=0.02)
    assert judgement.verdict is Verdict.EQUIVALENT
    assert judgement.miss == "above"
    assert judge_value(TIGHT, published=0.91, unit=0.0, margin=0.006).verdict not in PASSING


def test_a_value_in_a_band_too_wide_is_not_rescued_by_tost() -> None:
    values = [*FIVE * 20]  # the mean is known well, a single draw is not
    judgement = judge_value(values, published=3.0, unit=0.0, margin=1.0)
    assert judgement.verdict is Verdict.INCONCLUSIVE


def test_trend_only_needs_an_established_ordering() -> None:
    assert value(30.0, trend_p=0.05).verdict is Verdict.TREND_ONLY
    assert value(30.0, trend_p=0.05).p == 0.05
    assert value(30.0, trend_p=0.0501).verdict is Verdict.NOT_REPRODUCED
    assert value(30.0).verdict is Verdict.NOT_REPRODUCED
    assert value(30.0, trend_p=0.02, alpha=0.01).verdict is Verdict.NOT_REPRODUCED
    assert value(3.0, trend_p=1.0).verdict is Verdict.REPRODUCED


def test_a_change_of_sign_is_not_reproduced() -> None:
    assert judge_value(TIGHT, published=-0.902, unit=0.001, margin=0.02).miss == "below"
    assert judge_value(TIGHT, published=-0.902, unit=0.001, margin=0.02).verdict not in PASSING


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("published", [0.902, 0.1])
def test_fewer_than_five_seeds_are_inconclusive(n: int, published: float) -> None:
    judgement = judge_value(TIGHT[:n], published=published, unit=0.01, margin=1.0, trend_p=0.0)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert (judgement.n, judgement.band, judgement.gate) == (n, None, None)
    assert (judgement.sd is None) == (n == 1)
    assert "at least 5" in judgement.reason
    five = judge_value(TIGHT, published=0.902, unit=0.01, margin=1.0)
    assert five.verdict is Verdict.REPRODUCED


@pytest.mark.parametrize("scale", ["linear", "logit"])
@pytest.mark.parametrize("constant", [0.0, 0.1, 1.0])
def test_no_spread_is_never_a_pass(constant: float, scale: str) -> None:
    judgement = judge_value(
        [constant] * 20, published=constant, unit=0.1, margin=1.0, scale=scale, trend_p=0.0
    )
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert (judgement.sd, judgement.band) == (pytest.approx(0.0, abs=1e-15), None)
    assert "no spread" in judgement.reason


@pytest.mark.parametrize("bad", [[], [0.1, math.nan], [0.1] * 9 + [math.inf]])
def test_damaged_evidence_is_an_error(bad: list[float]) -> None:
    with pytest.raises(EvidenceError):
        judge_value(bad, published=0.1, unit=0.01, margin=0.1)
    with pytest.raises(EvidenceError):
        judge_ordering(bad, p_adjusted=1.0)
    with pytest.raises(EvidenceError):
        judge_curve([bad], published=bad, unit=0.01, margin=0.1)


@pytest.mark.parametrize(
    "change",
    [
        {"published": math.nan},
        {"published": math.inf},
        {"published": 1.2},
        {"unit": -0.01},
        {"margin": 0.0},
        {"margin": math.nan},
    ],
)
def test_a_record_that_makes_no_sense_is_an_error(change: dict[str, float]) -> None:
    settings = {"published": 0.9, "unit": 0.01, "margin": 0.1} | change
    with pytest.raises(ClaimsError):
        judge_value(TIGHT, scale="logit", **settings)


@pytest.mark.parametrize("p", [math.nan, -0.1, 1.5])
def test_a_bad_p_value_is_an_error(p: float) -> None:
    with pytest.raises(EvidenceError, match="p-value"):
        value(30.0, trend_p=p)
    with pytest.raises(EvidenceError, match="p-value"):
        judge_ordering(FIVE, p_adjusted=p)


def test_order_statistics_below_95_percent_reproduce_nothing() -> None:
    inside = judge_value(CEILING, published=0.99, unit=0.01, margin=0.1, scale="logit")
    assert inside.verdict is Verdict.INCONCLUSIVE
    assert inside.band.method == "order"
    assert inside.band.level == pytest.approx(7 / 9)
    assert "77.78 %" in inside.reason
    many = [*np.linspace(0.95, 0.999, 38), 1.0]
    enough = judge_value(many, published=0.99, unit=0.01, margin=0.1, scale="logit")
    assert enough.verdict is Verdict.REPRODUCED


def test_order_statistics_below_95_percent_refute_only_what_the_clipped_t_band_refutes() -> None:
    settings = {"unit": 0.0, "margin": 0.001, "scale": "logit"}
    near = judge_value(CEILING, published=0.968, **settings, trend_p=0.0)
    assert (near.verdict, near.miss) == (Verdict.INCONCLUSIVE, "below")
    far = judge_value(CEILING, published=0.9, **settings)
    assert (far.verdict, far.miss) == (Verdict.NOT_REPRODUCED, "below")
    assert judge_value(CEILING, published=0.968, unit=0.0, margin=0.05, scale="logit").verdict is (
        Verdict.EQUIVALENT
    )


def test_a_linear_rate_across_its_bounds_is_judged_by_order_statistics() -> None:
    rates = [0.95, 0.96, 0.97, 0.98, 0.99]
    settings = {"published": 0.97, "unit": 0.01, "margin": 0.2}
    assert judge_value(rates, **settings).verdict is Verdict.REPRODUCED
    assert judge_value(rates, **settings, bounds=(0, 1)).verdict is Verdict.INCONCLUSIVE


def test_an_ordering_in_every_seed_is_reproduced() -> None:
    judgement = judge_ordering(FIVE, p_adjusted=1 / 32)
    assert judgement.verdict is Verdict.REPRODUCED
    assert (judgement.mean, judgement.band, judgement.miss) == (3.0, None, None)
    assert judgement.p == 1 / 32
    assert judgement.gate == prediction_band(FIVE, level=0.999)


def test_a_reversed_ordering_is_not_reproduced() -> None:
    judgement = judge_ordering([-v for v in FIVE], p_adjusted=1.0)
    assert (judgement.verdict, judgement.miss) == (Verdict.NOT_REPRODUCED, "below")
    assert judgement.mean == -3.0


def test_lack_of_power_refutes_no_ordering() -> None:
    for differences in ([1.0, 2.0, -1.0, -2.0, 0.5], [-1.0, -2.0, -3.0, -4.0, 0.0]):
        assert judge_ordering(differences, p_adjusted=1.0).verdict is Verdict.INCONCLUSIVE
    # unadjusted 1/32, but Holm over forty claims leaves nothing
    assert judge_ordering(FIVE, p_adjusted=1.0).verdict is Verdict.INCONCLUSIVE


def test_an_ordering_of_four_seeds_or_without_spread_is_inconclusive() -> None:
    assert judge_ordering(FIVE[:4], p_adjusted=1 / 16, alpha=0.1).verdict is Verdict.INCONCLUSIVE
    for constant in (0.0, 0.1, -0.1):
        judgement = judge_ordering([constant] * 20, p_adjusted=1.0)
        assert judgement.verdict is Verdict.INCONCLUSIVE
        assert "no spread" in judgement.reason
        assert judgement.gate is None


def test_an_adjusted_p_below_the_raw_one_is_an_error() -> None:
    with pytest.raises(EvidenceError, match="below the sign test's own"):
        judge_ordering([-v for v in FIVE], p_adjusted=1 / 32)


def curve(published: list[float], margin: float = 20.0, **rest: object) -> Judgement:
    return judge_curve(CURVE, published=published, unit=0.0, margin=margin, **rest)


def test_a_curve_with_every_point_inside_is_reproduced() -> None:
    judgement = curve([3.0, 13.0])
    assert judgement.verdict is Verdict.REPRODUCED
    assert (judgement.n, judgement.mean, judgement.band, judgement.gate) == (5, None, None, None)
    assert [p.band for p in judgement.points] == simultaneous_bands(CURVE)
    assert [p.gate for p in judgement.points] == simultaneous_bands(CURVE, level=0.999)
    assert [(p.index, p.published, p.mean) for p in judgement.points] == [(0, 3, 3), (1, 13, 13)]
    assert all(p.inside and p.miss is None for p in judgement.points)


def test_a_curve_says_which_points_miss_and_how() -> None:
    one = curve([3.0, 99.0])
    assert one.verdict is Verdict.NOT_REPRODUCED
    assert [(p.inside, p.miss) for p in one.points] == [(True, None), (False, "above")]
    assert one.miss == "above"
    assert "#1 (published 99, above)" in one.reason
    assert curve([-99.0, 99.0]).miss is None
    assert curve([99.0, 99.0]).miss == "above"
    assert curve([3.0, 99.0], trend_p=0.01).verdict is Verdict.TREND_ONLY


def test_a_curves_bands_are_wider_than_a_single_values() -> None:
    between = 3 + HALF * 1.1
    assert value(between, margin=6.0).verdict is Verdict.NOT_REPRODUCED
    assert curve([between, 13.0]).verdict is Verdict.REPRODUCED


def test_a_curve_is_equivalent_only_at_every_point() -> None:
    values = np.array([TIGHT, TIGHT]).T
    settings = {"unit": 0.0, "margin": 0.02}
    both = judge_curve(values, published=[0.912, 0.902], **settings)
    assert (both.verdict, both.miss) == (Verdict.EQUIVALENT, "above")
    one = judge_curve(values, published=[0.912, 0.95], **settings)
    assert one.verdict is Verdict.NOT_REPRODUCED


def test_a_curve_with_a_point_that_cannot_be_decided() -> None:
    flat = CURVE.copy()
    flat[:, 0] = 0.5
    settings = {"unit": 0.1, "margin": 20.0}
    undecided = judge_curve(flat, published=[0.5, 13.0], **settings)
    assert undecided.verdict is Verdict.INCONCLUSIVE
    assert undecided.points[0].band is None
    assert not undecided.points[0].inside
    assert "#0: no spread" in undecided.reason
    # the other points still can refute, and cannot be rescued
    missed = judge_curve(flat, published=[0.5, 99.0], unit=0.1, margin=1000.0)
    assert missed.verdict is Verdict.NOT_REPRODUCED
    assert curve([3.0, 13.0], margin=1.0).verdict is Verdict.INCONCLUSIVE


def test_a_curve_of_four_seeds_is_inconclusive() -> None:
    judgement = judge_curve(CURVE[:4], published=[3.0, 99.0], unit=0.1, margin=20.0)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert [p.band for p in judgement.points] == [None, None]


def test_a_curve_of_the_wrong_length_is_an_error() -> None:
    with pytest.raises(ClaimsError, match="3 published values"):
        curve([1.0, 2.0, 3.0])
    with pytest.raises(EvidenceError):
        judge_curve(FIVE, published=FIVE, unit=0.1, margin=1.0)


def test_a_measurement_outside_the_gate_is_stale() -> None:
    judgement = value(3.0)
    low, high = judgement.gate.low, judgement.gate.high
    assert not is_stale(3.0, judgement)
    assert not is_stale(high, judgement)
    assert is_stale(high + 1e-6, judgement)
    assert is_stale(low - 1e-6, judgement)
    assert is_stale(math.nan, judgement)
    assert not is_stale(judgement.band.high + 0.1, judgement)  # the 95 % band is not the gate


def test_without_a_gate_only_nan_is_stale() -> None:
    judgement = judge_value(FIVE[:3], published=3.0, unit=0.1, margin=1.0)
    assert judgement.gate is None
    assert not is_stale(1e6, judgement)
    assert is_stale(math.nan, judgement)


def test_a_population_at_a_ceiling_has_a_gate() -> None:
    judgement = judge_value(CEILING, published=0.99, unit=0.01, margin=0.1, scale="logit")
    assert not any(is_stale(v, judgement) for v in CEILING)
    assert is_stale(0.8, judgement)


def test_one_point_outside_its_gate_makes_a_curve_stale() -> None:
    judgement = curve([3.0, 13.0])
    assert not is_stale([3.0, 13.0], judgement)
    assert is_stale([3.0, 99.0], judgement)
    assert is_stale([math.nan, 13.0], judgement)
    for wrong in (3.0, [3.0], [3.0, 13.0, 3.0]):
        with pytest.raises(EvidenceError, match="shape"):
            is_stale(wrong, judgement)
    with pytest.raises(EvidenceError, match="shape"):
        is_stale([3.0, 13.0], value(3.0))


def test_reasons_are_one_line_with_the_numbers() -> None:
    ceiling = {"unit": 0.01, "margin": 0.1, "scale": "logit"}
    judgements = [
        value(3.0),
        value(3.0, margin=0.1),
        value(30.0),
        value(30.0, trend_p=0.5),
        curve([3.0, 13.0]),
        curve([3.0, 99.0]),
        judge_value([0.5] * 9, published=0.5, unit=0.1, margin=0.1),
        judge_value(FIVE[:2], published=0.5, unit=0.1, margin=0.1),
        judge_value(CEILING, published=0.99, **ceiling),
        judge_ordering(FIVE, p_adjusted=1 / 32),
    ]
    for judgement in judgements:
        assert "\n" not in judgement.reason
        assert str(judgement.n) in judgement.reason


def test_the_judge_imports_neither_scipy_nor_torch() -> None:
    code = "import sys, repro.judge.verdicts; print(not {'scipy', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
