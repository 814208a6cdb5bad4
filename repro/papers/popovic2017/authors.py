"""The authors' own trained network, which their repository has as a checkpoint of TensorFlow 1.

A checkpoint's data file holds the tensors bare, one after another, and an index beside it says
what each is and where. Git's id of the data file settles every byte of it, so what the index says
need not be read again; it is written down here. In the order of their names come Adam's two
powers, then each weight with its two moving averages, then the number of steps. (The checksum
that the index has of that number is the one of 20,000, the steps in the paper.)
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from repro import paths
from repro.errors import WeightsError
from repro.lab.networks import cnn
from repro.lab.networks import weights as files
from repro.lab.networks.given import Given
from repro.lab.networks.published import PublishedFile

_PATH = "23161b74734d841c6249d3b240dc199922f14125/src/tmp/model.ckpt.data-00000-of-00001"

CHECKPOINT = PublishedFile(
    what="the authors' network",
    # The repository as the paper cites it, and under the name that its owner has today.
    addresses=tuple(
        f"https://raw.githubusercontent.com/{owner}/cnn_adv_examples/{_PATH}"
        for owner in ("Maki94", "markomih")
    ),
    blob="f8b7de079024e64244e4fc5df7468026105ff909",
    most=2**26,
)

POWERS, STEPS = 8, 4
"""Bytes before the weights (two float32) and after them (an int32)."""


def load(*, offline: bool = False) -> Given:
    """Load the authors' network, from the cache or else their repository.

    Raises:
        WeightsError: the file is not in the cache and cannot be downloaded.
        StoreError: the cache cannot be written.
    """
    path = paths.cache() / "popovic2017" / "model.ckpt.data-00000-of-00001"
    found = read(CHECKPOINT.content(path, offline=offline), units=1024)
    notes = (f"{CHECKPOINT.what}, git's id {CHECKPOINT.blob}, kept at {path}",)
    return Given(cnn.Cnn(found), files.sha256(files.pack(found, {})), notes)


def read(content: bytes, *, units: int) -> dict[str, Tensor]:
    """Read the weights out of a checkpoint's data file, with ``units`` in the first full layer.

    TensorFlow has a convolution's weights as (row, column, from, to), PyTorch as (to, from, row,
    column). The rows of the first full layer are in one order in both: row, column, channel.

    Raises:
        WeightsError: the file is not as long as such a checkpoint's.

    >>> read(bytes(100), units=1024)
    Traceback (most recent call last):
    repro.errors.WeightsError: found: a checkpoint of 100 bytes
    expected: 39295620 bytes
    what to do: give the data file of the authors' network
    """
    shapes = cnn.shapes(units)
    size = POWERS + 3 * 4 * sum(map(math.prod, shapes.values())) + STEPS
    if len(content) != size:
        raise WeightsError(
            f"a checkpoint of {len(content)} bytes",
            expected=f"{size} bytes",
            do="give the data file of the authors' network",
        )
    found, start = {}, POWERS
    for name, shape in shapes.items():
        count = math.prod(shape)
        values = torch.from_numpy(np.frombuffer(content, "<f4", count, start).astype(np.float32))
        if len(shape) == 4:
            to, of, *window = shape
            values = values.reshape(*window, of, to).permute(3, 2, 0, 1).contiguous()
        found[name] = values.reshape(shape)
        start += 3 * 4 * count
    return found
