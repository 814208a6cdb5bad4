"""What killed processes left goes, and what living ones hold stays."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from repro import atomic, paths
from repro.atomic import locked, write_atomic
from repro.errors import StoreError

fcntl = pytest.importorskip("fcntl", reason="without locks nothing counts as left")

STRAY = ".file.123-0123abcd.tmp"


def is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.fixture
def taken(monkeypatch):
    """The first file to be locked is removed before it is."""
    real, done = fcntl.flock, []

    def flock(file, how):
        if not done:
            done.append(file.name)
            Path(file.name).unlink()
        real(file, how)

    monkeypatch.setattr(atomic.fcntl, "flock", flock)
    return done


@pytest.fixture(params=["ENOLCK", "ENOSYS", "EOPNOTSUPP"])
def no_locks(monkeypatch, request):
    def flock(*_):
        raise OSError(getattr(errno, request.param), "no locks here")

    monkeypatch.setattr(atomic.fcntl, "flock", flock)


@pytest.mark.usefixtures("no_locks")
def test_where_there_are_no_locks_nothing_is_left(tmp_path):
    (tmp_path / STRAY).touch()
    write_atomic(tmp_path / "file", b"new")
    assert sorted(p.name for p in tmp_path.iterdir()) == [STRAY, "file"]


@pytest.mark.usefixtures("no_locks")
def test_where_there_are_no_locks_one_process_at_a_time_goes_on_all_the_same(tmp_path):
    path = tmp_path / "folder" / "file.lock"
    for _ in range(2):
        with locked(path), pytest.raises(StoreError, match="was held"), locked(path, seconds=0):
            pass


# Files written whole


@pytest.mark.parametrize("name", ["file", "with space", "[a-z]*", "ünï.cöde", "a.b.csv"])
def test_a_write_removes_what_a_killed_one_left(tmp_path, name):
    (tmp_path / f".{name}.123-0123abcd.tmp").write_bytes(b"ha")
    (tmp_path / f".{name}.9-ffffffff.tmp").touch()
    write_atomic(tmp_path / name, b"new")
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"new"


def test_a_write_removes_nothing_else(tmp_path):
    others = [
        *(".other.123-0123abcd.tmp", ".file.more.123-0123abcd.tmp", ".file.tmp"),
        *(".file.x-0123abcd.tmp", ".file.123-0123abcd.tmp~", "file.123-0123abcd.tmp"),
    ]
    for name in others:
        (tmp_path / name).write_bytes(b"other")
    write_atomic(tmp_path / "file", b"new")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*others, "file"])


def test_a_write_leaves_alone_what_a_living_process_is_at_until_it_is_killed(tmp_path):
    source = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'xb')\n"
        "fcntl.flock(file, fcntl.LOCK_EX); print(flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-c", source, str(tmp_path / STRAY)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(2):  # looking gives nothing up
            write_atomic(tmp_path / "file", b"new")
            assert (tmp_path / STRAY).exists()
        process.kill()
    write_atomic(tmp_path / "file", b"new")
    assert not (tmp_path / STRAY).exists()


def test_a_write_that_another_takes_for_a_dead_one_s_is_made_again(tmp_path, taken):
    write_atomic(tmp_path / "file", b"new")
    assert len(taken) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_file_is_locked_from_before_its_first_byte_until_it_has_its_name(tmp_path, monkeypatch):
    seen = []
    fsync, replace = os.fsync, Path.replace

    def look() -> None:
        seen.append([is_locked(path) for path in tmp_path.glob(".file.*.tmp")])

    monkeypatch.setattr(os, "fsync", lambda handle: look() or fsync(handle))
    monkeypatch.setattr(Path, "replace", lambda self, to: look() or replace(self, to))
    write_atomic(tmp_path / "file", b"new")
    assert seen == [[True], [True]]


def test_a_stray_that_cannot_be_removed_fails_no_write(tmp_path, monkeypatch):
    (tmp_path / STRAY).touch()
    unlink = Path.unlink

    def refuse(path, **settings):
        if path.name == STRAY:
            raise PermissionError(13, "Permission denied")
        unlink(path, **settings)

    monkeypatch.setattr(Path, "unlink", refuse)
    write_atomic(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


# No home


@pytest.mark.parametrize("answer", [RuntimeError("could not determine the home"), "~/.cache/x"])
def test_a_user_without_a_home_is_told_to_name_a_folder(monkeypatch, tmp_path, answer):
    def ask(_):
        if isinstance(answer, str):
            return answer
        raise answer

    monkeypatch.setattr(platformdirs, "user_cache_dir", ask)
    monkeypatch.delenv("REPRO_CACHE_DIR", raising=False)
    with pytest.raises(StoreError, match="no home") as caught:
        paths.cache()
    assert "REPRO_CACHE_DIR" in caught.value.do
    monkeypatch.setenv("REPRO_CACHE_DIR", str(tmp_path))
    assert paths.cache() == tmp_path


def test_the_home_folder_is_expanded_in_the_environment_s_paths(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("REPRO_CACHE_DIR", "~/cache")
    monkeypatch.setenv("REPRO_FIXTURES_DIR", "~/fixtures")
    assert (paths.cache(), paths.fixtures()) == (tmp_path / "cache", tmp_path / "fixtures")
