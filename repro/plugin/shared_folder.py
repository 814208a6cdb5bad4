"""The folder that the processes of one run share, removed when the run ends.

A killed run cannot remove its own; the next run does.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

from repro.atomic import hold, is_left
from repro.errors import StoreError

_PREFIX = "repro-shared-"
_HELD = "held"


def make() -> tuple[Path, BinaryIO]:
    """A new folder among the temporary files, and the file whose closing gives it up.

    Raises:
        StoreError: there is no place for temporary files.
    """
    try:
        _remove_left()
        return _make()
    except OSError as error:
        raise StoreError(
            f"no folder can be made for temporary files: {error.strerror or error}",
            expected="space for a few of them",
            do="free some space, or point TMPDIR at another folder",
        ) from error


def _remove_left() -> None:
    for old in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or just being made
            if (old / _HELD).exists():
                with is_left(old / _HELD) as left:
                    if left:
                        shutil.rmtree(old, ignore_errors=True)
            elif (file := hold(old / _HELD)) is not None:
                # Its run was killed while it made or removed it.
                with file:
                    shutil.rmtree(old, ignore_errors=True)


def _make() -> tuple[Path, BinaryIO]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        # Another process may take it for left before it is held.
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            file = hold(folder / _HELD)
            if file is not None:
                return folder, file
