from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest
from fetch_helpers import listing, well

from repro.errors import StoreError
from repro.lab import http
from repro.lab.mnist import download

pytestmark = pytest.mark.usefixtures("canonical")


def refuse(error_number: int) -> Callable[..., None]:
    def raise_it(*_: object, **__: object) -> None:
        raise OSError(error_number, os.strerror(error_number))

    return raise_it


def test_a_read_only_cache_is_a_store_error(tmp_path, mirrors, monkeypatch):
    mirrors(well)
    monkeypatch.setattr(Path, "mkdir", refuse(errno.EROFS))
    with pytest.raises(StoreError, match="Read-only file system") as caught:
        download.fetch(tmp_path / "mnist")
    assert "REPRO_CACHE_DIR" in caught.value.do


def test_a_lock_that_cannot_be_made_is_a_store_error(tmp_path, mirrors, monkeypatch):
    mirrors(well)
    monkeypatch.setattr(filelock.FileLock, "acquire", refuse(errno.EACCES))
    with pytest.raises(StoreError, match="Permission denied"):
        download.fetch(tmp_path)


def test_a_file_in_the_caches_place_is_a_store_error(tmp_path, mirrors):
    mirrors(well)
    (tmp_path / "mnist").touch()
    with pytest.raises(StoreError, match="mnist cannot be written"):
        download.fetch(tmp_path / "mnist")


def test_a_full_disk_is_a_store_error_and_leaves_nothing(tmp_path, mirrors, monkeypatch):
    mirrors(well)
    monkeypatch.setattr(os, "fsync", refuse(errno.ENOSPC))
    with pytest.raises(StoreError, match="No space left") as caught:
        download.fetch(tmp_path)
    assert caught.value.expected
    assert set(listing(tmp_path)) <= {".lock"}


def test_an_interrupt_while_writing_leaves_nothing(tmp_path, mirrors, monkeypatch):
    mirrors(well)

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        download.fetch(tmp_path)
    assert set(listing(tmp_path)) <= {".lock"}


def test_a_lock_held_for_too_long_is_a_store_error(tmp_path, mirrors, monkeypatch):
    mirrors(well)
    monkeypatch.setattr(http, "LOCK_SECONDS", 0.1)
    with (
        filelock.FileLock(tmp_path / ".lock"),
        pytest.raises(StoreError, match=r"\.lock was held"),
    ):
        download.fetch(tmp_path)
