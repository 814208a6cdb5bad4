"""What an attack needs of a network."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Network(Protocol):
    """A classifier that gives logits and can be cast to another dtype.

    Its weights may lie on another device than the images: what attacks keep stays with those.
    """

    def __call__(self, x: Tensor) -> Tensor:
        """Compute the logits (N, 10), on the device of ``x``, of images ``x`` (N, ...)."""

    def to(self, dtype: torch.dtype) -> Network:
        """Give the same network with weights of ``dtype``, and leave this one as it is."""
