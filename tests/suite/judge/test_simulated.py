"""The judge against simulated populations whose truth is known.

Every rate is compared with the theory's within four binomial standard errors (``near``,
``at_most``); the generators are seeded, so a result never changes by itself. The mutations at
the end break the judge on purpose and show that the same checks notice. Curves: test_curves.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.special
from scipy.stats import binom, chi2, nct
from scipy.stats import t as student
from simulation import (
    REPS,
    Draw,
    at_most,
    coverage,
    equivalents,
    equivalents_on_the_logit,
    logit_normal,
    near,
    noise_shown,
    normal,
)

from repro.claims.verdict import PASSING, Verdict
from repro.judge import bands
from repro.judge.orderings import holm, sign_test
from repro.judge.scales import Scale
from repro.judge.verdicts import Judgement, Trend, judge_numbers, judge_ordering

STDTRIT = scipy.special.stdtrit  # the mutations replace it
CHDTRI = scipy.special.chdtri


def half_way(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """The mean lies between two multiples of 0.05: rounding to them moves every draw."""
    return rng.normal(0.925, 0.01, shape)


def judged(
    n: int, *, margin: float, shift: float = 0.0, reps: int = REPS, **settings: object
) -> list[Judgement]:
    """Populations of standard normals; the published value is one draw, moved by ``shift``."""
    rows = np.random.default_rng(n).normal(size=(reps, n + 1))
    return [
        judge_numbers(row[1:], published=row[0] + shift, unit=0.0, margin=margin, **settings)
        for row in rows
    ]


def share(judgements: list[Judgement], *verdicts: Verdict) -> float:
    return float(np.mean([j.verdict in verdicts for j in judgements]))


# Bands.


@pytest.mark.parametrize("n", [5, 20])
@pytest.mark.parametrize(("draw", "scale"), [(normal, "linear"), (logit_normal, "logit")])
def test_prediction_band_holds_one_more_training_95_times_in_100(
    draw: Draw, scale: str, n: int
) -> None:
    assert near(coverage(draw, n, scale=Scale(scale)), 0.95, REPS)


def test_widening_pays_for_the_papers_rounding() -> None:
    assert at_most(1 - coverage(half_way, 20, unit=0.05), 0.05, REPS)


# Verdicts.


@pytest.mark.parametrize("n", [5, 20])
def test_a_true_claim_is_reproduced_at_95_percent_and_the_rest_is_a_miss(n: int) -> None:
    wide = judged(n, margin=100.0)  # every band is narrow enough; every miss is equivalent
    assert near(share(wide, Verdict.REPRODUCED), 0.95, REPS)
    assert share(wide, Verdict.REPRODUCED, Verdict.EQUIVALENT) == 1
    tight = judged(n, margin=0.02)  # no band is, and no miss is
    assert near(share(tight, Verdict.NOT_REPRODUCED), 0.05, REPS)
    assert near(share(tight, Verdict.INCONCLUSIVE), 0.95, REPS)
    above = [j.miss == "above" for j in tight if j.miss]
    assert near(float(np.mean(above)), 0.5, len(above))


@pytest.mark.parametrize(("n", "shift"), [(5, 3.0), (20, 1.0), (20, 3.0)])
def test_a_false_claim_is_caught_as_often_as_theory_says(n: int, shift: float) -> None:
    cut, ncp = student.ppf(0.975, n - 1), shift / math.sqrt(1 + 1 / n)
    above, below = nct.sf(cut, n - 1, ncp), nct.cdf(-cut, n - 1, ncp)
    judgements = judged(n, margin=0.02, shift=shift)
    assert near(share(judgements, Verdict.NOT_REPRODUCED), above + below, REPS)
    assert near(float(np.mean([j.miss == "above" for j in judgements])), above, REPS)


def test_trend_only_replaces_not_reproduced_and_nothing_else() -> None:
    plain = judged(10, margin=0.02, shift=2.0, reps=500)
    trend = judged(10, margin=0.02, shift=2.0, reps=500, trend=Trend([1.0] * 10, 0.01))
    swap = {Verdict.NOT_REPRODUCED: Verdict.TREND_ONLY}
    assert [swap.get(j.verdict, j.verdict) for j in plain] == [j.verdict for j in trend]
    assert share(trend, Verdict.TREND_ONLY) > 0.2


@pytest.mark.parametrize("n", [5, 20])
@pytest.mark.parametrize("times", [1.0, 2.0])
def test_the_noise_is_shown_wrongly_5_times_in_100_and_rightly_as_theory_says(
    n: int, times: float
) -> None:
    expected = chi2.sf(chi2.ppf(0.95, n - 1) / times**2, n - 1)
    assert near(noise_shown(n, times), expected, REPS)


@pytest.mark.parametrize("n", [10, 20])
def test_a_protocol_as_noisy_as_the_margin_is_rarely_called_consistent(n: int) -> None:
    settings = {"control": [99.0] * n, "reps": 400}
    edge = share(judged(n, margin=1.96, **settings), Verdict.CONSISTENT)
    assert at_most(edge, 0.05, 400)
    noisy = judged(n, margin=1.0, **settings)
    assert share(noisy, Verdict.CONSISTENT) > (0.8 if n == 20 else 0.5)
    assert share(judged(n, margin=1.0, reps=100), Verdict.CONSISTENT) == 0  # no control


@pytest.mark.parametrize("n", [5, 20])
def test_equivalence_at_the_margins_edge_errs_5_times_in_100(n: int) -> None:
    for edge in (-8.0, 8.0):
        assert near(equivalents(n, 8.0, edge), 0.05, REPS)
    assert at_most(equivalents(n, 2.0, 2.0), 0.05, REPS)  # conservative, by design
    assert equivalents(n, 8.0, 0.0, reps=500) > 0.95


def test_equivalence_on_the_logit_scale_errs_5_times_in_100_on_the_steep_side() -> None:
    """Towards 1/2 the same spread is a larger one in rates; beyond 1 there is no room to err."""
    assert near(equivalents_on_the_logit(10, -0.9), 0.05, REPS)
    assert equivalents_on_the_logit(10, 0.9) < 0.01


# Orderings.


def test_sign_tests_size_and_power() -> None:
    n = 20
    rows = np.random.default_rng(4).normal(size=(REPS, n))
    least = int(binom.isf(0.05, n, 0.5)) + 1  # 15 of 20
    for effect in (0.0, 0.5, 1.0):
        wins = float(scipy.special.ndtr(effect))
        rejected = np.mean([sign_test(row + effect) <= 0.05 for row in rows])
        assert near(float(rejected), float(binom.sf(least - 1, n, wins)), REPS)
    ties = np.where(np.abs(rows) < 0.2, 0.0, rows)
    assert np.mean([sign_test(row) <= 0.05 for row in ties]) < 0.01


def familywise(adjust: Callable[[dict[str, float]], dict[str, float]]) -> float:
    """How often any of 36 true null hypotheses among 40 is rejected."""
    p = np.random.default_rng(5).uniform(size=(REPS, 40))
    p[:, :4] *= 1e-6  # four real effects, always rejected: Holm's steps count
    names = [str(k) for k in range(40)]
    rejected = (adjust(dict(zip(names, row, strict=True))) for row in p.tolist())
    return float(np.mean([any(r[k] <= 0.05 for k in names[4:]) for r in rejected]))


def test_holm_holds_the_familywise_error() -> None:
    assert near(familywise(holm), 1 - (1 - 0.05 / 36) ** 36, REPS)


def test_orderings_are_claimed_and_refuted_at_their_rates() -> None:
    n, reps = 20, 800
    rows = np.random.default_rng(6).normal(size=(reps, n))
    size = float(binom.sf(14, n, 0.5))
    null = [judge_ordering(Trend(r, sign_test(r))) for r in rows]
    assert near(share(null, Verdict.REPRODUCED), size, reps)
    assert near(share(null, Verdict.NOT_REPRODUCED), size, reps)
    reverse = [judge_ordering(Trend(r, sign_test(r))) for r in rows - 1.0]
    power = float(binom.sf(14, n, scipy.special.ndtr(1.0)))
    assert near(share(reverse, Verdict.NOT_REPRODUCED), power, reps)
    assert share(reverse, *PASSING) == 0


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
    assert not near(coverage(normal, 5, reps=1500), 0.95, 1500)
    assert not near(coverage(logit_normal, 5, scale=Scale("logit"), reps=1500), 0.95, 1500)


@pytest.mark.parametrize("n", [5, 20])
def test_mutant_without_one_of_the_two_spreads_is_caught(
    monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    """``sqrt(1/N)`` in the place of ``sqrt(1 + 1/N)``, in the band and in the equivalence."""
    root = math.sqrt

    class Broken:
        def __getattr__(self, name: str) -> object:
            return getattr(math, name)

        @staticmethod
        def sqrt(x: float) -> float:
            return root(x - 1) if 1 < x < 2 else root(x)

    monkeypatch.setattr(bands, "math", Broken())
    assert not near(coverage(normal, n, reps=500), 0.95, 500)
    assert not at_most(equivalents(n, 8.0, 8.0, reps=1000), 0.05, 1000)


def test_mutant_that_asks_one_side_of_the_equivalence_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The 90 % band within x0 +- margin alone errs in a quarter of the cases on the logit."""
    monkeypatch.setattr(bands, "all", lambda found: list(found)[:2] == [True, True], raising=False)
    assert not at_most(equivalents_on_the_logit(10, -0.9, reps=500), 0.05, 500)


def test_mutant_that_takes_s_for_its_lower_limit_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scipy.special.chdtri", lambda df, _p: df)
    assert not at_most(noise_shown(20, 1.0, reps=500), 0.05, 500)


def test_mutant_that_takes_the_upper_limit_of_s_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scipy.special.chdtri", lambda df, p: CHDTRI(df, 1 - p))
    assert not at_most(noise_shown(20, 1.0, reps=500), 0.05, 500)


def test_mutant_on_the_wrong_scale_is_caught() -> None:
    rows = logit_normal(np.random.default_rng(21), (300, 20))
    linear, logit = (
        np.mean([bands.prediction_band(row, scale=Scale(scale)).low < 0 for row in rows])
        for scale in ("linear", "logit")
    )
    assert linear > 0.5
    assert logit == 0


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
        float(np.mean([sign_test(row + effect) <= 0.05 for row in rows])) for effect in (0.0, 1.0)
    )
    assert not (
        near(size, float(binom.sf(14, 20, 0.5)), 800)
        and near(power, float(binom.sf(14, 20, scipy.special.ndtr(1.0))), 800)
    )


def test_mutant_without_holm_is_caught() -> None:
    assert not at_most(familywise(dict), 0.05, REPS)
    too_few_steps = familywise(lambda p: {k: 4 * v for k, v in p.items()})
    assert not at_most(too_few_steps, 0.05, REPS)


def test_mutant_that_swaps_the_miss_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    original = bands.Band.distance
    monkeypatch.setattr(bands.Band, "distance", lambda band, x: -original(band, x))
    above = [j.miss == "above" for j in judged(20, margin=0.02, shift=3.0, reps=300)]
    assert not near(float(np.mean(above)), 0.8, 300)
