"""The verdict table, row by row, with its edges."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import chi2, norm

from repro.claims.verdict import PASSING, Verdict
from repro.errors import EvidenceError
from repro.judge.bands import prediction_band
from repro.judge.curves import CAUTION, effective_points, simultaneous_bands
from repro.judge.precision import deciding_seeds
from repro.judge.scales import Scale
from repro.judge.verdicts import Judgement, Trend, judge_numbers, judge_ordering

FIVE = [1.0, 2.0, 3.0, 4.0, 5.0]
HALF = 2.776445105 * math.sqrt(3.0)  # t(0.975, 4) sqrt(2.5) sqrt(1 + 1/5)
LIMIT = 1.959963985 * math.sqrt(2.5) * math.sqrt(4 / 9.487729037)  # 1.96 s_L, from a table of chi²
TIGHT = [0.900, 0.901, 0.902, 0.903, 0.904]
CURVE = np.array([FIVE, [v + 10 for v in FIVE[::-1]]]).T
FAR = [99.0] * 5  # a control


def value(published: float, margin: float = 10.0, **rest: object) -> Judgement:
    settings: dict[str, object] = {"unit": 0.0} | rest
    return judge_numbers(FIVE, published=published, margin=margin, **settings)


def trend(p: float, differences: list[float] = FIVE, family: int = 1) -> Trend:
    return Trend(differences, p, family)


def test_verdicts_are_spelt_as_in_the_reports() -> None:
    assert [str(v) for v in Verdict] == [
        "reproduced",
        "consistent",
        "equivalent",
        "trend-only",
        "not-reproduced",
        "inconclusive",
        "paper-inconsistent",
        "not-run",
    ]
    assert {Verdict.REPRODUCED, Verdict.CONSISTENT, Verdict.EQUIVALENT} == PASSING


# In the band.


def test_reproduced_with_its_numbers() -> None:
    judgement = value(3.5)
    assert judgement.verdict is Verdict.REPRODUCED
    assert (judgement.n, judgement.mean, judgement.miss, judgement.p) == (5, 3.0, None, None)
    assert judgement.sd == pytest.approx(math.sqrt(2.5))
    assert judgement.band == prediction_band(FIVE)
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


def test_consistent_where_the_seeds_are_shown_to_move_the_number_by_more() -> None:
    settings = {"unit": 0.5, "control": FAR}
    shown = value(3.0, LIMIT + 0.25 - 1e-6, **settings)
    assert shown.verdict is Verdict.CONSISTENT
    assert "the seed alone" in shown.reason
    # 1.96 s exceeds the margin, too, but its lower confidence limit does not
    open_ = value(3.0, LIMIT + 0.25 + 1e-6, **settings)
    assert open_.verdict is Verdict.INCONCLUSIVE
    assert 1.96 * math.sqrt(2.5) > LIMIT + 0.25


def test_consistent_needs_a_control_outside_in_every_seed() -> None:
    noisy = {"published": 3.0, "margin": 0.5}
    assert value(**noisy, control=FAR).verdict is Verdict.CONSISTENT
    for control in ([], [3.0] * 5, [99.0] * 4 + [3.0]):
        judgement = value(**noisy, control=control)
        assert judgement.verdict is Verdict.INCONCLUSIVE
        assert "no control lies outside in every seed" in judgement.reason
        assert "not even 1,000 seeds would decide" in judgement.reason


def test_a_control_is_not_asked_of_a_narrow_band() -> None:
    assert value(3.0, control=[3.0] * 5).verdict is Verdict.REPRODUCED
    assert value(3.0, control=FAR).verdict is Verdict.REPRODUCED


def test_inconclusive_says_how_many_seeds_would_decide() -> None:
    judgement = value(3.0, LIMIT + 0.1, control=FAR)
    needed = deciding_seeds([[v] for v in FIVE], unit=0.0, margin=LIMIT + 0.1)
    assert 5 < needed < 20
    assert judgement.reason.endswith(f"; {needed} seeds would decide")
    hopeless = value(3.0, 1.959963985 * math.sqrt(2.5), control=FAR)
    assert "not even 1,000 seeds would decide" in hopeless.reason


def test_a_value_in_a_band_too_wide_is_not_rescued_by_equivalence() -> None:
    values = [*FIVE * 20]  # the mean is known well, a single draw is not
    judgement = judge_numbers(values, published=3.0, unit=0.0, margin=1.0)
    assert judgement.verdict is Verdict.INCONCLUSIVE


# Outside it.


def test_equivalent_outside_the_band() -> None:
    judgement = judge_numbers(TIGHT, published=0.91, unit=0.0, margin=0.02)
    assert judgement.verdict is Verdict.EQUIVALENT
    assert judgement.miss == "above"
    # 90 % prediction: 2.131847 x 0.0015811 x sqrt(1.2) = 0.003692, and 0.008 away
    assert judge_numbers(TIGHT, published=0.91, unit=0.0, margin=0.0117).verdict in PASSING
    assert judge_numbers(TIGHT, published=0.91, unit=0.0, margin=0.0116).verdict not in PASSING


def test_trend_only_needs_an_established_ordering() -> None:
    assert value(30.0, trend=trend(0.05)).verdict is Verdict.TREND_ONLY
    assert value(30.0, trend=trend(0.05)).p == 0.05
    mixed = [*FIVE[:4], -1.0]
    assert value(30.0, trend=trend(0.0501, mixed)).verdict is Verdict.NOT_REPRODUCED
    assert value(30.0).verdict is Verdict.NOT_REPRODUCED
    assert value(3.0, trend=trend(1.0)).verdict is Verdict.REPRODUCED
    near = judge_numbers(TIGHT, published=0.91, unit=0, margin=0.02, trend=trend(0.01))
    assert near.verdict is Verdict.EQUIVALENT


def test_trend_only_says_how_large_the_effect_is() -> None:
    reason = value(30.0, trend=trend(0.04, [0.02, 0.03, 0.04, 0.03, -0.02])).reason
    assert "holds in 4 of 5 seeds, by 0.02 on average, adjusted p 0.04" in reason


def test_an_ordering_in_every_seed_that_so_few_cannot_show_refutes_nothing() -> None:
    judgement = value(30.0, trend=trend(20 / 32, family=20))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "holds in all 5 seeds, too few to show it: 9 seeds would decide" in judgement.reason
    for differences in ([*FIVE[:4], -1.0], [*FIVE[:4], 0.0]):
        lost = value(30.0, trend=trend(20 / 32, differences))
        assert lost.verdict is Verdict.NOT_REPRODUCED
        assert "not established" in lost.reason


def test_a_change_of_sign_is_not_reproduced() -> None:
    judgement = judge_numbers(TIGHT, published=-0.902, unit=0.001, margin=0.02)
    assert (judgement.verdict, judgement.miss) == (Verdict.NOT_REPRODUCED, "below")


# Few seeds, and no spread.


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("published", [0.902, 0.1])
def test_fewer_than_five_seeds_are_inconclusive(n: int, published: float) -> None:
    settings = {"unit": 0.01, "margin": 1.0}
    judgement = judge_numbers(TIGHT[:n], published=published, trend=trend(0.0), **settings)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert (judgement.n, judgement.band, judgement.gate) == (n, None, None)
    assert (judgement.sd is None) == (n == 1)
    assert judgement.reason.endswith("needs at least 5, which may not decide either")
    assert judge_numbers(TIGHT, published=0.902, **settings).verdict is Verdict.REPRODUCED


@pytest.mark.parametrize(
    ("published", "verdict"),
    [
        (0.5, Verdict.REPRODUCED),
        (0.505, Verdict.REPRODUCED),  # half the rounding unit
        (0.5051, Verdict.EQUIVALENT),
        (0.525, Verdict.EQUIVALENT),  # the margin, less what the rounding hides
        (0.5251, Verdict.NOT_REPRODUCED),
    ],
)
@pytest.mark.parametrize("scale", ["linear", "logit"])
def test_seeds_without_spread_are_exact(published: float, verdict: Verdict, scale: str) -> None:
    judgement = judge_numbers(
        [0.5] * 10, published=published, unit=0.01, margin=0.03, scale=Scale(scale)
    )
    assert judgement.verdict is verdict
    assert judgement.band.method == "exact"
    assert "all 10 seeds gave 0.5" in judgement.reason


def test_seeds_without_spread_may_show_the_trend() -> None:
    settings = {"published": 0.9, "unit": 0.01, "margin": 0.03}
    holds = judge_numbers([0.5] * 10, **settings, trend=trend(0.001, [0.2] * 10))
    assert holds.verdict is Verdict.TREND_ONLY


@pytest.mark.parametrize("published", [0.5, 0.53, 0.9])
def test_copies_of_one_run_say_nothing(published: float) -> None:
    judgement = judge_numbers(
        [0.5] * 10,
        published=published,
        unit=0.01,
        margin=0.03,
        independent=False,
        trend=trend(0.001, [0.2] * 10),
    )
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "nothing shows that the networks of the 10 seeds differ" in judgement.reason
    assert judge_numbers(FIVE, published=3, unit=0, margin=9, independent=False).verdict is (
        Verdict.REPRODUCED  # what spreads was measured on networks that differ
    )


# Bad evidence and bad records.


@pytest.mark.parametrize("bad", [[], [0.1, math.nan], [0.1] * 9 + [math.inf]])
def test_damaged_evidence_is_an_error(bad: list[float]) -> None:
    with pytest.raises(EvidenceError):
        judge_numbers(bad, published=0.1, unit=0.01, margin=0.1)
    with pytest.raises(EvidenceError):
        judge_ordering(Trend(bad, 1.0))
    with pytest.raises(EvidenceError):
        judge_numbers([bad], published=bad, unit=0.01, margin=0.1)


# Orderings.


def test_an_ordering_in_every_seed_is_reproduced() -> None:
    judgement = judge_ordering(Trend(FIVE, 1 / 32))
    assert judgement.verdict is Verdict.REPRODUCED
    assert (judgement.mean, judgement.band, judgement.miss) == (3.0, None, None)
    assert judgement.p == 1 / 32
    assert "holds in 5 of 5 seeds" in judgement.reason


def test_a_reversed_ordering_is_not_reproduced() -> None:
    judgement = judge_ordering(Trend([-v for v in FIVE], 1.0))
    assert (judgement.verdict, judgement.miss) == (Verdict.NOT_REPRODUCED, "below")
    assert judgement.mean == -3.0


def test_lack_of_power_refutes_no_ordering() -> None:
    for differences in ([1.0, 2.0, -1.0, -2.0, 0.5], [-1.0, -2.0, -3.0, -4.0, 0.0]):
        assert judge_ordering(Trend(differences, 1.0)).verdict is Verdict.INCONCLUSIVE
    # unadjusted 1/32, but Holm over twenty claims leaves nothing
    open_ = judge_ordering(Trend(FIVE, 20 / 32, 20))
    assert open_.verdict is Verdict.INCONCLUSIVE
    assert "9 seeds would decide" in open_.reason


def test_identical_differences_count_once_the_networks_differ() -> None:
    same = [0.1] * 10
    assert judge_ordering(Trend(same, 2**-10)).verdict is Verdict.REPRODUCED
    assert judge_ordering(Trend([-0.1] * 10, 1.0)).verdict is Verdict.NOT_REPRODUCED
    assert judge_ordering(Trend([0.0] * 10, 1.0)).verdict is Verdict.INCONCLUSIVE
    copies = judge_ordering(Trend(same, 2**-10), independent=False)
    assert copies.verdict is Verdict.INCONCLUSIVE
    assert "differ" in copies.reason
    assert judge_ordering(Trend(FIVE, 1 / 32), independent=False).verdict is Verdict.REPRODUCED


def test_an_ordering_of_four_seeds_is_inconclusive() -> None:
    judgement = judge_ordering(Trend(FIVE[:4], 1 / 16))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judge_ordering(Trend([-v for v in FIVE[:4]], 1.0)).miss is None


# Curves.


def curve(published: list[float], margin: float = 20.0, **rest: object) -> Judgement:
    return judge_numbers(CURVE, published=published, unit=0.0, margin=margin, **rest)


def test_a_curve_with_every_point_inside_is_reproduced() -> None:
    judgement = curve([3.0, 13.0], labels=["0.1", "0.2"])
    assert judgement.verdict is Verdict.REPRODUCED
    assert (judgement.n, judgement.mean, judgement.band, judgement.gate) == (5, None, None, None)
    assert [p.band for p in judgement.points] == simultaneous_bands(CURVE)
    assert [(p.label, p.published, p.mean) for p in judgement.points] == [
        ("0.1", 3, 3),
        ("0.2", 13, 13),
    ]
    assert all(p.inside and p.miss is None and not p.wide for p in judgement.points)


def test_a_curve_says_which_points_miss_and_how() -> None:
    one = curve([3.0, 99.0])
    assert one.verdict is Verdict.NOT_REPRODUCED
    assert [(p.inside, p.miss) for p in one.points] == [(True, None), (False, "above")]
    assert one.miss == "above"
    assert "#1 (published 99, above)" in one.reason
    assert curve([-99.0, 99.0]).miss is None
    assert curve([99.0, 99.0]).miss == "above"
    assert curve([3.0, 99.0], trend=trend(0.01)).verdict is Verdict.TREND_ONLY


def test_a_curves_bands_are_wider_than_a_single_values() -> None:
    between = 3 + HALF * 1.1
    assert value(between, margin=6.0).verdict is Verdict.NOT_REPRODUCED
    assert curve([between, 13.0]).verdict is Verdict.REPRODUCED


def test_a_curve_is_equivalent_only_at_every_point() -> None:
    values = np.array([TIGHT, TIGHT]).T
    settings = {"unit": 0.0, "margin": 0.02}
    both = judge_numbers(values, published=[0.912, 0.902], **settings)
    assert (both.verdict, both.miss) == (Verdict.EQUIVALENT, "above")
    one = judge_numbers(values, published=[0.912, 0.95], **settings)
    assert one.verdict is Verdict.NOT_REPRODUCED


def test_a_curve_is_consistent_where_one_wide_point_is_shown_to_be_noisy() -> None:
    calm = np.array([TIGHT, FIVE]).T
    control = [[0.902, 99.0]] * 5  # one point outside a seed suffices
    settings = {"published": [0.902, 3.0], "unit": 0.0, "margin": 1.0}
    judgement = judge_numbers(calm, **settings, control=control)
    assert judgement.verdict is Verdict.CONSISTENT
    assert "(at #1)" in judgement.reason
    assert [(p.wide, p.noisy) for p in judgement.points] == [(False, False), (True, True)]
    for short in ([], [[0.902, 3.0]] * 5, [*control[:4], [0.902, 3.0]]):
        assert judge_numbers(calm, **settings, control=short).verdict is Verdict.INCONCLUSIVE


def test_a_curve_s_noise_is_held_against_the_band_that_it_would_keep() -> None:
    """At a level that holds for all points together, s_L, and the points' own quantile."""
    tail = 0.05 * CAUTION / effective_points(CURVE)
    lowest = math.sqrt(2.5) * math.sqrt(4 / chi2.ppf(1 - 0.05 / 2, 4))
    limit = norm.ppf(1 - tail / 2) * lowest
    control = [[99.0, 99.0]] * 5
    assert curve([3.0, 13.0], limit - 1e-6, control=control).verdict is Verdict.CONSISTENT
    two = curve([3.0, 13.0], limit + 1e-6, control=control)
    assert two.verdict is Verdict.INCONCLUSIVE
    assert two.reason.endswith("would decide")


def test_a_flat_point_of_a_curve_is_exact() -> None:
    flat = CURVE.copy()
    flat[:, 0] = 0.5
    settings = {"unit": 0.1, "margin": 20.0}
    assert judge_numbers(flat, published=[0.5, 13.0], **settings).verdict is Verdict.REPRODUCED
    missed = judge_numbers(flat, published=[0.6, 13.0], **(settings | {"margin": 15.0}))
    assert missed.points[0].miss == "above"
    assert missed.points[0].near
    # the other points move, so the networks differ
    bare = judge_numbers(flat, published=[0.5, 13.0], independent=False, **settings)
    assert bare.verdict is Verdict.REPRODUCED
    flat[:, 1] = 13.0
    copies = judge_numbers(flat, published=[0.5, 13.0], independent=False, **settings)
    assert copies.verdict is Verdict.INCONCLUSIVE
    assert judge_numbers(flat, published=[0.5, 13.0], **settings).verdict is Verdict.REPRODUCED


def test_a_curve_of_four_seeds_is_inconclusive() -> None:
    judgement = judge_numbers(CURVE[:4], published=[3.0, 99.0], unit=0.1, margin=20.0)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert [p.band for p in judgement.points] == [None, None]


def test_a_curve_of_the_wrong_length_is_an_error() -> None:
    with pytest.raises(EvidenceError):
        judge_numbers(FIVE, published=FIVE, unit=0.1, margin=1.0)


def test_reasons_are_one_line_with_the_numbers() -> None:
    judgements = [
        value(3.0),
        value(3.0, margin=0.1),
        value(3.0, margin=0.1, control=FAR),
        value(30.0),
        value(30.0, trend=trend(0.5)),
        curve([3.0, 13.0]),
        curve([3.0, 99.0]),
        judge_numbers([0.5] * 9, published=0.5, unit=0.1, margin=0.1),
        judge_numbers(FIVE[:2], published=0.5, unit=0.1, margin=0.1),
        judge_ordering(Trend(FIVE, 1 / 32)),
    ]
    for judgement in judgements:
        assert "\n" not in judgement.reason
        assert str(judgement.n) in judgement.reason


def test_the_judge_imports_neither_scipy_nor_torch() -> None:
    code = "import sys, repro.judge.verdicts; print(not {'scipy', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
