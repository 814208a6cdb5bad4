"""Check that code and populations still agree, by measuring seeds that no population has.

Networks come from the cache where they are there. Measurements are made anew every time and kept
nowhere: one that changed is what this looks for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from repro.claims.records import InconsistencyClaim, Paper
from repro.errors import EvidenceError, UsageError
from repro.judge import cases
from repro.judge.bands import Band, Values, prediction_band
from repro.judge.freshness import all_beyond, gates, tolerance
from repro.judge.populations import Archive, Population, Row, Spot
from repro.judge.verdicts import GATE_LEVEL, MIN_SEEDS
from repro.measure.calibrate import Job, Wanted, check_configuration
from repro.papers import registry
from repro.papers.experiment import Experiment

FRESH = 2
"""Seeds that are measured where none are named."""


@dataclass(frozen=True)
class Held:
    """Numbers of one population that fresh seeds are held against.

    Args:
        id: of the claim or the experiment, with the reading.
        seeds: those that the population has.
        bands: one a number; None where there is none.
        names: of the numbers; none where there is but one.
        numbers: measurements to the numbers.
    """

    id: str
    spot: Spot
    seeds: tuple[int, ...]
    bands: Sequence[Band | None]
    names: Sequence[str]
    numbers: Callable[[Mapping[str, float]], float | Values]


def gated(paper: Paper, archive: Archive, names: Collection[str]) -> list[Held]:
    """Return what of the experiments ``names`` has a band to hold fresh seeds against.

    That is every claim, and every metric of an experiment that no claim reads.
    """
    offered = registry.experiments(paper.id)
    found = [
        Held(
            case.id,
            (paper.id, case.claim.experiment, case.reading),
            case.seeds,
            gates(case.judgement),
            case.claim.labels,
            case.claim.gated_value,
        )
        for case in cases.judge(paper, archive)
        if case.claim.experiment in names and any(gates(case.judgement))
    ]
    claims = [claim for claim in paper.claims if not isinstance(claim, InconsistencyClaim)]
    for name in set(names) - {claim.experiment for claim in claims}:
        for reading in offered[name].readings:
            population = archive.population("full", paper.id, name, reading)
            if len(population.rows) >= MIN_SEEDS:
                found.append(_unclaimed(paper.id, offered[name], reading, population))
    for spot in dict.fromkeys(each.spot for each in found):
        population = archive.population("full", *spot)
        check_configuration(population, offered[spot[1]], spot[2])
    return found


def _unclaimed(paper: str, experiment: Experiment, reading: str, population: Population) -> Held:
    """Return all metrics of an experiment that no claim reads.

    Their bands are widened by the least tolerance: where seeds do not spread, nothing else is
    left of them.
    """
    metrics = experiment.metrics
    return Held(
        f"{paper}-{experiment.name}@{reading}",
        (paper, experiment.name, reading),
        population.seeds,
        [
            prediction_band(
                population.values(name), level=GATE_LEVEL, unit=2 * tolerance("", name, "full")
            )
            for name in metrics
        ],
        metrics,
        itemgetter(*metrics),
    )


def seeds_for(held: Collection[Held], chosen: Collection[int]) -> list[int]:
    """Return the seeds to measure: those chosen, or the next after the populations' largest."""
    if not held:
        raise EvidenceError(
            "no population with a band",
            expected="at least five seeds of some experiment",
            do="make it first (repro calibrate), or choose other experiments",
        )
    known = {seed for each in held for seed in each.seeds}
    following = max(known) + 1
    both = sorted(known.intersection(chosen))
    if both:
        raise UsageError(
            f"--check with --seeds {','.join(map(str, both))}, which the populations have",
            expected=f"fresh seeds, such as {following}-{following + FRESH - 1}",
            do="correct --seeds, or leave it out",
        )
    if 0 < len(chosen) < FRESH:  # one is beyond some band of hundreds by chance
        raise UsageError(
            f"--check with --seeds {','.join(map(str, chosen))}, one seed",
            expected=f"{FRESH} fresh seeds or more, such as {following}-{following + FRESH - 1}",
            do="name another one as well, or leave --seeds out",
        )
    return sorted(chosen) or list(range(following, following + FRESH))


def jobs_for(held: Collection[Held], seeds: Sequence[int]) -> list[Job]:
    """Make a job for each paper and seed, with the experiments and readings to measure."""
    wanted: dict[str, dict[Wanted, None]] = {}
    for paper, experiment, reading in (each.spot for each in held):
        wanted.setdefault(paper, {})["full", experiment, reading] = None
    return [Job(paper, seed, tuple(rows)) for paper, rows in wanted.items() for seed in seeds]


def outside(held: Iterable[Held], rows: Mapping[Spot, Collection[Row]]) -> list[str]:
    """Return one line for each number that every fresh seed lies outside of, on the same side."""
    lines = []
    for each in held:
        fresh = sorted(rows[each.spot], key=lambda row: row.seed)
        numbers = [each.numbers(row.measurements) for row in fresh]
        points = np.array(numbers, dtype=np.float64).reshape(len(fresh), -1).T
        for i, (band, values) in enumerate(zip(each.bands, points, strict=True)):
            if band is not None and all_beyond(values.tolist(), band):
                where = f", {each.names[i]}" if each.names else ""
                pairs = zip(fresh, values, strict=True)
                seeds = ", ".join(f"seed {row.seed}: {value:.6g}" for row, value in pairs)
                lines.append(
                    f"{each.id}{where}: code and evidence disagree: {seeds}, all on one side of "
                    f"the population's {band.level:.1%} band [{band.low:.6g}, {band.high:.6g}]"
                )
    return lines
