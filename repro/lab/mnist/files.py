"""One MNIST file in a folder: the names it goes by, and the proof that it is canonical."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from repro.errors import DataError
from repro.lab.mnist import idx

SHA256 = {
    "train-images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""The canonical MNIST files: the SHA-256 of the decompressed IDX content."""


@dataclass(frozen=True)
class FileState:
    """What became of the search for one file.

    Attributes:
        key: ``"train-images"``, ``"train-labels"``, ``"t10k-images"``, ``"t10k-labels"``, or
            ``"sample"``.
        path: where it stands; None where there is none.
        problem: why it does not serve; None for a missing or a verified file.
        content: the decompressed content of a verified MNIST file.
    """

    key: str
    path: Path | None
    problem: DataError | None
    content: bytes | None = field(default=None, repr=False)

    @property
    def status(self) -> Literal["verified", "missing", "damaged"]:
        """The state in one word."""
        if self.problem is not None:
            return "damaged"
        return "missing" if self.path is None else "verified"


def names(key: str) -> tuple[str, ...]:
    """Give the names of the file ``key`` without ``.gz``: the canonical one, a common other."""
    kind = "idx3-ubyte" if key.endswith("images") else "idx1-ubyte"
    return f"{key}-{kind}", f"{key}.{kind}"


def verify(content: bytes, key: str, *, name: str) -> bytes:
    """Decompress ``content``, raw or gzip, and check that it is the canonical file ``key``.

    Raises:
        DataError: damaged gzip, or another content; it calls the file ``name``.
    """
    content = idx.unpack(content, name=name)
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[key]:
        raise DataError(
            f"{name} has SHA-256 {found} (decompressed)",
            expected=f"the canonical MNIST file, SHA-256 {SHA256[key]}",
            do="replace it with the canonical MNIST file",
        )
    return content


def inspect(directory: Path, key: str) -> FileState:
    """Look for the file ``key`` in ``directory``, and check it.

    The first file found under one of its names decides, raw before gzip and ``directory``
    before its ``MNIST/raw`` (where torchvision puts it). What is no file (a folder, say, in which
    an archive keeps it) is told where there is nothing better.
    """
    odd: Path | None = None
    for path in _candidates(directory, key):
        try:
            content = idx.read_file(path)
            if content is not None:
                return FileState(key, path, None, verify(content, key, name=str(path)))
        except DataError as error:
            return FileState(key, path, error)
        if odd is None and os.path.lexists(path):
            odd = path
    return FileState(key, odd, None if odd is None else _no_file(odd))


def _no_file(path: Path) -> DataError:
    what = "a link that leads to no file" if path.is_symlink() else "neither a file nor a folder"
    return DataError(
        f"{path} is {'a folder' if path.is_dir() else what}",
        expected="one of the four MNIST files, raw or .gz",
        do="put the file itself there, or name the folder that has it",
    )


def _candidates(directory: Path, key: str) -> list[Path]:
    return [
        folder / f"{name}{suffix}"
        for folder in (directory, directory / "MNIST" / "raw")
        for name in names(key)
        for suffix in ("", ".gz")
    ]
