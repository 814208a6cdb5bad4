"""The convolutional network of Popović & Mihajlović (2017), Table I.

5x5 convolution to 32, 2x2 max pooling, 5x5 convolution to 64, 2x2 max pooling, fully
connected, dropout, fully connected to 10. What the text leaves open is settled by the
authors' code (``src/CNNClassifier.py``): SAME padding, 1,024 units where Table I says 1,204,
dropout on the first fully connected layer only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from repro.lab.matmul import matmul, product

FLAT = 7 * 7 * 64
"""Values an image has after the second pooling."""


def shapes(units: int) -> dict[str, tuple[int, ...]]:
    """Give name and shape of each weight and bias, with ``units`` in the first full layer."""
    return {
        "conv1.w": (32, 1, 5, 5),
        "conv1.b": (32,),
        "conv2.w": (64, 32, 5, 5),
        "conv2.b": (64,),
        "fc1.w": (FLAT, units),
        "fc1.b": (units,),
        "fc2.w": (units, 10),
        "fc2.b": (10,),
    }


class _FirstConvolution(torch.autograd.Function):
    """5x5 SAME convolution of images (N, 1, 28, 28), whose gradient goes to the images only.

    An attack spends a quarter of its time in PyTorch's own gradient here, since a single
    input channel fills no vector register; as one product and 25 shifted sums it takes a fifth.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(w)
        return functional.conv2d(x, w, b, padding=2)

    @staticmethod
    def backward(ctx: Any, *deltas: Tensor) -> tuple[Tensor, None, None]:
        (delta,) = deltas
        (w,) = ctx.saved_tensors
        count = len(delta)
        rows = delta.permute(0, 2, 3, 1).reshape(-1, 32)
        taps = matmul(w.reshape(32, 25).t(), rows.t()).view(25, count, 28, 28)
        padded = delta.new_zeros(count, 32, 32)
        for tap in range(25):
            row, column = divmod(tap, 5)
            padded[:, row : row + 28, column : column + 28] += taps[tap]
        return padded[:, None, 2:30, 2:30], None, None


def logits(weights: Mapping[str, Tensor], x: Tensor, *, mask: Tensor | None) -> Tensor:
    """Compute the logits (N, 10) of images ``x`` (N, 28, 28, 1) in the dtype of the weights.

    ``mask`` (N, units) is the dropout's, for the output of the first full layer; None at
    prediction.
    """
    h = x.permute(0, 3, 1, 2)  # channels stay last in memory, where pooling is 12 times faster
    w, b = weights["conv1.w"], weights["conv1.b"]
    if x.requires_grad and not w.requires_grad:
        h = _FirstConvolution.apply(h, w, b)  # type: ignore[no-untyped-call]
    else:
        h = functional.conv2d(h, w, b, padding=2)
    # ReLU and the maximum can change places; after the pooling there is a quarter to do.
    h = torch.relu(functional.max_pool2d(h, 2))
    h = functional.conv2d(h, weights["conv2.w"], weights["conv2.b"], padding=2)
    h = torch.relu(functional.max_pool2d(h, 2))
    h = h.permute(0, 2, 3, 1).reshape(len(x), FLAT)
    h = torch.relu(product(h, weights["fc1.w"]) + weights["fc1.b"])
    if mask is not None:
        h = h * mask
    return product(h, weights["fc2.w"]) + weights["fc2.b"]


@dataclass(frozen=True, eq=False)  # tensors have no single truth value to compare by
class Cnn:
    """The network at prediction time (no dropout), with weights of one dtype.

    Args:
        weights: as :func:`shapes` says; the rows of ``fc1.w`` are in the order
            (row, column, channel).
    """

    weights: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        """Lay the largest weights out as both products of an attack's step read them fastest."""
        fc1 = self.weights["fc1.w"].t().contiguous().t()
        object.__setattr__(self, "weights", {**self.weights, "fc1.w": fc1})

    def __call__(self, x: Tensor) -> Tensor:
        """Compute the logits (N, 10) of images (N, 1, 28, 28) or (N, 784), the weights' dtype."""
        images = x.reshape(-1, 28, 28, 1).to(self.weights["conv1.w"].device)
        return logits(self.weights, images, mask=None).to(x.device)

    def to(self, dtype: torch.dtype) -> Cnn:
        """Give the same network with weights of another dtype."""
        return Cnn({name: w.to(dtype) for name, w in self.weights.items()})
