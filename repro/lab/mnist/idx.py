"""The IDX format of the MNIST files: bytes to arrays and back.

The format is the one of http://yann.lecun.com/exdb/mnist/: a big-endian magic number
(0x00000803 for images, 0x00000801 for labels), one big-endian 32-bit length a dimension,
then the values as unsigned bytes.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from repro.errors import DataError

SIDE = 28
CLASSES = 10

# The largest MNIST file has 47 MB; more than this is not MNIST, however small its gzip.
MAX_BYTES = 64 * 2**20

_IMAGES_MAGIC = 0x00000803
_LABELS_MAGIC = 0x00000801
_GZIP_MAGIC = b"\x1f\x8b"
_DO = "replace it with the canonical MNIST file"


def read_file(path: Path) -> bytes:
    """The content of a raw or gzip-compressed file, decompressed.

    The content decides whether it is gzip, not the name: mirrors and browsers unpack
    ``.gz`` files without renaming them.

    Raises:
        DataError: the file cannot be read, is a damaged gzip, or has more than 64 MiB.
    """
    try:
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
    """``content`` decompressed where it is gzip, else as it is.

    Args:
        content: a file's bytes.
        name: what to call it in an error.

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


def parse_images(content: bytes, *, name: str) -> NDArray[np.uint8]:
    """The images of a decompressed IDX file.

    Args:
        content: the whole file.
        name: what to call it in an error.

    Returns:
        ``(N, 28, 28) uint8 in [0, 255]``, read-only.

    Raises:
        DataError: wrong magic number, images of another size, missing or trailing bytes.
    """
    count, height, width = _header(content, magic=_IMAGES_MAGIC, dimensions=3, name=name)
    if (height, width) != (SIDE, SIDE):
        raise DataError(
            f"images of {height} x {width} pixels in {name}",
            expected=f"{SIDE} x {SIDE} pixels",
            do=_DO,
        )
    return _values(content, (count, SIDE, SIDE), name=name)


def parse_labels(content: bytes, *, name: str) -> NDArray[np.uint8]:
    """The labels of a decompressed IDX file.

    Args:
        content: the whole file.
        name: what to call it in an error.

    Returns:
        ``(N,) uint8``, each in 0..9, read-only.

    Raises:
        DataError: wrong magic number, missing or trailing bytes, a label above 9.
    """
    (count,) = _header(content, magic=_LABELS_MAGIC, dimensions=1, name=name)
    labels = _values(content, (count,), name=name)
    foreign = np.flatnonzero(labels >= CLASSES)
    if foreign.size:
        raise DataError(
            f"label {labels[foreign[0]]} at position {foreign[0]} of {name}",
            expected=f"labels in 0..{CLASSES - 1}",
            do=_DO,
        )
    return labels


def build(values: NDArray[np.uint8]) -> bytes:
    """The IDX file of an array: the inverse of the two parsers.

    Args:
        values: ``(N, 28, 28)`` images or ``(N,)`` labels, ``uint8``. Other shapes are
            written as they are, and refused by the parsers.
    """
    magic = (0x08 << 8) | values.ndim  # 0x08 is the format's code for unsigned bytes
    return struct.pack(f">{1 + values.ndim}I", magic, *values.shape) + values.tobytes()


def _header(content: bytes, *, magic: int, dimensions: int, name: str) -> tuple[int, ...]:
    """The lengths of the dimensions."""
    size = 4 * (1 + dimensions)
    if len(content) < size:
        raise DataError(
            f"{name} ends within its header, after {len(content)} bytes",
            expected=f"an IDX header of {size} bytes",
            do=_DO,
        )
    found, *lengths = struct.unpack_from(f">{1 + dimensions}I", content)
    if found != magic:
        raise DataError(f"magic number 0x{found:08x} in {name}", expected=f"0x{magic:08x}", do=_DO)
    return tuple(lengths)


def _values(content: bytes, shape: tuple[int, ...], *, name: str) -> NDArray[np.uint8]:
    """All bytes after the header, which must fill ``shape`` exactly."""
    start = 4 * (1 + len(shape))
    size = math.prod(shape)  # not NumPy's, which a false count could overflow
    found = len(content) - start
    if found != size:
        fault = "truncated" if found < size else "followed by trailing bytes"
        raise DataError(
            f"{name} is {fault}: {found} bytes of values for shape {shape}",
            expected=f"{size} bytes of values",
            do=_DO,
        )
    values = np.frombuffer(content, dtype=np.uint8)[start:].reshape(shape)
    values.setflags(write=False)
    return values
