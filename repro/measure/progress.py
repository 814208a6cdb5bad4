"""Show the progress of trainings and measurements: a bar on a terminal, few lines in a log."""

from __future__ import annotations

import atexit
import math
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import TextIO

from rich import progress
from rich.console import Console

from repro.lab.networks.training import OnEpoch

LINE_EVERY_S = 30.0
FEW_S = 5.0
"""A measurement that takes less is not announced."""


def duration(seconds: float) -> str:
    """Write seconds as hours, minutes and seconds: 65 is ``0:01:05``."""
    return str(timedelta(seconds=round(seconds)))


class Progress:
    """Show the trainings and measurements of this process, one after another.

    Args:
        stream: where to show them (standard error).
        quiet: show nothing.
        uncaptured: a context in which the stream reaches the user (pytest captures it).
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        quiet: bool = False,
        uncaptured: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.stream = stream
        self.quiet = quiet
        self.uncaptured = uncaptured
        self.bar: progress.Progress | None = None

    def training(self, name: str) -> OnEpoch:
        """Return the function to call after each epoch of the network ``name``."""
        start, first, last = time.monotonic(), -1, 0.0

        def told(done: int, total: int, cost: float) -> None:
            nonlocal first, last
            if self.quiet:
                return
            now, resumed = time.monotonic(), math.isnan(cost)
            if first < 0:
                # A resumed training reports the epochs it found, which took no time here.
                first = done if resumed else done - 1
            left = duration((now - start) / max(done - first, 1) * (total - done))
            with self.uncaptured():
                stream = self.stream or sys.stderr
                if resumed:
                    print(f"training {name}: goes on after epoch {done} of {total}", file=stream)
                elif stream.isatty() and not os.environ.get("CI"):
                    self._draw(stream, name, done, total, cost)
                elif done == total or now - last > LINE_EVERY_S:
                    last = now
                    at = f"epoch {done} of {total}, cost {cost:.4f}, about {left} left"
                    print(f"training {name}: {at}", file=stream, flush=True)

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

    def measuring(self, what: str, seconds: float) -> None:
        """Say that a measurement starts, and the ``seconds`` it took on record; 0 if unknown."""
        if self.quiet or 0 < seconds < FEW_S:
            return
        took = f", about {duration(seconds)} where the evidence was made" if seconds else ""
        with self.uncaptured():
            print(f"\nmeasuring {what}{took}", file=self.stream or sys.stderr, flush=True)
