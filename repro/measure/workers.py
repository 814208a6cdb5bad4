"""Measure many seeds at once: in this process, in worker processes, or on a Dask cluster."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager

from repro.errors import UsageError, WorkerError
from repro.judge.populations import Row
from repro.lab.networks.training import OnEpoch
from repro.measure.calibrate import Job, Wanted, measure

DEATHS = {
    "BrokenExecutor": "a worker process died, or its cluster is gone",
    "CancelledError": "a worker process died, or its cluster is gone",
    "KilledWorker": "every worker that took one of the seeds died",
    "CommClosedError": "the cluster's scheduler is gone",
}
"""Errors by name: two are Dask's own, which cannot be imported where it is not installed."""
CONNECT_S = 5
"""Seconds that a Dask scheduler may take to answer."""


def run_jobs(
    jobs: list[Job], *, executor: Executor | None, on_epoch: Callable[[str], OnEpoch] | None = None
) -> Iterator[tuple[Job, dict[Wanted, Row]]]:
    """Measure every job, in this process or on ``executor``, in the order they finish.

    Args:
        jobs: what to measure.
        executor: of :func:`pool`; None measures in this process, one job after another.
        on_epoch: as :func:`measure` has it; not told by an executor.
    """
    if executor is None:
        for job in jobs:
            yield job, measure(job, on_epoch=on_epoch)
        return
    futures: dict[Future[dict[Wanted, Row]], Job] = {}
    try:
        with _interrupt_blocked():
            for job in jobs:
                futures[executor.submit(measure, job)] = job
        for future in as_completed(futures):
            yield futures[future], future.result()
    except Exception as error:
        found = [DEATHS[k.__name__] for k in type(error).__mro__ if k.__name__ in DEATHS]
        if not found:
            raise
        raise WorkerError(
            found[0],
            expected="workers that live until their seeds are done",
            do="give the command again: finished seeds are kept, and a training goes on at its "
            "last epoch. Where memory ran out, use fewer workers",
        ) from error
    finally:
        for future in futures:
            future.cancel()


@contextmanager
def pool(workers: int, scheduler: str | None) -> Iterator[Executor | None]:
    """Start what the options ask for: nothing (this process measures), processes, or Dask.

    Where the context ends by an error or an interrupt, the worker processes are terminated at
    once: a training goes on at its last epoch when it is asked for again.
    """
    if workers < 1:
        raise UsageError(
            f"--workers {workers}", expected="a whole number from 1", do="correct --workers"
        )
    if scheduler is not None:
        if workers > 1:
            raise UsageError(
                "--workers and --scheduler together",
                expected="one of them",
                do="drop --workers: the Dask cluster has its own",
            )
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
        others = multiprocessing.active_children()
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, _begin_worker) as executor:
            try:
                yield executor
            except BaseException:
                # First it must know that it ends: where a worker is found dead before, seeds that
                # are cancelled bring down its own thread, with a traceback.
                executor.shutdown(wait=False, cancel_futures=True)
                for child in {*multiprocessing.active_children()} - {*others}:
                    child.terminate()
                raise
    else:
        yield None


@contextmanager
def _interrupt_blocked() -> Iterator[None]:
    """Hold Ctrl-C back for a moment; processes that are started meanwhile never receive it.

    A terminal sends it to every process of a command. Of those here the parent alone acts on it:
    a worker would take it for the failure of one seed, and begin the next.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows, where _begin_worker alone must do
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it also where it was killed.

    The pipe that brings the next seed would never tell: every worker holds both of its ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
    """Return the torch threads for each of ``workers`` processes; 0 (torch's choice) for one."""
    return max(1, (os.cpu_count() or 1) // workers) if workers > 1 else 0
