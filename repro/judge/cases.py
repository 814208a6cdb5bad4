"""From claim records and populations to judgements: all verdicts, recomputed from the CSVs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from repro.claims.records import (
    Claim,
    Expectation,
    InconsistencyClaim,
    NumberClaim,
    OrderingClaim,
    Paper,
    PublishedClaim,
)
from repro.claims.selection import Selection
from repro.claims.verdict import Verdict
from repro.errors import EvidenceError
from repro.judge.bands import Values
from repro.judge.orderings import holm, holm_factors, sign_test
from repro.judge.populations import Archive, Kind
from repro.judge.scales import Array, Scale
from repro.judge.verdicts import Judgement, Trend, judge_numbers, judge_ordering


@dataclass(frozen=True)
class Case:
    """One claim under one reading, with what the populations say of it.

    Attributes:
        expected: the verdict on record.
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
        trend: of the claim's ordering, adjusted over all orderings that the paper's records name
            under the reading; None without an ordering.
        independent: whether the seeds' networks are shown to differ.
    """

    seeds: tuple[int, ...] = ()
    values: Mapping[str, list[float]] = field(default_factory=dict)
    trend: Trend | None = None
    independent: bool = True


def judge_claim(claim: Claim, evidence: Evidence) -> Judgement:
    """Judge one claim under the reading that the evidence is of.

    >>> from repro.papers import registry
    >>> paper = registry.load_all()["lacok2016"]
    >>> claim = paper.claims[0]
    >>> judgement = judge_claim(claim, gather(paper, "as-written", Archive())[claim.id])
    >>> judgement.verdict == claim.readings["as-written"].verdict
    True

    Returns:
        The judgement: ``paper-inconsistent`` where the paper contradicts itself, ``not-run``
        without a population.

    Raises:
        EvidenceError: a measurement is not possible, such as a rate of 1.2.
    """
    if isinstance(claim, InconsistencyClaim):
        return Judgement(Verdict.PAPER_INCONSISTENT, 0, claim.statement)
    if not evidence.seeds:
        return Judgement(Verdict.NOT_RUN, 0, "no population yet")
    if not isinstance(claim, PublishedClaim):
        return judge_ordering(evidence.trend or Trend((), 1.0), independent=evidence.independent)
    number, columns = isinstance(claim, NumberClaim), _columns(evidence, claim.own_metrics())
    control = claim.own_metrics(claim.control.metric) if claim.control else []
    return judge_numbers(
        columns[:, 0] if number else columns,
        published=claim.points[0] if number else claim.points,
        labels=claim.labels,
        unit=claim.unit,
        margin=claim.margin,
        scale=Scale(claim.scale, claim.bounds, claim.images),
        control=_columns(evidence, control),
        trend=evidence.trend,
        independent=evidence.independent,
    )


def _columns(evidence: Evidence, metrics: Sequence[str]) -> Array:
    """Return the values of some metrics, one row a seed."""
    columns = [evidence.values[name] for name in metrics]
    return np.ascontiguousarray(np.array(columns).T).reshape(len(evidence.seeds), len(columns))


def gather(
    paper: Paper, reading: str, archive: Archive, kind: Kind = "full"
) -> dict[str, Evidence]:
    """Return the evidence for every claim that has the reading, by the claim's id.

    >>> from repro.papers import registry
    >>> evidence = gather(registry.load_all()["lacok2016"], "as-written", Archive())
    >>> evidence["lacok2016-t1-original-error"].seeds[:3]
    (0, 1, 2)

    Raises:
        EvidenceError: a population is damaged or lacks a metric.
    """
    found: dict[str, Evidence] = {}
    differences: dict[str, list[float]] = {}
    for claim in (claim for claim in paper.claims if reading in claim.readings):
        found[claim.id] = Evidence()
        if isinstance(claim, InconsistencyClaim):
            continue
        population = archive.population(kind, paper.id, claim.experiment, reading)
        try:
            values = {name: population.values(name) for name in claim.metrics}
        except EvidenceError as error:
            found_by = f"{error.found}, which {claim.id} reads"
            raise EvidenceError(found_by, expected=error.expected, do=error.do) from error
        if population.rows:
            found[claim.id] = Evidence(
                population.seeds, values, independent=population.independent
            )
            if claim.ordering:
                excess = claim.ordering.excess
                differences[claim.id] = [excess(row.measurements) for row in population.rows]
    tested = {id_: sign_test(each) for id_, each in differences.items()}
    adjusted, factors = holm(tested), holm_factors(tested)
    for id_, each in differences.items():
        trend = Trend(each, adjusted[id_], round(factors[id_]))
        found[id_] = replace(found[id_], trend=trend)
    return found


def unjudged(claim: Claim, reading: str) -> Case:
    """Return a claim under a reading before anything is judged."""
    nothing = Judgement(Verdict.NOT_RUN, 0, "not judged yet")
    return Case(claim, reading, claim.readings[reading], nothing)


def case_of(claim: Claim, reading: str, evidence: Evidence) -> Case:
    """Judge one claim under a reading, with what the judgement rests on.

    >>> from repro.papers import registry
    >>> paper = registry.load_all()["lacok2016"]
    >>> evidence = gather(paper, "as-written", Archive())
    >>> case_of(paper.claims[0], "as-written", evidence[paper.claims[0].id]).id
    'lacok2016-t1-original-error@as-written'
    """
    own: Values = ()
    if isinstance(claim, OrderingClaim):
        own = evidence.trend.differences if evidence.trend else ()
    elif isinstance(claim, NumberClaim):
        own = evidence.values.get(claim.metric, ())
    judgement = judge_claim(claim, evidence)
    return Case(claim, reading, claim.readings[reading], judgement, evidence.seeds, tuple(own))


def judge(paper: Paper, archive: Archive, kind: Kind = "full") -> list[Case]:
    """Judge every claim of ``paper`` under each of its readings, in the order of the records.

    >>> from repro.papers import registry
    >>> cases = judge(registry.load_all()["lacok2016"], Archive())
    >>> all(case.as_expected for case in cases)
    True

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


def judge_chosen(papers: Iterable[Paper], chosen: Selection, archive: Archive) -> list[Case]:
    """Judge the chosen claims under the chosen readings; no other paper's evidence is read.

    Raises:
        EvidenceError: a population is damaged or lacks a metric.
    """
    every = [case for paper in papers if chosen.of([paper]) for case in judge(paper, archive)]
    return [case for case in every if chosen.matches(case.claim, case.reading)]
