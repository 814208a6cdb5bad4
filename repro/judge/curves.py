"""Simultaneous prediction bands: what one more training would give at every point of a curve.

A simulation on truths fitted to the populations chose the method (``docs/statistics.md``):

- A rate counted over n images is judged on the scale, of four, under which the seeds' counts at
  all the points together are likeliest. The seeds alone decide, never a published value.
- Points that move together are worth fewer independent ones (:func:`effective_points`).
- The level asked is raised, because Student's t holds too little on counts (:data:`CAUTION`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from repro.judge.bands import Band, as_sample, has_spread, prediction_band, student
from repro.judge.scales import LINEAR, Array, Bounds, Scale

CAUTION = 0.6
"""The share of ``1 - level`` that is given away: bands that ask 97 % hold 95 %."""
_TINY = 1e-300


class Link(NamedTuple):
    """A scale for rates strictly between 0 and 1: to it, back, and the slope of ``to``."""

    to: Callable[[Array], Array]
    back: Callable[[Array], Array]
    slope: Callable[[Array], Array]


def _links() -> list[Link]:
    """Return the scales, from the one that stretches a ceiling least to the one that does most."""
    from scipy.special import expit, logit, ndtr, ndtri

    return [
        Link(  # arcsine
            lambda p: np.arcsin(np.sqrt(p)),
            lambda z: np.sin(np.clip(z, 0, np.pi / 2)) ** 2,
            lambda p: 0.5 / np.sqrt(p * (1 - p)),
        ),
        Link(  # complementary log-log
            lambda p: np.log(-np.log1p(-p)),
            lambda z: -np.expm1(-np.exp(np.minimum(z, 50))),
            lambda p: -1 / ((1 - p) * np.log1p(-p)),
        ),
        Link(ndtri, ndtr, lambda p: math.sqrt(2 * math.pi) * np.exp(ndtri(p) ** 2 / 2)),  # probit
        Link(logit, expit, lambda p: 1 / (p * (1 - p))),
    ]


class _Fit(NamedTuple):
    """Values (..., N, K) on one scale, means and sds (..., K), likelihood of all counts (...)."""

    z: Array
    mean: Array
    sd: Array
    log_likelihood: Array


def _fit(counts: Array, n: Array, link: Link) -> _Fit:
    """Fit a normal to each point on one scale.

    A count c of n stands for the rates from c/(n + 1) to (c + 1)/(n + 1), whose middle is the rate
    with half an image on either side. The sd is at least what counting n images gives by itself,
    so that a point at which every seed gave the same count has a band, too.
    """
    from scipy.special import ndtr

    z = link.to((counts + 0.5) / (n + 1))
    mean, p = z.mean(axis=-2), (counts.mean(axis=-2) + 0.5) / (n + 1)
    sd = np.maximum(z.std(axis=-2, ddof=1), link.slope(p) * np.sqrt(p * (1 - p) / n))
    with np.errstate(divide="ignore"):
        low = np.where(counts == 0, -np.inf, link.to(counts / (n + 1)))
        high = np.where(counts == n, np.inf, link.to((counts + 1) / (n + 1)))
    u, v = ((end - mean[..., None, :]) / sd[..., None, :] for end in (low, high))
    u, v = np.where(u > 0, -v, u), np.where(u > 0, -u, v)  # the lower tail is the accurate one
    likelihoods = np.log(np.maximum(ndtr(v) - ndtr(u), _TINY))
    return _Fit(z, mean, sd, likelihoods.sum(axis=(-2, -1)))


def effective_points(z: Array) -> Array:
    """Return how many independent points the K of ``z``, (..., N, K), are worth: from 1 to K.

    ``(sum sqrt(e))^2 / sum(e)`` over the eigenvalues e of the points' correlation (Galwey 2009),
    which is shrunk towards none as far as N seeds leave it open (Schäfer and Strimmer 2005).

    >>> z = np.random.default_rng(0).normal(size=(20, 1))
    >>> float(effective_points(np.hstack([z, z, z])).round(6))
    1.0
    """
    n, k = z.shape[-2:]
    d = z - z.mean(axis=-2, keepdims=True)
    norm = np.sqrt((d**2).sum(axis=-2, keepdims=True))
    d = d / np.where(norm > 0, norm, 1)
    off = 1 - np.eye(k)
    r = (np.swapaxes(d, -1, -2) @ d) * off
    noise = ((1 - r**2) ** 2 * off).sum(axis=(-2, -1)) / (n - 1)
    weight = 1 - np.minimum(noise / np.maximum((r**2).sum(axis=(-2, -1)), _TINY), 1.0)
    e = np.maximum(np.linalg.eigvalsh(r * weight[..., None, None] + np.eye(k)), 0)
    points: Array = np.sqrt(e).sum(axis=-1) ** 2 / e.sum(axis=-1)
    return points


class Spread(NamedTuple):
    """How K numbers vary from seed to seed, on the scale of their bands.

    Attributes:
        mean: (K,), on the scale.
        sd: (K,), on the scale.
        edges: from the lower and upper ends (K,) on the scale to those of the band.
        tail: the chance that each number may lie outside, for one that all together may.
        limits: what no value can leave.
    """

    mean: Array
    sd: Array
    edges: Callable[[Array, Array], tuple[Array, Array]]
    tail: float
    limits: Bounds

    def bands(self, factor: float, *, unit: float, off: float = 0.0) -> tuple[Array, Array]:
        """Return the edges of ``mean + (off ± factor) sd``, widened by ``unit/2`` and cut."""
        ends = (self.mean + (off + side * factor) * self.sd for side in (-1, 1))
        low, high = self.edges(*ends)
        return np.maximum(low - unit / 2, self.limits[0]), np.minimum(
            high + unit / 2, self.limits[1]
        )


def spread(x: Array, scale: Scale) -> Spread:
    """Return how the numbers of ``x``, (N, K), vary; N is at least 2.

    A single number is on its claim's own scale, as in
    :func:`~repro.judge.bands.prediction_band`.
    """
    limits = scale.limits or (-math.inf, math.inf)
    if x.shape[1] == 1:
        column, back, _ = scale.apply(x[:, 0])

        def single(low: Array, high: Array) -> tuple[Array, Array]:
            return np.array([back(float(low[0]))]), np.array([back(float(high[0]))])

        z = column[:, None]
        return Spread(z.mean(axis=0), z.std(axis=0, ddof=1), single, 1.0, limits)
    if not scale.images:
        tail = CAUTION / float(effective_points(x))
        return Spread(x.mean(axis=0), x.std(axis=0, ddof=1), lambda *ends: ends, tail, limits)
    n = np.asarray(scale.images, dtype=np.float64)
    fits = [(_fit(np.rint(x * n), n, link), link) for link in _links()]
    fit, link = max(fits, key=lambda pair: pair[0].log_likelihood)

    def counted(low: Array, high: Array) -> tuple[Array, Array]:
        # A count belongs to the band where the rates that it stands for reach into it.
        return ((n + 1) * link.back(low) - 1) / n, (n + 1) * link.back(high) / n

    return Spread(fit.mean, fit.sd, counted, CAUTION / float(effective_points(fit.z)), limits)


def simultaneous_bands(
    values: Sequence[Sequence[float]] | Array,
    *,
    level: float = 0.95,
    unit: float = 0.0,
    scale: Scale = LINEAR,
) -> list[Band]:
    """Return one prediction band for each of K points, which hold together at ``level``.

    A curve of one point has the band of :func:`~repro.judge.bands.prediction_band`, and so has a
    point whose seeds do not spread, unless its images are known: ten counts of 892 of 892 leave
    the next one free to be 891.

    Args:
        values: (N, K), one row a seed.
        level: of all bands together, in (0, 1).
        unit: rounding unit of the published values; the bands are widened by half of it.
        scale: of all points.

    Raises:
        EvidenceError: as :func:`~repro.judge.bands.prediction_band`.

    >>> rates = [[0.90, 0.99], [0.94, 1.00], [0.92, 0.98], [0.95, 0.99], [0.91, 1.00]]
    >>> low, high = simultaneous_bands(rates, scale=Scale("logit", images=(100, 100)))
    >>> [round(edge, 2) for edge in (low.low, low.high, high.low, high.high)]
    [0.76, 1.0, 0.89, 1.0]
    """
    x = as_sample(values, scale, ndim=2)

    def alone(k: int) -> Band:
        return prediction_band(x[:, k], level=level, unit=unit, scale=scale.of(k))

    if 1 in x.shape:  # one seed is an error, for which of the points does not matter
        return [alone(0)]
    one = spread(x, scale)
    edges = one.bands(student(len(x), one.tail * (1 - level)), unit=unit)
    return [
        alone(k)
        if not scale.images and not has_spread(x[:, k])
        else Band(float(low), float(high), level, "joint")
        for k, (low, high) in enumerate(zip(*edges, strict=True))
    ]
