"""All numbers of one table at once: are they a draw from the population, together?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from repro.judge.bands import Values, as_sample, has_spread
from repro.judge.scales import Array, to_logit

_SINGULAR = 1e-10


def joint_p(
    values: Sequence[Sequence[float]] | Array,
    published: Values,
    *,
    scales: Sequence[Literal["linear", "logit"]],
    units: Values = (),
) -> float | None:
    """Return Hotelling's p-value that one more training gives all the published numbers.

    ``T^2 = N/(N + 1) (x0 - m)' S^-1 (x0 - m)``, each number on its own scale; ``T^2 (N - p) /
    (p (N - 1))`` has the distribution F(p, N - p). What rounding to a unit u added to a published
    number's variance, u^2/12, is added to the seeds'. A number without spread over the seeds is
    left out; its own verdict says whether it is the published one.

    Args:
        values: (N, p), one row a seed, one column a number.
        published: (p,), the numbers of one table or figure, which one network gave.
        scales: (p,), the scale of each.
        units: (p,), the unit that each was rounded to; none for numbers that are exact.

    Returns:
        The p-value; None where N is at most p, where numbers depend on one another, or where one
        cannot be put on its scale (a rate of exactly 0 or 1).

    Raises:
        EvidenceError: values that are not finite numbers.

    >>> seeds = [[0.1, 1.0], [0.2, 1.3], [0.15, 1.1], [0.12, 1.2], [0.17, 1.15], [0.14, 1.3]]
    >>> round(joint_p(seeds, [0.15, 1.2], scales=["linear", "linear"]), 2)
    0.98
    """
    x, x0 = as_sample(values, ndim=2), as_sample(published)
    kept = [k for k in range(x.shape[1]) if has_spread(x[:, k])]
    columns, wanted, rounded = [], [], []
    for k in kept:
        both = np.append(x[:, k], x0[k])
        z = both if scales[k] == "linear" else to_logit(both)
        if z is None:
            return None
        columns.append(z[:-1])
        wanted.append(z[-1])
        slope = 1.0 if scales[k] == "linear" else 1 / (x0[k] * (1 - x0[k]))
        rounded.append((slope * units[k]) ** 2 / 12 if len(units) else 0.0)
    n, p = len(x), len(kept)
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
