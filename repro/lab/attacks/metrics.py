"""Error rate and confidence of a network on a set of images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from repro.lab.attacks.checks import check_finite, check_some
from repro.lab.attacks.fgsm import batches


def predict(network: Callable[[Tensor], Tensor], x: Tensor, *, batch: int = 2000) -> Tensor:
    """Compute the logits (N, 10) of images, ``batch`` at a time and without a gradient.

    Args:
        network: gives logits.
        x: (N, ...) float32 images.
        batch: images at a time; the last digits depend on it.

    Raises:
        ArgumentError: there are no images.

    >>> predict(lambda x: 2 * x, torch.tensor([[0.5, 0.0]]))
    tensor([[1., 0.]])
    """
    check_some(x)
    with torch.no_grad():
        return torch.cat([network(x[part]) for part in batches(len(x), batch)])


def error_rate(logits: Tensor, y: Tensor) -> float:
    """Measure the share of rows whose largest logit is not the true class (Tables 1 and 2).

    Args:
        logits: (N, C).
        y: (N,) int64 true classes.

    Raises:
        ArgumentError: there are no rows, or one is not finite.

    >>> error_rate(torch.tensor([[2.0, 1.0], [0.0, 1.0]]), torch.tensor([0, 0]))
    0.5
    """
    check_some(logits)
    check_finite(logits, "logits")
    return float((logits.argmax(dim=1) != y).double().mean())


def mean_confidence(logits: Tensor) -> float:
    """Measure the mean over images of the largest softmax output (Tables 1 and 2).

    Args:
        logits: (N, C).

    Raises:
        ArgumentError: there are no rows, or one is not finite.

    >>> mean_confidence(torch.tensor([[0.0, 0.0], [0.0, 1000.0]]))
    0.75
    """
    check_some(logits)
    check_finite(logits, "logits")
    return float(torch.softmax(logits.double(), dim=1).amax(dim=1).mean())
