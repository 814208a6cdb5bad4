"""The judge's adjusted p-values and equivalence against statsmodels'.

statsmodels' two one-sided tests are of two samples' means. A published number is a sample of one,
whose variance the population's stands for: the pooled variance of two samples, one of size one.
"""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from repro.judge.bands import equivalent
from repro.judge.orderings import holm


@pytest.mark.parametrize("seed", range(20))
def test_holm_is_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.uniform(size=rng.integers(1, 60)) ** rng.integers(1, 6)
    if seed % 2:
        p = p.round(2)  # with ties, and exact zeros
    theirs = multipletests(p, alpha=0.05, method="holm")
    ours = holm({str(k): float(each) for k, each in enumerate(p)})
    assert list(ours.values()) == pytest.approx(theirs[1].tolist(), abs=1e-15)
    assert [each <= 0.05 for each in ours.values()] == theirs[0].tolist()


def tost_p(values: np.ndarray, published: float, margin: float) -> float:
    """statsmodels' p-value that the two processes' means differ by at least the margin."""
    samples = CompareMeans(DescrStatsW(values), DescrStatsW([published]))
    return float(samples.ttost_ind(-margin, margin, usevar="pooled")[0])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("n", [5, 10, 30])
def test_equivalence_is_statsmodels_two_one_sided_tests(seed: int, n: int) -> None:
    rng = np.random.default_rng([seed, n])
    values = rng.normal(size=n)
    published = float(rng.normal(scale=2))
    low, high = 0.0, 20.0  # the margin at which statsmodels' p-value is 5 %
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if tost_p(values, published, middle) <= 0.05 else (middle, high)
    assert equivalent(values, published, margin=high + 1e-6)
    assert not equivalent(values, published, margin=high - 1e-6)
