"""How often a band holds one more draw, and how near a rate must be to the theory's."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from repro.judge import bands

REPS = 2000
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def near(rate: float, expected: float, reps: int) -> bool:
    """Whether a rate lies within four binomial standard errors of the expected one."""
    return abs(rate - expected) <= 4 * math.sqrt(expected * (1 - expected) / reps)


def at_most(rate: float, expected: float, reps: int) -> bool:
    """Whether a rate is at most the expected one, or near it."""
    return rate <= expected or near(rate, expected, reps)


def coverage(
    draw: Draw, n: int, *, reps: int = REPS, unit: float = 0.0, **settings: str | int | float
) -> float:
    """How often the band of N draws holds one more, rounded to the unit."""
    rows = draw(np.random.default_rng(n), (reps, n + 1))
    if unit:
        rows[:, 0] = np.round(rows[:, 0] / unit) * unit
    found = (bands.prediction_band(row[1:], unit=unit, **settings) for row in rows)
    return float(np.mean([b.contains(x) for b, x in zip(found, rows[:, 0], strict=True)]))
