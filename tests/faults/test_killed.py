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
from house import CALIBRATE, REPRODUCE, TRAIN, Place, new_place

MOMENTS = 25
"""By the clock, and as many by the line, of each command."""
SEED = os.environ.get("FAULTS_SEED", "0")

COMMANDS = {"train": TRAIN, "calibrate": CALIBRATE, "reproduce": REPRODUCE}


def by_the_clock(place: Place, words: Sequence[str]) -> Callable[[random.Random], tuple[str, int]]:
    """Kill ``words`` after some of the seconds that they take."""
    start = time.monotonic()
    place.run(words)
    whole = time.monotonic() - start

    def kill(draw: random.Random) -> tuple[str, int]:
        seconds = draw.uniform(0.0, whole)
        process = place.start(words)
        process.join(seconds)
        process.kill()
        process.join()
        return f"{seconds:.4f} of {whole:.2f} s", process.exitcode

    return kill


def by_the_line(place: Place, words: Sequence[str]) -> Callable[[random.Random], tuple[str, int]]:
    """Kill ``words`` at one of the lines that they run."""
    process = place.start(words, line=-1)
    process.join()
    assert process.exitcode == 0, place.said()
    whole = place.lines()

    def kill(draw: random.Random) -> tuple[str, int]:
        line = draw.randint(1, whole)
        process = place.start(words, line=line)
        process.join()
        return f"line {line} of {whole}", process.exitcode

    return kill


@pytest.mark.parametrize("way", [by_the_clock, by_the_line])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_killed_command_given_again_ends_as_if_nothing_had_happened(
    root: Path, name: str, way: Callable[..., Callable[[random.Random], tuple[str, int]]]
) -> None:
    words, spot = COMMANDS[name], f"{name}-{way.__name__}"
    kill = way(new_place(root, spot), words)
    whole = Place(root, root / "places" / spot)
    expected = whole.found()
    draw = random.Random(f"{SEED} {spot}")  # noqa: S311 - nothing secret
    killed = 0
    for number in range(MOMENTS):
        place = new_place(root, spot)
        # One in five is killed a second time, on its way back.
        told = [kill(draw) for _ in range(draw.choice((1, 1, 1, 1, 2)))]
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
    assert killed > MOMENTS / 2
