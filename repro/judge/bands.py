"""Bands over a population of independent trainings: what one more training would give.

Pure functions of numbers: no files, no torch. ``docs/statistics.md`` gives the reasons.
``scipy.special`` is imported where it is used: it costs more than the rest of the judge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from repro.errors import EvidenceError
from repro.judge.scales import LINEAR, Array, Bounds, Scale

Values = Sequence[float] | Array

# Edges such as 0.9705 - 0.0005 are not representable: comparisons forgive the float rounding
# of a decimal, about a billionth of any published digit, and nothing more.
SLACK = 1e-12
# Squares of larger values overflow; no metric of a classifier comes near.
_LARGEST = 1e150
LEVEL = 0.95
"""Of the bands that a published number is held against."""


Method = Literal["t", "t-logit", "joint", "exact"]
"""What a band was made by."""


@dataclass(frozen=True)
class Band:
    """A closed interval ``[low, high]``.

    Attributes:
        level: the level of the interval before it was widened, in (0, 1].
        method: ``t`` or ``t-logit`` (Student's t on that scale), ``joint`` (of a curve's points
            together) or ``exact`` (seeds without spread).
    """

    low: float
    high: float
    level: float
    method: Method

    @property
    def half_width(self) -> float:
        """Half the distance between the edges."""
        return (self.high - self.low) / 2

    def contains(self, x: float) -> bool:
        """Whether ``x`` lies in the closed interval; never for NaN."""
        return self.distance(x) == 0

    def distance(self, x: float) -> float:
        """0 inside, ``x - low`` (negative) below, ``x - high`` (positive) above; NaN for NaN."""
        slack = SLACK * max(abs(self.low), abs(self.high))
        if x < self.low - slack:
            return x - self.low
        if x > self.high + slack:
            return x - self.high
        return math.nan if math.isnan(x) else 0.0


def as_sample(values: Any, scale: Scale = LINEAR, *, ndim: int = 1) -> Array:
    """Return the values as a float64 array of ``ndim`` dimensions, seeds first.

    Raises:
        EvidenceError: no values, another shape, or a value that is not a finite number or
            lies outside the scale's limits.

    >>> as_sample([0.5, 0.75])
    array([0.5 , 0.75])
    """
    try:
        x = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _bad_values(f"values that are not numbers ({error})") from error
    if x.ndim != ndim or x.size == 0:
        raise _bad_values(f"values of shape {x.shape}, where {ndim} non-empty axes are needed")
    if not np.isfinite(x).all():
        raise _bad_values(f"{int((~np.isfinite(x)).sum())} of {x.size} values NaN or infinite")
    if np.abs(x).max() > _LARGEST:
        raise _bad_values(f"a value of magnitude {np.abs(x).max():.3g}")
    limits = scale.limits
    if limits and not (limits[0] <= x.min() and x.max() <= limits[1]):
        span = f"[{x.min():.6g}, {x.max():.6g}]"
        raise EvidenceError(
            f"values in {span}",
            expected=f"values in [{limits[0]:g}, {limits[1]:g}] (scale {scale.name})",
            do="measure the metric again, or correct its scale or bounds in the claim's record",
        )
    return x


def has_spread(values: Values) -> bool:
    """Return whether the values differ by more than float rounding.

    >>> has_spread([1.0, 1.0, 1.0]), has_spread([0.99, 1.0])
    (False, True)
    """
    x = np.asarray(values, dtype=np.float64)
    return bool(np.ptp(x) > SLACK * np.abs(x).max())


def prediction_band(
    values: Values, *, level: float = 0.95, unit: float = 0.0, scale: Scale = LINEAR
) -> Band:
    """Return the prediction interval for one more training, widened by half the rounding unit.

    ``m ± t(1 - (1 - level)/2, N - 1) s sqrt(1 + 1/N)``, then ``± unit/2``, cut at the limits. On
    the logit scale the same on ``log(x / (1 - x))``, transformed back before the widening.
    Where a logit is infinite (an exact 0 or 1, without the number of images) the linear interval,
    which then holds every value measured.

    Values without spread are exact: their band reaches as far as the published number's rounding
    and the count of images can resolve, ``max(unit/2, 1/images)``: after ten identical counts
    one more training may well differ by one image, and hardly by two.

    Args:
        values: one value a seed, N of them.
        level: in (0, 1).
        unit: rounding unit of the published value, in the values' own unit; 0 widens nothing.
        scale: ``logit`` for rates near 0 or 1.

    Raises:
        EvidenceError: N = 1, or as :func:`as_sample`.

    >>> band = prediction_band([0.97, 0.98, 0.975, 0.98, 0.97], unit=0.01)
    >>> round(band.low, 3), round(band.high, 3), band.method
    (0.955, 0.995, 't')
    """
    x = as_sample(values, scale)
    if x.size == 1:
        raise EvidenceError(
            "one seed",
            expected="independent trainings, whose measurements may differ",
            do="measure more seeds (repro calibrate)",
        )
    if not has_spread(x):
        reach = max(unit / 2, 1 / scale.images[0] if scale.images else 0.0)
        return Band(*_cut(float(x[0]) - reach, float(x[0]) + reach, scale.limits), 1.0, "exact")
    z, back, method = scale.apply(x)
    middle, half = float(z.mean()), student(x.size, 1 - level) * float(z.std(ddof=1))
    low, high = back(middle - half), back(middle + half)
    if scale.name == "logit" and method == "t":
        low, high = min(low, float(x.min())), max(high, float(x.max()))
    return Band(*_cut(low - unit / 2, high + unit / 2, scale.limits), level, method)


def equivalent(
    values: Values, published: float, *, margin: float, unit: float = 0.0, scale: Scale = LINEAR
) -> bool:
    """Return whether the published draw's own process is shown to lie within ``margin``.

    Two one-sided tests at 5 % on ``m - published``, whose variance is ``s^2 (1 + 1/N)``: the
    published number is a draw, too, and was rounded by up to half its unit. They hold where the
    90 % prediction band, widened by that, lies within ``published ± margin``, and the same band
    around the published number within ``m ± margin``. ``margin`` and ``unit`` are in the values'
    own unit on either scale.

    Raises:
        EvidenceError: as :func:`as_sample`.

    >>> equivalent([0.90, 0.901, 0.902, 0.903, 0.904], 0.91, margin=0.02)
    True
    >>> equivalent([0.90, 0.901, 0.902, 0.903, 0.904], 0.91, margin=0.01)
    False
    """
    x = as_sample(values, scale)
    m, reach = float(x.mean()), margin - unit / 2 + SLACK * max(1.0, abs(published))
    if x.size == 1:
        return False
    if not has_spread(x):
        return abs(m - published) <= reach
    # Both ways, because a scale stretches the two sides of a rate differently.
    z, back, _ = scale.apply(np.append(x, published))
    half = student(x.size, 0.10) * float(z[:-1].std(ddof=1))
    around = ((float(z[:-1].mean()), published), (float(z[-1]), m))
    return all(
        abs(back(middle + side * half) - other) <= reach
        for middle, other in around
        for side in (-1, 1)
    )


def student(n: int, tail: float) -> float:
    """Return ``t(1 - tail/2, n - 1) sqrt(1 + 1/n)``: what one more training may be off, in s.

    >>> round(student(10, 0.05), 3)
    2.373
    """
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, 1 - tail / 2)) * math.sqrt(1 + 1 / n)


def _cut(low: float, high: float, limits: Bounds | None) -> tuple[float, float]:
    return (max(low, limits[0]), min(high, limits[1])) if limits else (low, high)


def _bad_values(found: str) -> EvidenceError:
    return EvidenceError(
        found,
        expected="one finite number a seed, and at least one seed",
        do="remove the damaged rows of the population and measure those seeds again",
    )
