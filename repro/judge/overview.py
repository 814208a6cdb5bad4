"""What a reading explains as a whole: table by table, and however wide the margins are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from repro.claims.records import NumberClaim, Paper, PublishedClaim
from repro.judge.cases import Case, gather, judge_claim
from repro.judge.joint import joint_p
from repro.judge.populations import Archive
from repro.judge.scales import Scale


@dataclass(frozen=True)
class Explained:
    """How much of a paper, or of one of its tables, one reading explains.

    Attributes:
        table: the table or figure; empty for the whole paper.
        rest: the reading that the paper's other numbers are taken from; empty where they are not.
        inside: how many of the published numbers lie in their bands.
        numbers: how many numbers were judged.
        p: of the joint test of all numbers of the table; None for a whole paper, and where so
            few seeds allow no test.
    """

    paper: str
    reading: str
    table: str
    inside: int
    numbers: int
    p: float | None = None
    rest: str = ""


def explained(paper: Paper, cases: Sequence[Case], archive: Archive) -> list[Explained]:
    """Return a line a reading for the whole paper, then one for each table of its numbers.

    A table is what its claims' records name in common, all measured on one network. A reading that
    speaks of some of the first one's numbers alone has a line with the first one for the rest.

    >>> from repro.judge.cases import judge
    >>> from repro.papers import registry
    >>> paper, archive = registry.load_all()["lacok2016"], Archive()
    >>> lines = explained(paper, judge(paper, archive), archive)
    >>> [(each.table, each.numbers, each.rest) for each in lines if "cached" in each.reading]
    [('', 11, ''), ('', 22, 'as-written'), ('Table 2', 8, '')]
    """
    found = []
    of_first: dict[str, Case] = {}
    for reading in paper.readings:
        mine = [c for c in cases if c.claim.paper == paper.id and c.reading == reading]
        counted = {case.claim.id: case for case in mine if _counts(case)}
        found.append(_counted(paper, reading, "", counted.values()))
        of_first = of_first or counted
        if set() < counted.keys() < of_first.keys():
            both = _counted(paper, reading, "", (of_first | counted).values())
            found.append(replace(both, rest=next(iter(paper.readings))))
        tables = dict.fromkeys(case.claim.table for case in mine if case.claim.table)
        for table in tables:
            rows = [case for case in mine if case.claim.table == table]
            p = _joint(paper, reading, rows, archive)
            found.append(replace(_counted(paper, reading, table, rows), p=p))
    return found


def _counts(case: Case) -> bool:
    number = isinstance(case.claim, PublishedClaim) and case.judgement.n > 0
    return number and not case.claim.variant_of


def _counted(paper: Paper, reading: str, table: str, cases: Iterable[Case]) -> Explained:
    inside = numbers = 0
    for case in cases:
        judged = case.judgement
        if isinstance(case.claim, PublishedClaim) and judged.n:
            points = [point.inside for point in judged.points]
            points = points or [judged.band is not None and judged.miss is None]
            inside, numbers = inside + sum(points), numbers + len(points)
    return Explained(paper.id, reading, table, inside, numbers)


def _joint(paper: Paper, reading: str, cases: Sequence[Case], archive: Archive) -> float | None:
    claims = [case.claim for case in cases if isinstance(case.claim, NumberClaim)]
    experiments = {claim.experiment for claim in claims}
    if len(experiments) != 1:
        return None
    population = archive.population("full", paper.id, experiments.pop(), reading)
    if not population.rows:
        return None
    return joint_p(
        np.array([population.values(claim.metric) for claim in claims]).T,
        [claim.published for claim in claims],
        scales=[Scale(claim.scale, images=claim.images) for claim in claims],
        units=[claim.unit for claim in claims],
    )


def with_margins(papers: Iterable[Paper], archive: Archive, factor: float) -> dict[str, int]:
    """Count the changes of verdict, were every margin ``factor`` times as wide, by from and to."""
    changes: Counter[str] = Counter()
    for paper in papers:
        for reading in paper.readings:
            evidence = gather(paper, reading, archive)
            for claim in paper.claims:
                if not isinstance(claim, PublishedClaim) or claim.id not in evidence:
                    continue
                other = replace(claim, margin=claim.margin * factor)
                before, after = (
                    judge_claim(c, evidence[claim.id]).verdict for c in (claim, other)
                )
                if before != after:
                    changes[f"{before} -> {after}"] += 1
    return changes
