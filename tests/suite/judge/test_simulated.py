"""The judge against simulated populations whose truth is known.

Every rate is compared with the theory's within four binomial standard errors (``near``,
``at_most``); the generators are seeded, so a result never changes by itself. The mutations at
the end break the judge on purpose and show that the same checks notice.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.special
from scipy.stats import binom, nct
from scipy.stats import t as student
from simulation import REPS, Draw, at_most, coverage, near

from repro.claims.verdict import PASSING, Verdict
from repro.judge import bands as stats
from repro.judge.freshness import is_stale
from repro.judge.verdicts import (
    Judgement,
    judge_curve,
    judge_ordering,
    judge_value,
)

STDTRIT = scipy.special.stdtrit  # the mutations replace it


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(0.9, 0.01, shape)


def half_way(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """The mean lies between two multiples of 0.05: rounding to them moves every draw."""
    return rng.normal(0.925, 0.01, shape)


def logit_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Error rates near 0 whose band on the linear scale would cross it."""
    return scipy.special.expit(rng.normal(-6.0, 0.8, shape))


def at_ceiling(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Success rates on 10,000 images: two failures on average, and often none."""
    return 1 - rng.poisson(2.0, shape) / 10_000


def judged(
    n: int, *, margin: float, shift: float = 0.0, reps: int = REPS, **settings: float
) -> list[Judgement]:
    """Populations of standard normals; the published value is one draw, moved by ``shift``."""
    rows = np.random.default_rng(n).normal(size=(reps, n + 1))
    return [
        judge_value(row[1:], published=row[0] + shift, unit=0.0, margin=margin, **settings)
        for row in rows
    ]


def share(judgements: list[Judgement], *verdicts: Verdict) -> float:
    return float(np.mean([j.verdict in verdicts for j in judgements]))


@pytest.mark.parametrize("n", [5, 10, 20])
@pytest.mark.parametrize(("draw", "scale"), [(normal, "linear"), (logit_normal, "logit")])
def test_prediction_band_holds_one_more_training_95_times_in_100(
    draw: Draw, scale: str, n: int
) -> None:
    assert near(coverage(draw, n, scale=scale), 0.95, REPS)


@pytest.mark.parametrize("n", [5, 20])
def test_order_statistics_hold_what_their_level_says(n: int) -> None:
    rows = np.random.default_rng(n).uniform(size=(REPS, n + 1))  # any continuous law serves
    bands = [stats.prediction_band(row[1:], bounds=(0, 1)) for row in rows]
    order = [b.method == "order" for b in bands]
    assert np.mean(order) > 0.5  # a uniform's band nearly always crosses 0 or 1
    hits = [b.low <= x <= b.high for b, x in zip(bands, rows[:, 0], strict=True)]
    extremes = (rows[:, 1:].min(1) <= rows[:, 0]) & (rows[:, 0] <= rows[:, 1:].max(1))
    assert near(float(extremes.mean()), (n - 1) / (n + 1), REPS)
    assert np.array_equal(np.array(hits)[order], extremes[order])


def test_widening_pays_for_the_papers_rounding() -> None:
    assert at_most(1 - coverage(half_way, 20, unit=0.05), 0.05, REPS)


def test_simultaneous_bands_hold_a_whole_curve_95_times_in_100() -> None:
    reps, n, k = 1500, 10, 6
    rows = np.random.default_rng(1).normal(size=(reps, n + 1, k))
    held = [
        all(b.contains(x) for b, x in zip(stats.simultaneous_bands(r[1:]), r[0], strict=True))
        for r in rows
    ]
    assert near(float(np.mean(held)), (1 - 0.05 / k) ** k, reps)  # independent: 95.1 %
    one = np.repeat(rows[:400, :, :1], k, axis=2)  # fully dependent: 99.2 %
    held = [
        all(b.contains(x) for b, x in zip(stats.simultaneous_bands(r[1:]), r[0], strict=True))
        for r in one
    ]
    assert near(float(np.mean(held)), 1 - 0.05 / k, 400)


@pytest.mark.parametrize("n", [5, 20])
def test_a_true_claim_is_reproduced_at_95_percent_and_the_rest_is_a_miss(n: int) -> None:
    wide = judged(n, margin=100.0)  # every band is narrow enough; TOST rescues every miss
    assert near(share(wide, Verdict.REPRODUCED), 0.95, REPS)
    assert share(wide, Verdict.REPRODUCED, Verdict.EQUIVALENT) == 1
    tight = judged(n, margin=0.02)  # no band is, and TOST rescues none
    assert near(share(tight, Verdict.NOT_REPRODUCED), 0.05, REPS)
    assert near(share(tight, Verdict.INCONCLUSIVE), 0.95, REPS)
    above = [j.miss == "above" for j in tight if j.miss]
    assert near(float(np.mean(above)), 0.5, len(above))


@pytest.mark.parametrize(("n", "shift"), [(5, 3.0), (5, 6.0), (20, 1.0), (20, 3.0)])
def test_a_false_claim_is_caught_as_often_as_theory_says(n: int, shift: float) -> None:
    cut, ncp = student.ppf(0.975, n - 1), shift / math.sqrt(1 + 1 / n)
    above, below = nct.sf(cut, n - 1, ncp), nct.cdf(-cut, n - 1, ncp)
    judgements = judged(n, margin=0.02, shift=shift, reps=2500)
    assert near(share(judgements, Verdict.NOT_REPRODUCED), above + below, 2500)
    assert near(float(np.mean([j.miss == "above" for j in judgements])), above, 2500)


def test_trend_only_replaces_not_reproduced_and_nothing_else() -> None:
    plain = judged(10, margin=0.02, shift=2.0, reps=800)
    trend = judged(10, margin=0.02, shift=2.0, reps=800, trend_p=0.01)
    swap = {Verdict.NOT_REPRODUCED: Verdict.TREND_ONLY}
    assert [swap.get(j.verdict, j.verdict) for j in plain] == [j.verdict for j in trend]
    assert share(trend, Verdict.TREND_ONLY) > 0.2


@pytest.mark.parametrize("n", [5, 20])
def test_tost_at_the_margins_edge_errs_5_times_in_100(n: int) -> None:
    rows = np.random.default_rng(n).normal(size=(REPS, n))
    for edge in (-4.0, 4.0):
        false = [stats.equivalent(row, edge, margin=4.0) for row in rows]
        assert near(float(np.mean(false)), 0.05, REPS)
    tight = [stats.equivalent(row, 0.3, margin=0.3) for row in rows]
    assert at_most(float(np.mean(tight)), 0.05, REPS)  # conservative, by design


def test_tost_on_the_logit_scale_and_at_a_ceiling() -> None:
    n = 20
    rows = logit_normal(np.random.default_rng(2), (REPS, n))
    truth = scipy.special.expit(-6.0)
    # the margin's edge above the truth; the other one lies beyond 0
    false = [stats.equivalent(r, truth + 0.01, margin=0.01, scale="logit") for r in rows]
    assert near(float(np.mean(false)), 0.05, REPS)
    capped = np.minimum(1, np.random.default_rng(3).normal(0.99, 0.01, (REPS, n)))
    false = [stats.equivalent(r, 1.0, margin=0.01, scale="logit") for r in capped if r.max() == 1]
    assert at_most(float(np.mean(false)), 0.05, len(false))  # truth: the median, 0.99


def test_sign_tests_size_and_power() -> None:
    n = 20
    rows = np.random.default_rng(4).normal(size=(REPS, n))
    least = int(binom.isf(0.05, n, 0.5)) + 1  # 15 of 20
    for effect in (0.0, 0.5, 1.0):
        wins = float(scipy.special.ndtr(effect))
        rejected = np.mean([stats.sign_test(row + effect) <= 0.05 for row in rows])
        assert near(float(rejected), float(binom.sf(least - 1, n, wins)), REPS)
    ties = np.where(np.abs(rows) < 0.2, 0.0, rows)
    assert np.mean([stats.sign_test(row) <= 0.05 for row in ties]) < 0.01


def familywise(adjust: Callable[[dict[str, float]], dict[str, float]]) -> float:
    """How often any of 36 true null hypotheses among 40 is rejected."""
    p = np.random.default_rng(5).uniform(size=(REPS, 40))
    p[:, :4] *= 1e-6  # four real effects, always rejected: Holm's steps count
    names = [str(k) for k in range(40)]
    rejected = (adjust(dict(zip(names, row, strict=True))) for row in p.tolist())
    return float(np.mean([any(r[k] <= 0.05 for k in names[4:]) for r in rejected]))


def test_holm_holds_the_familywise_error() -> None:
    assert near(familywise(stats.holm), 1 - (1 - 0.05 / 36) ** 36, REPS)


def test_orderings_are_claimed_and_refuted_at_their_rates() -> None:
    n, reps = 20, 2000
    rows = np.random.default_rng(6).normal(size=(reps, n))
    size = float(binom.sf(14, n, 0.5))
    null = [judge_ordering(r, p_adjusted=stats.sign_test(r)) for r in rows]
    assert near(share(null, Verdict.REPRODUCED), size, reps)
    assert near(share(null, Verdict.NOT_REPRODUCED), size, reps)
    reverse = [judge_ordering(r, p_adjusted=stats.sign_test(r)) for r in rows - 1.0]
    power = float(binom.sf(14, n, scipy.special.ndtr(1.0)))
    assert near(share(reverse, Verdict.NOT_REPRODUCED), power, reps)
    assert share(reverse, *PASSING) == 0


def test_freshness_gate_alarms_once_in_a_thousand_and_sees_a_change() -> None:
    n, reps = 20, 10_000
    rows = np.random.default_rng(7).normal(size=(reps, n + 1))
    gates = [stats.gate_band(row[1:]) for row in rows]
    alarms = [not g.contains(x) for g, x in zip(gates, rows[:, 0], strict=True)]
    assert near(float(np.mean(alarms)), 0.001, reps)
    moved = [not g.contains(x + 10) for g, x in zip(gates, rows[:, 0], strict=True)]
    assert np.mean(moved) > 0.99


def test_freshness_gate_at_a_ceiling_alarms_rarely_and_sees_a_change() -> None:
    rows = at_ceiling(np.random.default_rng(8), (1500, 21))
    judgements = [
        judge_value(r[1:], published=1.0, unit=1e-4, margin=0.01, scale="logit") for r in rows
    ]
    assert all(is_stale(0.99, j) for j in judgements)
    alarms = np.array([is_stale(x, j) for x, j in zip(rows[:, 0], judgements, strict=True)])
    clipped = np.array([j.gate.method == "t" for j in judgements])
    assert alarms[clipped].mean() < 0.01
    # no seed gave an exact 1, so the gate is t-logit, and that one excludes an exact 1
    assert (rows[alarms & ~clipped, 0] == 1).all()
    assert alarms.mean() < 0.02


def ceiling_curve_false_alarms(reps: int = 300) -> float:
    rows = at_ceiling(np.random.default_rng(9), (reps, 21, 6))
    judgements = [
        judge_curve(r[1:], published=r[0], unit=1e-4, margin=1e-9, scale="logit") for r in rows
    ]
    return share(judgements, Verdict.NOT_REPRODUCED)


def test_a_true_curve_at_a_ceiling_is_not_refuted() -> None:
    assert at_most(ceiling_curve_false_alarms(), 0.05, 300)


# Mutations: the judge is broken on purpose, and a check above must notice.


def z_for_t(_df: float, p: float) -> float:
    return float(scipy.special.ndtri(p))


def one_sided(df: float, p: float) -> float:
    return float(STDTRIT(df, 1 - 2 * (1 - p)))


def swapped_tail(df: float, p: float) -> float:
    return float(STDTRIT(df, 1 - p))


@pytest.mark.parametrize("quantile", [z_for_t, one_sided, swapped_tail])
def test_mutant_quantile_is_caught(
    monkeypatch: pytest.MonkeyPatch, quantile: Callable[[float, float], float]
) -> None:
    monkeypatch.setattr("scipy.special.stdtrit", quantile)
    assert not near(coverage(normal, 5, scale="linear", reps=1500), 0.95, 1500)
    assert not near(coverage(logit_normal, 5, scale="logit", reps=1500), 0.95, 1500)


def test_mutant_without_the_new_draws_own_spread_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = stats._t_edges
    monkeypatch.setattr(stats, "_t_edges", lambda x, level, _factor: original(x, level, 1.0))
    assert not near(coverage(normal, 5, reps=2 * REPS), 0.95, 2 * REPS)


def test_mutant_with_the_means_interval_for_the_draws_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = stats._t_edges
    monkeypatch.setattr(stats, "_t_edges", lambda x, lv, _f: original(x, lv, len(x) ** -0.5))
    assert not near(coverage(normal, 20, reps=500), 0.95, 500)


def test_mutant_with_the_biased_standard_deviation_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stats, "_spread", lambda x: float(x.std(ddof=0)))
    assert not near(coverage(normal, 5), 0.95, REPS)


def test_mutant_without_the_widening_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "_widen", lambda band, _unit, _limits: band)
    assert not at_most(1 - coverage(half_way, 20, unit=0.05), 0.05, REPS)


def test_mutant_on_the_wrong_scale_is_caught() -> None:
    rows = logit_normal(np.random.default_rng(21), (300, 20))
    linear, logit = (
        np.mean([stats.prediction_band(row, scale=scale).low < 0 for row in rows])
        for scale in ("linear", "logit")
    )
    assert linear > 0.5
    assert logit == 0


def test_mutant_tost_at_80_percent_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    original = stats.mean_interval

    def looser(values: np.ndarray, *, level: float, **settings: object) -> stats.Band:
        band = original(values, level=2 * level - 1, **settings)
        return stats.Band(band.low, band.high, level, band.method)

    monkeypatch.setattr(stats, "mean_interval", looser)
    rows = np.random.default_rng(20).normal(size=(REPS, 20))
    false = [stats.equivalent(row, 4.0, margin=4.0) for row in rows]
    assert not at_most(float(np.mean(false)), 0.05, REPS)


@pytest.mark.parametrize(
    "tail",
    [lambda k, n, p: scipy.special.bdtr(k + 1, n, p), lambda k, n, p: binom.sf(k + 1, n, p)],
    ids=["lower tail", "k not counted"],
)
def test_mutant_sign_test_is_caught(
    monkeypatch: pytest.MonkeyPatch, tail: Callable[[int, int, float], float]
) -> None:
    monkeypatch.setattr("scipy.special.bdtrc", tail)
    rows = np.random.default_rng(4).normal(size=(800, 20))
    size, power = (
        float(np.mean([stats.sign_test(row + effect) <= 0.05 for row in rows]))
        for effect in (0.0, 1.0)
    )
    assert not (
        near(size, float(binom.sf(14, 20, 0.5)), 800)
        and near(power, float(binom.sf(14, 20, scipy.special.ndtr(1.0))), 800)
    )


def test_mutant_without_holm_is_caught() -> None:
    assert not at_most(familywise(dict), 0.05, REPS)
    too_few_steps = familywise(lambda p: {k: 4 * v for k, v in p.items()})
    assert not at_most(too_few_steps, 0.05, REPS)


def test_mutant_that_trusts_short_order_statistics_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "repro.judge.verdicts.clipped_band", lambda *_, **__: stats.Band(2.0, 3.0, 0.95, "t")
    )
    assert not at_most(ceiling_curve_false_alarms(), 0.05, 300)


def test_mutant_that_swaps_the_miss_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    original = stats.Band.distance
    monkeypatch.setattr(stats.Band, "distance", lambda band, x: -original(band, x))
    above = [j.miss == "above" for j in judged(20, margin=0.02, shift=3.0, reps=300)]
    assert not near(float(np.mean(above)), 0.8, 300)
