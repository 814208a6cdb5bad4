"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

from repro.errors import StoreError


def write_atomic(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` whole or not at all, also across a kill or a full disk.

    Raises:
        StoreError: the folder cannot be written or the disk is full.
    """
    # Not tempfile: its files are for their owner alone, whatever the umask says.
    temporary = path.parent / f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}",
            expected="free space on its disk" if full else "a folder that can be written",
            do="free some space, or point REPRO_CACHE_DIR at another folder",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
