"""Disks that cannot be written or are full: a right result or one clear error, nothing between."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from house import CALIBRATE, REPRODUCE, TRAIN, new_place
from surroundings import assert_told, end, full, needs_mounts, needs_root, no_rights, read_only

RETRAIN = TRAIN[:2]


def reported(path: Path) -> dict[str, str]:
    """``claim@reading`` of the small paper to its outcome and verdict."""
    claims = json.loads(path.read_text(encoding="utf-8"))["claims"]
    mine = [c for c in claims if c["paper"] == "small"]
    return {f"{c['id']}@{c['reading']}": f"{c['outcome']}, {c['verdict']}" for c in mine}


PASSED = {f"small-weights@{r}": "passed, reproduced" for r in ("plain", "scaled")}
FAILED = {f"small-weights@{r}": "failed, not-run" for r in ("plain", "scaled")}


@needs_mounts
def test_a_read_only_cache_that_has_the_network_is_enough_to_reproduce(root: Path) -> None:
    place = new_place(root, "read-only-cache")
    place.run(RETRAIN)
    before = {p: p.read_bytes() for p in (place.here / "cache").rglob("*") if p.is_file()}
    cache = read_only(place.here / "cache")
    assert end(place.start(REPRODUCE, before=cache), place)[0] == 0
    assert reported(place.here / "reports" / "report.json") == PASSED
    status, said = end(place.start(RETRAIN, before=cache), place)
    assert status == 0
    assert "seed 0: cache" in said
    # Evidence is locked in the cache.
    status, said = end(place.start(CALIBRATE, before=cache), place)
    assert status == 2
    assert_told(said, "Read-only file system", "REPRO_CACHE_DIR")
    assert before == {p: p.read_bytes() for p in (place.here / "cache").rglob("*") if p.is_file()}


@needs_mounts
def test_a_read_only_cache_without_the_network_is_an_error(root: Path) -> None:
    place = new_place(root, "read-only-empty-cache")
    (place.here / "cache").mkdir()
    cache = read_only(place.here / "cache")
    for words in (TRAIN, CALIBRATE):
        status, said = end(place.start(words, before=cache), place)
        assert status == 2
        assert_told(said, "StoreError", "Read-only file system", "REPRO_CACHE_DIR")
    status, said = end(place.start(REPRODUCE, before=cache), place)
    assert status == 1
    assert_told(said.replace("why:       ", "found: "), "Read-only file system")
    assert reported(place.here / "reports" / "report.json") == FAILED


@needs_mounts
def test_a_read_only_checkout_is_reproduced_where_the_report_goes_elsewhere(root: Path) -> None:
    place = new_place(root, "read-only-checkout")
    for name in ("cache", "elsewhere", "fixtures/weights"):
        (place.here / name).mkdir(exist_ok=True)
    # The folder's own files, and what the run writes; only the last may be written.
    shut = read_only(place.here / "claims", place.here / "fixtures")
    status, said = end(place.start([*REPRODUCE[:-1], "claims/reports"], before=shut), place)
    assert status == 4
    assert_told(said, "Read-only file system", "--report-dir")
    assert end(place.start([*REPRODUCE[:-1], "elsewhere"], before=shut), place)[0] == 0
    assert reported(place.here / "elsewhere" / "report.json") == PASSED
    status, said = end(place.start(TRAIN, before=shut), place)
    assert status == 2
    assert_told(said, "fixtures", "Read-only file system")
    assert [p.name for p in (place.here / "fixtures").iterdir() if p.suffix] == []


@needs_root
@pytest.mark.parametrize("name", ["cache", "out", "reports", "fixtures", "tmp", "mnist"])
def test_a_folder_that_one_may_not_enter_is_an_error(root: Path, name: str) -> None:
    place = new_place(root, "no-rights")
    (place.here / name).mkdir(exist_ok=True)
    (place.here / name).chmod(0)
    words = CALIBRATE if name == "out" else REPRODUCE
    mnist = {"REPRO_MNIST_DIR": str(place.here / name)} if name == "mnist" else {}
    try:
        status, said = end(place.start(words, before=no_rights, **mnist), place)
    finally:
        (place.here / name).chmod(0o755)
    if name == "tmp" and status == 0:
        return  # Python has found another place for temporary files
    assert status in (1, 2, 3, 4), said
    assert "Permission denied" in said
    assert "what to do: " in said
    assert "reproduced" not in said.partition(" claims ")[2].replace("not-reproduced", "")


@needs_mounts
@pytest.mark.parametrize("pages", [0, 1, 2, 3, 8])
def test_a_full_disk_under_the_cache_leaves_no_half_written_file(root: Path, pages: int) -> None:
    place = new_place(root, "full-cache")
    (place.here / "cache").mkdir()
    before = full(place.here / "cache", pages)
    status, said = end(place.start(TRAIN, before=before), place)
    if status:
        assert status == 2
        assert_told(said, "No space left on device", "free some space")
    else:
        assert pages > 1
        assert "shipped" in said
    # With room again the same command succeeds.
    assert "trained" in place.run(TRAIN) or status == 0


@needs_mounts
@pytest.mark.parametrize("pages", [0, 1, 2])
def test_a_full_disk_under_the_evidence_costs_no_row_that_was_there(
    root: Path, pages: int
) -> None:
    place = new_place(root, "full-out")
    (place.here / "out").mkdir()
    status, said = end(place.start(CALIBRATE, before=full(place.here / "out", pages)), place)
    assert status == 2
    assert_told(said, "No space left on device", "free some space")


@needs_mounts
@pytest.mark.parametrize("pages", [0, 24, 60])
def test_a_full_disk_under_the_report_is_no_success(root: Path, pages: int) -> None:
    place = new_place(root, "full-reports")
    (place.here / "reports").mkdir()
    words = [*REPRODUCE, "--junitxml=reports/junit.xml"]
    status, said = end(place.start(words, before=full(place.here / "reports", pages)), place)
    if status == 0:
        assert pages == 60
        return
    assert "No space left on device" in said
    assert "free some space" in said


def test_an_output_that_is_full_or_closed_is_no_traceback(root: Path) -> None:
    place = new_place(root, "full-output")
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")  # a device of Linux; elsewhere nothing is always full
    status, said = end(
        place.popen(["claims"], prefix=["sh", "-c", 'exec "$0" "$@" > /dev/full']), place
    )
    assert status == 2
    assert_told(said, "No space left on device")
    assert "Exception ignored" not in said
    status, said = end(place.popen(["claims"], prefix=["sh", "-c", 'exec "$0" "$@" >&-']), place)
    assert (status, said) == (0, "")
