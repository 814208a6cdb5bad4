"""How far a run is, whichever processes measure: one bar on a terminal, a line a minute in a log.

Every process leaves notes in the folder that the run shares: when a measurement began, when it
was done, how far a training is. The process that the user started reads them once a second.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from rich import progress
from rich.console import Console
from rich.file_proxy import FileProxy
from rich.table import Column

from repro.judge.populations import Spot
from repro.lab.bars import is_terminal
from repro.measure.progress import LINE_EVERY_S, duration
from repro.measure.session import BEGAN, TRAINING, left_in

TICK_S = 1.0


@dataclass(frozen=True)
class Part:
    """One measurement of a run: what is known of it beforehand, and what has become of it.

    Args:
        spot: of which it is.
        group: parts of one group are measured one after another.
        seconds: that it took for the record.
        began: when it began here, in seconds; None before it has.
        took: how many seconds it took here; None before its end.
    """

    spot: Spot
    group: str = ""
    seconds: float = 1.0
    began: float | None = None
    took: float | None = None

    def seen(self, folder: Path) -> Part:
        """Return the part as the notes in a run's shared folder have it now."""
        done = left_in(folder, self.spot)
        began = took = None
        with suppress(OSError):
            began = done.with_name(done.stem + BEGAN).stat().st_mtime
            took = max(0.0, done.stat().st_mtime - began)
        return replace(self, began=began, took=took)


def slowness(parts: Sequence[Part], now: float) -> float | None:
    """Return how many times as long as on record measuring takes here; None before any has.

    What is not done yet counts as soon as it takes longer than what is done lets expect.

    >>> done, open_ = Part(("p", "a", "r"), seconds=2, took=3), Part(("p", "b", "r"), seconds=5)
    >>> slowness([done, open_], now=0), slowness([done, replace(open_, began=0)], now=25)
    (1.5, 4.0)
    """
    known = [(part.took, part.seconds) for part in parts if part.took is not None]
    if not known:
        return None
    slow = _ratio(known)
    running = [
        (now - part.began, part.seconds)
        for part in parts
        if part.began is not None and part.took is None
    ]
    return _ratio([*known, *(pair for pair in running if pair[0] > pair[1] * slow)])


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    return sum(here for here, _ in pairs) / sum(on_record for _, on_record in pairs)


def done_share(parts: Sequence[Part], now: float) -> float:
    """Return how much of a run is measured, in [0, 1], by the seconds on record.

    >>> done_share([Part(("p", "a", "r"), seconds=1, took=9), Part(("p", "b", "r"), seconds=3)], 0)
    0.25
    """
    slow = slowness(parts, now) or 1.0
    left = sum(_left(part, slow, now) for part in parts)
    return 1.0 - left / (slow * sum(part.seconds for part in parts))


def seconds_left(parts: Sequence[Part], now: float, workers: int = 1) -> float | None:
    """Return how long measuring goes on, by what it has taken here; None before anything is done.

    The groups are shared by ``workers``; the longest of them takes as long as it takes.

    >>> first, second = ("p", "a", "r"), ("p", "b", "r")
    >>> seconds_left([Part(first, seconds=2, took=4), Part(second, seconds=5, began=7)], now=10)
    7.0
    """
    slow = slowness(parts, now)
    if slow is None:
        return None
    groups: dict[str, float] = {}
    for part in parts:
        groups[part.group] = groups.get(part.group, 0.0) + _left(part, slow, now)
    return max(max(groups.values()), sum(groups.values()) / workers)


def _left(part: Part, slow: float, now: float) -> float:
    if part.took is not None:
        return 0.0
    elapsed = 0.0 if part.began is None else now - part.began
    return max(0.0, part.seconds * slow - elapsed)


class RunProgress:
    """Shows a run's progress from :meth:`start` to :meth:`stop`, from a thread of its own.

    Args:
        folder: that the run's processes share.
        parts: what is measured.
        workers: how many processes measure.
        stream: where it is shown; closed at the end.
        writer: pytest's own, where it writes to the same terminal.
    """

    def __init__(
        self,
        folder: Path,
        parts: Sequence[Part],
        *,
        stream: TextIO,
        workers: int = 1,
        writer: Any = None,
    ) -> None:
        self.folder, self.parts, self.workers, self.stream = folder, parts, workers, stream
        self.began = time.time()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.bar: progress.Progress | None = None
        self.writer, self.file = writer, writer and writer._file

    def start(self) -> None:
        """Show a bar on a terminal, and begin to follow the run."""
        if is_terminal(self.stream):
            self.bar = progress.Progress(
                progress.TaskProgressColumn(),
                progress.BarColumn(bar_width=20),
                # What does not fit is cut off here, and not from the bar.
                progress.TextColumn(
                    "{task.description}", table_column=Column(ratio=1, no_wrap=True)
                ),
                expand=True,
                console=Console(file=self.stream),
                auto_refresh=False,
                transient=True,
            )
            self.bar.add_task("", total=1.0)
            if self.writer is not None:
                self.writer._file = _Lines(self.bar.console, self.file)
            self.bar.start()
        self.thread.start()

    def stop(self) -> None:
        """Take the bar away, and leave the terminal to pytest again."""
        if self.ended.is_set():
            return
        self.ended.set()
        self.thread.join()
        if self.bar is not None:
            if self.writer is not None:
                self.writer.line()  # what is left of the last line is shown as well
                self.writer._file = self.file
            self.bar.stop()
        self.stream.close()

    def _follow(self) -> None:
        shown = self.began
        while not self.ended.wait(TICK_S):
            now = time.time()
            if self.bar is not None:
                share, said = self.now(now)
                self.bar.update(self.bar.task_ids[0], completed=share, description=said)
                self.bar.refresh()
            elif now - shown >= LINE_EVERY_S:
                shown = now
                share, said = self.now(now)
                with suppress(OSError):  # a log that takes no more is no reason to end
                    print(f"{duration(now - self.began)}: {share:.0%}, {said}", file=self.stream)

    def now(self, now: float) -> tuple[float, str]:
        """Return how much is measured, in [0, 1], and what is going on and how long it lasts."""
        parts = [part.seen(self.folder) for part in self.parts]
        running = {part.began: part for part in parts if part.began and part.took is None}
        said = [
            f"{part.spot[0]} {part.spot[1]} ({part.spot[2]})"
            for _, part in sorted(running.items(), reverse=True)[: self.workers]
        ]
        left = seconds_left(parts, now, self.workers)
        with suppress(OSError):  # a training that has just come to its end
            for note in self.folder.glob(f"*{TRAINING}"):
                said.insert(0, note.read_text(encoding="utf-8"))
        after = "" if left is None else f"{duration(left)} left, "
        return done_share(parts, now), after + (", ".join(said) or "judging")


class _Lines(FileProxy):
    """Writes whole lines above the bar; pytest flushes after every dot."""

    def flush(self) -> None:
        pass


def own_stream() -> TextIO | None:
    """Return standard error as it is now, whatever a test's capture makes of it; None for none."""
    try:
        own, encoding = os.dup(sys.stderr.fileno()), sys.stderr.encoding
        return os.fdopen(own, "w", buffering=1, encoding=encoding, errors="backslashreplace")
    except (AttributeError, OSError, ValueError, io.UnsupportedOperation):
        return None
