"""Hotelling's test of a whole table by hand, and its size by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
from scipy.stats import f, t
from simulation import near

from repro.errors import EvidenceError
from repro.judge.joint import joint_p
from repro.judge.scales import LINEAR, Scale

TABLE = np.array(
    [[0.10, 1.0], [0.20, 1.3], [0.15, 1.1], [0.12, 1.2], [0.17, 1.15], [0.14, 1.3], [0.11, 1.0]]
)
LOGIT = Scale("logit")


def test_one_number_is_students_test_of_one_more_draw() -> None:
    x = TABLE[:, :1]
    statistic = (0.19 - x.mean()) / (x.std(ddof=1) * math.sqrt(1 + 1 / 7))
    expected = 2 * t.sf(abs(statistic), 6)
    assert joint_p(x, [0.19]) == pytest.approx(expected)


def test_two_numbers_by_hand() -> None:
    d = np.array([0.1, 1.3]) - TABLE.mean(0)
    t2 = 7 / 8 * d @ np.linalg.inv(np.cov(TABLE.T)) @ d
    expected = f.sf(t2 * 5 / (2 * 6), 2, 5)
    assert joint_p(TABLE, [0.1, 1.3]) == pytest.approx(expected)
    assert joint_p(TABLE * [1, 1e6], [0.1, 1.3e6]) == pytest.approx(expected)


def test_rounding_widens_what_a_published_number_may_be() -> None:
    x, unit = TABLE[:, :1], 0.1
    variance = x.var(ddof=1) * (1 + 1 / 7) + unit**2 / 12
    expected = 2 * t.sf(abs(0.19 - x.mean()) / math.sqrt(variance), 6)
    assert joint_p(x, [0.19], units=[unit]) == pytest.approx(expected)
    z = scipy.special.logit(x)
    variance = z.var(ddof=1) * (1 + 1 / 7) + (unit / (0.19 * 0.81)) ** 2 / 12
    expected = 2 * t.sf(abs(scipy.special.logit(0.19) - z.mean()) / math.sqrt(variance), 6)
    assert joint_p(x, [0.19], scales=[LOGIT], units=[unit]) == pytest.approx(expected)


def test_together_the_numbers_say_more_than_one_by_one() -> None:
    """Both lie within a standard deviation, but not as the seeds have them together."""
    x = np.array([[v, v + 0.01 * (-1) ** k] for k, v in enumerate(np.linspace(0, 1, 12))])
    alone = [joint_p(x[:, [k]], [x0]) for k, x0 in enumerate((0.7, 0.3))]
    assert min(alone) > 0.3
    assert joint_p(x, [0.7, 0.3]) < 1e-6


def test_each_number_on_its_own_scale() -> None:
    rates = np.column_stack([1 / (1 + np.exp(-TABLE[:, 0])), TABLE[:, 1]])
    published = [1 / (1 + math.exp(-0.1)), 1.3]
    assert joint_p(rates, published, scales=[LOGIT, LINEAR]) == pytest.approx(
        joint_p(TABLE, [0.1, 1.3])
    )
    for edge in (0.0, 1.0):
        assert joint_p(rates, [edge, 1.3], scales=[LOGIT, LINEAR]) is None


def test_a_number_without_spread_is_left_out_where_it_is_the_published_one() -> None:
    flat = np.column_stack([TABLE[:, 0], np.full(7, 0.5), TABLE[:, 1]])
    expected = joint_p(TABLE, [0.1, 1.3])
    assert joint_p(flat, [0.1, 0.5, 1.3]) == pytest.approx(expected)
    assert joint_p(flat, [0.1, 0.51, 1.3]) is None
    rounded = joint_p(flat, [0.1, 0.51, 1.3], units=[0, 0.02, 0])
    assert rounded == pytest.approx(expected)
    assert joint_p(flat[:, 1:2], [0.5]) is None


def test_a_rate_of_0_or_1_that_was_counted_has_its_logit() -> None:
    rates, n, unit = np.array([[0.98], [1.0], [0.995], [0.99], [0.985]]), 200, 0.01
    counted = [Scale("logit", images=(n,))]
    for published in (1.0, 0.97):
        z = np.log((n * rates + 0.5) / (n - n * rates + 0.5))
        ends = [(n * x + 0.5) / (n - n * x + 0.5) for x in (published, published - 1e-7)]
        slope = (math.log(ends[0]) - math.log(ends[1])) / 1e-7
        variance = z.var(ddof=1) * (1 + 1 / 5) + (unit * slope) ** 2 / 12
        expected = 2 * t.sf(abs(math.log(ends[0]) - z.mean()) / math.sqrt(variance), 4)
        found = joint_p(rates, [published], scales=counted, units=[unit])
        assert found == pytest.approx(expected, rel=1e-4)


def test_no_test_where_numbers_depend_or_seeds_are_too_few() -> None:
    twice = TABLE[:, [0, 0]] * [1.0, 3.0]
    assert joint_p(twice, [0.1, 0.3]) is None
    for few in (1, 2):
        assert joint_p(TABLE[:few], [0.1, 1.3]) is None
    assert joint_p(TABLE[:3], [0.1, 1.3]) is not None
    with pytest.raises(EvidenceError):
        joint_p([[0.1, math.nan]], [0.1, 1.3])


def refuted(shift: float, *, n: int = 10, p: int = 4, reps: int = 1000) -> float:
    """How often a true table, one number of it moved by ``shift`` sd, is refuted at 5 %."""
    root = np.linalg.cholesky(np.full((p, p), 0.6) + 0.4 * np.eye(p))
    rows = np.random.default_rng(n).normal(size=(reps, n + 1, p)) @ root.T
    rows[:, 0, 0] += shift
    return float(np.mean([joint_p(r[1:], r[0]) <= 0.05 for r in rows]))


def test_size_and_power() -> None:
    assert near(refuted(0.0), 0.05, 1000)
    assert refuted(6.0, reps=200) > 0.95
