"""Show the progress of trainings: a bar on a terminal, few lines in a log."""

from __future__ import annotations

import atexit
import math
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TextIO

from rich import progress
from rich.console import Console

from repro.lab.bars import is_terminal
from repro.lab.networks.training import OnEpoch

LINE_EVERY_S = 60.0


def duration(seconds: float) -> str:
    """Write seconds as hours, minutes and seconds: 65 is ``0:01:05``."""
    return str(timedelta(seconds=round(seconds)))


def epochs(name: str) -> Callable[[int, int, float], str]:
    """Return what says how far the training of the network ``name`` is, after each epoch.

    Its arguments are those of ``OnEpoch``.
    """
    start, first = time.monotonic(), -1

    def said(done: int, total: int, cost: float) -> str:
        nonlocal first
        resumed = math.isnan(cost)
        if first < 0:
            # A resumed training reports the epochs it found, which took no time here.
            first = done if resumed else done - 1
        if resumed:
            return f"training {name}: goes on after epoch {done} of {total}"
        left = duration((time.monotonic() - start) / max(done - first, 1) * (total - done))
        return f"training {name}: epoch {done} of {total}, cost {cost:.4f}, about {left} left"

    return said


def shown(name: str, stream: TextIO | None = None) -> OnEpoch:
    """Return what shows how far the training of the network ``name`` is, after each epoch.

    ``stream`` is standard error where none is given.
    """
    last, said = 0.0, epochs(name)
    bar: progress.Progress | None = None

    def told(done: int, total: int, cost: float) -> None:
        nonlocal last, bar
        line, now, out = said(done, total, cost), time.monotonic(), stream or sys.stderr
        if math.isnan(cost):
            print(line, file=out)
        elif is_terminal(out):
            if bar is None:
                bar = _bar(out)
                bar.add_task(name, total=total, cost=cost)
            bar.update(bar.task_ids[0], completed=done, cost=cost, refresh=True)
            if done >= total:
                atexit.unregister(bar.stop)
                bar.stop()
        elif done == total or now - last > LINE_EVERY_S:
            last = now
            print(line, file=out, flush=True)

    return told


def _bar(stream: TextIO) -> progress.Progress:
    bar = progress.Progress(
        "training {task.description}",
        progress.BarColumn(),
        "{task.completed}/{task.total} epochs, cost {task.fields[cost]:.4f}",
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
        console=Console(file=stream),
        auto_refresh=False,
    )
    # A training that is interrupted must not leave the terminal without its cursor.
    atexit.register(bar.stop)
    bar.start()
    return bar
