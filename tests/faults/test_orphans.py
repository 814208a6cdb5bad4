"""A run that is killed takes its worker processes with it: they would work on for nobody."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import fakes
import pytest
from house import CALIBRATE, REPRODUCE, Place, new_place

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks for the processes in /proc"
)


def descendants(pid: int) -> set[int]:
    """Every process below ``pid``."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:  # gone meanwhile
            continue
    found: set[int] = set()
    while more := {child for child, up in parents.items() if up in {pid, *found}} - found:
        found |= more
    return found


def alive(pids: set[int]) -> set[int]:
    """Those of ``pids`` that run; one that waits to be reaped does not."""
    found = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            found.add(pid)
    return found


@pytest.mark.parametrize(
    "words", [[*CALIBRATE, "--workers", "2"], [*REPRODUCE, "-n", "1"]], ids=["calibrate", "xdist"]
)
def test_workers_of_a_killed_run_end_and_the_next_one_succeeds(
    root: Path, words: list[str], request: pytest.FixtureRequest
) -> None:
    place: Place = new_place(root, request.node.callspec.id)
    process = place.popen(words, FAKES_EPOCH_S="1")
    try:
        fakes.wait_for(lambda: any("epoch" in n for n in place.notes()), "the first training")
        workers = descendants(process.pid)
        assert alive(workers)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    # execnet, which xdist's workers wait with, gives a test 15 seconds to come to its end.
    end = time.monotonic() + 25
    while alive(workers) and time.monotonic() < end:
        time.sleep(0.1)
    left = alive(workers)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left
    again = place.popen(words)
    assert again.wait(120) == 0, place.said()
