"""How often a rule for one number is right, and how near a rate must be to the theory's.

python tests/helpers/simulation.py     nominal against achieved, more precisely than the tests
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy.special

from repro.judge import bands, precision
from repro.judge.curves import CAUTION
from repro.judge.scales import Scale

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


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(0.9, 0.01, shape)


def logit_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Error rates near 0 whose band on the linear scale would cross it."""
    return scipy.special.expit(rng.normal(-6.0, 0.8, shape))


def noise_shown(n: int, times: float, reps: int = REPS) -> float:
    """How often the noise is shown to exceed a margin of 1.96 sigma / ``times``."""
    rows = np.random.default_rng(n).normal(size=(reps, n, 1))
    margin = 1.96 / times
    return float(np.mean([precision.exceeds_margin(r, unit=0, margin=margin) for r in rows]))


def curve_noise_shown(n: int, reps: int = REPS) -> float:
    """How often that of a curve is, at a margin that its bands would just reach.

    Ten points that know nothing of one another; any of them counts.
    """
    rows = np.random.default_rng(n).normal(size=(reps, n, 10))
    margin = float(scipy.special.ndtri(1 - 0.05 * CAUTION / 10 / 2))
    return float(np.mean([any(precision.exceeds_margin(r, unit=0, margin=margin)) for r in rows]))


def equivalents(n: int, margin: float, shift: float, reps: int = REPS) -> float:
    """How often a process ``shift`` sd away is called equivalent within ``margin`` sd."""
    rows = np.random.default_rng(n).normal(size=(reps, n + 1))
    return float(
        np.mean([bands.equivalent(row[1:], row[0] + shift, margin=margin) for row in rows])
    )


def equivalents_on_the_logit(n: int, shift: float, reps: int = REPS) -> float:
    """The same for rates of about 0.97, the paper's process off by the margin."""
    rng = np.random.default_rng(n)
    rates = scipy.special.expit(rng.normal(3.5, 0.3, (reps, n)))
    published = scipy.special.expit(rng.normal(3.5 + shift, 0.3, reps))
    margin = abs(scipy.special.expit(3.5 + shift) - scipy.special.expit(3.5))
    found = (
        bands.equivalent(row, x0, margin=margin, scale=Scale("logit"))
        for row, x0 in zip(rates, published, strict=True)
    )
    return float(np.mean(list(found)))


def main() -> None:
    """Print nominal against achieved."""
    reps = 20_000
    print(f"{reps} populations a rate; N = 5, 10, 20, 30")
    for what, rate in (
        ("band holds one more draw, linear (95 %)", lambda n: coverage(normal, n, reps=reps)),
        (
            "band holds one more draw, logit (95 %)",
            lambda n: coverage(logit_normal, n, reps=reps, scale=Scale("logit")),
        ),
        ("noise shown at a margin of 1.96 sigma (5 %)", lambda n: noise_shown(n, 1.0, reps)),
        ("noise shown at half that margin", lambda n: noise_shown(n, 2.0, reps)),
        ("noise of a curve shown (5 %)", lambda n: curve_noise_shown(n, reps)),
        ("equivalent at the margin, 8 sigma (5 %)", lambda n: equivalents(n, 8, 8, reps)),
        ("equivalent at the margin, 2 sigma (5 %)", lambda n: equivalents(n, 2, 2, reps)),
        ("logit, towards 1/2 (5 %)", lambda n: equivalents_on_the_logit(n, -0.9, reps)),
        ("logit, towards 1 (5 %)", lambda n: equivalents_on_the_logit(n, 0.9, reps)),
    ):
        print(f"{what:45s}", *(f"{rate(n):.3f}" for n in (5, 10, 20, 30)), flush=True)


if __name__ == "__main__":
    main()
