"""From claim records and populations to judgements: all verdicts, recomputed from the CSVs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from repro.claims.records import Claim, Expectation, Ordering, Paper
from repro.claims.verdict import Verdict
from repro.judge import verdicts
from repro.judge.bands import holm, sign_test
from repro.judge.populations import Archive, Kind, Population
from repro.judge.verdicts import Judgement

ALPHA = 0.05


@dataclass(frozen=True)
class Case:
    """One claim under one reading, with what the populations say of it.

    Args:
        claim: the record.
        reading: its reading.
        expected: the verdict on record.
        judgement: the verdict that the population gives.
        seeds: of the population.
        values: of the population, one a seed: the metric, or the difference of an ordering;
            empty for a curve, whose judgement has its points.
    """

    claim: Claim
    reading: str
    expected: Expectation
    judgement: Judgement
    seeds: tuple[int, ...] = ()
    values: tuple[float, ...] = ()

    @property
    def id(self) -> str:
        """``claim-id@reading``, the id of the test."""
        return f"{self.claim.id}@{self.reading}"

    @property
    def as_expected(self) -> bool:
        """Whether the evidence says what the record expects.

        A claim that was never measured is expected to be inconclusive.
        """
        found, expected = self.judgement.verdict, self.expected.verdict
        unmeasured = found == Verdict.NOT_RUN and expected == Verdict.INCONCLUSIVE
        return found == expected or unmeasured


def differences(ordering: Ordering, values: Mapping[str, list[float]]) -> list[float]:
    """Seed by seed, by how much the ordering holds (above 0) or fails (below 0).

    Args:
        ordering: the comparison.
        values: metric name to one value a seed.
    """
    left = values[ordering.metric]
    than = ordering.than
    right = values[than] if isinstance(than, str) else [than] * len(left)
    sign = 1.0 if ordering.relation == ">" else -1.0
    return [sign * (a - b) for a, b in zip(left, right, strict=True)]


def own_metrics(claim: Claim, metric: str = "") -> list[str]:
    """The metrics of the claim's published numbers: one, or ``metric[i]`` for each of a curve.

    Args:
        claim: the record.
        metric: taken instead of the claim's own (its control).
    """
    name = metric or claim.metric
    return [f"{name}[{i}]" for i in range(len(claim.curve))] if claim.curve else [name]


def metrics_of(claim: Claim) -> list[str]:
    """Every metric that judging the claim reads."""
    names = own_metrics(claim)
    if claim.control:
        names += own_metrics(claim, claim.control.metric)
    if claim.ordering:
        names += [claim.ordering.metric]
        names += [claim.ordering.than] if isinstance(claim.ordering.than, str) else []
    return list(dict.fromkeys(name for name in names if name))


def _unjudged(verdict: Verdict, reason: str) -> Judgement:
    return Judgement(verdict, 0, None, None, None, None, None, None, reason)


def _values(claim: Claim, population: Population) -> dict[str, list[float]]:
    return {name: population.values(name) for name in metrics_of(claim)}


def _judge(
    claim: Claim, values: Mapping[str, list[float]], trend: list[float], p: float | None
) -> Judgement:
    """Judge one claim from its metrics' values, its ordering's differences and their p."""
    if claim.kind == "ordering":
        return verdicts.judge_ordering(trend, p_adjusted=1.0 if p is None else p, alpha=ALPHA)
    columns = [values[name] for name in own_metrics(claim)]
    if claim.kind == "curve":
        return verdicts.judge_curve(
            [list(row) for row in zip(*columns, strict=True)],
            published=claim.curve,
            unit=claim.unit,
            margin=claim.margin,
            scale=claim.scale,
            bounds=claim.bounds,
            images=claim.images,
            trend_p=p,
            alpha=ALPHA,
        )
    return verdicts.judge_value(
        columns[0],
        published=claim.points[0],
        unit=claim.unit,
        margin=claim.margin,
        scale=claim.scale,
        bounds=claim.bounds,
        images=claim.images[0] if claim.images else None,
        trend_p=p,
        alpha=ALPHA,
    )


def _open(judged: Judgement, trend: list[float], family: int) -> Judgement:
    """A missed number whose ordering so few seeds could not have shown is not yet refuted.

    Holm asks of the smallest of ``family`` p-values that it is at most ALPHA / family; with n
    seeds no sign test goes below 2^-n.
    """
    powerless = family * 2.0 ** -len(trend) > ALPHA
    if judged.verdict is not Verdict.NOT_REPRODUCED or not powerless or min(trend, default=0) <= 0:
        return judged
    why = f"it holds in all {len(trend)} seeds, too few to show it among {family} orderings"
    return replace(judged, verdict=Verdict.INCONCLUSIVE, reason=f"{judged.reason}; {why}")


def judge(paper: Paper, archive: Archive, kind: Kind = "full") -> list[Case]:
    """Judge every claim of ``paper`` under each of its readings.

    The orderings' sign tests are adjusted by Holm over all orderings that the paper's
    records name under one reading.

    Args:
        paper: the records.
        archive: the populations.
        kind: which images the populations were measured on.

    Returns:
        The cases, in the order of the records.

    Raises:
        EvidenceError: a population is damaged or lacks a metric.
    """

    def population(claim: Claim, reading: str) -> Population:
        return archive.population(kind, paper.id, claim.experiment, reading)

    cases = []
    for reading in paper.readings:
        mine = [c for c in paper.claims if reading in c.readings]
        measured = {
            c.id: _values(c, population(c, reading))
            for c in mine
            if c.kind != "inconsistency" and population(c, reading).rows
        }
        trends = {
            c.id: differences(c.ordering, measured[c.id])
            for c in mine
            if c.ordering and c.id in measured
        }
        adjusted = holm({id_: sign_test(d) for id_, d in trends.items()}) if trends else {}
        for claim in mine:
            expected = claim.readings[reading]
            if claim.kind == "inconsistency":
                judged = _unjudged(Verdict.PAPER_INCONSISTENT, claim.statement)
                cases.append(Case(claim, reading, expected, judged))
            elif claim.id not in measured:
                judged = _unjudged(Verdict.NOT_RUN, "no population on record")
                cases.append(Case(claim, reading, expected, judged))
            else:
                values, trend = measured[claim.id], trends.get(claim.id, [])
                judged = _judge(claim, values, trend, adjusted.get(claim.id))
                judged = _open(judged, trend, len(adjusted))
                shown = {"value": values.get(claim.metric, []), "ordering": trend}
                own = tuple(shown.get(claim.kind, []))
                seeds = population(claim, reading).seeds
                cases.append(Case(claim, reading, expected, judged, seeds, own))
    order = {claim.id: i for i, claim in enumerate(paper.claims)}
    return sorted(cases, key=lambda case: order[case.claim.id])
