"""No home, ASCII alone, odd paths, and clocks that jump: as right as at home."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import CALIBRATE, REPRODUCE, TRAIN, Place, new_place
from surroundings import assert_told, end, jumping_clock, needs_root

ASCII = {
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONIOENCODING": "ascii",
}
ODD = "a folder [x] 100%d 'q' {y} ünï"
NOBODY = 54321
"""A user whom the system does not know."""


def passed(place: Place) -> None:
    """The report is there and has both claims reproduced."""
    read = json.loads((place.here / "reports" / "report.json").read_text(encoding="utf-8"))
    assert read["footer"]["outcomes"]["passed"] == 2
    assert (place.here / "reports" / "index.html").exists()


def test_in_a_locale_of_ascii_and_a_path_that_is_none(root: Path) -> None:
    place = new_place(root, ODD)
    status, said = end(place.popen(REPRODUCE, **ASCII), place)
    assert status == 0, said
    assert "not written" not in said
    passed(place)
    # Greek letters and quotation marks, to an output that has none.
    for words in (["show", "popovic2017-t1-units"], ["claims"]):
        status, said = end(place.popen(words, **ASCII), place)
        assert status in (0, 2), said


@pytest.mark.parametrize("words", [TRAIN, CALIBRATE, REPRODUCE], ids=lambda words: words[0])
def test_a_path_with_spaces_and_worse_changes_nothing(root: Path, words: list[str]) -> None:
    plain, odd = new_place(root, "plain"), new_place(root, ODD)
    for place in (plain, odd):
        place.run(words)
    names = [{p for p in place.found() if "locks" not in p} for place in (plain, odd)]
    assert names[0] == names[1]
    for path in ("fixtures/weights/small-seed0.safetensors", "out/full/small-net--plain.csv"):
        assert plain.found().get(path) == odd.found().get(path)


@pytest.fixture
def open_root(root: Path) -> Iterator[Path]:
    """The small paper where every user may go; pytest's own folders are for their owner alone."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        shutil.copytree(root, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("places"))
        place.chmod(0o755)
        yield place


@needs_root
def test_without_a_home_the_cache_must_be_named(open_root: Path) -> None:
    place = new_place(open_root, "no-home")
    for path in (place.here, *place.here.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if shutil.which(prefix[0]) is None:
        pytest.skip("no setpriv to become another user with")  # root always has a home
    nowhere = {"HOME": "", "XDG_CACHE_HOME": "", "USER": "", "LOGNAME": ""}
    status, said = end(place.popen(TRAIN, prefix=prefix, REPRO_CACHE_DIR="", **nowhere), place)
    assert status == 2
    assert_told(said, "no home folder", "REPRO_CACHE_DIR")
    status, said = end(place.popen(REPRODUCE, prefix=prefix, **nowhere), place)
    assert status == 0, said
    passed(place)


@pytest.mark.parametrize("when", [0, 4_000_000_000], ids=["1970", "2096"])
def test_files_of_any_date_serve(root: Path, when: int) -> None:
    place = new_place(root, "dates")
    place.run(TRAIN)
    place.run(REPRODUCE)
    before = place.found()
    for path in place.here.rglob("*"):
        os.utime(path, (when, when))
    assert "shipped, SHA-256" in place.run(TRAIN)
    place.run(REPRODUCE)
    assert place.found() == before


@pytest.mark.parametrize("words", [TRAIN, CALIBRATE, REPRODUCE], ids=lambda words: words[0])
def test_a_clock_that_jumps_changes_nothing(root: Path, words: list[str]) -> None:
    place = new_place(root, "clock")
    place.run(words)
    expected = place.found()
    place = new_place(root, "clock")
    status, said = end(place.start(words, before=jumping_clock), place)
    assert status == 0, said
    assert place.found() == expected
