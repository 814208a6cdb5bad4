"""Two runs at once on one empty cache: one trains, the other waits and reads, both are right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fakes
import pytest
from house import CALIBRATE, REPRODUCE, TRAIN, Place, new_place

SLOW = {"FAKES_EPOCH_S": "0.3"}
"""So that the second run meets the first in the middle of its training."""


def both(place: Place, first: Sequence[str], second: Sequence[str]) -> None:
    """Two commands in one folder: the second starts when the first trains, and both succeed."""
    processes = [place.start(first, **SLOW)]
    fakes.wait_for(lambda: "epoch 0" in place.notes(), "the first run's training")
    processes.append(place.start(second, **SLOW))
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0], place.said()


def claims(path: Path) -> list[dict[str, Any]]:
    """A report's records, but for how long they took."""
    read = json.loads(path.read_text(encoding="utf-8"))
    assert read["footer"]["outcomes"]["passed"] == 2
    return [{k: v for k, v in each.items() if k != "seconds"} for each in read["claims"]]


def test_of_two_reproductions_one_trains_and_both_are_right(root: Path) -> None:
    place = new_place(root, "two-reproductions")
    place.run(REPRODUCE)
    alone, before = claims(place.here / "reports" / "report.json"), place.found()
    place = new_place(root, "two-reproductions")
    both(place, REPRODUCE, [*REPRODUCE[:-1], "others"])
    assert place.notes().count("train 0") == 1
    assert place.notes().count("epoch 0") == fakes.SmallRecipe().epochs
    # Each measures for itself what it reports.
    assert place.notes().count("measure plain 0") == 2
    assert claims(place.here / "reports" / "report.json") == alone
    assert claims(place.here / "others" / "report.json") == alone
    left = {path for path in place.found() if not path.startswith("others")}
    assert left == set(before)


def test_two_reproductions_with_one_report_leave_a_whole_one(root: Path) -> None:
    place = new_place(root, "one-report")
    place.run(REPRODUCE)
    expected = place.found()
    place = new_place(root, "one-report")
    both(place, REPRODUCE, REPRODUCE)
    assert place.notes().count("train 0") == 1
    assert place.found() == expected


@pytest.mark.parametrize("second", [CALIBRATE, [w.replace("0-2", "0-3") for w in CALIBRATE]])
def test_two_calibrations_share_the_seeds_and_keep_each_row_once(
    root: Path, second: Sequence[str]
) -> None:
    place = new_place(root, "two-calibrations")
    place.run(second)
    expected = place.found()
    place = new_place(root, "two-calibrations")
    both(place, CALIBRATE, second)
    trained = [note for note in place.notes() if note.startswith("train")]
    assert len(trained) == len(set(trained)), "a network was trained twice"
    assert place.found() == expected


def test_training_and_reproducing_at_once_share_one_network(root: Path) -> None:
    place = new_place(root, "train-and-reproduce")
    both(place, TRAIN, REPRODUCE)
    assert place.notes().count("train 0") == 1
    claims(place.here / "reports" / "report.json")
