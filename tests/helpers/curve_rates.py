"""Nominal against achieved for the bands of a curve: coverage, width and power, by simulation.

    python tests/helpers/curve_rates.py                    every truth, every method
    python tests/helpers/curve_rates.py --seeds 20 --populations 200

``chosen`` is ``repro.judge.curves.simultaneous_bands`` itself, the code that judges; the others
were tried beside it, and are their textbook forms. ``truth known`` has each point's own quantiles
of the truth at Bonferroni's level: what bands of any number of seeds come to. Power is how often
one point is seen to lie 30 (or 10) points below another draw of the truth, each in its turn.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from curve_truths import CORRELATIONS, CURVES, FAMILIES, Truth, truth
from scipy import special

from repro.judge import curves
from repro.judge.scales import Scale

Array = np.ndarray
Method = Callable[[Array, Array], tuple[Array, Array]]
LEVEL = 0.95


class Rates(NamedTuple):
    """What a method achieves on one truth.

    Attributes:
        coverage: share of populations whose bands hold all K points of one more training.
        half: mean half-width.
        widest: mean half-width of the widest point.
        power: (K,), how often each point is caught 30 points off.
        power10: (K,), the same at 10 points.
    """

    coverage: float
    half: float
    widest: float
    power: Array
    power10: Array


def chosen(x: Array, images: Array, unit: float) -> tuple[Array, Array]:
    """The bands that judge, (M, K) low and high, of populations (M, N, K).

    All at once, by the parts that judge one; the first ten are held to the judge's own.
    """
    n, found = images.astype(float), np.empty((2, *x[:, 0].shape))
    fits = [curves._fit(np.rint(x * n), n, link) for link in curves._links()]
    best = np.argmax([fit.log_likelihood for fit in fits], axis=0)
    for i, (fit, link) in enumerate(zip(fits, curves._links(), strict=True)):
        mine = best == i
        tail = np.ones(mine.sum()) * curves.CAUTION / curves.effective_points(fit.z[mine])
        quantile = [curves.student(x.shape[1], float(t)) for t in (1 - LEVEL) * tail]
        half = np.array(quantile)[:, None] * fit.sd[mine]
        ends = (link.back(fit.mean[mine] + side * half) * (n + 1) for side in (-1, 1))
        low, high = ((end - less) / n for end, less in zip(ends, (1, 0), strict=True))
        found[:, mine] = np.maximum(low - unit / 2, 0), np.minimum(high + unit / 2, 1)
    scale = Scale("logit", images=tuple(map(int, images)))
    for i in range(min(10, len(x))):
        own = curves.simultaneous_bands(x[i], level=LEVEL, unit=unit, scale=scale)
        np.testing.assert_allclose(found[:, i], [[b.low for b in own], [b.high for b in own]])
    return found[0], found[1]


def measure(law: Truth, n: int, populations: int, method: Method | None = None) -> Rates:
    """Draw populations of n seeds and one more training each; None measures ``chosen``."""
    rows = law.draw(np.random.default_rng([n, 11]), (populations, n + 1))
    new, x = rows[:, 0], rows[:, 1:]
    if method is None:
        low, high = chosen(x, law.images, law.unit)
    else:
        low, high = method(x, law.images)
        low, high = np.maximum(low - law.unit / 2, 0), np.minimum(high + law.unit / 2, 1)

    return _rates(law, new, low, high)


def _rates(law: Truth, new: Array, low: Array, high: Array) -> Rates:
    def published(rates: Array) -> Array:
        return np.round(np.maximum(rates, 0) / law.unit) * law.unit

    inside = (published(new) >= low - 1e-9) & (published(new) <= high + 1e-9)
    half = np.atleast_2d((high - low) / 2).mean(0)
    caught = [(published(new - off) < low - 1e-9).mean(0) for off in (0.3, 0.1)]
    return Rates(float(inside.all(1).mean()), float(half.mean()), float(half.max()), *caught)


def measure_known(law: Truth, populations: int) -> Rates:
    """The same for bands that know the truth."""
    x = law.draw(np.random.default_rng(11), (max(populations, 20_000),))
    tail = (1 - LEVEL) / x.shape[1] / 2
    low, high = np.quantile(x, [tail, 1 - tail], axis=0)
    return _rates(law, x, low - law.unit / 2, high + law.unit / 2)


# What was tried beside it.

SCALES: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "logit": (special.logit, special.expit),
    "arcsine": (
        lambda p: np.arcsin(np.sqrt(p)),
        lambda z: np.sin(np.clip(z, 0, np.pi / 2)) ** 2,
    ),
    "cloglog": (
        lambda p: np.log(-np.log1p(-p)),
        lambda z: -np.expm1(-np.exp(np.minimum(z, 50))),
    ),
}


def student(scale: str, *, joint: bool = False) -> Method:
    """Student's t on one scale, Bonferroni or the quantile of max |z| (its correlation shrunk)."""

    def method(x: Array, images: Array) -> tuple[Array, Array]:
        to, back = SCALES[scale]
        n, k = x.shape[1:]
        z = to((x * images + 0.5) / (images + 1))
        tail = np.full((len(x), 1), (1 - LEVEL) / k)
        if joint:
            tail = np.maximum(_joint_tails(z)[:, None], tail)
        half = special.stdtrit(n - 1, 1 - tail / 2) * z.std(1, ddof=1) * np.sqrt(1 + 1 / n)
        edges = (((images + 1) * back(z.mean(1) + s * half) - 0.5) / images for s in (-1, 1))
        low, high = (np.clip(edge, 0, 1) for edge in edges)
        return low, high

    return method


def _joint_tails(z: Array) -> Array:
    """A point's two-sided tail at the quantile of max |z| under each population's correlation."""
    n, k = z.shape[1:]
    normals = np.random.default_rng(0).standard_normal((1500, k))
    d = z - z.mean(1, keepdims=True)
    norm = np.sqrt((d**2).sum(1, keepdims=True))
    d = d / np.where(norm > 0, norm, 1)
    off = 1 - np.eye(k)
    r = np.einsum("mnj,mnk->mjk", d, d) * off
    noise = ((1 - r**2) ** 2 * off).sum((1, 2)) / (n - 1)
    weight = 1 - np.clip(noise / np.maximum((r**2).sum((1, 2)), 1e-12), 0, 1)
    roots = np.linalg.cholesky(r * weight[:, None, None] + (1 + 1e-9) * np.eye(k))
    top = [np.quantile(np.abs(normals @ root.T).max(1), LEVEL) for root in roots]
    return 2 * special.ndtr(-np.array(top))


def beta_binomial(x: Array, images: Array) -> tuple[Array, Array]:
    """Bonferroni over the beta-binomial's posterior predictive, flat in logit and log size."""
    rng = np.random.default_rng(1)
    low, high = np.empty(x[:, 0].shape), np.empty(x[:, 0].shape)
    tail = (1 - LEVEL) / len(images) / 2
    size = np.exp(np.linspace(np.log(0.5), np.log(3000), 31))
    for (i, k), _ in np.ndenumerate(low):
        n, c = images[k], np.rint(x[i, :, k] * images[k])
        middle = special.logit((c.mean() + 0.5) / (n + 1))
        rate = special.expit(middle + np.linspace(-2.5, 2.5, 31))
        a, b = np.outer(rate, size).ravel(), np.outer(1 - rate, size).ravel()
        like = special.betaln(c[:, None] + a, n - c[:, None] + b).sum(0)
        like -= len(c) * special.betaln(a, b)
        weight = np.exp(like - like.max())
        drawn = rng.choice(a.size, 2000, p=weight / weight.sum())
        rates = rng.binomial(n, rng.beta(a[drawn], b[drawn])) / n
        low[i, k] = np.quantile(rates, tail, method="lower")
        high[i, k] = np.quantile(rates, 1 - tail, method="higher")
    return low, high


METHODS: dict[str, tuple[Method | None, int]] = {  # with the share of the populations it is given
    "Bonferroni, logit": (student("logit"), 1),
    "Bonferroni, arcsine": (student("arcsine"), 1),
    "Bonferroni, cloglog": (student("cloglog"), 1),
    "max |t|, cloglog": (student("cloglog", joint=True), 4),
    "beta-binomial": (beta_binomial, 20),
    "chosen": (None, 1),
}


def main() -> None:
    """Print a line a method, curve and N: the least coverage and the mean of the rest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[10, 20, 30])
    parser.add_argument("--populations", type=int, default=2000)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    options = parser.parse_args()
    print(f"nominal coverage {LEVEL:.0%}; {options.populations} populations a truth")
    head = "  N  curve            method               coverage: least (where)  mean"
    print(
        f"{head}; half-width: mean widest; 30 off: mean, median, worst point, points >= 90 %; 10"
    )
    for n in options.seeds:
        for curve in CURVES:
            laws = [truth(curve, f, c) for f in FAMILIES for c in CORRELATIONS]
            known = [measure_known(each, options.populations) for each in laws]
            _print(n, curve, "truth known", laws, known)
            for name in options.methods:
                method, share = METHODS[name]
                reps = max(20, options.populations // share)
                _print(n, curve, name, laws, [measure(each, n, reps, method) for each in laws])


def _print(n: int, curve: str, name: str, laws: list[Truth], found: list[Rates]) -> None:
    least = min(range(len(found)), key=lambda i: found[i].coverage)
    where = laws[least].name.partition(" | ")[2]
    power = np.array([each.power for each in found])
    print(
        f"{n:3d}  {curve:15s}  {name:19s} {found[least].coverage:6.3f} ({where:22s}) "
        f"{np.mean([f.coverage for f in found]):6.3f};"
        f" {np.mean([f.half for f in found]):6.3f} {np.mean([f.widest for f in found]):5.2f};"
        f" {power.mean():5.2f} {np.median(power, 1).mean():5.2f} {power.min(1).mean():5.2f}"
        f" {(power >= 0.9).sum(1).mean():5.1f} of {power.shape[1]};"
        f" {np.mean([f.power10 for f in found]):5.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
