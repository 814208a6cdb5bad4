"""How narrow bands can become, against the formulas of the document and tables of quantiles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2, norm
from scipy.stats import t as student
from simulation import at_most, curve_noise_shown

from repro.errors import EvidenceError
from repro.judge.curves import CAUTION, effective_points
from repro.judge.precision import MOST_SEEDS, deciding_seeds, exceeds_margin
from repro.judge.scales import Scale

FIVE = [1.0, 2.0, 3.0, 4.0, 5.0]  # m = 3, s = sqrt(2.5)
CHI2_95_4 = 9.487729037  # from a table of chi squared
Z_975 = 1.959963985
S = math.sqrt(2.5)
LEAST = Z_975 * S * math.sqrt(4 / CHI2_95_4)


def logistic(z: float) -> float:
    return 1 / (1 + math.exp(-z))


RATES = [logistic(z) for z in FIVE]


def exceeds(values: list[float], *, unit: float = 0.0, margin: float, scale: Scale) -> bool:
    (found,) = exceeds_margin([[v] for v in values], unit=unit, margin=margin, scale=scale)
    return found


def limit_is(limit: float, values: list[float], scale: Scale, unit: float = 0.0) -> None:
    assert exceeds(values, unit=unit, margin=limit - 1e-6, scale=scale)
    assert not exceeds(values, unit=unit, margin=limit + 1e-6, scale=scale)


def test_the_noise_exceeds_a_margin_below_the_lower_confidence_limit_of_s() -> None:
    limit_is(LEAST + 0.25, FIVE, Scale(), unit=0.5)
    assert LEAST < Z_975 * S  # s itself is not shown


def test_the_noise_on_the_logit_scale_is_in_the_rates_unit() -> None:
    high = 3 + math.sqrt(2.5 / 5)  # nearer to the ceiling, where the same logits are narrower
    limit = (logistic(high + LEAST) - logistic(high - LEAST)) / 2
    limit_is(limit, RATES, Scale("logit"))


def test_what_no_value_can_leave_is_no_noise() -> None:
    limit_is((5.5 - (3 + S / math.sqrt(5) - LEAST)) / 2, FIVE, Scale(bounds=(0.0, 5.5)))


def test_nothing_moves_without_spread() -> None:
    for n in (1, 9):
        assert not exceeds([0.5] * n, unit=1.0, margin=1e-9, scale=Scale())
    moved, still = exceeds_margin([[v, 0.5] for v in FIVE], unit=0.0, margin=1e-9)
    assert moved
    assert not still


def share_of(values: np.ndarray) -> float:
    """What of 1 - level each point of a curve may use, as its bands do."""
    return CAUTION / effective_points(values) if values.shape[1] > 1 else 1.0


def decided(n: int, values: np.ndarray, unit: float, margin: float, *, noise: bool = True) -> bool:
    """Whether n seeds decide, by the formulas of the document, on the linear scale."""
    s, count, tail = values.std(axis=0, ddof=1).max(), values.shape[1], 0.05 * share_of(values)
    narrow = student.ppf(1 - tail / 2, n - 1) * s * math.sqrt(1 + 1 / n) + unit / 2
    lowest = math.sqrt((n - 1) / chi2.ppf(1 - 0.05 / count, n - 1))
    least = norm.ppf(1 - tail / 2) * s * lowest + unit / 2
    return narrow <= margin or (noise and least > margin)


ONE = np.array(FIVE)[:, None]
CURVE = np.array([FIVE, np.array([2.0, 1.0, 3.0, 5.0, 4.0]) / 2]).T


@pytest.mark.parametrize("margin", [1.8, 2.5, 2.9, 3.2, 3.4, 4.0])
@pytest.mark.parametrize("unit", [0.0, 0.1])
def test_deciding_seeds_is_the_first_number_that_decides(margin: float, unit: float) -> None:
    n = deciding_seeds(ONE, unit=unit, margin=margin)
    assert decided(n, ONE, unit, margin)
    assert n == 6 or not decided(n - 1, ONE, unit, margin)


@pytest.mark.parametrize("margin", [2.9, 4.2])
def test_deciding_seeds_of_a_curve_hold_for_all_points_together(margin: float) -> None:
    n = deciding_seeds(CURVE, unit=0.0, margin=margin)
    assert decided(n, CURVE, 0.0, margin)
    assert not decided(n - 1, CURVE, 0.0, margin)
    assert n != deciding_seeds(ONE, unit=0.0, margin=margin)


def test_no_number_of_seeds_decides_at_the_limit_itself() -> None:
    assert deciding_seeds(ONE, unit=0, margin=Z_975 * S) == MOST_SEEDS


def test_what_counting_images_leaves_open_is_no_noise_that_decides() -> None:
    """Every seed counts all 20 images: nothing shows that the next one would not."""
    scale = Scale("logit", images=(20, 20))
    for n in (7, 20):
        same = [[1.0, 1.0]] * n
        assert exceeds_margin(same, unit=0, margin=0.0001, scale=scale) == [False, False]
        assert deciding_seeds(same, unit=0, margin=0.0001, scale=scale) == MOST_SEEDS


def test_noise_that_no_control_stands_beside_decides_nothing() -> None:
    assert deciding_seeds(ONE, unit=0, margin=1.8) < MOST_SEEDS
    assert deciding_seeds(ONE, unit=0, margin=1.8, noise_decides=False) == MOST_SEEDS
    n = deciding_seeds(ONE, unit=0, margin=3.4, noise_decides=False)
    assert decided(n, ONE, 0, 3.4, noise=False)
    assert not decided(n - 1, ONE, 0, 3.4, noise=False)


@pytest.mark.parametrize("n", [5, 10, 30])
def test_the_noise_of_a_curve_is_shown_falsely_in_one_of_twenty(n: int) -> None:
    assert at_most(curve_noise_shown(n, 1000), 0.05, 1000)


@pytest.mark.parametrize(
    "values", [[], [[0.1], [math.nan]], [0.1, 0.2]], ids=["none", "nan", "1d"]
)
def test_damaged_values_are_errors(values: list[list[float]]) -> None:
    for function in (exceeds_margin, deciding_seeds):
        with pytest.raises(EvidenceError):
            function(values, unit=0.0, margin=1.0)
