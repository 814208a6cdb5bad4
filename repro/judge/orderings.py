"""Tests of orderings over seeds: the sign test, and Holm's adjustment for many of them."""

from __future__ import annotations

from collections.abc import Mapping

from repro.judge.bands import Values, as_sample
from repro.judge.precision import MOST_SEEDS

ALPHA = 0.05
"""The level of every test of an ordering."""


def sign_test(differences: Values) -> float:
    """Return the exact one-sided p-value that the median difference is above 0.

    ``P(Bin(N, 1/2) >= k)``, where ``k`` counts the differences above 0 among all N: a tie counts
    against the ordering.

    Raises:
        EvidenceError: no differences, or one that is NaN or infinite.

    >>> sign_test([0.1, 0.2, 0.1, 0.3, 0.2])
    0.03125
    """
    from scipy.special import bdtrc

    d = as_sample(differences)
    return float(bdtrc(int((d > 0).sum()) - 1, d.size, 0.5))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return Holm's adjusted p-values, in the order of the argument.

    For ``p_(1) <= ... <= p_(K)``: ``max over j <= i of min(1, (K - j + 1) p_(j))``. Rejecting
    where the adjusted value is at most alpha holds the familywise error at alpha, whatever
    the dependence.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    factors = holm_factors(p_values)
    return {name: min(1.0, factors[name] * p) for name, p in p_values.items()}


def holm_factors(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return by how much Holm multiplies each p-value, before it stops at 1.

    >>> holm_factors({"a": 0.25, "b": 0.5, "c": 0.5})
    {'a': 3.0, 'b': 2.0, 'c': 2.0}
    """
    factors: dict[str, float] = {}
    running = 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        factor = len(p_values) - rank
        running = max(running, factor * p_values[name])
        factors[name] = running / p_values[name] if p_values[name] else factor
    return factors


def seeds_for_ordering(differences: Values, *, family: int = 1) -> int:
    """Return how many seeds would decide an ordering that wins as often as it does today.

    The smallest N > n at which the share of wins (or of losses, where these are more, against
    which no adjustment counts) is significant at :data:`ALPHA`; :data:`MOST_SEEDS` where none is.

    Args:
        differences: one a seed, above 0 where the ordering holds.
        family: by how much Holm multiplies the p-value of the ordering.

    >>> seeds_for_ordering([1.0, 1.0, 1.0, 1.0, 1.0], family=20)
    9
    """
    from scipy.special import bdtrc

    d = as_sample(differences)
    wins, losses = int((d > 0).sum()), int((d < 0).sum())
    factor = family if wins > losses else 1
    share = max(wins, losses) / d.size
    for n in range(d.size + 1, MOST_SEEDS):
        if factor * float(bdtrc(round(share * n) - 1, n, 0.5)) <= ALPHA:
            return n
    return MOST_SEEDS
