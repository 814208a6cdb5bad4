"""What is done to a process before its command runs: mounts, rights, and the clock."""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import _pytest.timing
import pytest
from house import PATIENCE_S, Place

NEW_MOUNTS = 0x20000  # CLONE_NEWNS
CAPABILITIES = 0x20080522  # the third version of the system call
PAGE = 4096


def read_only(*paths: Path) -> Callable[[], None]:
    """Make folders read-only, for this process alone."""
    return partial(_read_only, paths)


def _read_only(paths: tuple[Path, ...]) -> None:
    _own_mounts()
    for path in paths:
        _mount("--bind", str(path), str(path))
        _mount("-o", "remount,bind,ro", str(path))


def full(path: Path, pages: int) -> Callable[[], None]:
    """Make a folder a disk with room for so many pages, for this process alone."""
    return partial(_full, path, pages)


def _full(path: Path, pages: int) -> None:
    _own_mounts()
    _mount("-t", "tmpfs", "-o", f"size={PAGE * (1 + pages)}", "none", str(path))
    (path / "filler").write_bytes(bytes(PAGE))


def no_rights() -> None:
    """Give up what lets root read and write where the permissions say no."""
    header, none = (ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, none):
        raise OSError(ctypes.get_errno(), "capset")


def jumping_clock() -> None:
    """Time by the wall goes to and fro by years; what measures durations does not."""
    jumps, real = itertools.cycle((0.0, 3e8, -6e8)), time.time
    time.time = _pytest.timing.time = lambda: real() + next(jumps)


def _own_mounts() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_MOUNTS):
        raise OSError(ctypes.get_errno(), "unshare")
    _mount("--make-rprivate", "/")


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)  # noqa: S607 - root's own


def may_mount() -> bool:
    """Whether processes here may have mounts of their own."""
    if not IS_ROOT:
        return False
    words = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        return subprocess.run(words, capture_output=True).returncode == 0
    except OSError:
        return False


IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
needs_mounts = pytest.mark.skipif(not may_mount(), reason="needs root that may mount file systems")
needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root, whose rights are given up")


def end(process: object, place: Place) -> tuple[int, str]:
    """The exit status and the output of a process of either kind; never a traceback."""
    if isinstance(process, subprocess.Popen):
        status = process.wait(PATIENCE_S)
    else:
        process.join(PATIENCE_S)  # type: ignore[attr-defined]
        status = process.exitcode  # type: ignore[attr-defined]
    said = place.said()
    assert "Traceback" not in said, said
    assert "INTERNALERROR" not in said, said
    return status, said


def assert_told(said: str, *words: str) -> None:
    """One of the suite's own errors stands there, with its three parts and these words."""
    for word in ("found: ", "expected: ", "what to do: ", *words):
        assert word in said, said
