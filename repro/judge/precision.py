"""How narrow bands can become: whether the noise exceeds the margin, and which N would decide."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from repro.judge.bands import LEVEL, as_sample, has_spread, student
from repro.judge.curves import Spread, spread
from repro.judge.scales import LINEAR, Array, Scale

MOST_SEEDS = 1000
"""Where the search for a deciding number of seeds ends."""


def exceeds_margin(
    values: Sequence[Sequence[float]] | Array, *, unit: float, margin: float, scale: Scale = LINEAR
) -> list[bool]:
    """Return, for each of K numbers, whether the seeds alone are shown to move it too much.

    The band of infinitely many trainings, whose t is a normal quantile (``m ± 1.96 s`` for a
    number), is wider than the margin even at the lower confidence limit of s, ``s sqrt((N - 1) /
    chi2(1 - 0.05/K, N - 1))``: then no number of trainings makes it narrow enough. A scale
    stretches one side of a rate more: the narrower of the bands at ``m ± s/sqrt(N)`` counts.

    Args:
        values: (N, K), one row a seed, one column a number.
        unit: rounding unit of the published numbers.
        margin: the largest difference that does not matter.
        scale: of the bands.

    Raises:
        EvidenceError: as :func:`~repro.judge.bands.prediction_band`.

    >>> exceeds_margin([[0.90], [0.95], [1.0], [0.92], [0.97]], unit=0.01, margin=0.01)
    [True]
    """
    x = as_sample(values, scale, ndim=2)
    spreads = _spreads(x)
    if not spreads.any():
        return [False] * len(spreads)
    wide = _at_least(spread(x, scale), len(x), unit) > margin
    return [bool(each) for each in wide & spreads]


def deciding_seeds(
    values: Sequence[Sequence[float]] | Array,
    *,
    unit: float,
    margin: float,
    scale: Scale = LINEAR,
    noise_decides: bool = True,
) -> int:
    """Return how many seeds would decide numbers that lie in too wide bands, at today's spread.

    The smallest N at which every band is no wider than the margin, or, where ``noise_decides``
    (a control lies outside), one is shown to be wider for good (:func:`exceeds_margin`);
    :data:`MOST_SEEDS` where more would be needed. The other arguments are those of
    :func:`exceeds_margin`.

    >>> values = [[0.0405], [0.0428], [0.0451], [0.0418], [0.0438]]
    >>> deciding_seeds(values, unit=0.0001, margin=0.0046)
    8
    """
    x = as_sample(values, scale, ndim=2)
    one, spreads = spread(x, scale), _spreads(x)

    def narrow(n: int) -> bool:
        low, high = one.bands(student(n, one.tail * (1 - LEVEL)), unit=unit)
        return bool(((high - low) / 2 <= margin).all())

    def noisy(n: int) -> bool:
        return bool((spreads & (_at_least(one, n, unit) > margin)).any())

    # Once so many seeds decide, more do, too.
    rules = (narrow, noisy) if noise_decides else (narrow,)
    more = range(len(x) + 1, MOST_SEEDS)
    return more.start + min(bisect_left(more, True, key=rule) for rule in rules)


def _spreads(x: Array) -> NDArray[np.bool_]:
    """Return for each number (K,) whether seeds differ in it; what a count allows is no noise."""
    return np.array([has_spread(column) for column in x.T])


def _at_least(one: Spread, n: int, unit: float) -> Array:
    """Return the half-widths (K,) that the bands are shown to keep, after ``n`` seeds."""
    from scipy.special import chdtri, ndtri

    lowest = math.sqrt((n - 1) / chdtri(n - 1, (1 - LEVEL) / len(one.sd)))
    factor = lowest * float(ndtri(1 - one.tail * (1 - LEVEL) / 2))
    found = []
    for off in (-1, 1):
        low, high = one.bands(factor, unit=unit, off=off / math.sqrt(n))
        found.append((high - low) / 2)
    return np.minimum(*found)
