"""Where networks are trained: the CPU, which is the reference, or a GPU."""

from __future__ import annotations

import contextlib
import ctypes

import torch

from repro.errors import UsageError


def check_device(device: str) -> None:
    """Raise UsageError unless ``device`` is the CPU or a GPU of this machine."""
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


def release_memory() -> None:
    """Return freed memory to the system; the C library of Linux would keep it."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
