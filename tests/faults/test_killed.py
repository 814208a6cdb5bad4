"""SIGKILL at random moments: the same command then succeeds, to the same bits, and tidies up.

The moments are drawn with a seed (``FAULTS_SEED``), which a failure names with the moment.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from house import CALIBRATE, PATIENCE_S, REPRODUCE, TRAIN, Place, new_place

SEED = os.environ.get("FAULTS_SEED", "0")

COMMANDS = {
    "train": (TRAIN, 15, 40),
    "calibrate": (CALIBRATE, 15, 30),
    "reproduce": (REPRODUCE, 20, 15),
}
"""Name to the command, and to how many moments by the clock and by the line."""

Kill = Callable[[], tuple[str, int]]
"""Kill one run; when, and its exit code."""


def by_the_clock(place: Place, words: Sequence[str], draw: random.Random) -> Kill:
    """Kill ``words`` after some of the seconds that they take."""
    # The shortest of three: moments after the end would kill nothing.
    took = []
    for _ in range(3):
        place = new_place(place.root, place.here.name)
        start = time.monotonic()
        place.run(words)
        took.append(time.monotonic() - start)
    whole = min(took)

    def kill() -> tuple[str, int]:
        seconds = draw.uniform(0.0, whole)
        process = place.start(words)
        process.join(seconds)
        process.kill()
        process.join()
        return f"{seconds:.4f} of {whole:.2f} s", process.exitcode

    return kill


def by_the_line(place: Place, words: Sequence[str], draw: random.Random) -> Kill:
    """Kill ``words`` before a line that they run, each line as likely as any other.

    Were each moment as likely, most would fall into loops, and hardly one between two files.
    """
    process = place.start(words, line=-1)
    process.join(PATIENCE_S)
    assert process.exitcode == 0, place.said()
    moments: dict[str, list[int]] = {}
    for number, line in enumerate(place.lines(), start=1):
        moments.setdefault(line, []).append(number)
    left: list[str] = []

    def kill() -> tuple[str, int]:
        if not left:
            left.extend(draw.sample(sorted(moments), len(moments)))
        line = left.pop()
        number = draw.choice(moments[line])
        process = place.start(words, line=number)
        process.join(PATIENCE_S)
        assert process.exitcode is not None, f"{line} hangs"
        return f"{line}, {number} of all lines", process.exitcode

    return kill


@pytest.mark.parametrize("way", [by_the_clock, by_the_line])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_killed_command_given_again_ends_as_if_nothing_had_happened(
    root: Path, name: str, way: Callable[[Place, Sequence[str], random.Random], Kill]
) -> None:
    words, *counts = COMMANDS[name]
    count, spot = counts[way is by_the_line], f"{name}-{way.__name__}"
    draw = random.Random(f"{SEED} {spot}")  # noqa: S311 - nothing secret
    kill = way(new_place(root, spot), words, draw)
    expected = Place(root, root / "places" / spot).found()
    killed = 0
    for number in range(count):
        place = new_place(root, spot)
        # One in five is killed a second time, on its way back.
        told = [kill() for _ in range(draw.choice((1, 1, 1, 1, 2)))]
        killed += told[0][1] == -signal.SIGKILL
        moment = f"FAULTS_SEED={SEED}, moment {number} of {name}: {told}"
        try:
            place.run(words)
        except AssertionError as error:
            raise AssertionError(f"{moment}\n{error}") from None
        found = place.found()
        assert sorted(found) == sorted(expected), moment
        assert [path for path in found if found[path] != expected[path]] == [], moment
    # A run may be done before its moment; were most of them, nothing would have been tested.
    assert killed > count / 2
