"""Error rate and confidence of a network on a set of images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from repro.errors import UsageError
from repro.lab.attacks.fgsm import batches, check_some


def predict(network: Callable[[Tensor], Tensor], x: Tensor, *, batch: int = 2000) -> Tensor:
    """Logits (N, 10) of images ``x`` (N, ...), float32, without a gradient.

    Raises:
        UsageError: there are no images.
    """
    check_some(x)
    with torch.no_grad():
        return torch.cat([network(x[part]) for part in batches(len(x), batch)])


def error_rate(logits: Tensor, y: Tensor) -> float:
    """The share of rows whose largest logit is not the true class ``y`` (Tables 1 and 2).

    Raises:
        UsageError: there are no rows, or one is not finite.
    """
    _check(logits)
    return float((logits.argmax(dim=1) != y).double().mean())


def mean_confidence(logits: Tensor) -> float:
    """The mean over images of the largest softmax output (Tables 1 and 2).

    Raises:
        UsageError: there are no rows, or one is not finite.
    """
    _check(logits)
    return float(torch.softmax(logits.double(), dim=1).amax(dim=1).mean())


def _check(logits: Tensor) -> None:
    check_some(logits)
    # The largest of logits with a NaN is the NaN, which would count as a class like any other.
    if not bool(torch.isfinite(logits).all()):
        raise UsageError(
            "logits that are not finite",
            expected="finite logits",
            do="check the network's weights and the images",
        )
