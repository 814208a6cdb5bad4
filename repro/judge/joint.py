"""All numbers of one table at once: are they a draw from the population, together?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from repro.judge.bands import Values, as_sample, has_spread, prediction_band
from repro.judge.scales import LINEAR, Array, Scale

_SINGULAR = 1e-10


def joint_p(
    values: Sequence[Sequence[float]] | Array,
    published: Values,
    *,
    scales: Sequence[Scale] = (),
    units: Values = (),
) -> float | None:
    """Return Hotelling's p-value that one more training gives all the published numbers.

    ``T^2 = N/(N + 1) (x0 - m)' S^-1 (x0 - m)``, each number on its own scale; ``T^2 (N - p) /
    (p (N - 1))`` has the distribution F(p, N - p). What rounding to a unit u added to a published
    number's variance, u^2/12, is added to the seeds'. A number without spread over the seeds is
    left out where its band, which is exact, holds the published one.

    Args:
        values: (N, p), one row a seed, one column a number.
        published: (p,), the numbers of one table or figure, which one network gave.
        scales: (p,), the scale of each; none where all are linear.
        units: (p,), the unit that each was rounded to; none for numbers that are exact.

    Returns:
        The p-value; None where N is at most p, where numbers depend on one another, where one
        without spread is not the published one, or where one cannot be put on its scale (a rate
        of exactly 0 or 1 that is not known to be counted over images).

    Raises:
        EvidenceError: values that are not finite numbers.

    >>> seeds = [[0.1, 1.0], [0.2, 1.3], [0.15, 1.1], [0.12, 1.2], [0.17, 1.15], [0.14, 1.3]]
    >>> round(joint_p(seeds, [0.15, 1.2]), 2)
    0.98
    """
    x, x0 = as_sample(values, ndim=2), as_sample(published)
    if len(x) == 1:
        return None
    units = units if len(units) else np.zeros(x0.size)
    columns, wanted, rounded = [], [], []
    for k, scale in enumerate(scales or [LINEAR] * x0.size):
        if not has_spread(x[:, k]):
            if not prediction_band(x[:, k], unit=units[k], scale=scale).contains(x0[k]):
                return None
            continue
        z, _, method = scale.apply(np.append(x[:, k], x0[k]))
        if scale.name == "logit" and method == "t":
            return None
        columns.append(z[:-1])
        wanted.append(z[-1])
        rounded.append((_slope(scale, float(x0[k])) * units[k]) ** 2 / 12)
    n, p = len(x), len(columns)
    if not 0 < p < n:
        return None
    z, z0 = np.column_stack(columns), np.array(wanted)
    # On units of each column's own spread, so that "singular" means the same for all.
    d = (z0 - z.mean(axis=0)) / z.std(axis=0, ddof=1)
    s = np.atleast_2d(np.corrcoef(z, rowvar=False))
    if np.linalg.eigvalsh(s)[0] < _SINGULAR:
        return None
    s += np.diag(rounded / z.var(axis=0, ddof=1)) * n / (n + 1)
    from scipy.special import fdtrc

    t2 = n / (n + 1) * float(d @ np.linalg.solve(s, d))
    return float(fdtrc(p, n - p, t2 * (n - p) / (p * (n - 1))))


def _slope(scale: Scale, x: float) -> float:
    """How much of the scale a unit of the value is worth, at a value."""
    if scale.name == "linear":
        return 1.0
    if not scale.images:
        return 1 / (x * (1 - x))
    n = scale.images[0]
    return n * (n + 1) / ((n * x + 0.5) * (n - n * x + 0.5))
