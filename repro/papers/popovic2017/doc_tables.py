"""The targeted attack of eq. (3), class by class, as tables for the documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from repro.judge import populations


def matrix(metric: str, reading: str, root: Path) -> str:
    """The mean over the seeds for every source (row) and target (column).

    Args:
        metric: ``target-success``, ``sure-success``, ``target-rms`` or ``sure-rms``.
        reading: of the population.
        root: the folder of the populations.

    Returns:
        A Markdown table.

    Raises:
        EvidenceError: the population is damaged or lacks a metric.
    """
    path = populations.path_of(root, "full", "popovic2017", "targeted", reading)
    population = populations.load(path)
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


def summary(root: Path) -> str:
    """Success, RMS and steps of both stops under both readings; mean ± s over the seeds.

    Args:
        root: the folder of the populations.

    Raises:
        EvidenceError: a population is damaged or lacks a metric.
    """
    lines = [
        "| reading | stops | success | RMS of the successes | steps |",
        "| --- | --- | --- | --- | --- |",
    ]
    for reading in ("as-written", "as-coded"):
        path = populations.path_of(root, "full", "popovic2017", "targeted", reading)
        population = populations.load(path)
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


TABLES: Mapping[str, Callable[[Path], str]] = {
    "targeted": summary,
    **{
        f"{metric} {reading}": partial(matrix, metric, reading)
        for metric in ("target-success", "target-rms", "sure-success", "sure-rms")
        for reading in ("as-written", "as-coded")
    },
}
