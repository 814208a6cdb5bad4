"""What readings, and the single switches between them, change: measured seed by seed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from repro.claims.records import Claim, Effect, NumberClaim, Paper
from repro.judge.bands import Values
from repro.judge.populations import Archive


@dataclass(frozen=True)
class ReadingChange:
    """The change of a claim's number when the paper is read another way.

    Attributes:
        reading: compared with the paper's first reading.
        mean: of the paired differences, reading - first reading.
        sd: their standard deviation (ddof = 1).
    """

    claim: NumberClaim
    reading: str
    mean: float
    sd: float
    n: int


def reading_changes(paper: Paper, archive: Archive) -> Iterable[ReadingChange]:
    """Compare every claimed number with the paper's first reading, where two seeds have both.

    >>> from repro.papers import registry
    >>> found = reading_changes(registry.load_all()["lacok2016"], Archive())
    >>> "cached-adversarials" in {change.reading for change in found}
    True

    Raises:
        EvidenceError: a population is damaged or lacks a metric.
    """
    baseline = next(iter(paper.readings))

    def by_seed(claim: Claim, reading: str) -> dict[int, float]:
        population = archive.population("full", paper.id, claim.experiment, reading)
        return dict(zip(population.seeds, population.values(claim.metric), strict=True))

    for claim in paper.claims:
        if not isinstance(claim, NumberClaim) or baseline not in claim.readings:
            continue
        before = by_seed(claim, baseline)
        for reading in claim.readings:
            after = by_seed(claim, reading) if reading != baseline else {}
            change = [after[seed] - before[seed] for seed in before if seed in after]
            if len(change) > 1:
                yield ReadingChange(claim, reading, *_mean_sd_n(change))


@dataclass(frozen=True)
class MeasuredEffect:
    """The effect of one switch on one measure, from one reading.

    Attributes:
        reading: in which it is the only thing that changes.
        measure: what it changes.
        before: the mean without the switch.
        mean: of the paired differences, with the switch - without.
        sd: their standard deviation (ddof = 1).
    """

    effect: Effect
    reading: str
    measure: str
    before: float
    mean: float
    sd: float
    n: int


def effects(paper: Paper, archive: Archive) -> Iterable[MeasuredEffect]:
    """Measure every effect on record, under every reading with at least two seeds.

    >>> from repro.papers import registry
    >>> min(found.n for found in effects(registry.load_all()["popovic2017"], Archive())) > 1
    True

    Raises:
        EvidenceError: a population is damaged or lacks a metric.
    """
    for effect in paper.effects:
        for reading in paper.readings:
            population = archive.population("full", paper.id, effect.experiment, reading)
            if len(population.rows) < 2:
                continue
            for measure in effect.measures:
                before, after = map(population.values, effect.metrics(measure))
                change = _mean_sd_n(np.subtract(after, before))
                yield MeasuredEffect(effect, reading, measure, float(np.mean(before)), *change)


def _mean_sd_n(change: Values) -> tuple[float, float, int]:
    return float(np.mean(change)), float(np.std(change, ddof=1)), len(change)
