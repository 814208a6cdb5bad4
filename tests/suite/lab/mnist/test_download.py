from __future__ import annotations

import gzip
import socket
import sys
import threading
import time
from pathlib import Path

import filelock
import pytest
from fetch_helpers import (
    FILES,
    Answer,
    a_login_page,
    absent,
    absent_on_get,
    interrupted,
    interrupted_from_the_second_file_on,
    listing,
    oversized,
    silent,
    silent_on_get,
    unpacked,
    well,
    wrong,
)

from repro.errors import DataError
from repro.lab import http
from repro.lab.mnist import download, idx

pytestmark = pytest.mark.usefixtures("canonical")

SHIPPED_MIRRORS = download.MIRRORS


def impatient_with(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    """Short waits where the wait is the point; long ones elsewhere, for a busy machine."""
    if answer in (silent, silent_on_get):
        monkeypatch.setattr(http, "READ_SECONDS", 0.5)


def assert_filled(folder: Path) -> None:
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert set(listing(folder)) <= {*FILES, ".lock"}


@pytest.mark.parametrize("answer", [well, unpacked])
def test_a_mirror_that_serves_fills_the_folder(tmp_path, mirrors, answer):
    (mirror,) = mirrors(answer)
    assert download.fetch(tmp_path / "deep" / "mnist") == mirror.host
    assert_filled(tmp_path / "deep" / "mnist")


def test_a_full_folder_is_left_alone(tmp_path, mirrors):
    (mirror,) = mirrors(well)
    for name, content in FILES.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    assert download.fetch(tmp_path) == ""
    assert mirror.gets == []
    assert listing(tmp_path) == sorted(f"{name}.gz" for name in FILES)


def test_only_what_is_missing_or_damaged_is_downloaded(tmp_path, mirrors):
    (mirror,) = mirrors(well)
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(b"damaged")
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    assert download.fetch(tmp_path) == mirror.host
    assert mirror.gets == ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"]
    assert_filled(tmp_path)


@pytest.mark.parametrize(
    "fault",
    [wrong, a_login_page, interrupted, absent_on_get, silent_on_get],
)
def test_a_mirror_that_fails_gives_way_to_the_next(tmp_path, mirrors, monkeypatch, fault):
    impatient_with(monkeypatch, fault)
    first, second = mirrors(fault, well)
    assert download.fetch(tmp_path) == second.host
    assert first.gets == ["train-images-idx3-ubyte"]
    assert_filled(tmp_path)


def test_mirrors_that_share_the_work_are_both_named(tmp_path, mirrors):
    first, second = mirrors(interrupted_from_the_second_file_on, well)
    assert download.fetch(tmp_path) == f"{first.host} and {second.host}"
    assert first.gets == ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"]
    assert_filled(tmp_path)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (wrong, "has SHA-256"),
        (a_login_page, "has SHA-256"),
        (interrupted, "ChunkedEncodingError"),
        (absent_on_get, "404"),
        (silent_on_get, "ReadTimeout"),
    ],
)
def test_a_failed_download_leaves_nothing_behind(tmp_path, mirrors, monkeypatch, fault, told):
    impatient_with(monkeypatch, fault)
    (mirror,) = mirrors(fault)
    with pytest.raises(DataError) as caught:
        download.fetch(tmp_path)
    assert caught.value.found.startswith("no MNIST mirror serves train-images, train-labels, t10k")
    assert mirror.host in caught.value.found
    assert told in caught.value.found
    assert "REPRO_MNIST_DIR" in caught.value.do
    assert set(listing(tmp_path)) <= {".lock"}


def test_files_that_arrived_before_the_failure_stay(tmp_path, mirrors):
    mirrors(interrupted_from_the_second_file_on)
    with pytest.raises(DataError, match="no MNIST mirror serves train-labels"):
        download.fetch(tmp_path)
    assert set(listing(tmp_path)) <= {".lock", "train-images-idx3-ubyte"}
    mirror = mirrors(well)[0]
    assert download.fetch(tmp_path) == mirror.host
    assert "train-images-idx3-ubyte" not in mirror.gets
    assert_filled(tmp_path)


def test_an_endless_answer_is_cut_off(tmp_path, mirrors, monkeypatch):
    monkeypatch.setattr(idx, "MAX_BYTES", 4000)
    mirrors(oversized)
    with pytest.raises(DataError, match="OSError: more than 4000 bytes"):  # while it arrives
        download.fetch(tmp_path)


@pytest.mark.parametrize("answer", [absent, silent])
def test_mirrors_without_an_answer_are_told_and_nothing_is_made(
    tmp_path, mirrors, monkeypatch, answer
):
    impatient_with(monkeypatch, answer)
    (mirror,) = mirrors(answer)
    with pytest.raises(DataError, match="no MNIST mirror answers") as caught:
        download.fetch(tmp_path / "mnist")
    assert mirror.host in caught.value.found
    assert not (tmp_path / "mnist").exists()


def test_a_mirror_that_does_not_answer_gives_way_to_the_next(tmp_path, mirrors, monkeypatch):
    impatient_with(monkeypatch, silent)
    silent_one, good = mirrors(silent, well)
    assert download.fetch(tmp_path) == good.host
    assert silent_one.gets == []


def test_a_refused_connection_is_told_at_once(tmp_path, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setattr(download, "MIRRORS", (f"http://127.0.0.1:{port}/",) * 3)
    started = time.monotonic()
    with pytest.raises(DataError, match="NewConnectionError"):
        download.fetch(tmp_path)
    assert time.monotonic() - started < 5


def test_the_mirrors_are_folders():
    assert all(mirror.endswith("/") for mirror in SHIPPED_MIRRORS)
    assert len({download.host(mirror) for mirror in SHIPPED_MIRRORS}) >= 3


def test_two_that_share_a_folder_download_once(tmp_path, mirrors):
    (mirror,) = mirrors(well)
    lock = filelock.FileLock(tmp_path / ".lock")
    hosts: list[str] = []
    workers = [
        threading.Thread(target=lambda: hosts.append(download.fetch(tmp_path))) for _ in range(2)
    ]
    with lock:  # so that both have found the folder empty before either may fill it
        for worker in workers:
            worker.start()
        time.sleep(0.3)
    for worker in workers:
        worker.join()
    assert sorted(hosts) == ["", mirror.host]
    assert sorted(mirror.gets) == sorted(FILES)
    assert_filled(tmp_path)


@pytest.mark.parametrize("terminal", [True, False])
def test_the_bar_is_shown_on_a_terminal_only(tmp_path, mirrors, monkeypatch, capsys, terminal):
    mirrors(well)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    download.fetch(tmp_path)
    captured = capsys.readouterr()
    assert ("train-images" in captured.err) == terminal
    assert captured.out == ""
