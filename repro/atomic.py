"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import sys
from pathlib import Path

from repro.errors import StoreError
from repro.held import hold, is_left


def write_atomic(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` whole or not at all, also across a kill or a full disk.

    What a killed process left beside ``path`` when it was writing it is removed.

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
    """Write once; False where another writer took the new file for a dead one's."""
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
    """Remove what killed writers of ``path`` left; a live writer holds its file."""
    mine = re.compile(rf"\.{re.escape(path.name)}\.\d+-[0-9a-f]{{8}}\.tmp")
    with contextlib.suppress(OSError):  # the write itself has succeeded
        for stray in [p for p in path.parent.iterdir() if mine.fullmatch(p.name)]:
            with contextlib.suppress(OSError), is_left(stray) as left:
                if left:
                    stray.unlink()
