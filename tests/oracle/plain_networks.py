"""The shipped networks in PyTorch's own layers, and digits of the embedded sample.

The oracles never see ``repro.lab``'s forward or backward pass: what agrees with them was
computed twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from repro.lab.mnist import sample
from repro.lab.networks.recipe import Recipe
from repro.lab.networks.store import Store


def shipped(recipe: Recipe) -> Mapping[str, Tensor]:
    """The weights of ``fixtures/weights``; nothing is trained here."""
    artifact = Store().lookup(recipe)
    assert artifact is not None, f"{recipe.name} is not in fixtures/weights"
    assert artifact.source == "shipped"
    return artifact.weights


def digits(every: int, *, start: int = 0) -> tuple[Tensor, Tensor]:
    """Every n-th digit: images (N, 1, 28, 28) float32 in [0, 1], classes (N,) int64."""
    found = sample.load()
    images = found.images[start::every].astype(np.float32) / np.float32(255)
    labels = found.labels[start::every].astype(np.int64)
    return torch.from_numpy(images)[:, None], torch.from_numpy(labels)


class ByRow(nn.Module):
    """Flattens (N, channels, rows, columns) in the order (row, column, channel)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


def _linear(w: Tensor, b: Tensor | None = None) -> nn.Linear:
    layer = nn.Linear(*w.shape, bias=b is not None, dtype=w.dtype)
    return _filled(layer, w.t(), b)


def _convolution(w: Tensor, b: Tensor) -> nn.Conv2d:
    layer = nn.Conv2d(w.shape[1], w.shape[0], w.shape[2], padding="same", dtype=w.dtype)
    return _filled(layer, w, b)


def _filled(layer: Any, w: Tensor, b: Tensor | None) -> Any:
    with torch.no_grad():
        layer.weight.copy_(w)
        if b is not None:
            assert layer.bias is not None
            layer.bias.copy_(b)
    return layer


def plain_mlp(w: Mapping[str, Tensor]) -> nn.Module:
    """784 -> 625 -> 625 -> 10 without biases."""
    layers = [_linear(w["w_h"]), nn.ReLU(), _linear(w["w_h2"]), nn.ReLU(), _linear(w["w_o"])]
    return nn.Sequential(nn.Flatten(), *layers).eval()


def plain_cnn(w: Mapping[str, Tensor]) -> nn.Module:
    """Table I, rectified before it is pooled."""
    convolutions = [
        layer
        for name in ("conv1", "conv2")
        for layer in (
            _convolution(w[f"{name}.w"], w[f"{name}.b"]),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
    ]
    connected = [_linear(w["fc1.w"], w["fc1.b"]), nn.ReLU(), _linear(w["fc2.w"], w["fc2.b"])]
    return nn.Sequential(*convolutions, ByRow(), *connected).eval()
