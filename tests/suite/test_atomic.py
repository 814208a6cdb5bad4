from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from repro import atomic
from repro.atomic import write_atomic
from repro.errors import StoreError


def fail(number: int):
    def failing(*_, **__):
        raise OSError(number, os.strerror(number))

    return failing


def test_the_content_is_there_and_nothing_else(tmp_path):
    path = tmp_path / "new" / "folder" / "file.txt"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    write_atomic(path.with_name("empty"), b"")
    assert path.read_bytes() == b"two"
    assert sorted(p.name for p in path.parent.iterdir()) == ["empty", "file.txt"]


def test_the_file_is_as_open_as_the_umask_lets_it(tmp_path):
    before = os.umask(0o022)
    try:
        write_atomic(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("where", "name"), [(os, "fsync"), (Path, "replace"), (Path, "open"), (Path, "mkdir")]
)
@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, "free space on its disk"), (errno.EROFS, "a folder that can be written")],
)
def test_a_failure_anywhere_leaves_what_was_there(
    tmp_path, monkeypatch, where, name, number, expected
):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(where, name, fail(number))
        with pytest.raises(StoreError) as caught:
            write_atomic(path, b"new")
    assert caught.value.found == f"{path} cannot be written: {os.strerror(number)}"
    assert caught.value.expected == expected
    assert "REPRO_CACHE_DIR" in caught.value.do
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fills_up_half_way_leaves_nothing(tmp_path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            write_atomic(tmp_path / "file", bytes(200_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_folder_s_place_is_an_error(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(StoreError, match="cannot be written"):
        write_atomic(tmp_path / "file" / "below", b"new")
    with pytest.raises(StoreError, match="cannot be written"):
        write_atomic(tmp_path / "file" / "far" / "below", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_folder_in_the_file_s_place_is_an_error(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        write_atomic(tmp_path / "folder", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_an_interrupt_leaves_what_was_there(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_the_content_is_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: order.append("fsync") or fsync(handle))
    monkeypatch.setattr(
        Path, "replace", lambda self, to: order.append("replace") or replace(self, to)
    )
    write_atomic(tmp_path / "file", b"new")
    assert order == ["fsync", "replace"]


def test_of_many_writers_one_wins_whole(tmp_path):
    path = tmp_path / "file"
    contents = [bytes([i]) * 50_000 for i in range(8)]
    threads = [threading.Thread(target=write_atomic, args=(path, c)) for c in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_sees_half_a_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomic(path, b"old")
    seen = []
    fsync = os.fsync
    monkeypatch.setattr(
        atomic.os, "fsync", lambda handle: seen.append(path.read_bytes()) or fsync(handle)
    )
    write_atomic(path, b"new")
    assert seen == [b"old"]
