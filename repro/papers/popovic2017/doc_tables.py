"""Make the documents' tables of the targeted attack of eq. (3), class by class."""

from __future__ import annotations

from functools import partial

from repro.judge.populations import Archive
from repro.markdown import mean, table
from repro.papers.popovic2017.common import READINGS


def matrix(paper: str, metric: str, reading: str, corner: str, archive: Archive) -> str:
    """Write the mean over the seeds for every source (row) and target (column).

    Args:
        paper: whose experiment ``targeted`` has the metrics ``metric-source-target``.
        metric: such as ``target-success`` or ``sure-rms``.
        reading: of the population.
        corner: the title of the column of sources.
        archive: the populations.
    """
    population = archive.population("full", paper, "targeted", reading)
    digits = 2 if metric.endswith("success") else 3

    def cell(source: int, target: int) -> str:
        values = [] if source == target else population.values(f"{metric}-{source}-{target}")
        return mean(values, digits, spread=False)

    rows = [[str(source), *(cell(source, to) for to in range(10))] for source in range(10)]
    return table([corner, *map(str, range(10))], rows)


def summary(archive: Archive) -> str:
    """Write success, RMS and steps of both stops under both readings; mean ± s over the seeds."""
    rows = []
    for reading in READINGS:
        population = archive.population("full", "popovic2017", "targeted", reading)
        for prefix, stops in (("target", "at the target"), ("sure", "at 0.9 confidence")):
            shown = [
                f"{mean(values, digits)} ({len(values)})"
                for what, digits in (("success", 4), ("rms", 4), ("iterations", 1))
                if (values := population.values(f"{prefix}-{what}"))
            ]
            rows.append([reading, stops, *(shown or ["–"] * 3)])
    return table(["reading", "stops", "success", "RMS of the successes", "steps"], rows)


TABLES = {
    "targeted": summary,
    **{
        f"{metric} {reading}": partial(matrix, "popovic2017", metric, reading, r"from \ to")
        for metric in ("target-success", "target-rms", "sure-success", "sure-rms")
        for reading in READINGS
    },
}
