"""Bands, intervals and tests against values computed by hand or taken from tables."""

from __future__ import annotations

import math

import numpy as np
import pytest

from repro.errors import ClaimsError, EvidenceError
from repro.judge.bands import (
    Band,
    NoBandError,
    bonferroni,
    clipped_band,
    equivalent,
    gate_band,
    holm,
    mean_interval,
    prediction_band,
    sign_test,
    simultaneous_bands,
)

FIVE = [1.0, 2.0, 3.0, 4.0, 5.0]  # m = 3, s = sqrt(2.5)
T_975_4, T_95_4 = 2.776445105, 2.131846786  # from a table of Student's t
CEILING = [0.97, 0.98, 0.99, 1.0, 1.0]


def logistic(z: float) -> float:
    return 1 / (1 + math.exp(-z))


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
    band = Band(0.7 + 0.1, 0.7 + 0.2, 0.95, "order")
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
    rates = [logistic(z) for z in FIVE]
    half = T_975_4 * math.sqrt(2.5) * math.sqrt(1 + 1 / 5)
    band = prediction_band(rates, scale="logit")
    assert (band.low, band.high) == pytest.approx((logistic(3 - half), logistic(3 + half)))
    assert (band.level, band.method) == (0.95, "t-logit")
    wide = prediction_band(rates, scale="logit", unit=0.01)
    assert wide.low == pytest.approx(band.low - 0.005)
    assert wide.high == 1.0  # 0.9996 + 0.005 is no rate


@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_logit_with_an_exact_0_or_1_falls_back_to_order_statistics(edge: float) -> None:
    band = prediction_band([edge, 0.4, 0.5, 0.6], scale="logit")
    assert band == Band(min(edge, 0.4), max(edge, 0.6), 3 / 5, "order")
    wide = prediction_band([edge, 0.4, 0.5, 0.6], scale="logit", unit=0.2)
    assert wide.low == pytest.approx(max(0.0, band.low - 0.1))
    assert wide.high == pytest.approx(min(1.0, band.high + 0.1))


def test_linear_band_across_its_bounds_falls_back_to_order_statistics() -> None:
    rates = [0.95, 0.96, 0.97, 0.98, 0.99]
    assert prediction_band(rates).high > 1
    assert prediction_band(rates, bounds=(0, 1)) == Band(0.95, 0.99, 4 / 6, "order")
    errors = [1 - r for r in rates]
    assert prediction_band(errors, bounds=(0, 1)).method == "order"
    inside = [0.45, 0.46, 0.47, 0.48, 0.49]
    assert prediction_band(inside, bounds=(0, 1)) == prediction_band(inside)


def test_only_the_widening_is_clipped() -> None:
    band = prediction_band([0.5, 0.51, 0.52, 0.53], bounds=(0.4, 0.6), unit=0.2)
    assert (band.low, band.high, band.method) == (0.4, 0.6, "t")


def test_39_seeds_give_order_statistics_95_percent() -> None:
    rates = [*np.linspace(0.9, 0.99, 38), 1.0]
    assert prediction_band(rates, scale="logit").level == pytest.approx(0.95)


def test_clipped_band_is_the_hull_of_the_population_and_the_cut_t_band() -> None:
    t = prediction_band(CEILING)
    assert clipped_band(CEILING, scale="logit") == Band(t.low, 1.0, 0.95, "t")
    outlier = [*[1.0] * 19, 0.9]
    assert prediction_band(outlier).low > 0.9
    assert clipped_band(outlier, bounds=(0, 1)).low == 0.9


def test_gate_is_the_prediction_band_or_at_a_ceiling_the_clipped_one() -> None:
    assert gate_band(FIVE) == prediction_band(FIVE, level=0.999)
    rates = [logistic(z) for z in FIVE]
    assert gate_band(rates, scale="logit") == prediction_band(rates, level=0.999, scale="logit")
    assert gate_band(CEILING, scale="logit").method == "t"
    assert gate_band(CEILING, scale="logit").level == 0.999
    assert gate_band(CEILING, scale="logit").low < min(CEILING)


def test_mean_interval() -> None:
    half = T_95_4 * math.sqrt(2.5) / math.sqrt(5)
    interval = mean_interval(FIVE)
    assert (interval.low, interval.high) == pytest.approx((3 - half, 3 + half))
    assert (interval.level, interval.method) == (0.90, "t")
    rates = mean_interval([logistic(z) for z in FIVE], scale="logit")
    assert (rates.low, rates.high) == pytest.approx((logistic(3 - half), logistic(3 + half)))


def test_mean_interval_at_a_ceiling_is_the_sign_tests_interval_of_the_median() -> None:
    five = mean_interval(CEILING, scale="logit")
    assert five == Band(0.97, 1.0, 1 - 2 / 32, "order")
    eight = mean_interval([0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 1.0], scale="logit")
    assert eight == Band(0.92, 0.97, 1 - 2 * (1 + 8) / 256, "order")
    four = mean_interval(CEILING[1:], scale="logit")
    assert four == Band(0.98, 1.0, 1 - 2 / 16, "order")
    assert not equivalent(CEILING[1:], 0.99, margin=0.5, scale="logit")  # 87.5 % is no TOST


def test_equivalence_ends_where_the_interval_leaves_the_margin() -> None:
    half = T_95_4 * math.sqrt(2.5) / math.sqrt(5)
    for x0 in (2.0, 4.0):
        assert equivalent(FIVE, x0, margin=1 + half + 1e-6)
        assert not equivalent(FIVE, x0, margin=1 + half - 1e-6)


def test_equivalence_on_the_logit_scale_keeps_the_margin_in_the_rates_unit() -> None:
    rates = [logistic(z) for z in FIVE]
    interval = mean_interval(rates, scale="logit")
    margin = 1.0 - interval.low
    assert equivalent(rates, 1.0, margin=margin + 1e-9, scale="logit")
    assert not equivalent(rates, 1.0, margin=margin - 1e-9, scale="logit")


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1, 1, 1, 1, 1], 1 / 32),
        ([1, 1, 1, 1, -1], 6 / 32),
        ([1, 1, 1, 1, 0], 6 / 32),  # a tie counts against the ordering
        ([-1, -1, -1, -1, -1], 1.0),
        ([0, 0, 0], 1.0),
        ([0.1], 0.5),
    ],
)
def test_sign_test(differences: list[float], p: float) -> None:
    assert sign_test(differences) == pytest.approx(p, rel=1e-12)


def test_holm_by_hand() -> None:
    p = {"c": 0.04, "a": 0.01, "d": 0.5, "b": 0.02}
    assert holm(p) == pytest.approx({"c": 0.08, "a": 0.04, "d": 0.5, "b": 0.06})
    assert list(holm(p)) == ["c", "a", "d", "b"]


def test_holm_is_monotone_and_capped() -> None:
    assert holm({"a": 0.02, "b": 0.021, "c": 0.9}) == pytest.approx(
        {"a": 0.06, "b": 0.06, "c": 0.9}  # 2 x 0.021 = 0.042 may not undercut 0.06
    )
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}
    assert holm({"a": 0.3}) == {"a": 0.3}
    assert holm({}) == {}


@pytest.mark.parametrize("p", [math.nan, -0.1, 1.1, math.inf])
def test_holm_refuses_what_is_no_p_value(p: float) -> None:
    with pytest.raises(EvidenceError, match="p-value"):
        holm({"a": 0.1, "b": p})


def test_simultaneous_bands_are_bonferroni() -> None:
    values = np.array([FIVE, FIVE[::-1], [2.0, 2.5, 3.5, 3.0, 9.0]]).T
    bands = simultaneous_bands(values, unit=0.1)
    assert bands == [prediction_band(c, level=1 - 0.05 / 3, unit=0.1) for c in values.T]
    assert bands[0].level == pytest.approx(1 - 0.05 / 3)
    assert bonferroni(0.95, 1) == pytest.approx(0.95, abs=1e-15)


@pytest.mark.parametrize(
    "values",
    [[], [0.1, math.nan], [0.1, math.inf], [0.1, None], ["high"], [[0.1, 0.2]], [1e200, 0.0]],
    ids=["empty", "nan", "inf", "none", "text", "2d", "huge"],
)
def test_damaged_values_are_errors_everywhere(values: list[float]) -> None:
    for function in (prediction_band, clipped_band, gate_band, mean_interval, sign_test):
        with pytest.raises(EvidenceError) as caught:
            function(values)
        assert not isinstance(caught.value, NoBandError)
        assert caught.value.expected
        assert caught.value.do


def test_values_outside_their_limits_are_errors() -> None:
    for values in ([0.5, 1.01], [-0.01, 0.5]):
        with pytest.raises(EvidenceError, match=r"\[0, 1\]"):
            prediction_band(values, scale="logit")
        with pytest.raises(EvidenceError, match=r"\[0, 1\]"):
            prediction_band(values, bounds=(0, 1))


@pytest.mark.parametrize("scale", ["linear", "logit"])
@pytest.mark.parametrize("values", [[0.5], [0.1] * 7, [1.0] * 7, [0.3, 0.1 + 0.2]])
def test_no_band_without_spread(values: list[float], scale: str) -> None:
    for function in (prediction_band, clipped_band, gate_band, mean_interval):
        with pytest.raises(NoBandError):
            function(values, scale=scale)
    with pytest.raises(NoBandError):
        equivalent(values, values[0], margin=1.0, scale=scale)
    with pytest.raises(NoBandError, match=f"gave {values[0]:g}|one seed"):
        prediction_band(values, scale="logit", images=10)


def test_settings_that_make_no_sense_are_errors() -> None:
    for bad in (
        {"level": 0.0},
        {"level": 1.0},
        {"unit": -0.1},
        {"unit": math.nan},
        {"scale": "log"},
        {"scale": "logit", "bounds": (0, 2)},
        {"bounds": (9, 0)},
    ):
        with pytest.raises(ClaimsError):
            prediction_band([0.1, 0.2], **bad)
    for margin in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ClaimsError, match="margin"):
            equivalent(FIVE, 3.0, margin=margin)
