"""Files that are written whole or not at all, and locks that mark files as in use.

A lock is the operating system's and ends with its process, however that ends. So a file that a
killed process left can be told from one that a live process uses, and be removed. Where there are
no such locks (Windows, some network folders) nothing counts as left behind.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from repro.errors import StoreError

if sys.platform != "win32":
    import fcntl


def write_atomic(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` whole or not at all, also across a kill or a full disk.

    Temporary files of processes that were killed while they wrote ``path`` are removed.

    Raises:
        StoreError: the folder cannot be written or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while not _written(path, content):
            pass
    except OSError as error:
        full = error.errno == errno.ENOSPC
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}",
            expected="free space on its disk" if full else "a folder that can be written",
            do="free some space, or correct the folder's permissions; "
            "REPRO_CACHE_DIR names another folder for the cache",
        ) from error
    _sweep(path)


def _written(path: Path, content: bytes) -> bool:
    """Try to write; False where another writer removed the temporary file before its lock."""
    # Not tempfile: its files are for their owner alone, whatever the umask says.
    temporary = path.parent / f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        file = hold(temporary)
        if file is None:
            return False
        with file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if sys.platform == "win32":
                file.close()  # an open file cannot be renamed there, nor removed by others
            temporary.replace(path)
        return True
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove the temporary files of killed writers of ``path``."""
    mine = re.compile(rf"\.{re.escape(path.name)}\.\d+-[0-9a-f]{{8}}\.tmp")
    with contextlib.suppress(OSError):  # the write itself has succeeded
        for stray in [p for p in path.parent.iterdir() if mine.fullmatch(p.name)]:
            with contextlib.suppress(OSError), is_left(stray) as left:
                if left:
                    stray.unlink()


def hold(path: Path) -> BinaryIO | None:
    """Make the file ``path`` and lock it, as a mark that it is in use, until it is closed.

    Returns:
        The file, open for writing; None where another process removed it before it was locked.

    Raises:
        OSError: it cannot be made, or is there already.
    """
    file = path.open("xb")
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
    if path.exists():
        return file
    file.close()
    return None


@contextlib.contextmanager
def is_left(path: Path) -> Iterator[bool]:
    """Tell whether no live process has locked ``path``, and lock it for the context.

    Raises:
        OSError: it cannot be opened.
    """
    with path.open("r+b") as file:
        left = False
        if sys.platform != "win32":
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left = True
        yield left
