"""Bands of one number against values computed by hand or taken from tables."""

from __future__ import annotations

import math

import numpy as np
import pytest

from repro.errors import EvidenceError
from repro.judge.bands import Band, equivalent, has_spread, prediction_band
from repro.judge.orderings import sign_test
from repro.judge.scales import Scale

FIVE = [1.0, 2.0, 3.0, 4.0, 5.0]  # m = 3, s = sqrt(2.5)
T_975_4, T_95_4 = 2.776445105, 2.131846786  # from a table of Student's t
CHI2_95_4 = 9.487729037  # from a table of chi squared
CEILING = [0.97, 0.98, 0.99, 1.0, 1.0]


def logistic(z: float) -> float:
    return 1 / (1 + math.exp(-z))


RATES = [logistic(z) for z in FIVE]


def test_band_edges_belong_to_it() -> None:
    band = Band(0.97, 0.99, 0.95, "t")
    assert band.half_width == pytest.approx(0.01)
    assert band.contains(0.97)
    assert band.contains(0.99)
    assert not band.contains(0.97 - 1e-9)
    assert not band.contains(0.99 + 1e-9)
    assert band.distance(0.98) == 0
    assert band.distance(0.95) == pytest.approx(-0.02)
    assert band.distance(1.0) == pytest.approx(0.01)


def test_band_forgives_the_float_rounding_of_a_decimal_edge() -> None:
    band = Band(0.7 + 0.1, 0.7 + 0.2, 0.95, "t")
    assert band.high < 0.9  # 0.8999999999999999
    assert band.contains(0.9)


def test_band_never_contains_nan() -> None:
    band = Band(0.0, 1.0, 0.95, "t")
    assert math.isnan(band.distance(math.nan))
    assert not band.contains(math.nan)
    assert not band.contains(math.inf)


def test_linear_prediction_band() -> None:
    band = prediction_band(FIVE)
    half = T_975_4 * math.sqrt(2.5) * math.sqrt(1 + 1 / 5)
    assert (band.low, band.high) == pytest.approx((3 - half, 3 + half), abs=1e-8)
    assert (band.level, band.method) == (0.95, "t")


def test_widening_is_half_the_unit_on_either_side() -> None:
    bare, wide = prediction_band(FIVE), prediction_band(FIVE, unit=0.5)
    assert wide.low == pytest.approx(bare.low - 0.25)
    assert wide.high == pytest.approx(bare.high + 0.25)
    assert wide.level == bare.level


def test_logit_prediction_band() -> None:
    half = T_975_4 * math.sqrt(2.5) * math.sqrt(1 + 1 / 5)
    band = prediction_band(RATES, scale=Scale("logit"))
    assert (band.low, band.high) == pytest.approx((logistic(3 - half), logistic(3 + half)))
    assert (band.level, band.method) == (0.95, "t-logit")
    wide = prediction_band(RATES, scale=Scale("logit"), unit=0.01)
    assert wide.low == pytest.approx(band.low - 0.005)
    assert wide.high == 1.0  # 0.9996 + 0.005 is no rate


def test_a_band_ends_at_the_limits() -> None:
    rates = [0.95, 0.96, 0.97, 0.98, 0.99]
    bare = prediction_band(rates)
    assert bare.high > 1
    cut = prediction_band(rates, scale=Scale(bounds=(0, 1)))
    assert (cut.low, cut.high, cut.method) == (bare.low, 1.0, "t")
    wide = prediction_band([0.5, 0.51, 0.52, 0.53], scale=Scale(bounds=(0.4, 0.6)), unit=0.2)
    assert (wide.low, wide.high) == (0.4, 0.6)


def test_an_infinite_logit_gives_the_linear_band_stretched_over_every_value() -> None:
    linear = prediction_band(CEILING)
    band = prediction_band(CEILING, scale=Scale("logit"))
    assert (band.low, band.high) == (linear.low, 1.0)
    assert (band.level, band.method) == (0.95, "t")
    outlier = [*[1.0] * 19, 0.9]
    assert prediction_band(outlier).low > 0.9
    assert prediction_band(outlier, scale=Scale("logit")).low == 0.9
    errors = prediction_band([1 - x for x in outlier], scale=Scale("logit"), unit=0.02)
    assert errors.high == pytest.approx(0.11)  # the widening comes last


@pytest.mark.parametrize(("value", "scale"), [(0.3, "linear"), (0.3, "logit"), (1.0, "logit")])
def test_values_without_spread_are_exact_to_the_rounding(value: float, scale: str) -> None:
    band = prediction_band([value] * 7, unit=0.01, scale=Scale(scale))
    high = value + 0.005 if scale == "linear" else min(value + 0.005, 1.0)
    assert (band.low, band.high) == pytest.approx((value - 0.005, high))
    assert (band.level, band.method) == (1.0, "exact")


def test_what_the_count_of_images_resolves_widens_an_exact_band() -> None:
    settings = {"scale": Scale("logit", images=(100,))}
    assert prediction_band([0.5] * 7, **settings).half_width == pytest.approx(0.01)
    assert prediction_band([0.5] * 7, unit=0.001, **settings).half_width == pytest.approx(0.01)
    assert prediction_band([0.5] * 7, unit=0.04, **settings).half_width == pytest.approx(0.02)
    ceiling = prediction_band([1.0] * 7, **settings)
    assert (ceiling.low, ceiling.high) == (0.99, 1.0)


def test_float_rounding_is_no_spread() -> None:
    assert not has_spread([0.3, 0.1 + 0.2])
    assert not has_spread([0.0, 0.0])
    assert has_spread([0.3, 0.3 + 1e-9])
    assert prediction_band([0.3, 0.1 + 0.2]).method == "exact"


def test_equivalence_counts_the_published_draws_own_noise() -> None:
    mean_alone = T_95_4 * math.sqrt(2.5) / math.sqrt(5)
    half = T_95_4 * math.sqrt(2.5) * math.sqrt(1 + 1 / 5)
    for x0 in (2.0, 4.0):
        assert equivalent(FIVE, x0, margin=1 + half + 1e-6)
        assert not equivalent(FIVE, x0, margin=1 + half - 1e-6)
        assert not equivalent(FIVE, x0, margin=1 + mean_alone + 1e-6)


@pytest.mark.parametrize("x0", [logistic(2.5), logistic(3.5)])
def test_equivalence_on_the_logit_scale_is_asked_both_ways(x0: float) -> None:
    half = T_95_4 * math.sqrt(2.5) * math.sqrt(1 + 1 / 5)
    m, z0 = float(np.mean(RATES)), math.log(x0 / (1 - x0))
    around_mean = [abs(logistic(3 + side * half) - x0) for side in (-1, 1)]
    around_x0 = [abs(logistic(z0 + side * half) - m) for side in (-1, 1)]
    needed = max(*around_mean, *around_x0)
    assert equivalent(RATES, x0, margin=needed + 1e-8, scale=Scale("logit"))
    assert not equivalent(RATES, x0, margin=needed - 1e-8, scale=Scale("logit"))
    assert max(around_mean) != pytest.approx(max(around_x0), abs=0.01)


def test_equivalence_of_errors_is_that_of_successes() -> None:
    x0, needed = 0.95, 0.95 - logistic(3 - T_95_4 * math.sqrt(3.0))  # around the mean, below it
    for margin in (0.2, needed - 1e-6, needed + 1e-6):
        errors = equivalent([1 - x for x in RATES], 1 - x0, margin=margin, scale=Scale("logit"))
        assert errors == equivalent(RATES, x0, margin=margin, scale=Scale("logit"))
        assert errors == (margin > needed)


def test_the_rounding_of_the_published_number_counts_against_equivalence() -> None:
    needed = 0.5 + T_95_4 * math.sqrt(3.0)
    assert equivalent(FIVE, 3.5, margin=needed + 0.05 + 1e-6, unit=0.1)
    assert not equivalent(FIVE, 3.5, margin=needed + 0.05 - 1e-6, unit=0.1)


def test_equivalence_of_values_without_spread_is_the_distance() -> None:
    assert equivalent([0.5] * 9, 0.6, margin=0.1)
    assert not equivalent([0.5] * 9, 0.6, margin=0.0999)
    assert equivalent([1.0] * 9, 0.99, margin=0.01, scale=Scale("logit"))


def test_rounding_counts_whether_or_not_the_seeds_differ() -> None:
    for values in ([0.9] * 10, [*[0.9] * 9, 0.9000001]):
        assert equivalent(values, 0.91, margin=0.0151, unit=0.01)
        assert not equivalent(values, 0.91, margin=0.0149, unit=0.01)


def test_one_seed_is_equivalent_to_nothing() -> None:
    assert not equivalent([0.5], 0.5, margin=1.0)


@pytest.mark.parametrize(
    "values",
    [[], [0.1, math.nan], [0.1, math.inf], [0.1, None], ["high"], [[0.1, 0.2]], [1e200, 0.0]],
    ids=["empty", "nan", "inf", "none", "text", "2d", "huge"],
)
def test_damaged_values_are_errors_everywhere(values: list[float]) -> None:
    def near(x: list[float]) -> bool:
        return equivalent(x, 0.1, margin=1.0)

    for function in (prediction_band, sign_test, near):
        with pytest.raises(EvidenceError) as caught:
            function(values)
        assert caught.value.expected
        assert caught.value.do


def test_values_outside_their_limits_are_errors() -> None:
    for values in ([0.5, 1.01], [-0.01, 0.5]):
        with pytest.raises(EvidenceError, match=r"\[0, 1\]"):
            prediction_band(values, scale=Scale("logit"))
        with pytest.raises(EvidenceError, match=r"\[0, 1\]"):
            prediction_band(values, scale=Scale(bounds=(0, 1)))


def test_one_seed_has_no_band() -> None:
    for settings in ({}, {"scale": Scale("logit")}, {"scale": Scale("logit", images=(10,))}):
        with pytest.raises(EvidenceError, match="one seed"):
            prediction_band([0.5], **settings)
