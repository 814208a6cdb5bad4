"""Sign tests and Holm's adjustment by hand."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from repro.judge.orderings import holm, seeds_for_ordering, sign_test
from repro.judge.precision import MOST_SEEDS


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1, 1, 1, 1, 1], 1 / 32),
        ([1, 1, 1, 1, -1], 6 / 32),
        ([1, 1, 1, 1, 0], 6 / 32),  # a tie counts against the ordering
        ([-1, -1, -1, -1, -1], 1.0),
        ([0, 0, 0], 1.0),
        ([0.1], 0.5),
    ],
)
def test_sign_test(differences: list[float], p: float) -> None:
    assert sign_test(differences) == pytest.approx(p, rel=1e-12)


def test_identical_differences_count_one_by_one() -> None:
    assert sign_test([0.3] * 10) == pytest.approx(2**-10)


def test_holm_by_hand() -> None:
    p = {"c": 0.04, "a": 0.01, "d": 0.5, "b": 0.02}
    assert holm(p) == pytest.approx({"c": 0.08, "a": 0.04, "d": 0.5, "b": 0.06})
    assert list(holm(p)) == ["c", "a", "d", "b"]


def test_holm_is_monotone_and_capped() -> None:
    assert holm({"a": 0.02, "b": 0.021, "c": 0.9}) == pytest.approx(
        {"a": 0.06, "b": 0.06, "c": 0.9}  # 2 x 0.021 = 0.042 may not undercut 0.06
    )
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}
    assert holm({"a": 0.3}) == {"a": 0.3}
    assert holm({"a": 0.0, "b": 0.02, "c": 0.0}) == {"a": 0.0, "b": 0.02, "c": 0.0}
    assert holm({}) == {}


def test_the_step_down_decides_what_so_few_seeds_can_show() -> None:
    """Ten seeds reach 2^-10. Bonferroni over 60 refuses it; behind 20 surer ones Holm does not."""
    alone = {f"o{k}": 2.0**-10 for k in range(60)}
    assert holm(alone)["o0"] > 0.05
    surer = {f"o{k}": 2.0**-20 for k in range(20)}
    assert holm(alone | surer)["o59"] == pytest.approx(40 * 2.0**-10)
    assert holm(alone | surer)["o59"] <= 0.05


@pytest.mark.parametrize(("family", "seeds"), [(1, 6), (2, 6), (4, 7), (20, 9), (30, 10)])
def test_deciding_seeds_of_an_ordering_that_always_holds(family: int, seeds: int) -> None:
    assert seeds_for_ordering([1.0] * 5, family=family) == seeds
    if seeds > 6:
        assert family * 2.0 ** -(seeds - 1) > 0.05
    assert family * 2.0**-seeds <= 0.05


def test_deciding_seeds_of_an_ordering_that_wins_now_and_then() -> None:
    n = seeds_for_ordering([1, 1, 1, 1, -1, 1, -1, 1])  # three of four
    assert binomtest(round(0.75 * n), n, alternative="greater").pvalue <= 0.05
    assert binomtest(round(0.75 * (n - 1)), n - 1, alternative="greater").pvalue > 0.05


def test_no_adjustment_counts_against_what_loses() -> None:
    losing = [-1.0, -1.0, -1.0, -1.0, 1.0]
    assert seeds_for_ordering(losing, family=30) == seeds_for_ordering([-v for v in losing])


def test_an_even_ordering_is_never_decided() -> None:
    assert seeds_for_ordering([1.0, -1.0, 1.0, -1.0]) == MOST_SEEDS
    assert seeds_for_ordering([0.0] * 6) == MOST_SEEDS
