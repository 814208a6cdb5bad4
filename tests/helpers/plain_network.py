"""The small network, one image at a time, in NumPy: its outputs, and its gradient by hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def outputs(w: Array, x: Array) -> Array:
    """The logits (10,) of one image (P,), weights (P, 10)."""
    s = x @ x
    return s / (1 + s) * (x @ w)


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max())
    return e / e.sum()


def gradient(w: Array, x: Array, to_outputs: Array) -> Array:
    """What a slope (10,) of the loss along the outputs is along the pixels, (P,)."""
    s, along = x @ x, w @ to_outputs
    return s / (1 + s) * along + 2 * x / (1 + s) ** 2 * (x @ along)


def against(z: Array, y: int) -> Array:
    """The slope of the cross-entropy of softmax(z) along z, with all digits of 1 - p_y."""
    p = softmax(z)
    slope = p.copy()
    slope[y] = -(p[:y].sum() + p[y + 1 :].sum())
    return slope


def twice_against(z: Array, y: int) -> Array:
    """The same where the softmax output is taken for logits: through a second softmax."""
    p = softmax(z)
    slope = softmax(p) - np.eye(10)[y]
    return p * (slope - p @ slope)
