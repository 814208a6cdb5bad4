"""The network of Popović & Mihajlović in NumPy, its gradient by hand: no autograd, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class HandCnn:
    """conv5x5 - ReLU - maxpool, twice, then fc - ReLU - fc, for one image at a time.

    Args:
        w: weights named and shaped as those of ``repro.lab.networks.cnn.Cnn``.
    """

    w: Mapping[str, Array]

    def gradient(self, image: Array, y: int, loss: str) -> Array:
        """A positive multiple of dJ/d(image), (28, 28), at ``image`` (28, 28).

        Args:
            image: what the network is fed.
            y: the true class.
            loss: ``logits`` or ``probabilities``, what the softmax cross-entropy is taken of.
        """
        w = self.w
        conv1 = _convolve(image[None], w["conv1.w"]) + w["conv1.b"][:, None, None]
        pool1, from1 = _pool(np.maximum(conv1, 0))
        conv2 = _convolve(pool1, w["conv2.w"]) + w["conv2.b"][:, None, None]
        pool2, from2 = _pool(np.maximum(conv2, 0))
        flat = pool2.transpose(1, 2, 0).ravel()
        hidden = flat @ w["fc1.w"] + w["fc1.b"]
        logits = np.maximum(hidden, 0) @ w["fc2.w"] + w["fc2.b"]

        to_hidden = (w["fc2.w"] @ loss_gradient(logits, y, loss)) * (hidden > 0)
        to_pool2 = (w["fc1.w"] @ to_hidden).reshape(7, 7, -1).transpose(2, 0, 1)
        to_conv2 = _unpool(to_pool2, from2) * (conv2 > 0)
        to_conv1 = _unpool(_convolve_back(to_conv2, w["conv2.w"]), from1) * (conv1 > 0)
        return _convolve_back(to_conv1, w["conv1.w"])[0]


def loss_gradient(logits: Array, y: int, loss: str) -> Array:
    """dJ/d(logits), times any positive number.

    p - 1_y for the cross-entropy of softmax(logits) = p, with 1 - p_y as the sum of the
    other outputs, which keeps its digits. Through a second softmax q = softmax(p) it is
    p (g - p g), with g = q - 1_y.
    """
    p = np.exp(logits - logits.max())
    p /= p.sum()
    if loss == "logits":
        gradient = p.copy()
        gradient[y] = -(p[:y].sum() + p[y + 1 :].sum())
        return gradient
    q = np.exp(p) / np.exp(p).sum()
    g = q - np.eye(len(p))[y]
    return p * (g - p @ g)


def _convolve(x: Array, w: Array) -> Array:
    """(out, rows, columns) from ``x`` (in, rows, columns): 5x5, zeros around."""
    windows = sliding_window_view(np.pad(x, ((0, 0), (2, 2), (2, 2))), (5, 5), axis=(1, 2))
    return np.einsum("irckl,oikl->orc", windows, w, optimize=True)


def _convolve_back(delta: Array, w: Array) -> Array:
    """What ``delta`` on the result of :func:`_convolve` is on its input."""
    _, rows, columns = delta.shape
    padded = np.zeros((w.shape[1], rows + 4, columns + 4))
    for k in range(5):
        for m in range(5):
            padded[:, k : k + rows, m : m + columns] += np.tensordot(
                w[:, :, k, m], delta, axes=(0, 0)
            )
    return padded[:, 2:-2, 2:-2]


def _pool(x: Array) -> tuple[Array, NDArray[np.intp]]:
    """The largest of each 2x2 window, and which of the four it is (the first of equals)."""
    channels, rows, columns = x.shape
    windows = x.reshape(channels, rows // 2, 2, columns // 2, 2).transpose(0, 1, 3, 2, 4)
    windows = windows.reshape(channels, rows // 2, columns // 2, 4)
    return windows.max(axis=-1), windows.argmax(axis=-1)


def _unpool(delta: Array, winner: NDArray[np.intp]) -> Array:
    """``delta`` on the winners of :func:`_pool`, zero elsewhere."""
    channels, rows, columns = delta.shape
    windows = (np.arange(4) == winner[..., None]) * delta[..., None]
    windows = windows.reshape(channels, rows, columns, 2, 2).transpose(0, 1, 3, 2, 4)
    return windows.reshape(channels, 2 * rows, 2 * columns)
