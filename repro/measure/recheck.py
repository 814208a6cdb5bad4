"""Check that code and populations still agree, by measuring seeds that no population has.

Networks come from the cache where they are there. Measurements are made anew every time and kept
nowhere: one that changed is what this looks for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from repro.claims.records import Paper
from repro.errors import EvidenceError, UsageError
from repro.judge import cases as evidence
from repro.judge.cases import Case
from repro.judge.freshness import all_beyond, gates
from repro.judge.populations import Archive, Kind
from repro.measure.calibrate import Job, Result, check_configuration
from repro.measure.live import experiment_of

FRESH = 2
"""Seeds that are measured where none are named."""

Spot = tuple[str, str, str]
"""Paper, experiment and reading: one population."""


def spot_of(case: Case) -> Spot:
    """Return the population that a case is judged from."""
    return case.claim.paper, case.claim.experiment, case.reading


def gated(paper: Paper, archive: Archive, names: Collection[str]) -> list[Case]:
    """Return the cases of the experiments ``names`` that have a gate to hold fresh seeds against.

    Raises:
        EvidenceError: a population is damaged, or of another configuration than the code's.
        ClaimsError: a record names what the experiments do not offer.
    """
    found = [
        case
        for case in evidence.judge(paper, archive)
        if case.claim.experiment in names and any(gates(case.judgement))
    ]
    for case in {spot_of(case): case for case in found}.values():
        population = archive.population("full", *spot_of(case))
        experiment = experiment_of(case.claim, case.reading)
        for row in population.rows:
            check_configuration(population.path, row, experiment, case.reading)
    return found


def seeds_for(cases: Collection[Case], chosen: Collection[int]) -> list[int]:
    """Return the seeds to measure: those chosen, or the next after the populations' largest.

    Raises:
        EvidenceError: there is nothing to hold a measurement against.
        UsageError: a chosen seed is in a population.
    """
    if not cases:
        raise EvidenceError(
            "no population with a band",
            expected="at least five seeds of some claimed experiment",
            do="make it first (repro calibrate), or choose other experiments",
        )
    known = {seed for case in cases for seed in case.seeds}
    following = max(known) + 1
    both = sorted(known.intersection(chosen))
    if both:
        raise UsageError(
            f"--check with --seeds {','.join(map(str, both))}, which the populations have",
            expected=f"fresh seeds, such as {following}-{following + FRESH - 1}",
            do="correct --seeds, or leave it out",
        )
    return sorted(chosen) or list(range(following, following + FRESH))


def jobs_for(cases: Collection[Case], seeds: Sequence[int]) -> list[Job]:
    """Make a job for each paper and seed, with the experiments and readings of the cases."""
    wanted: dict[str, dict[tuple[Kind, str, str], None]] = {}
    for paper, experiment, reading in map(spot_of, cases):
        wanted.setdefault(paper, {})["full", experiment, reading] = None
    return [Job(paper, seed, tuple(rows)) for paper, rows in wanted.items() for seed in seeds]


def outside(cases: Iterable[Case], results: Mapping[Spot, Collection[Result]]) -> list[str]:
    """Return one line for each case that every fresh seed lies outside of, on the same side."""
    lines = []
    for case in cases:
        fresh = sorted((result.row for result in results[spot_of(case)]), key=lambda row: row.seed)
        held = [case.claim.gated_value(row.measurements) for row in fresh]
        points = np.array(held, dtype=np.float64).reshape(len(fresh), -1).T
        for i, (gate, values) in enumerate(zip(gates(case.judgement), points, strict=True)):
            if gate is not None and all_beyond(values.tolist(), gate):
                where = f", {case.claim.labels[i]}" if case.claim.labels else ""
                each = zip(fresh, values, strict=True)
                seeds = ", ".join(f"seed {row.seed}: {value:.6g}" for row, value in each)
                lines.append(
                    f"{case.id}{where}: code and evidence disagree: {seeds}, all on one side of "
                    f"the population's {gate.level:.1%} band [{gate.low:.6g}, {gate.high:.6g}]"
                )
    return lines
