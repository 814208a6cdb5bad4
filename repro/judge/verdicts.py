"""The judge: what a population of independent trainings says of a published claim.

Pure functions of the population and the claim's record, after the verdict table that
``docs/statistics.md`` explains. Fewer than five seeds are never evidence: such a population is
``inconclusive`` whatever the paper says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Literal

import numpy as np

from repro.claims.verdict import Verdict
from repro.judge import bands, orderings, precision
from repro.judge.bands import LEVEL, SLACK, Band, Values, as_sample
from repro.judge.curves import simultaneous_bands
from repro.judge.orderings import ALPHA, sign_test
from repro.judge.scales import LINEAR, Array, Scale

Miss = Literal["above", "below"]

GATE_LEVEL = 0.999
MIN_SEEDS = 5


@dataclass(frozen=True)
class Trend:
    """An ordering: a claim by itself, or what stands behind a published number.

    Attributes:
        differences: by how much it holds (above 0) or fails, one a seed.
        p: its p-value after Holm over the paper's orderings under the reading.
        family: by how much Holm multiplied it.
    """

    differences: Values
    p: float
    family: int = 1


@dataclass(frozen=True)
class PointJudgement:
    """One published number: the only one of a number's claim, or one point of a curve.

    Attributes:
        label: what the point stands for, such as an eps or a class; empty for a number.
        mean: the population's mean.
        sd: the population's standard deviation (ddof = 1); None for one seed.
        band: its 95 % prediction band (simultaneous for a curve), widened; None for fewer than
            five seeds.
        gate: its 99.9 % band, not widened, for a fresh measurement; None as for ``band``.
        inside: whether ``published`` lies in ``band`` (False without a band).
        miss: the side of the band on which ``published`` lies; None inside or without a band.
        wide: whether it is inside a band wider than the margin.
        noisy: whether the seeds alone are shown to move it by more than the margin.
        near: whether it is shown to lie within the margin of the population.
    """

    label: str
    published: float
    mean: float
    sd: float | None
    band: Band | None
    gate: Band | None = None
    inside: bool = False
    miss: Miss | None = None
    wide: bool = False
    noisy: bool = False
    near: bool = False


@dataclass(frozen=True)
class Judgement:
    """A verdict with the numbers it rests on.

    Attributes:
        n: seeds in the population.
        reason: one sentence with the numbers.
        mean: the population's mean (of the differences for an ordering); None for a curve.
        sd: its standard deviation (ddof = 1); None for a curve or one seed.
        band: the 95 % prediction band, widened; None for a curve or an ordering, and for fewer
            than five seeds.
        gate: the 99.9 % prediction band, not widened, which a fresh measurement must lie in; of
            an ordering, on its differences; None for a curve and for fewer than five seeds.
        miss: the side of the band on which the published value lies, None inside: ``above``
            means published above the population. For a curve, the side that all missed points
            share. For an ordering, ``below`` where the differences lie below 0.
        p: the adjusted p-value of the claim's ordering, as it was given.
        points: for a curve, one entry a point.
    """

    verdict: Verdict
    n: int
    reason: str
    mean: float | None = None
    sd: float | None = None
    band: Band | None = None
    gate: Band | None = None
    miss: Miss | None = None
    p: float | None = None
    points: tuple[PointJudgement, ...] = ()


def judge_numbers(
    values: Values | Sequence[Sequence[float]],
    *,
    published: float | Values,
    labels: Sequence[str] = (),
    unit: float,
    margin: float,
    scale: Scale = LINEAR,
    control: Values | Sequence[Sequence[float]] = (),
    trend: Trend | None = None,
    independent: bool = True,
) -> Judgement:
    """Judge a published number, or the K of a curve together, against a population.

    In this order: N < 5, ``inconclusive``. All in their 95 % bands: ``reproduced`` where no
    half-width exceeds ``margin``; else ``consistent`` where the control leaves the bands in every
    seed and the seeds alone are shown to move one too wide point by more than the margin (at a
    level that holds for all points together); else ``inconclusive``. Once one is outside:
    ``equivalent`` where every published draw is shown to lie within the margin (no adjustment: an
    intersection-union test), else ``trend-only`` where the ordering holds, else ``inconclusive``
    where it holds in every seed and so few cannot show it, else ``not-reproduced``.

    Args:
        values: (N,) measurements, one a seed; of a curve (N, K).
        published: the paper's number; of a curve (K,) numbers.
        labels: what each point of a curve stands for.
        unit: the numbers' rounding unit.
        margin: the largest difference that does not matter, fixed beforehand; above 0.
        scale: scale of the bands.
        control: the measurements of the negative control, as ``values``, or none.
        trend: the ordering that the claim's record names.
        independent: whether the seeds' networks are shown to differ, without which values
            without spread say nothing.

    Returns:
        For a curve, with one of :attr:`Judgement.points` for each number.

    Raises:
        EvidenceError: no values, NaN, infinity, values outside the limits.

    >>> judge_numbers(
    ...     [0.97, 0.98, 0.975, 0.98, 0.97], published=0.97, unit=0.01, margin=0.04
    ... ).verdict
    <Verdict.REPRODUCED: 'reproduced'>
    >>> curve = [[0.1, 0.9], [0.12, 0.91], [0.11, 0.9], [0.1, 0.92], [0.11, 0.91]]
    >>> judge_numbers(curve, published=[0.11, 0.91], unit=0.01, margin=0.1).verdict
    <Verdict.REPRODUCED: 'reproduced'>
    """
    is_curve, wanted = np.ndim(published) == 1, np.atleast_1d(published)
    x = as_sample(values, scale, ndim=2 if is_curve else 1).reshape(-1, len(wanted))
    n, count = x.shape
    names = labels or [f"#{k}" if is_curve else "" for k in range(count)]
    points = [
        PointJudgement(label, float(p), float(column.mean()), _sd(column), None)
        for label, p, column in zip(names, wanted, x.T, strict=True)
    ]
    if n < MIN_SEEDS:
        verdict, reason = Verdict.INCONCLUSIVE, _too_few(n)
    elif not independent and not any(bands.has_spread(column) for column in x.T):
        verdict, reason = Verdict.INCONCLUSIVE, _copies(n)
    else:
        found = simultaneous_bands(x, level=LEVEL, unit=unit, scale=scale)
        gates = simultaneous_bands(x, level=GATE_LEVEL, scale=scale)
        noisy = precision.exceeds_margin(x, unit=unit, margin=margin, scale=scale)
        for k, (point, band) in enumerate(zip(points, found, strict=True)):
            distance, one = band.distance(point.published), scale.of(k)
            points[k] = replace(
                point,
                band=band,
                gate=gates[k],
                inside=distance == 0,
                miss=None if distance == 0 else "above" if distance > 0 else "below",
                wide=distance == 0 and band.half_width > margin + SLACK * abs(band.high),
                noisy=noisy[k],
                near=bands.equivalent(
                    x[:, k], point.published, margin=margin, unit=unit, scale=one
                ),
            )
        against = np.asarray(control, dtype=np.float64).reshape(-1, count)
        outside = np.array(
            [[not b.contains(v) for b, v in zip(found, row, strict=True)] for row in against]
        )
        beyond = bool(outside.size) and bool(outside.any(axis=1).all())
        verdict, reason = _decide(points, trend, n, margin=margin, control_outside=beyond)
        if verdict is Verdict.INCONCLUSIVE and not any(point.miss for point in points):
            if not beyond:
                reason += ", and no control lies outside in every seed"
            needed = precision.deciding_seeds(
                x, unit=unit, margin=margin, scale=scale, noise_decides=beyond
            )
            reason += f"; {_seeds(needed)}"
    sides = {point.miss for point in points if point.miss}
    miss, p = sides.pop() if len(sides) == 1 else None, None if trend is None else trend.p
    if is_curve:
        return Judgement(verdict, n, reason, miss=miss, p=p, points=tuple(points))
    (point,) = points
    return Judgement(verdict, n, reason, point.mean, point.sd, point.band, point.gate, miss, p)


def judge_ordering(trend: Trend, *, independent: bool = True) -> Judgement:
    """Judge a claim that *is* an ordering, ``left > right``.

    ``reproduced`` when the adjusted p is at most 0.05; ``not-reproduced`` when the sign test of
    the opposite ordering, unadjusted, is; else ``inconclusive``, as for N < 5: a lack of power
    refutes nothing. Differences that are all the same count, once the seeds' networks differ.

    Args:
        trend: its differences are left - right, one a seed (paired).
        independent: whether the seeds' networks are shown to differ.

    Raises:
        EvidenceError: no differences, NaN or infinity.

    >>> judge_ordering(Trend([0.1, 0.2, 0.1, 0.3, 0.2], 0.04)).verdict
    <Verdict.REPRODUCED: 'reproduced'>
    """
    d = as_sample(trend.differences)
    n, opposite = d.size, sign_test(-d)
    verdict = Verdict.INCONCLUSIVE
    miss: Miss | None = None
    reason = (
        f"the ordering holds in {(d > 0).sum()} of {n} seeds and is reversed in {(d < 0).sum()} "
        f"(adjusted p {trend.p:.3g}, of the opposite {opposite:.3g}; "
        f"mean difference {d.mean():.4g})"
    )
    if n < MIN_SEEDS:
        reason = _too_few(n)
    elif not independent and not bands.has_spread(d):
        reason = _copies(n)
    elif trend.p <= ALPHA:
        verdict = Verdict.REPRODUCED
    elif opposite <= ALPHA:
        verdict, miss = Verdict.NOT_REPRODUCED, "below"
    else:
        reason += f"; {_seeds(orderings.seeds_for_ordering(d, family=trend.family))}"
    gate = bands.prediction_band(d, level=GATE_LEVEL) if n >= MIN_SEEDS else None
    return Judgement(verdict, n, reason, float(d.mean()), _sd(d), None, gate, miss, trend.p)


def _decide(
    points: Sequence[PointJudgement],
    trend: Trend | None,
    n: int,
    *,
    margin: float,
    control_outside: bool,
) -> tuple[Verdict, str]:
    """Give the verdict on points that have bands, with its reason."""
    text = _place(points[0], n) if len(points) == 1 else _places(points, n)
    if any(point.miss for point in points):
        if all(point.near for point in points):
            near = f"what the paper drew is shown to lie within the margin {margin:g}"
            return Verdict.EQUIVALENT, f"{text}, but {near}"
        if trend is None:
            return Verdict.NOT_REPRODUCED, text
        verdict, said = _by_trend(trend)
        return verdict, f"{text}; the claim's ordering {said}"
    half, label = max(((p.band.half_width, p.label) for p in points if p.band), key=itemgetter(0))
    width = f"half-width {half:.3g}" + (f" at {label}" if label else "")
    if not any(point.wide for point in points):
        return Verdict.REPRODUCED, f"{text}, {width} within the margin {margin:g}"
    text += f"; {width} exceeds the margin {margin:g}"
    noisy = [point.label for point in points if point.wide and point.noisy]
    if control_outside and noisy:
        where = f" (at {', '.join(noisy)})" if any(noisy) else ""
        return Verdict.CONSISTENT, (
            f"{text}, as it must: the seed alone is shown to move the number by more{where}, and "
            "the control lies outside in every seed"
        )
    return Verdict.INCONCLUSIVE, text


def _by_trend(trend: Trend) -> tuple[Verdict, str]:
    """Give the verdict on a missed number by its ordering, and what that shows, with its size."""
    d = as_sample(trend.differences)
    by = f"by {d.mean():.4g} on average, adjusted p {trend.p:.3g}"
    if trend.p <= ALPHA:
        return Verdict.TREND_ONLY, f"holds in {(d > 0).sum()} of {d.size} seeds, {by}"
    if d.min() > 0:
        needed = _seeds(orderings.seeds_for_ordering(d, family=trend.family))
        return Verdict.INCONCLUSIVE, f"holds in all {d.size} seeds, too few to show it: {needed}"
    return Verdict.NOT_REPRODUCED, f"is not established ({by})"


def _seeds(needed: int) -> str:
    if needed >= precision.MOST_SEEDS:
        return f"not even {precision.MOST_SEEDS:,} seeds would decide"
    return f"{needed} seeds would decide"


def _place(point: PointJudgement, n: int) -> str:
    if point.band is None or point.band.method == "exact":
        where = "" if point.inside else f", and the paper {point.published:.6g}"
        return f"all {n} seeds gave {point.mean:.6g}{where}"
    where = f"{point.miss} the" if point.miss else "in the"
    return (
        f"published {point.published:.6g} lies {where} {100 * point.band.level:.4g} % band "
        f"[{point.band.low:.6g}, {point.band.high:.6g}] of {n} seeds"
        f" (mean {point.mean:.4g}, sd {point.sd:.2g})"
    )


def _places(points: Sequence[PointJudgement], n: int) -> str:
    inside = sum(point.inside for point in points)
    text = f"{inside} of {len(points)} published points lie in the bands of {n} seeds"
    misses = [f"{p.label} (published {p.published:.4g}, {p.miss})" for p in points if p.miss]
    return f"{text}; outside: {', '.join(misses)}" if misses else text


def _too_few(n: int) -> str:
    return f"{n} seed(s): a verdict needs at least {MIN_SEEDS}, which may not decide either"


def _copies(n: int) -> str:
    return f"no spread, and nothing shows that the networks of the {n} seeds differ"


def _sd(x: Array) -> float | None:
    return float(x.std(ddof=1)) if x.size > 1 else None
