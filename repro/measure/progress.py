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


class Progress:
    """Show the trainings of this process, one after another, on ``stream`` (standard error)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream
        self.bar: progress.Progress | None = None

    def training(self, name: str) -> OnEpoch:
        """Return the function to call after each epoch of the network ``name``."""
        last, said = 0.0, epochs(name)

        def told(done: int, total: int, cost: float) -> None:
            nonlocal last
            line, now = said(done, total, cost), time.monotonic()
            stream = self.stream or sys.stderr
            if math.isnan(cost):
                print(line, file=stream)
            elif is_terminal(stream):
                self._draw(stream, name, done, total, cost)
            elif done == total or now - last > LINE_EVERY_S:
                last = now
                print(line, file=stream, flush=True)

        return told

    def _draw(self, stream: TextIO, name: str, done: int, total: int, cost: float) -> None:
        if self.bar is None:
            self.bar = progress.Progress(
                "training {task.description}",
                progress.BarColumn(),
                "{task.completed}/{task.total} epochs, cost {task.fields[cost]:.4f}",
                progress.TimeElapsedColumn(),
                progress.TimeRemainingColumn(),
                console=Console(file=stream),
                auto_refresh=False,
            )
            self.bar.add_task(name, total=total, cost=cost)
            # A training that is interrupted must not leave the terminal without its cursor.
            atexit.register(self.stop)
            self.bar.start()
        self.bar.update(self.bar.task_ids[0], completed=done, cost=cost, refresh=True)
        if done >= total:
            self.stop()

    def stop(self) -> None:
        """End the bar where one is drawn, and give the terminal its cursor back."""
        atexit.unregister(self.stop)
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
