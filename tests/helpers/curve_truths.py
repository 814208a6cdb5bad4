"""Truths for a curve of K rates: laws that N trainings and one more could be draws from.

A truth is a law for each point's true rate, fitted to seeds 0 to 9 of a committed population, tied
together by a Gaussian copula, and counted binomially over the real numbers of images. The fits
are by maximum likelihood of the counts, so that 980 of 980 is no logit of 7.6, and their sd is
multiplied by sqrt(N/(N - 1)). No published value is looked at.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy import optimize, special, stats

Array = np.ndarray
Scale = tuple[Callable[[Array], Array], Callable[[Array], Array]]

POPULATIONS = Path(__file__).parents[2] / "fixtures" / "populations" / "full"
CLASSES = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
CURVES = {  # population, images, rounding unit
    "fig5 as-coded": ("popovic2017-common-classes--as-coded", CLASSES, 0.01),
    "fig5 as-written": ("popovic2017-common-classes--as-written", CLASSES, 0.01),
    "fig2 as-coded": ("popovic2017-common-fives--as-coded", (892,) * 13, 0.0001),
    "fig2 as-written": ("popovic2017-common-fives--as-written", (892,) * 13, 0.0001),
}
FAMILIES = ("logit", "cloglog", "arcsine", "beta", "skewed", "bootstrap")
CORRELATIONS = ("fitted", "independent", "0.92")
SCALES: dict[str, Scale] = {
    "logit": (special.logit, special.expit),
    "cloglog": (lambda p: np.log(-np.log1p(-p)), lambda z: -np.expm1(-np.exp(z))),
    "arcsine": (
        lambda p: np.arcsin(np.sqrt(p)),
        lambda z: np.sin(np.clip(z, 0, np.pi / 2)) ** 2,
    ),
}
GRID = np.linspace(-6, 6, 2401)
# A fine grid, not Gauss-Hermite: a binomial likelihood is far narrower than the seeds' spread.
NODES = np.linspace(-6, 6, 961)
WEIGHTS = np.exp(-(NODES**2) / 2)


@dataclass(frozen=True)
class Truth:
    """One law of K counted rates.

    Attributes:
        name: curve, family of the marginal laws, correlation.
        quantiles: (K, G), each point's quantile function at the normal scores GRID.
        root: (K, K), Cholesky root of the copula's correlation.
        images: (K,), the numbers of images.
        unit: rounding unit of the published values.
    """

    name: str
    quantiles: Array
    root: Array
    images: Array
    unit: float

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Counted rates, (*shape, K)."""
        z = rng.standard_normal((*shape, len(self.images))) @ self.root.T
        rates = [np.interp(z[..., k], GRID, q) for k, q in enumerate(self.quantiles)]
        return rng.binomial(self.images, np.clip(np.stack(rates, -1), 0, 1)) / self.images


@cache
def truth(curve: str, family: str, correlation: str) -> Truth:
    """One of the truths of CURVES x FAMILIES x CORRELATIONS."""
    name, images, unit = CURVES[curve]
    text = (POPULATIONS / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    rows = [row for row in csv.DictReader(text) if int(row["seed"]) < 10]
    x = np.array([[float(row[f"success[{k}]"]) for k in range(len(images))] for row in rows])
    quantiles = [_marginal(family, np.rint(c * n), n) for c, n in zip(x.T, images, strict=True)]
    root = np.linalg.cholesky(_correlation(x, correlation))
    label = f"{curve} | {family} | {correlation}"
    return Truth(label, np.array(quantiles), root, np.array(images), unit)


def _marginal(family: str, counts: Array, n: int) -> Array:
    """The quantile function of one point's true rate at the normal scores GRID."""
    if family == "beta":
        a, b = _fit_beta(counts, n)
        return special.betaincinv(a, b, special.ndtr(GRID))
    scale = {"bootstrap": "arcsine", "skewed": "cloglog"}.get(family, family)
    mean, sd = _fit_normal(counts, n, scale)
    back = SCALES[scale][1]
    if family == "skewed":  # a gamma of shape 4 (skewness 1), its long tail towards failure
        gamma = special.gammaincinv(4, np.clip(special.ndtr(-GRID), 1e-12, 1 - 1e-12))
        return back(mean - sd * (gamma - 4) / 2)
    if family == "bootstrap":  # kernels at the seeds, with the fitted spread
        z = np.arcsin(np.sqrt((counts + 0.375) / (n + 0.75)))
        z = (z - z.mean()) / max(z.std(), 1e-9)
        fine = np.linspace(-8, 8, 4001)
        cdf = special.ndtr((fine[:, None] - z) / 0.5).mean(1)
        scores = np.interp(special.ndtr(GRID), cdf, fine) / np.sqrt(1.25)
        return back(mean + sd * scores)
    return back(mean + sd * GRID)


def _fit_normal(counts: Array, n: int, scale: str) -> tuple[float, float]:
    to, back = SCALES[scale]
    z = to((counts + 0.5) / (n + 1))
    start = np.log(z.std() + 0.02)

    def loss(theta: Array) -> float:
        p = np.clip(back(theta[0] + np.exp(theta[1]) * NODES), 1e-9, 1 - 1e-9)
        like = np.outer(counts, np.log(p)) + np.outer(n - counts, np.log1p(-p))
        # A weak prior on the log sd (its own sd is 2) keeps a point without spread from sd 0.
        prior = 0.5 * ((theta[1] - start) / 2) ** 2
        most = like.max(axis=1)  # by hand: scipy's logsumexp takes longer than all the rest
        return prior - float((most + np.log(np.exp(like - most[:, None]) @ WEIGHTS)).sum())

    best = optimize.minimize(loss, [z.mean(), start], method="Nelder-Mead")
    size = len(counts)
    return float(best.x[0]), float(np.exp(best.x[1]) * np.sqrt(size / (size - 1)))


def _fit_beta(counts: Array, n: int) -> tuple[float, float]:
    def loss(theta: Array) -> float:
        m, c = special.expit(theta[0]), np.exp(theta[1])
        prior = 0.5 * ((theta[1] - 4) / 3) ** 2
        return prior - float(stats.betabinom.logpmf(counts, n, m * c, (1 - m) * c).sum())

    start = [special.logit((counts.mean() + 0.5) / (n + 1)), 3.0]
    best = optimize.minimize(loss, start, method="Nelder-Mead")
    m, c = special.expit(best.x[0]), np.exp(best.x[1])
    c = max((1 + c) * (len(counts) - 1) / len(counts) - 1, 0.1)  # the variance times N/(N - 1)
    return m * c, (1 - m) * c


def _correlation(x: Array, kind: str) -> Array:
    k = x.shape[1]
    if kind == "independent":
        return np.eye(k)
    if kind == "0.92":
        return np.full((k, k), 0.92) + 0.08 * np.eye(k)
    scores = stats.norm.ppf(stats.rankdata(x, axis=0) / (len(x) + 1))
    scores = scores - scores.mean(0)
    sd = scores.std(0)
    r = (scores.T @ scores) / len(x) / np.maximum(np.outer(sd, sd), 1e-12)
    return 0.9 * r * (1 - np.eye(k)) + np.eye(k)
