"""Rates counted over a known number of images: the empirical logit, its bands and verdicts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.special
from simulation import Draw, coverage, near

from repro.claims.verdict import Verdict
from repro.judge import scales
from repro.judge.bands import equivalent, prediction_band
from repro.judge.curves import simultaneous_bands
from repro.judge.precision import exceeds_margin
from repro.judge.scales import Scale, from_logit, to_logit
from repro.judge.verdicts import judge_numbers

REPS = 3000
IMAGES = 892
FIVE = [k / IMAGES for k in (880, 885, 889, 890, 892)]
T_975_4, T_95_4 = 2.776445105, 2.131846786  # from a table of Student's t
RATES = [k / IMAGES for k in (886, 888, 889, 890, 890, 891, 891, 892, 892, 892)]
SETTINGS = {"unit": 0.0001, "margin": 0.02, "scale": Scale("logit", images=(IMAGES,))}
COUNTED = {"scale": Scale("logit", images=(IMAGES,))}
# How often the band of ten counted rates holds one more, from a million populations a rate, at
# 95 % and at 99.5 %. About 89, 27, 9 and 4.5 of the images are no success.
COVERAGE = {0.90: 0.949, 0.97: 0.948, 0.99: 0.945, 0.995: 0.943}
COVERAGE_995 = {0.90: 0.9948, 0.97: 0.9936, 0.99: 0.9898, 0.995: 0.9842}


def logistic(z: float) -> float:
    return 1 / (1 + math.exp(-z))


# The scale.


@pytest.mark.parametrize("images", [1, 10, IMAGES, 2**53])
def test_the_empirical_logit_and_its_inverse(images: int) -> None:
    counts = np.unique(np.linspace(0, images, 50).round())
    z = to_logit(counts / images, images)
    assert np.isfinite(z).all()
    assert z == pytest.approx(np.log((counts + 0.5) / (images - counts + 0.5)))
    assert -z[::-1] == pytest.approx(z)  # errors and successes alike
    assert [from_logit(each, images) for each in z] == pytest.approx(counts / images, abs=1e-12)
    assert from_logit(z[0] - 1, images) == from_logit(-math.inf, images) == 0
    assert from_logit(z[-1] + 1, images) == from_logit(math.inf, images) == 1
    assert (np.diff([from_logit(each, images) for each in np.linspace(-60, 60, 99)]) >= 0).all()


def test_with_many_images_the_empirical_logit_is_the_logit() -> None:
    rates = np.array([0.1, 0.5, 0.9])
    assert to_logit(rates, 10**12) == pytest.approx(to_logit(rates), abs=1e-10)
    assert from_logit(1.0, 10**12) == pytest.approx(logistic(1.0), abs=1e-10)


# Bands.


def test_prediction_band_on_the_empirical_logit() -> None:
    z = [math.log((IMAGES * x + 0.5) / (IMAGES - IMAGES * x + 0.5)) for x in FIVE]
    m, s = np.mean(z), np.std(z, ddof=1)
    half = T_975_4 * s * math.sqrt(1 + 1 / 5)
    band = prediction_band(FIVE, **COUNTED)
    low = ((IMAGES + 1) * logistic(m - half) - 0.5) / IMAGES
    assert (band.low, band.high) == (pytest.approx(low, abs=1e-8), 1.0)
    assert (band.level, band.method) == (0.95, "t-logit")
    wide = prediction_band(FIVE, **COUNTED, unit=0.01)
    assert (wide.low, wide.high) == (pytest.approx(low - 0.005, abs=1e-8), 1.0)
    errors = prediction_band([1 - x for x in FIVE], **COUNTED)
    assert (errors.low, errors.high) == (0.0, pytest.approx(1 - low, abs=1e-8))


def test_equivalence_and_noise_on_the_empirical_logit() -> None:
    z = to_logit(np.array(FIVE), IMAGES)
    half = T_95_4 * z.std(ddof=1) * math.sqrt(1 + 1 / 5)
    top = float(to_logit(np.array([1.0]), IMAGES)[0])
    needed = max(
        1.0 - from_logit(z.mean() - half, IMAGES),
        np.mean(FIVE) - from_logit(top - half, IMAGES),
        1.0 - np.mean(FIVE),
    )
    assert equivalent(FIVE, 1.0, margin=needed + 1e-6, **COUNTED)
    assert not equivalent(FIVE, 1.0, margin=needed - 1e-6, **COUNTED)
    least = 1.959963985 * z.std(ddof=1) * math.sqrt(4 / 9.487729037)
    high = z.mean() + z.std(ddof=1) / math.sqrt(5)  # nearer to the ceiling, and narrower there
    edges = [from_logit(high + side * least, IMAGES) for side in (-1, 1)]
    limit = (edges[1] - edges[0]) / 2
    five = [[v] for v in FIVE]
    assert exceeds_margin(five, unit=0, margin=limit - 1e-6, **COUNTED) == [True]
    assert exceeds_margin(five, unit=0, margin=limit + 1e-6, **COUNTED) == [False]


def test_without_images_a_band_is_what_it_was() -> None:
    band = prediction_band([0.9, 0.91, 0.93, 0.95, 0.96], unit=0.001, scale=Scale("logit"))
    known = 0.7989856143867377, 0.9807554194390007  # from before there were images
    assert (band.low, band.high) == pytest.approx(known, rel=1e-14)


# The verdicts.


@pytest.mark.parametrize("published", [1.0, 0.999, 0.99])
def test_a_counted_rate_is_reproduced_at_a_ceiling(published: float) -> None:
    judgement = judge_numbers(RATES, published=published, **SETTINGS)
    assert judgement.verdict is Verdict.REPRODUCED
    assert (judgement.band.method, judgement.band.level) == ("t-logit", 0.95)
    assert judgement.band.high == 1.0


def test_a_counted_rate_far_away_is_not_reproduced() -> None:
    near_by = judge_numbers(RATES, published=0.98, **(SETTINGS | {"margin": 0.15}))
    assert near_by.verdict is Verdict.EQUIVALENT
    assert judge_numbers(RATES, published=0.98, **SETTINGS).verdict is Verdict.NOT_REPRODUCED
    far = judge_numbers(RATES, published=0.95, **SETTINGS)
    assert (far.verdict, far.miss) == (Verdict.NOT_REPRODUCED, "below")
    failures = judge_numbers([1 - x for x in RATES], published=0.05, **SETTINGS)
    assert (failures.verdict, failures.miss) == (Verdict.NOT_REPRODUCED, "above")


def test_a_counted_rate_in_a_band_too_wide() -> None:
    tight = SETTINGS | {"published": 1.0, "margin": 0.001}
    assert judge_numbers(RATES, **tight).verdict is Verdict.INCONCLUSIVE
    assert judge_numbers(RATES, **tight, control=[0.5] * 10).verdict is Verdict.CONSISTENT


def test_a_counted_rate_without_spread_is_exact_to_an_image() -> None:
    for constant in (0.0, 0.5, 1.0):
        judgement = judge_numbers([constant] * 20, published=constant, **SETTINGS)
        assert judgement.verdict is Verdict.REPRODUCED
    image = 1 / IMAGES
    settings = SETTINGS | {"margin": image + 1e-4}
    inside = judge_numbers([1.0] * 20, published=1 - image, **settings)
    assert inside.verdict is Verdict.REPRODUCED
    beyond = judge_numbers([1.0] * 20, published=1 - image - 1e-5, **settings)
    assert (beyond.verdict, beyond.miss) == (Verdict.EQUIVALENT, "below")
    assert judge_numbers([1.0] * 20, published=0.99, **settings).verdict is Verdict.NOT_REPRODUCED


def test_a_counted_curve_is_judged_by_each_points_own_number_of_images() -> None:
    values = np.array([RATES, [k / 50 for k in (50, 49, 50, 48, 50, 49, 50, 50, 47, 50)]]).T
    settings = SETTINGS | {"scale": Scale("logit", images=(892, 50)), "margin": 0.2}
    judgement = judge_numbers(values, published=[1.0, 0.98], **settings)
    assert judgement.verdict is Verdict.REPRODUCED
    assert [p.band for p in judgement.points] == simultaneous_bands(
        values, unit=0.0001, scale=Scale("logit", images=(892, 50))
    )
    far = judge_numbers(values, published=[0.95, 0.98], **(settings | {"margin": 0.02}))
    assert (far.verdict, far.miss) == (Verdict.NOT_REPRODUCED, "below")


# Simulated populations whose truth is known.


def counted(rate: float) -> Draw:
    """Success rates over IMAGES images; the logit of the true rate varies from seed to seed."""
    mu = scipy.special.logit(rate)

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.binomial(IMAGES, scipy.special.expit(rng.normal(mu, 0.3, shape))) / IMAGES

    return draw


@pytest.mark.parametrize("rate", COVERAGE)
def test_the_band_of_counted_rates_holds_about_95_in_100(rate: float) -> None:
    assert near(coverage(counted(rate), 10, reps=REPS, **COUNTED), COVERAGE[rate], REPS)
    higher = coverage(counted(rate), 10, reps=REPS, level=0.995, **COUNTED)
    assert near(higher, COVERAGE_995[rate], REPS)


# Mutations, which the coverage must notice.


def pure_logit(x: np.ndarray, _images: int) -> np.ndarray:
    """Without the half image on either side, and finite all the same."""
    return scipy.special.logit(np.clip(x, 1e-9, 1 - 1e-9))


def uncorrected(z: float, images: int) -> float:
    """The inverse of the plain logit in the place of the empirical one's."""
    assert images == IMAGES
    return float(scipy.special.expit(z))


@pytest.mark.parametrize(
    ("name", "mutant"),
    [("to_logit", pure_logit), ("from_logit", uncorrected)],
    ids=["no half image", "plain inverse"],
)
def test_mutant_empirical_logit_is_caught(
    monkeypatch: pytest.MonkeyPatch, name: str, mutant: Callable[..., object]
) -> None:
    monkeypatch.setattr(scales, name, mutant)
    found = coverage(counted(0.995), 10, reps=REPS, **COUNTED)
    assert not near(found, COVERAGE[0.995], REPS)
