"""Bands, intervals and tests over a population of independent trainings.

Pure functions of numbers: no files, no torch. ``docs/statistics.md`` gives the reasons.
``scipy.special`` is imported where it is used: it costs more than the rest of the judge.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from repro.errors import ClaimsError, EvidenceError
from repro.judge.scales import Array, Bounds, Scale, from_logit, images_of, limits_of, to_logit

Values = Sequence[float] | Array

# Edges such as 0.9705 - 0.0005 are not representable: comparisons forgive the float rounding
# of a decimal, about a billionth of any published digit, and nothing more.
SLACK = 1e-12
# Squares of larger values overflow; no metric of a classifier comes near.
_LARGEST = 1e150


class NoBandError(EvidenceError):
    """A population with one seed, or without spread: no band can be computed from it."""


@dataclass(frozen=True)
class Band:
    """A closed interval ``[low, high]``.

    Attributes:
        low: lower edge.
        high: upper edge.
        level: the level that the interval attains (before widening), in (0, 1).
        method: ``t``, ``t-logit`` (Student's t on that scale) or ``order`` (order statistics).
    """

    low: float
    high: float
    level: float
    method: Literal["t", "t-logit", "order"]

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


def as_sample(
    values: Any, *, scale: Scale = "linear", bounds: Bounds | None = None, ndim: int = 1
) -> Array:
    """The values as a float64 array of ``ndim`` dimensions, seeds first.

    Raises:
        EvidenceError: no values, another shape, or a value that is not a finite number or
            lies outside the limits (``bounds``, or [0, 1] on the logit scale).
        ClaimsError: an unknown scale, or bounds that make no interval.
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
    limits = limits_of(scale, bounds)
    if limits and not (limits[0] <= x.min() and x.max() <= limits[1]):
        span = f"[{x.min():.6g}, {x.max():.6g}]"
        raise EvidenceError(
            f"values in {span}",
            expected=f"values in [{limits[0]:g}, {limits[1]:g}] (scale {scale})",
            do="measure the metric again, or correct its scale or bounds in the claim's record",
        )
    return x


def prediction_band(
    values: Values,
    *,
    level: float = 0.95,
    unit: float = 0.0,
    scale: Scale = "linear",
    bounds: Bounds | None = None,
    images: int | None = None,
) -> Band:
    """The prediction interval for one more training, widened by half the rounding unit.

    ``m ± t(1 - (1 - level)/2, N - 1) s sqrt(1 + 1/N)``, then ``± unit/2``. On the logit scale
    the same on ``log(x / (1 - x))``, transformed back before the widening; with ``images`` on
    the empirical logit (:mod:`repro.judge.scales`). Where a logit is infinite (an exact 0 or
    1, without ``images``), or the linear band would cross ``bounds``: the order statistics
    ``[min, max]``, whose attained level is ``(N - 1)/(N + 1)``.

    Args:
        values: one value a seed, N of them.
        level: in (0, 1).
        unit: rounding unit of the published value, in the values' own unit; 0 widens nothing.
        scale: ``logit`` for rates near 0 or 1 (values in [0, 1]).
        bounds: limits no value can pass, such as (0, 1) for a rate on the linear scale.
        images: how many images a rate on the logit scale was counted over, above 0.

    Raises:
        NoBandError: N = 1, or no spread.
        EvidenceError, ClaimsError: as :func:`as_sample`; a level, unit or number of
            images out of range.
    """
    x = as_sample(values, scale=scale, bounds=bounds)
    _check_level(level)
    limits = limits_of(scale, bounds, images)
    band = _t_band(x, level, math.sqrt(1 + 1 / x.size), scale, images)
    if band is None or (limits and not (limits[0] <= band.low and band.high <= limits[1])):
        attained = (x.size - 1) / (x.size + 1)
        band = Band(float(x.min()), float(x.max()), attained, "order")
    return _widen(band, unit, limits)


def clipped_band(
    values: Values,
    *,
    level: float = 0.95,
    unit: float = 0.0,
    scale: Scale = "linear",
    bounds: Bounds | None = None,
) -> Band:
    """The hull of ``[min, max]`` and the linear t prediction band cut at the limits.

    For populations at a ceiling whose order statistics attain too low a level. The hull never
    excludes a member of the population, and cutting loses nothing, because no value lies
    beyond a limit; but the t part is only approximate for a skewed population, so this band
    may raise an alarm or excuse a miss, and never supports a claim.

    Raises: as :func:`prediction_band`.
    """
    x = as_sample(values, scale=scale, bounds=bounds)
    _check_level(level)
    low, high = _t_edges(x, level, math.sqrt(1 + 1 / x.size))
    limits = limits_of(scale, bounds) or (-math.inf, math.inf)
    low = max(min(low, float(x.min())), limits[0])
    high = min(max(high, float(x.max())), limits[1])
    return _widen(Band(low, high, level, "t"), unit, limits)


def gate_band(
    values: Values,
    *,
    level: float = 0.999,
    scale: Scale = "linear",
    bounds: Bounds | None = None,
    images: int | None = None,
) -> Band:
    """The freshness gate: the prediction band at ``level``, not widened.

    Order statistics cannot attain 99.9 % with fewer than 1999 seeds; in their place stands
    :func:`clipped_band`, so that a population at a ceiling has a gate too.

    Raises: as :func:`prediction_band`.
    """
    band = prediction_band(values, level=level, scale=scale, bounds=bounds, images=images)
    if band.method != "order":
        return band
    return clipped_band(values, level=level, scale=scale, bounds=bounds)


def mean_interval(
    values: Values, *, level: float = 0.90, scale: Scale = "linear", images: int | None = None
) -> Band:
    """The confidence interval of the mean, ``m ± t(1 - (1 - level)/2, N - 1) s / sqrt(N)``.

    On the logit scale the interval of the mean (empirical) logit, transformed back; where a
    logit is infinite, the sign test's interval of the median, ``[x_(k), x_(N + 1 - k)]`` with the
    largest k whose attained level ``1 - 2 P(Bin(N, 1/2) < k)`` is at least ``level`` (k = 1
    where none is: the band's ``level`` then lies below the one asked).

    Raises: as :func:`prediction_band`.
    """
    x = as_sample(values, scale=scale)
    _check_level(level)
    limits_of(scale, None, images)
    return _t_band(x, level, math.sqrt(1 / x.size), scale, images) or _median_interval(x, level)


def equivalent(
    values: Values,
    published: float,
    *,
    margin: float,
    scale: Scale = "linear",
    images: int | None = None,
) -> bool:
    """TOST at 5 %: the 90 % confidence interval of ``m - published`` lies in ``± margin``.

    ``margin`` is in the values' own unit on either scale.

    Raises: as :func:`mean_interval`; ClaimsError: a margin that is not positive and finite.
    """
    check_setting("margin", margin, positive=True)
    interval = mean_interval(values, level=0.90, scale=scale, images=images)
    slack = SLACK * max(abs(published), abs(interval.low), abs(interval.high))
    return (
        interval.level >= 0.90 - SLACK
        and interval.low - published >= -margin - slack
        and interval.high - published <= margin + slack
    )


def sign_test(differences: Values) -> float:
    """One-sided exact p-value that the median difference is above 0, ``P(Bin(N, 1/2) >= k)``.

    ``k`` counts the differences above 0 among all N: a tie counts against the ordering.

    Raises:
        EvidenceError: no differences, or one that is NaN or infinite.
    """
    from scipy.special import bdtrc

    d = as_sample(differences)
    return float(bdtrc(int((d > 0).sum()) - 1, d.size, 0.5))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's adjusted p-values, in the order of the argument.

    For ``p_(1) <= ... <= p_(K)``: ``max over j <= i of min(1, (K - j + 1) p_(j))``. Rejecting
    where the adjusted value is at most alpha holds the familywise error at alpha, whatever
    the dependence.

    Raises:
        EvidenceError: a p-value outside [0, 1].
    """
    for name, p in p_values.items():
        check_p(p, name)
    adjusted: dict[str, float] = {}
    running = 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = running
    return {name: adjusted[name] for name in p_values}


def bonferroni(level: float, points: int) -> float:
    """The level of each of ``points`` bands that hold together at ``level``."""
    return 1 - (1 - level) / points


def simultaneous_bands(
    values: Sequence[Sequence[float]] | Array,
    *,
    level: float = 0.95,
    unit: float = 0.0,
    scale: Scale = "linear",
    bounds: Bounds | None = None,
    images: Sequence[int] = (),
) -> list[Band]:
    """One prediction band for each of K points, at level ``1 - (1 - level)/K`` (Bonferroni).

    ``values`` is (N, K), one row a seed; ``level`` is that of all bands together; ``images``
    has one number a point, or none; the rest, and the errors (one point without a band
    suffices), as in :func:`prediction_band`.
    """
    x = as_sample(values, scale=scale, bounds=bounds, ndim=2)
    counts = images_of(images, x.shape[1])
    settings = partial(
        prediction_band,
        level=bonferroni(level, x.shape[1]),
        unit=unit,
        scale=scale,
        bounds=bounds,
    )
    return [settings(column, images=n) for column, n in zip(x.T, counts, strict=True)]


def check_p(p: float, name: str) -> None:
    """Raise EvidenceError unless ``p`` lies in [0, 1]."""
    if not 0 <= p <= 1:
        raise EvidenceError(
            f"p-value {p} of {name}",
            expected="a p-value in [0, 1]",
            do="compute it with sign_test and holm from the population",
        )


def check_setting(name: str, value: float, *, positive: bool = False) -> None:
    """Raise ClaimsError unless ``value`` is finite and not negative (or not 0 either)."""
    if not math.isfinite(value) or value < 0 or (positive and value == 0):
        raise ClaimsError(
            f"{name} {value}",
            expected=f"a finite number {'above 0' if positive else 'of at least 0'}",
            do="correct the claim's record",
        )


def _t_band(
    x: Array, level: float, factor: float, scale: Scale, images: int | None
) -> Band | None:
    """``m ± t s factor`` on the scale, transformed back; None where a logit is infinite."""
    if scale == "linear":
        return Band(*_t_edges(x, level, factor), level, "t")
    _spread(x)
    z = to_logit(x, images)
    if z is None:
        return None
    low, high = _t_edges(z, level, factor)
    return Band(from_logit(low, images), from_logit(high, images), level, "t-logit")


def _t_edges(x: Array, level: float, factor: float) -> tuple[float, float]:
    from scipy.special import stdtrit

    m, s = float(x.mean()), _spread(x)
    half = float(stdtrit(x.size - 1, 1 - (1 - level) / 2)) * s * factor
    return m - half, m + half


def _spread(x: Array) -> float:
    """The standard deviation (ddof = 1), or NoBandError where there is none to speak of."""
    if x.size == 1:
        found = "one seed"
    elif np.ptp(x) <= SLACK * np.abs(x).max() or (s := float(x.std(ddof=1))) == 0:
        found = f"no spread: all {x.size} seeds gave {x[0]:.6g}"
    else:
        return s
    raise NoBandError(
        found,
        expected="independent trainings whose measurements differ",
        do="measure more seeds; where a metric cannot vary, no band can judge it",
    )


def _median_interval(x: Array, level: float) -> Band:
    from scipy.special import bdtr

    ordered = np.sort(x)
    k = 1
    while 2 * k < x.size and 1 - 2 * bdtr(k, x.size, 0.5) >= level:
        k += 1
    attained = float(1 - 2 * bdtr(k - 1, x.size, 0.5))
    return Band(float(ordered[k - 1]), float(ordered[-k]), attained, "order")


def _widen(band: Band, unit: float, limits: Bounds | None) -> Band:
    check_setting("rounding unit", unit)
    low, high = band.low - unit / 2, band.high + unit / 2
    if limits:
        low, high = max(low, limits[0]), min(high, limits[1])
    return Band(low, high, band.level, band.method)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ClaimsError(
            f"level {level}", expected="a level in (0, 1)", do="correct the call or the record"
        )


def _bad_values(found: str) -> EvidenceError:
    return EvidenceError(
        found,
        expected="one finite number a seed, and at least one seed",
        do="remove the damaged rows of the population and measure those seeds again",
    )
