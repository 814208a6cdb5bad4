"""What a process holds while it lives, so that what a killed one left can be told apart.

The lock is the system's and ends with its process, however that ends. Where there are no such
locks (Windows, some network folders) nothing counts as left: better a stray file than a live
process's file removed.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl


def hold(path: Path) -> BinaryIO | None:
    """Make ``path`` and hold it until the file is closed.

    Returns:
        The file, open for writing; None where somebody took it for left and removed it before
        it was held.

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
    """Whether nobody holds ``path`` any more; while the context lasts, nobody can.

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
