"""Make the documents' tables of the targeted attack of eq. (3), class by class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from repro.judge.populations import Archive


def matrix(metric: str, reading: str, archive: Archive) -> str:
    """Write the mean over the seeds for every source (row) and target (column).

    Args:
        metric: ``target-success``, ``sure-success``, ``target-rms`` or ``sure-rms``.
        reading: of the population.
        archive: the populations.

    Returns:
        A Markdown table.

    Raises:
        EvidenceError: the population is damaged or lacks a metric.
    """
    population = archive.population("full", "popovic2017", "targeted", reading)
    digits = 2 if metric.endswith("success") else 3
    lines = [
        f"| from \\ to | {' | '.join(map(str, range(10)))} |",
        f"| --- |{' --- |' * 10}",
    ]
    for source in range(10):
        cells = [
            "–"
            if source == to or not population.rows
            else f"{np.mean(population.values(f'{metric}-{source}-{to}')):.{digits}f}"
            for to in range(10)
        ]
        lines.append(f"| {source} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def summary(archive: Archive) -> str:
    """Write success, RMS and steps of both stops under both readings; mean ± s over the seeds.

    Args:
        archive: the populations.

    Raises:
        EvidenceError: a population is damaged or lacks a metric.
    """
    lines = [
        "| reading | stops | success | RMS of the successes | steps |",
        "| --- | --- | --- | --- | --- |",
    ]
    for reading in ("as-written", "as-coded"):
        population = archive.population("full", "popovic2017", "targeted", reading)
        for prefix, stops in (("target", "at the target"), ("sure", "at 0.9 confidence")):
            cells = []
            for what, digits in (("success", 4), ("rms", 4), ("iterations", 1)):
                values = population.values(f"{prefix}-{what}")
                spread = np.std(values, ddof=1) if len(values) > 1 else 0.0
                cells.append(
                    f"{np.mean(values):.{digits}f} ± {spread:.{digits}f} ({len(values)})"
                    if values
                    else "–"
                )
            lines.append(f"| {reading} | {stops} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


TABLES: Mapping[str, Callable[[Archive], str]] = {
    "targeted": summary,
    **{
        f"{metric} {reading}": partial(matrix, metric, reading)
        for metric in ("target-success", "target-rms", "sure-success", "sure-rms")
        for reading in ("as-written", "as-coded")
    },
}
