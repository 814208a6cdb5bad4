"""The IDX files of MNIST, raw or gzip: bytes to arrays.

A header of 16 bytes (images) or 8 bytes (labels) comes before the values, unsigned bytes. It is
not read: a file whose SHA-256 is the canonical one has the canonical header.
"""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from repro.errors import DataError

SIDE = 28
"""Rows, and columns, of an image."""

MAX_BYTES = 64 * 2**20
"""The largest MNIST file has 47 MB; more than this is not MNIST, however small its gzip."""

_GZIP_MAGIC = b"\x1f\x8b"
_DO = "replace it with the canonical MNIST file"


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Digits:
    """Images with their labels, in file order.

    Attributes:
        images: ``(N, 28, 28) uint8 in [0, 255]``, read-only (copy before handing it to torch).
        labels: ``(N,) uint8``, each in 0..9, read-only.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def read_file(path: Path) -> bytes | None:
    """Read a raw or gzip-compressed file, decompressed; None where there is no such file.

    The content decides whether it is gzip, not the name: mirrors and browsers unpack
    ``.gz`` files without renaming them.

    Raises:
        DataError: the file cannot be read, is a damaged gzip, or has more than 64 MiB.
    """
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}",
            expected="a readable MNIST file",
            do="check the path and its permissions",
        ) from error
    return unpack(content, name=str(path))


def unpack(content: bytes, *, name: str) -> bytes:
    """Decompress ``content`` where it is gzip; errors call it ``name``.

    Raises:
        DataError: truncated or damaged gzip, or more than 64 MiB (packed or unpacked).
    """
    if content.startswith(_GZIP_MAGIC):
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
                content = file.read(MAX_BYTES + 1)
        except (EOFError, OSError, zlib.error) as error:
            raise DataError(
                f"{name} is damaged gzip: {error}", expected="a complete gzip file", do=_DO
            ) from error
    if len(content) > MAX_BYTES:
        raise DataError(
            f"{name} has more than {MAX_BYTES} bytes",
            expected="an MNIST file (at most 47,040,016 bytes decompressed)",
            do=_DO,
        )
    return content


def parse(images: bytes, labels: bytes) -> Digits:
    """Make arrays of two verified files' decompressed contents, without a copy."""
    return Digits(
        np.frombuffer(images, np.uint8, offset=16).reshape(-1, SIDE, SIDE),
        np.frombuffer(labels, np.uint8, offset=8),
    )
