"""The judge: what a population of independent trainings says of a published claim.

Pure functions of the population and the claim's record, after the verdict table that
``docs/statistics.md`` explains. Fewer than five seeds, or seeds without spread, are never
evidence: such a population is ``inconclusive`` whatever the paper says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from repro.claims.verdict import Verdict
from repro.errors import ClaimsError, EvidenceError
from repro.judge.bands import (
    SLACK,
    Band,
    NoBandError,
    Values,
    as_sample,
    bonferroni,
    check_p,
    check_setting,
    clipped_band,
    equivalent,
    gate_band,
    prediction_band,
    sign_test,
)
from repro.judge.scales import Array, Bounds, Scale, images_of, limits_of

Miss = Literal["above", "below"]

LEVEL = 0.95
GATE_LEVEL = 0.999
MIN_SEEDS = 5


@dataclass(frozen=True)
class PointJudgement:
    """One point of a curve.

    Attributes:
        index: position in the published vector, from 0.
        published: the published value.
        mean: the population's mean at this point.
        band: its simultaneous 95 % prediction band, widened; None where there is none.
        inside: whether ``published`` lies in ``band`` (False without a band).
        gate: its simultaneous 99.9 % band, not widened; None where there is none.
        miss: the side of the band on which ``published`` lies; None inside or without a band.
        sd: the population's standard deviation (ddof = 1); None for one seed.
    """

    index: int
    published: float
    mean: float
    band: Band | None
    inside: bool
    gate: Band | None = None
    miss: Miss | None = None
    sd: float | None = None


@dataclass(frozen=True)
class Judgement:
    """A verdict with the numbers it rests on.

    Attributes:
        verdict: the verdict.
        n: seeds in the population.
        mean: the population's mean (of the differences for an ordering); None for a curve.
        sd: its standard deviation (ddof = 1); None for a curve or one seed.
        band: the 95 % prediction band, widened; None for a curve or an ordering, for fewer
            than five seeds, and without spread.
        gate: the 99.9 % prediction band, not widened: the freshness gate; None as for ``band``,
            except that an ordering has one, on the differences.
        miss: the side of the band on which the published value lies, None inside: ``above``
            means published above the population. For a curve, the side that all missed points
            share. For an ordering, ``below`` where the differences lie below 0.
        p: the adjusted p-value of the claim's ordering, as it was given.
        reason: one sentence with the numbers.
        points: for a curve, one entry a point.
    """

    verdict: Verdict
    n: int
    mean: float | None
    sd: float | None
    band: Band | None
    gate: Band | None
    miss: Miss | None
    p: float | None
    reason: str
    points: tuple[PointJudgement, ...] = ()


@dataclass(frozen=True)
class _Criterion:
    """What published numbers must meet that are judged together; ``images`` has one entry each."""

    unit: float
    margin: float
    scale: Scale
    bounds: Bounds | None
    images: Sequence[int | None]

    def check(self, published: Values, trend_p: float | None) -> None:
        check_setting("rounding unit", self.unit)
        check_setting("margin", self.margin, positive=True)
        for images in self.images:
            limits_of(self.scale, self.bounds, images)
        if trend_p is not None:
            check_p(trend_p, "the ordering")
        try:
            as_sample(published, scale=self.scale, bounds=self.bounds)
        except EvidenceError as error:
            raise ClaimsError(
                f"published value: {error.found}",
                expected=error.expected,
                do="correct the published value, its scale or its bounds in the claim's record",
            ) from error


@dataclass(frozen=True)
class _Standing:
    """Where one published number stands: ``fits`` passes, ``misses`` fails, the rest is open."""

    state: Literal["fits", "wide", "short", "unclear", "misses", "too-few", "no-spread"]
    point: PointJudgement
    equivalent: bool = False

    @property
    def open(self) -> bool:
        return self.state not in ("fits", "misses")


def judge_value(
    values: Values,
    *,
    published: float,
    unit: float,
    margin: float,
    scale: Scale = "linear",
    bounds: Bounds | None = None,
    images: int | None = None,
    trend_p: float | None = None,
    alpha: float = 0.05,
) -> Judgement:
    """Judge a published number against a population.

    In this order: N < 5 or no spread, ``inconclusive``; in the 95 % band, ``reproduced`` if
    the band's half-width is at most ``margin``, else ``inconclusive``; outside, ``equivalent``
    by TOST, else ``trend-only`` if ``trend_p <= alpha``, else ``not-reproduced``.

    An order-statistics band that attains less than 95 % reproduces nothing: a value inside it
    is ``inconclusive``, and so is one outside that :func:`~repro.judge.bands.clipped_band`
    still holds (unless TOST finds it equivalent).

    Args:
        values: one measurement a seed.
        published: the paper's number, x0.
        unit: its rounding unit.
        margin: the largest difference that does not matter, fixed beforehand; above 0.
        scale: scale of the t bands.
        bounds: limits of the metric; see :func:`~repro.judge.bands.prediction_band`.
        images: how many images a rate was counted over, for the empirical logit.
        trend_p: adjusted (Holm) p-value of the ordering that the claim's record names.
        alpha: level for ``trend_p``.

    Raises:
        EvidenceError: no values, NaN, infinity, values outside the limits.
        ClaimsError: a record that makes no sense (margin 0, a published rate of 1.2).
    """
    x = as_sample(values, scale=scale, bounds=bounds)
    criterion = _Criterion(unit, margin, scale, bounds, (images,))
    judgement = _judge(x[:, None], [published], criterion, trend_p, alpha)
    (point,) = judgement.points
    return replace(
        judgement, mean=point.mean, sd=point.sd, band=point.band, gate=point.gate, points=()
    )


def judge_curve(
    values: Sequence[Sequence[float]] | Array,
    *,
    published: Values,
    unit: float,
    margin: float,
    scale: Scale = "linear",
    bounds: Bounds | None = None,
    images: Sequence[int] = (),
    trend_p: float | None = None,
    alpha: float = 0.05,
) -> Judgement:
    """Judge K published numbers together: ``values`` is (N, K), ``published`` (K,).

    Simultaneous bands (Bonferroni). ``reproduced`` when every point is inside its band and no
    band is wider than ``margin``; once a point misses, ``equivalent`` when TOST holds at every
    point (no adjustment: an intersection-union test), else ``trend-only`` or
    ``not-reproduced``; ``inconclusive`` when no point misses but one cannot be decided.
    The rest as in :func:`judge_value`, with one entry of ``images`` a point, or none;
    ``points`` says which points miss, and how.
    """
    x = as_sample(values, scale=scale, bounds=bounds, ndim=2)
    if len(published) != x.shape[1]:
        raise ClaimsError(
            f"{len(published)} published values for a population of {x.shape[1]} points",
            expected="one published value a point",
            do="correct the published values or the metric in the claim's record",
        )
    criterion = _Criterion(unit, margin, scale, bounds, images_of(images, x.shape[1]))
    return _judge(x, published, criterion, trend_p, alpha)


def judge_ordering(differences: Values, *, p_adjusted: float, alpha: float = 0.05) -> Judgement:
    """Judge a claim that *is* an ordering, ``left > right``.

    ``reproduced`` when ``p_adjusted <= alpha``; ``not-reproduced`` when the sign test of the
    opposite ordering, unadjusted, is; else ``inconclusive``, as for N < 5 and for differences
    that are all the same: a lack of power refutes nothing.

    Args:
        differences: left - right, one a seed (paired).
        p_adjusted: the sign test's p-value after Holm over the paper's orderings.
        alpha: level of both tests.

    Raises:
        EvidenceError: bad differences, or a ``p_adjusted`` below the sign test's own p-value,
            which no adjustment gives (differences of the wrong sign, or of another claim).
    """
    d = as_sample(differences)
    check_p(p_adjusted, "the ordering")
    if p_adjusted < sign_test(d) - SLACK:
        raise EvidenceError(
            f"adjusted p-value {p_adjusted:.3g} below the sign test's own {sign_test(d):.3g}",
            expected="holm over sign_test of these same differences",
            do="compute both from the same population, as left - right",
        )
    n, wins, losses, opposite = d.size, (d > 0).sum(), (d < 0).sum(), sign_test(-d)
    verdict, gate = Verdict.INCONCLUSIVE, None
    miss: Miss | None = None
    reason = (
        f"the ordering holds in {wins} of {n} seeds and is reversed in {losses} (adjusted p"
        f" {p_adjusted:.3g}, of the opposite {opposite:.3g}; mean difference {d.mean():.4g})"
    )
    try:
        gate = gate_band(d, level=GATE_LEVEL) if n >= MIN_SEEDS else None
    except NoBandError as error:
        reason = error.found
    if n < MIN_SEEDS:
        reason = _too_few(n)
    elif gate and p_adjusted <= alpha:
        verdict = Verdict.REPRODUCED
    elif gate and opposite <= alpha:
        verdict, miss = Verdict.NOT_REPRODUCED, "below"
    return Judgement(verdict, n, float(d.mean()), _sd(d), None, gate, miss, p_adjusted, reason)


def _judge(
    x: Array, published: Values, criterion: _Criterion, trend_p: float | None, alpha: float
) -> Judgement:
    criterion.check(published, trend_p)
    standings = [_stand(x[:, k], float(p), criterion, k) for k, p in enumerate(published)]
    verdict = _decide(standings, trend_p, alpha)
    sides = {s.point.miss for s in standings if s.point.miss}
    miss = sides.pop() if len(sides) == 1 else None
    reason = _reason(verdict, standings, len(x), criterion.margin, trend_p)
    points = tuple(s.point for s in standings)
    return Judgement(verdict, len(x), None, None, None, None, miss, trend_p, reason, points)


def _stand(x: Array, published: float, criterion: _Criterion, index: int) -> _Standing:
    """Place one published number; the order of the checks is the verdict table's."""
    point = partial(PointJudgement, index, published, float(x.mean()), sd=_sd(x))
    if x.size < MIN_SEEDS:
        return _Standing("too-few", point(None, inside=False))
    unit, scale, bounds = criterion.unit, criterion.scale, criterion.bounds
    images, count = criterion.images[index], len(criterion.images)
    level, gate_level = bonferroni(LEVEL, count), bonferroni(GATE_LEVEL, count)
    try:
        band = prediction_band(
            x, level=level, unit=unit, scale=scale, bounds=bounds, images=images
        )
    except NoBandError:
        return _Standing("no-spread", point(None, inside=False))
    gate = gate_band(x, level=gate_level, scale=scale, bounds=bounds, images=images)
    same = equivalent(x, published, margin=criterion.margin, scale=scale, images=images)
    distance, short = band.distance(published), band.level < level - SLACK
    if distance == 0:
        wide = band.half_width > criterion.margin + SLACK * abs(band.high)
        inside = point(band, inside=True, gate=gate)
        return _Standing("short" if short else "wide" if wide else "fits", inside, same)
    side: Miss = "above" if distance > 0 else "below"
    outside = point(band, inside=False, gate=gate, miss=side)
    excused = short and clipped_band(
        x, level=level, unit=unit, scale=scale, bounds=bounds
    ).contains(published)
    return _Standing("unclear" if excused else "misses", outside, same)


def _decide(standings: Sequence[_Standing], trend_p: float | None, alpha: float) -> Verdict:
    if any(s.point.miss for s in standings) and all(s.equivalent for s in standings):
        return Verdict.EQUIVALENT
    if any(s.state == "misses" for s in standings):
        trend = trend_p is not None and trend_p <= alpha
        return Verdict.TREND_ONLY if trend else Verdict.NOT_REPRODUCED
    if all(s.state == "fits" for s in standings):
        return Verdict.REPRODUCED
    return Verdict.INCONCLUSIVE


def _reason(
    verdict: Verdict, standings: Sequence[_Standing], n: int, margin: float, trend_p: float | None
) -> str:
    if standings[0].state == "too-few":
        return _too_few(n)
    text = _place(standings[0].point, n) if len(standings) == 1 else _places(standings, n)
    if verdict is Verdict.EQUIVALENT:
        return f"{text}, but TOST finds the population equivalent within the margin {margin:g}"
    if verdict is Verdict.REPRODUCED:
        half = max(s.point.band.half_width for s in standings if s.point.band)
        return f"{text}, half-width {half:.3g} within the margin {margin:g}"
    if verdict is Verdict.INCONCLUSIVE:
        at = "#{}: " if len(standings) > 1 else ""
        causes = [at.format(s.point.index) + _cause(s, margin) for s in standings if s.open]
        return "; ".join([text, *causes])
    if trend_p is None:
        return text
    holds = "holds" if verdict is Verdict.TREND_ONLY else "is not established"
    return f"{text}; the claim's ordering {holds} (adjusted p {trend_p:.3g})"


def _place(point: PointJudgement, n: int) -> str:
    if point.band is None:
        return f"all {n} seeds gave {point.mean:.6g}"
    where = f"{point.miss} the" if point.miss else "in the"
    return (
        f"published {point.published:.6g} lies {where} {_show(point.band)} of {n} seeds"
        f" (mean {point.mean:.4g}, sd {point.sd:.2g})"
    )


def _places(standings: Sequence[_Standing], n: int) -> str:
    inside = sum(s.point.inside for s in standings)
    text = f"{inside} of {len(standings)} published points lie in the bands of {n} seeds"
    outside = [s.point for s in standings if s.point.miss]
    misses = [f"#{p.index} (published {p.published:.4g}, {p.miss})" for p in outside]
    return f"{text}; outside: {', '.join(misses)}" if misses else text


def _cause(standing: _Standing, margin: float) -> str:
    band = standing.point.band
    if band is None:
        return "no spread, so no band"
    if standing.state == "wide":
        return f"half-width {band.half_width:.3g} exceeds the margin {margin:g}"
    return f"order statistics attain only {100 * band.level:.4g} %"


def _show(band: Band) -> str:
    kind = "order-statistics band" if band.method == "order" else "band"
    return f"{100 * band.level:.4g} % {kind} [{band.low:.6g}, {band.high:.6g}]"


def _too_few(n: int) -> str:
    return f"{n} seed(s), and a verdict needs at least {MIN_SEEDS}"


def _sd(x: Array) -> float | None:
    return float(x.std(ddof=1)) if x.size > 1 else None
