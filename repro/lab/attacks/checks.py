"""Checks of what attacks and measures are given: one error of one line for what is wrong."""

from __future__ import annotations

import torch
from torch import Tensor

from repro.errors import ArgumentError


def check_some(rows: Tensor) -> None:
    """Raise ArgumentError where ``rows`` (N, ...) has none: a share of nothing would be NaN.

    >>> check_some(torch.zeros(0, 784))
    Traceback (most recent call last):
    repro.errors.ArgumentError: no images; expected at least one
    """
    if len(rows) == 0:
        raise ArgumentError("no images", expected="at least one")


def check_network(network: object) -> None:
    """Raise ArgumentError for a bare module: casting it would change it in place.

    >>> check_network(torch.nn.Linear(784, 10))
    Traceback (most recent call last):
    repro.errors.ArgumentError: a torch.nn.Module (Linear); expected what ...
    """
    if isinstance(network, torch.nn.Module):
        raise ArgumentError(
            f"a torch.nn.Module ({type(network).__name__})",
            expected="what repro.lab.networks.network.as_network makes of it",
        )


def check_images(x: Tensor, y: Tensor) -> None:
    """Raise ArgumentError unless ``x`` (N, ...) is in [0, 1] and ``y`` (N,) int64 pairs up.

    >>> check_images(torch.full((1, 784), 255.0), torch.tensor([7]))
    Traceback (most recent call last):
    repro.errors.ArgumentError: images of torch.float32 between 255 and 255; expected ...
    """
    check_some(x)
    if y.shape != (len(x),) or y.dtype != torch.int64:
        raise ArgumentError(
            f"classes {tuple(y.shape)} {y.dtype} for {len(x)} images",
            expected=f"({len(x)},) torch.int64",
        )
    low, high = float(x.min()), float(x.max())
    if not (x.is_floating_point() and low >= 0 and high <= 1):
        raise ArgumentError(
            f"images of {x.dtype} between {low:g} and {high:g}",
            expected="floating point images between 0 and 1 (pixels / 255)",
        )


def check_eps(eps: float) -> None:
    """Raise ArgumentError unless ``eps`` is finite and at least 0.

    >>> check_eps(-0.1)
    Traceback (most recent call last):
    repro.errors.ArgumentError: eps = -0.1; expected a finite eps of at least 0
    """
    if not 0 <= eps < float("inf"):
        raise ArgumentError(f"eps = {eps}", expected="a finite eps of at least 0")


def check_steps(step: float, count: int, name: str) -> None:
    """Raise ArgumentError unless ``step`` is finite and above 0, and ``count`` at least 1.

    >>> check_steps(0.1, 0, "epochs")
    Traceback (most recent call last):
    repro.errors.ArgumentError: epochs = 0; expected at least 1
    """
    if not 0 < step < float("inf"):
        raise ArgumentError(f"step = {step}", expected="a finite step above 0")
    if count < 1:
        raise ArgumentError(f"{name} = {count}", expected="at least 1")


def check_finite(values: Tensor, what: str) -> None:
    """Raise ArgumentError where ``values`` (N, ...), called ``what``, are none or not finite.

    A NaN compares as the largest logit and as the largest gradient, and would pass for a result.

    >>> check_finite(torch.tensor([[0.0, float("nan")]]), "logits")
    Traceback (most recent call last):
    repro.errors.ArgumentError: logits that are not finite; expected finite logits
    """
    check_some(values)
    if not bool(torch.isfinite(values).all()):
        raise ArgumentError(
            f"{what} that are not finite",
            expected=f"finite {what}",
            do="check the network's weights and the images",
        )
