"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from repro.errors import StoreError


def write_atomic(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` whole or not at all, also across a kill or a full disk.

    Raises:
        StoreError: the folder cannot be written or the disk is full.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"
        )
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}",
            expected="free space on its disk" if full else "a folder that can be written",
            do="free some space, or point REPRO_CACHE_DIR at another folder",
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
