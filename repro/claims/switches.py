"""The measured effect of each reading against the first: seed by seed, per claimed number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from repro.claims import populations
from repro.claims.records import Claim, Paper


@dataclass(frozen=True)
class Switch:
    """What reading a claim's number another way does to it.

    Args:
        claim: the record.
        reading: compared with ``baseline``.
        baseline: the paper's first reading, ``as-written``.
        mean: of the paired differences, reading - baseline.
        sd: their standard deviation (ddof = 1).
        n: seeds measured under both.
    """

    claim: Claim
    reading: str
    baseline: str
    mean: float
    sd: float
    n: int


def switches(paper: Paper, root: Path) -> Iterable[Switch]:
    """Every claimed number under every reading but the first, where at least two seeds have both.

    Args:
        paper: the records.
        root: the folder of the populations.

    Raises:
        EvidenceError: a population is damaged or lacks a metric.
    """
    baseline = next(iter(paper.readings))

    def by_seed(claim: Claim, reading: str) -> dict[int, float]:
        path = populations.path_of(root, "full", paper.id, claim.experiment, reading)
        population = populations.load(path)
        if not population.rows:
            return {}
        return dict(zip(population.seeds, population.values(claim.metric), strict=True))

    for claim in paper.claims:
        if claim.kind != "value" or baseline not in claim.readings:
            continue
        before = by_seed(claim, baseline)
        for reading in claim.readings:
            after = by_seed(claim, reading) if reading != baseline else {}
            effect = [after[seed] - before[seed] for seed in before if seed in after]
            if len(effect) > 1:
                yield Switch(
                    claim,
                    reading,
                    baseline,
                    float(np.mean(effect)),
                    float(np.std(effect, ddof=1)),
                    len(effect),
                )
