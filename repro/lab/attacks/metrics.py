"""Error rate and confidence of a network on a set of images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from repro.lab.attacks.checks import check_finite, check_network, check_some


def predict(network: Callable[[Tensor], Tensor], x: Tensor, *, batch: int = 2000) -> Tensor:
    """Compute the logits (N, 10) of images ``x`` (N, ...), without a gradient.

    The last digits depend on ``batch``, the number of images at a time.

    Raises:
        ArgumentError: there are no images, or the network is a bare module.

    >>> predict(lambda x: 2 * x, torch.tensor([[0.5, 0.0]]))
    tensor([[1., 0.]])
    """
    check_network(network)
    check_some(x)
    with torch.no_grad():
        return torch.cat([network(part) for part in torch.split(x, batch)])


def error_rate(logits: Tensor, y: Tensor) -> float:
    """Measure the share of ``logits`` (N, C) whose largest is not the true class ``y`` (N,) int64.

    It is the error of Tables 1 and 2.

    Raises:
        ArgumentError: there are no rows, or one is not finite.

    >>> error_rate(torch.tensor([[2.0, 1.0], [0.0, 1.0]]), torch.tensor([0, 0]))
    0.5
    """
    check_finite(logits, "logits")
    return float((logits.argmax(dim=1) != y).double().mean())


def mean_confidence(logits: Tensor) -> float:
    """Measure the mean largest softmax output of ``logits`` (N, C) (Tables 1 and 2).

    Raises:
        ArgumentError: there are no rows, or one is not finite.

    >>> mean_confidence(torch.tensor([[0.0, 0.0], [0.0, 1000.0]]))
    0.75
    """
    check_finite(logits, "logits")
    return float(torch.softmax(logits.double(), dim=1).amax(dim=1).mean())
