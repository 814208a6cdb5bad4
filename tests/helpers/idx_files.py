"""IDX files to test with: what the readers of ``repro.lab.mnist.idx`` take apart."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray


def build(values: NDArray[np.uint8]) -> bytes:
    """The IDX file of images ``(N, 28, 28)`` or labels ``(N,)``."""
    magic = (0x08 << 8) | values.ndim  # 0x08 is the format's code for unsigned bytes
    return struct.pack(f">{1 + values.ndim}I", magic, *values.shape) + values.tobytes()
