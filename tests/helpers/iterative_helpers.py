"""Linear networks and images for the modules that test ``repro.lab.attacks.iterative``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from repro.lab.attacks.iterative import AS_CODED, AS_WRITTEN

READINGS = {"as-written": AS_WRITTEN, "as-coded": AS_CODED}
BOTH = pytest.mark.parametrize("switches", READINGS.values(), ids=READINGS)
F64 = torch.float64

ZERO = torch.zeros(1, dtype=torch.int64)
W, B = [2.0, -1.0, 0.5, 0.0], -2.0
SLOPE = np.array(W)
GREY = torch.full((1, 4), 0.5, dtype=F64)
MARGIN = -(float(SLOPE @ GREY[0].numpy()) + B)  # by how much class 0 wins on GREY


@dataclass(frozen=True)
class Linear:
    """Logits x W + b."""

    w: Tensor
    b: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.w + self.b

    def to(self, dtype: torch.dtype) -> Linear:
        return Linear(self.w.to(dtype), self.b.to(dtype))


def against(w: list[float], b: float) -> Linear:
    """Two classes; class 1 wins where w x + b > 0."""
    slope = torch.tensor(w, dtype=F64)
    return Linear(
        torch.stack([torch.zeros_like(slope), slope], 1), torch.tensor([0.0, b], dtype=F64)
    )


def random_linear(seed: int, *, pixels: int = 12, classes: int = 4, scale: float = 3.0) -> Linear:
    draw = np.random.default_rng(seed)
    return Linear(
        torch.from_numpy(draw.standard_normal((pixels, classes)) * scale),
        torch.from_numpy(draw.standard_normal(classes)),
    )


def images(seed: int, count: int, pixels: int = 12) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((count, pixels)))
