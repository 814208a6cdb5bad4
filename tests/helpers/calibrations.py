"""Calibrate the small paper of ``fakes``: what the tests of rows, workers and clusters share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from repro.judge import populations
from repro.measure import calibrate, workers
from repro.measure.calibrate import Job

NAMES = ("net", "bare")


def jobs(root: Path, seeds, names=NAMES, kinds=("full",)) -> list[Job]:
    """What `repro calibrate` would do, on one thread."""
    found = [calibrate.missing(root, "small", seed, names, kinds) for seed in seeds]
    return [replace(job, threads=1) for job in found if job.wanted]


def bring(root: Path, seeds, executor=None, **settings) -> int:
    return sum(
        calibrate.keep(root, job.paper, results)
        for job, results in workers.run_jobs(jobs(root, seeds, **settings), executor=executor)
    )


def rows(root: Path, *, without=("date", "seconds")) -> dict[str, list[object]]:
    """Every population, without what differs from run to run."""
    return {
        path.relative_to(root).as_posix(): [
            (
                row.seed,
                {k: v for k, v in row.provenance.items() if k not in without},
                dict(row.measurements),
            )
            for row in populations.load(path).rows
        ]
        for path in sorted(root.rglob("*.csv"))
    }


def content(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
