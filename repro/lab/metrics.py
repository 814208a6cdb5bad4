"""Error rate and confidence of a network on a set of images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from repro.lab.attacks import batches


def predict(network: Callable[[Tensor], Tensor], x: Tensor, *, batch: int = 2000) -> Tensor:
    """Logits (N, 10) of images ``x`` (N, ...), float32, without a gradient."""
    with torch.no_grad():
        return torch.cat([network(x[part]) for part in batches(len(x), batch)])


def error_rate(logits: Tensor, y: Tensor) -> float:
    """The share of rows whose largest logit is not the true class ``y`` (Tables 1 and 2)."""
    return float((logits.argmax(dim=1) != y).double().mean())


def mean_confidence(logits: Tensor) -> float:
    """The mean over images of the largest softmax output (Tables 1 and 2)."""
    return float(torch.softmax(logits.double(), dim=1).amax(dim=1).mean())
