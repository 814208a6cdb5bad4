"""Files that are written whole or not at all, and locks between processes.

A temporary file is locked while it is written. The lock ends with its process, so what a killed
process left can be told and removed, but not where there are no such locks (Windows, some network
folders).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import filelock

from repro.errors import StoreError

if sys.platform != "win32":
    import fcntl

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What file systems say that have no locks, such as some network folders."""


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
        raise _unwritable(path, error) from error
    _sweep(path)


@contextlib.contextmanager
def locked(path: Path, *, seconds: float = -1) -> Iterator[None]:
    """Lock the file ``path``, made if need be, and wait while another process has it locked.

    Raises:
        StoreError: the file cannot be made, or was locked for longer than ``seconds``.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _acquired(path, seconds)
    except filelock.Timeout as error:
        raise StoreError(
            f"the lock {path} was held for {seconds:.0f} s",
            expected="another process to end what it does",
            do="end the process that hangs, and run again",
        ) from error
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    try:
        yield
    finally:
        lock.release()


def _acquired(path: Path, seconds: float) -> filelock.BaseFileLock:
    lock: filelock.BaseFileLock = filelock.FileLock(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that filelock itself does what stands below
            lock.acquire(timeout=seconds)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
        # There whoever makes a file has the lock, until it is removed or its process has died.
        lock = filelock.SoftFileLock(f"{path}.held")
        lock.acquire(timeout=seconds)
    return lock


def _unwritable(path: Path, error: OSError) -> StoreError:
    full = error.errno == errno.ENOSPC
    return StoreError(
        f"{path} cannot be written: {error.strerror or error}",
        expected="free space on its disk" if full else "a folder that can be written",
        do="free some space, or correct the folder's permissions; "
        "REPRO_CACHE_DIR names another folder for the cache",
    )


def _written(path: Path, content: bytes) -> bool:
    """Try to write; False where another writer removed the temporary file before its lock."""
    # Not tempfile: its files are for their owner alone, whatever the umask says.
    temporary = path.parent / f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        with temporary.open("xb") as file:
            if sys.platform != "win32":
                with contextlib.suppress(OSError):
                    fcntl.flock(file, fcntl.LOCK_EX)
            if not temporary.exists():
                return False
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
    """Remove the temporary files of killed writers of ``path``: those that nobody has locked."""
    if sys.platform == "win32":
        return
    mine = re.compile(rf"\.{re.escape(path.name)}\.\d+-[0-9a-f]{{8}}\.tmp")
    with contextlib.suppress(OSError):  # the write itself has succeeded
        for stray in [p for p in path.parent.iterdir() if mine.fullmatch(p.name)]:
            with contextlib.suppress(OSError), stray.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                stray.unlink()
