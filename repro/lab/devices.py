"""Where networks run, in training and under attack: the CPU, the reference, or a GPU."""

from __future__ import annotations

import contextlib
import ctypes

import torch

from repro.errors import UsageError


def prepare_device(device: str) -> None:
    """Make this process compute on ``device`` in float32 with all its bits.

    Raises:
        UsageError: it is neither the CPU nor a GPU of this machine.
    """
    try:
        name = torch.device(device)
        there = name.type == "cuda" and (name.index or 0) < torch.cuda.device_count()
    except RuntimeError:  # no device at all
        there = False
    if device != "cpu" and not there:
        raise UsageError(
            f"--device {device}, which this machine does not have",
            expected="cpu, or cuda where torch finds a GPU",
            do="drop --device: the CPU is the reference",
        )
    # PyTorch's own choice for convolutions on a GPU is TF32, which keeps 10 bits of 23.
    torch.backends.cudnn.allow_tf32 = False


def release_memory() -> None:
    """Return freed memory to the system; the C library of Linux would keep it."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
