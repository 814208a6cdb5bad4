"""The gradient-sign attack of Lacok (2016), its random control, and the health of its gradient."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from repro.lab.attacks.checks import check_eps, check_network, check_some
from repro.lab.networks.network import Network

GradientForm = Literal["exact", "float32"]


def log_odds_against(logits: Tensor, y: Tensor) -> Tensor:
    """Compute m = log((1 - p_y) / p_y), the log-odds that the true class is wrong.

    The cross-entropy is log(1 + e^m), which rises with m; the two have the same gradient
    direction, but that of m does not vanish where p_y rounds to 1. For ``logits`` (N, C) and
    ``y`` (N,) int64 it is (N,), in the dtype of the logits.

    >>> log_odds_against(torch.tensor([[5.0, 3.0]]), torch.tensor([0]))
    tensor([-2.])
    """
    true = logits.gather(1, y[:, None])
    others = logits.scatter(1, y[:, None], float("-inf"))
    return torch.logsumexp(others - true, dim=1)


def loss_gradient(
    network: Network, x: Tensor, y: Tensor, *, form: GradientForm = "exact", batch: int = 1000
) -> Tensor:
    """Compute the direction of the gradient of CE(theta, x, y) with respect to the image.

    ``"exact"`` differentiates :func:`log_odds_against` in float64: the gradient divided by
    1 - p_y > 0, so every sign is the cross-entropy's own, however sure the network is.
    ``"float32"`` is what the appendix's program computes: softmax in float32, p - onehot
    passed back through the layers in float32. Where p_y rounds to 1, the true class drops
    out of it.

    Args:
        network: gives logits.
        x: (N, ...) float32 images in [0, 1].
        y: (N,) int64 true classes.
        form: ``"exact"`` or ``"float32"``.
        batch: images at a time. Products of another size may round otherwise, so the last
            digits depend on it, and with them the sign of a value that is next to zero: one
            image at a time, 3 of 2.35 million signs of the ``"float32"`` form were others.

    Returns:
        A tensor like ``x``, float64 for ``"exact"`` and float32 for ``"float32"``.

    Raises:
        ArgumentError: the network is a bare module.

    >>> from repro.lab.networks.mlp import Mlp
    >>> network = Mlp(dict.fromkeys(("w_h", "w_h2", "w_o"), torch.eye(2)))  # logits = pixels
    >>> loss_gradient(network, torch.tensor([[0.75, 0.25]]), torch.tensor([0]))
    tensor([[-1.,  1.]], dtype=torch.float64)
    """
    check_network(network)
    dtype = torch.float64 if form == "exact" else torch.float32
    model = network.to(dtype)
    result = torch.empty(x.shape, dtype=dtype)
    for start in range(0, len(x), batch):
        part = slice(start, start + batch)
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
    """Attack by x_A = x + eps sign(grad): sign(0) = 0, no clipping ("Adversarial examples").

    Args:
        x: (N, ...) float32 images.
        gradient: like ``x``, any dtype: nothing but its signs counts.
        eps: at least 0, in units of the pixel range [0, 1].

    Returns:
        A tensor like ``x``, in [-eps, 1 + eps].

    Raises:
        ArgumentError: ``eps`` is negative or not finite.

    >>> fgsm(torch.tensor([[0.75, 0.25]]), torch.tensor([[-1.0, 1.0]]), eps=0.25)
    tensor([[0.5000, 0.5000]])
    """
    check_eps(eps)
    signs = gradient.sign().to(x.dtype)
    return signs.mul_(eps).add_(x)


def random_sign(x: Tensor, *, eps: float, rng: np.random.Generator) -> Tensor:
    """Make the appendix's random control: x + eps r, each r independently -1 or 1.

    Images and ``eps`` are as for :func:`fgsm`.

    Raises:
        ArgumentError: ``eps`` is negative or not finite.

    >>> noisy = random_sign(torch.zeros(1, 784), eps=0.25, rng=np.random.default_rng(0))
    >>> noisy.unique()
    tensor([-0.2500,  0.2500])
    """
    check_eps(eps)
    signs = rng.integers(0, 2, size=tuple(x.shape), dtype=np.int8) * 2 - 1
    return x + eps * torch.from_numpy(signs.astype(np.float32))


def zero_gradient_share(gradient: Tensor) -> float:
    """Measure the share of images that FGSM leaves unchanged: gradient (N, ...) zero everywhere.

    Raises:
        ArgumentError: there are no images.

    >>> zero_gradient_share(torch.tensor([[0.0, 0.0], [0.0, 0.1]]))
    0.5
    """
    check_some(gradient)
    return float((gradient.flatten(1) == 0).all(dim=1).double().mean())


def sign_difference_share(gradient: Tensor, reference: Tensor) -> float:
    """Measure the share of pixels whose sign differs from the reference's, both (N, ...).

    Raises:
        ArgumentError: there are no images.

    >>> sign_difference_share(torch.tensor([[0.0, 0.2]]), torch.tensor([[-1.0, 1.0]]))
    0.5
    """
    check_some(gradient)
    differ = gradient.sign().to(torch.int8) != reference.sign().to(torch.int8)
    return float(differ.double().mean())
