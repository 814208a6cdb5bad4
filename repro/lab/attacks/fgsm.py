"""The gradient-sign attack of Lacok (2016), its random control, and the health of its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from repro.errors import UsageError

GradientForm = Literal["exact", "float32"]


class Network(Protocol):
    """A classifier that gives logits and can be cast to another dtype."""

    def __call__(self, x: Tensor) -> Tensor:
        """Logits (N, 10) of images ``x``."""

    def to(self, dtype: torch.dtype) -> Network:
        """The same network with weights of ``dtype``."""


def batches(count: int, size: int) -> Iterator[slice]:
    """Slices of at most ``size`` that cover ``range(count)``."""
    return (slice(i, min(i + size, count)) for i in range(0, count, size))


def log_odds_against(logits: Tensor, y: Tensor) -> Tensor:
    """log((1 - p_y) / p_y) for each row: the log-odds that the true class is wrong.

    With m this value, the cross-entropy is log(1 + e^m), which rises with m; the two have
    the same gradient direction, but that of m does not vanish where p_y rounds to 1.

    Args:
        logits: (N, C).
        y: (N,) int64, the true classes.
    """
    true = logits.gather(1, y[:, None])
    others = logits.scatter(1, y[:, None], float("-inf"))
    return torch.logsumexp(others - true, dim=1)


def loss_gradient(
    network: Network, x: Tensor, y: Tensor, *, form: GradientForm = "exact", batch: int = 1000
) -> Tensor:
    """The direction of the gradient of CE(theta, x, y) with respect to the image.

    ``"exact"`` differentiates :func:`log_odds_against` in float64: the gradient divided by
    1 - p_y > 0, so every sign is the cross-entropy's own, however sure the network is.
    ``"float32"`` is what the appendix's program computes: softmax in float32, p - onehot
    passed back through the layers in float32. Where p_y rounds to 1, the true class drops
    out of it.

    Args:
        network: gives logits.
        x: (N, ...) float32 images in [0, 1].
        y: (N,) int64 true classes.
        form: which of the two.
        batch: images at a time; no effect on the result.

    Returns:
        A tensor like ``x``, float64 for ``"exact"`` and float32 for ``"float32"``.
    """
    dtype = torch.float64 if form == "exact" else torch.float32
    model = network.to(dtype)
    result = torch.empty(x.shape, dtype=dtype)
    for part in batches(len(x), batch):
        image = x[part].to(dtype).requires_grad_()
        logits = model(image)
        if form == "exact":
            (result[part],) = torch.autograd.grad(log_odds_against(logits, y[part]).sum(), image)
        else:
            with torch.no_grad():
                delta = torch.softmax(logits, dim=1)
                delta[torch.arange(len(delta)), y[part]] -= 1.0
            (result[part],) = torch.autograd.grad(logits, image, grad_outputs=delta)
    return result


def fgsm(x: Tensor, gradient: Tensor, *, eps: float) -> Tensor:
    """The attack x_A = x + eps sign(grad): sign(0) = 0, no clipping ("Adversarial examples").

    Args:
        x: (N, ...) float32 images.
        gradient: like ``x``, any dtype: nothing but its signs counts.
        eps: at least 0, in units of the pixel range [0, 1].

    Raises:
        UsageError: ``eps`` is negative or not finite.
    """
    _check_eps(eps)
    signs = gradient.sign().to(x.dtype)
    return signs.mul_(eps).add_(x)


def random_sign(x: Tensor, *, eps: float, rng: np.random.Generator) -> Tensor:
    """The appendix's random control: x + eps r, each r independently -1 or 1.

    Raises:
        UsageError: ``eps`` is negative or not finite.
    """
    _check_eps(eps)
    signs = rng.integers(0, 2, size=tuple(x.shape), dtype=np.int8) * 2 - 1
    return x + eps * torch.from_numpy(signs.astype(np.float32))


def zero_gradient_share(gradient: Tensor) -> float:
    """The share of images whose gradient is zero in every pixel; FGSM leaves them unchanged.

    Raises:
        UsageError: there are no images.
    """
    check_some(gradient)
    return float((gradient.flatten(1) == 0).all(dim=1).double().mean())


def sign_difference_share(gradient: Tensor, reference: Tensor) -> float:
    """The share of pixels whose sign differs from the reference's (the exact gradient).

    Raises:
        UsageError: there are no images.
    """
    check_some(gradient)
    differ = gradient.sign().to(torch.int8) != reference.sign().to(torch.int8)
    return float(differ.double().mean())


def check_some(rows: Tensor) -> None:
    """Check that there is something to take a share of; of nothing it would be NaN.

    Raises:
        UsageError: ``rows`` (N, ...) has none.
    """
    if len(rows) == 0:
        raise UsageError("no images", expected="at least one image", do="check the selection")


def _check_eps(eps: float) -> None:
    if not 0 <= eps < float("inf"):
        raise UsageError(f"eps = {eps}", expected="a finite eps of at least 0", do="correct eps")
