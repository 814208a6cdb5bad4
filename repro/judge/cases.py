"""From claim records and populations to judgements: all verdicts, recomputed from the CSVs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from repro.claims.records import Claim, Expectation, Ordering, Paper
from repro.claims.verdict import Verdict
from repro.judge import verdicts
from repro.judge.bands import holm, sign_test
from repro.judge.populations import Archive, Kind
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


@dataclass(frozen=True)
class Evidence:
    """What the population of a claim's experiment has for the claim, under one reading.

    Args:
        seeds: of the population; none where there is no population.
        values: each metric that the claim reads, with one value a seed.
        differences: of the claim's ordering, one a seed; empty without an ordering.
        p_adjusted: of the ordering's sign test, by Holm over all orderings that the paper's
            records name under the reading; None without an ordering.
        orderings: how many these are.
    """

    seeds: tuple[int, ...] = ()
    values: Mapping[str, list[float]] = field(default_factory=dict)
    differences: tuple[float, ...] = ()
    p_adjusted: float | None = None
    orderings: int = 0


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


def judge_claim(claim: Claim, evidence: Evidence) -> Judgement:
    """Judge one claim under the reading that the evidence is of."""
    if claim.kind == "inconsistency":
        return _unjudged(Verdict.PAPER_INCONSISTENT, claim.statement)
    if not evidence.seeds:
        return _unjudged(Verdict.NOT_RUN, "no population on record")
    return _open(_judge(claim, evidence), evidence.differences, evidence.orderings)


def _judge(claim: Claim, evidence: Evidence) -> Judgement:
    p = evidence.p_adjusted
    if claim.kind == "ordering":
        return verdicts.judge_ordering(
            evidence.differences, p_adjusted=1.0 if p is None else p, alpha=ALPHA
        )
    columns = [evidence.values[name] for name in own_metrics(claim)]
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


def _open(judged: Judgement, trend: Sequence[float], family: int) -> Judgement:
    """A missed number whose ordering so few seeds could not have shown is not yet refuted.

    Holm asks of the smallest of ``family`` p-values that it is at most ALPHA / family; with n
    seeds no sign test goes below 2^-n.
    """
    powerless = family * 2.0 ** -len(trend) > ALPHA
    if judged.verdict is not Verdict.NOT_REPRODUCED or not powerless or min(trend, default=0) <= 0:
        return judged
    why = f"it holds in all {len(trend)} seeds, too few to show it among {family} orderings"
    return replace(judged, verdict=Verdict.INCONCLUSIVE, reason=f"{judged.reason}; {why}")


def gather(
    paper: Paper, reading: str, archive: Archive, kind: Kind = "full"
) -> dict[str, Evidence]:
    """Return the evidence for every claim that has the reading, by the claim's id.

    Args:
        paper: the records.
        reading: the name of a reading.
        archive: the populations.
        kind: which images the populations were measured on.

    Raises:
        EvidenceError: a population is damaged or lacks a metric.
    """
    found: dict[str, Evidence] = {}
    for claim in (claim for claim in paper.claims if reading in claim.readings):
        found[claim.id] = Evidence()
        if claim.kind == "inconsistency":
            continue
        population = archive.population(kind, paper.id, claim.experiment, reading)
        if population.rows:
            values = {name: population.values(name) for name in metrics_of(claim)}
            trend = differences(claim.ordering, values) if claim.ordering else ()
            found[claim.id] = Evidence(population.seeds, values, tuple(trend))
    tested = {id_: sign_test(each.differences) for id_, each in found.items() if each.differences}
    adjusted = holm(tested) if tested else {}
    return {
        id_: replace(each, p_adjusted=adjusted.get(id_), orderings=len(adjusted))
        for id_, each in found.items()
    }


def case_of(claim: Claim, reading: str, evidence: Evidence) -> Case:
    """Judge one claim under a reading, with what the judgement rests on."""
    own: Mapping[str, Sequence[float]] = {
        "value": evidence.values.get(claim.metric, []),
        "ordering": evidence.differences,
    }
    return Case(
        claim,
        reading,
        claim.readings[reading],
        judge_claim(claim, evidence),
        evidence.seeds,
        tuple(own.get(claim.kind, ())),
    )


def judge(paper: Paper, archive: Archive, kind: Kind = "full") -> list[Case]:
    """Judge every claim of ``paper`` under each of its readings.

    Args:
        paper: the records.
        archive: the populations.
        kind: which images the populations were measured on.

    Returns:
        The cases, in the order of the records.

    Raises:
        EvidenceError: a population is damaged or lacks a metric.
    """
    gathered = {reading: gather(paper, reading, archive, kind) for reading in paper.readings}
    return [
        case_of(claim, reading, gathered[reading][claim.id])
        for claim in paper.claims
        for reading in paper.readings
        if reading in claim.readings
    ]
