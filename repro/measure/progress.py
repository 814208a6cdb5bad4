"""Show the progress of trainings and measurements: a bar on a terminal, few lines in a log."""

from __future__ import annotations

import atexit
import math
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from repro.lab.networks.training import OnEpoch

LINE_EVERY_S = 30.0


def interactive(stream: TextIO) -> bool:
    """Tell whether a moving bar may be drawn: on a terminal, and not in a CI log."""
    return stream.isatty() and not os.environ.get("CI")


def duration(seconds: float) -> str:
    """Write seconds as minutes and seconds: 65 is ``1:05``."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


class Epochs:
    """Show the epochs of one training after another.

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
        self.bar: Progress | None = None

    def __call__(self, name: str) -> OnEpoch:
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
            left = (now - start) / max(done - first, 1) * (total - done)
            with self.uncaptured():
                stream = self.stream or sys.stderr
                if resumed:
                    print(f"training {name}: goes on after epoch {done} of {total}", file=stream)
                elif interactive(stream):
                    self._draw(stream, name, done, total, cost)
                elif done == total or now - last > LINE_EVERY_S:
                    last = now
                    print(
                        f"training {name}: epoch {done} of {total}, cost {cost:.4f}, "
                        f"about {duration(left)} left",
                        file=stream,
                        flush=True,
                    )

        return told

    def _draw(self, stream: TextIO, name: str, done: int, total: int, cost: float) -> None:
        if self.bar is None:
            self.bar = Progress(
                TextColumn("training {task.description}"),
                BarColumn(),
                TextColumn("{task.completed}/{task.total} epochs, cost {task.fields[cost]:.4f}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=Console(file=stream),
                auto_refresh=False,
                transient=False,
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


class Measurements:
    """Say what is being measured, where that takes more than a few seconds.

    Args:
        seconds: (paper, experiment, reading) to how long it took for the record; 0 if unknown.
        stream: where to say it (standard error).
        quiet: say nothing.
        uncaptured: a context in which the stream reaches the user.
    """

    FEW_S = 5.0

    def __init__(
        self,
        seconds: Callable[[str, str, str], float],
        stream: TextIO | None = None,
        *,
        quiet: bool = False,
        uncaptured: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.seconds = seconds
        self.stream = stream
        self.quiet = quiet
        self.uncaptured = uncaptured

    def __call__(self, paper: str, experiment: str, reading: str) -> None:
        """Say that this measurement starts, and about how long it takes."""
        about = self.seconds(paper, experiment, reading)
        if self.quiet or 0 < about < self.FEW_S:
            return
        took = f", about {duration(about)} where the evidence was made" if about else ""
        with self.uncaptured():
            print(
                f"\nmeasuring {paper} {experiment} ({reading}){took}",
                file=self.stream or sys.stderr,
                flush=True,
            )
