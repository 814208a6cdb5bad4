"""Whole commands: their time, and the most memory that a run of all claims takes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from table import Row, best

from repro.papers import registry

ROOT = Path(__file__).resolve().parents[2]
SECTION = "Whole commands"
SHARED = ("-q", "-n", "auto", "--maxprocesses", "4")
"""As tox.ini has it."""

CLAIMS = ("-m", "pytest", "tests/claims", "--show-capture=no", "--require-full-data", *SHARED)
OWN = ("-m", "pytest", "tests", *SHARED)
ELSEWHERE = ("browser", "claims", "cluster", "faults", "oracle")


@dataclass
class Memory:
    """The most bytes that a process and its children ever held.

    Args:
        once: what they share counts once (the kernel's proportional set size; Linux alone has
            it), looked at every two seconds.
        each: what they share counts in each.
        next_look: when ``once`` may be looked at again.
    """

    once: int = 0
    each: int = 0
    next_look: float = 0.0

    def look(self, process: psutil.Process) -> None:
        """Take what they hold now, where it is more."""
        every = (process, *process.children(recursive=True))
        now = sum(_bytes(one, "rss") for one in every)
        self.each = max(self.each, now)
        # What is shared the kernel takes long to count, and the command waits meanwhile.
        if now > self.once and time.monotonic() > self.next_look:
            self.once = max(self.once, sum(_bytes(one, "pss") for one in every))
            self.next_look = time.monotonic() + 2.0


def _bytes(process: psutil.Process, kind: str) -> int:
    try:
        info = process.memory_full_info() if kind == "pss" else process.memory_info()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):  # it has ended
        return 0
    found: int = getattr(info, kind, info.rss)
    return found


def watched(words: tuple[str, ...], expected: tuple[int, ...] = (0,)) -> tuple[float, Memory]:
    """(seconds, most memory) of one command of Python's.

    Raises:
        RuntimeError: it ended with another status than expected.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"REPRO_CACHE_DIR": folder}
        start, most = time.perf_counter(), Memory()
        with tempfile.TemporaryFile("w+") as told:
            child = subprocess.Popen(
                [sys.executable, *words], cwd=ROOT, env=environment, stdout=told, stderr=told
            )
            while child.poll() is None:
                most.look(psutil.Process(child.pid))
                time.sleep(0.2)
            took = time.perf_counter() - start
            if child.returncode not in expected:
                told.seek(0)
                raise RuntimeError(
                    f"{words} ended with {child.returncode}:\n{told.read()[-2000:]}"
                )
    return took, most


def command_rows() -> Iterator[Row]:
    """The commands that measure nothing."""

    def repro(word: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "repro", word], cwd=ROOT, check=True, capture_output=True
        )

    took = best({word: lambda word=word: repro(word) for word in ("claims", "verdicts")})
    yield Row(SECTION, "`repro claims`", took["claims"], "seconds", 1.0, at_least=False)
    yield Row(SECTION, "`repro verdicts`", took["verdicts"], "seconds", 2.0, at_least=False)


def live_rows() -> Iterator[Row]:
    """Every claim on full MNIST."""
    if not os.environ.get("REPRO_MNIST_DIR"):
        return  # the embedded sample would be another, smaller run
    with tempfile.TemporaryDirectory() as folder:
        seconds, most = watched((*CLAIMS, "--report-dir", folder))
    how = "full MNIST, as `tox -e reproduce`"
    yield Row(SECTION, "every claim, live", seconds, "seconds", 360.0, False, how)
    how = "all processes added up, what they share counted once"
    memory = "the most memory of that"
    yield Row(SECTION, memory, most.once / 1e6, "megabytes", 2000.0, False, how)
    how = "what they share counted in each, which the goal was judged by at first"
    yield Row(SECTION, memory, most.each / 1e6, "megabytes", how=how)


def headline_rows() -> Iterator[Row]:
    """Each headline claim by itself, on full MNIST."""
    every = [claim for paper in registry.load_all().values() for claim in paper.claims]
    for claim in (claim.id for claim in every if "headline" in claim.tags):
        if not os.environ.get("REPRO_MNIST_DIR"):
            return
        with tempfile.TemporaryDirectory() as folder:
            seconds, _ = watched((*CLAIMS, "--report-dir", folder, "--claim", claim))
        how = "under every reading, with its control"
        yield Row(SECTION, f"`{claim}` alone", seconds, "seconds", 90.0, False, how)


def own_rows() -> Iterator[Row]:
    """The suite's own tests."""
    without = tuple(f"--ignore=tests/{name}" for name in ELSEWHERE)
    seconds, _ = watched((*OWN, *without))
    how = "tests/ without the folders that have environments of their own"
    yield Row(SECTION, "the suite's own tests", seconds, "seconds", 90.0, False, how)
