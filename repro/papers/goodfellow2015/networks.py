"""The networks of Goodfellow et al. (2015), as far as the paper and its references describe them.

The maxout network is the one that the paper calls "the original maxout network for this
problem": pylearn2/scripts/papers/maxout/mnist_pi.yaml in lisa-lab/pylearn2.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout
from torch.optim import SGD, Adam, Optimizer

from repro.lab.matmul import product
from repro.lab.networks.modules import ModuleRecipe

THREE_SEVEN = (3, 7)
"""The classes of the logistic regression."""

MAX_COLUMN_NORM = 1.9365
"""Of every weight matrix of the maxout network, the softmax layer's too."""


class Linear(nn.Module):
    """``x @ weight + bias``, the weights uniform in ±0.005 and the biases zero at first."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs).uniform_(-0.005, 0.005))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def extra_repr(self) -> str:
        """Name the shape, as the recipe's configuration has it."""
        return "{} to {}".format(*self.weight.shape)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs) to (N, outputs)."""
        return product(x, self.weight) + self.bias


class MaxoutNetwork(nn.Module):
    """784 -> 240 maxout units of 5 pieces -> the same -> softmax over 10."""

    def __init__(self, units: int = 240, pieces: int = 5) -> None:
        super().__init__()
        self.pieces = pieces
        self.h0 = Linear(784, pieces * units)
        self.h1 = Linear(units, pieces * units)
        self.y = Linear(units, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits (N, 10); in training 0.8 of the pixels and half the units stay."""
        if self.training:  # the pixels that stay are not scaled up; the units are
            x = x * (torch.rand_like(x) < 0.8)
        for layer in (self.h0, self.h1):
            z: Tensor = layer(x)
            # Pieces lie apart, units together: the largest of contiguous pieces takes far longer.
            x = dropout(z.view(len(z), self.pieces, -1).amax(dim=1), 0.5, self.training)
        logits: Tensor = self.y(x)
        return logits


def settle(module: nn.Module, optimiser: Optimizer, updates: int) -> None:
    """Hold each column within ``MAX_COLUMN_NORM``, and set rate and momentum as pylearn2 does.

    The rate is 0.1 / 1.000004^updates; the momentum rises from 0.5 after epoch 1 to 0.7 after
    epoch 250.
    """
    for weight in (each for each in module.parameters() if each.ndim == 2):
        norms = weight.square().sum(dim=0).sqrt()
        weight.mul_(norms.clamp(max=MAX_COLUMN_NORM) / (1e-7 + norms))
    epoch = updates // 500
    for group in optimiser.param_groups:
        group["lr"] = max(0.1 / 1.000004**updates, 1e-6)
        group["momentum"] = 0.5 + 0.2 * min(max((epoch - 1) / 249, 0), 1)


maxout = partial(
    ModuleRecipe,
    name="goodfellow2015-maxout",
    module=MaxoutNetwork,
    optimiser=partial(SGD, lr=0.1, momentum=0.5, fused=True),
    after_update=settle,
    epochs=30,
    images=(0, 50_000),
    notes="240 maxout units of 5 pieces, twice; weights uniform in 0.005 either way, biases zero; "
    "0.8 of the pixels stay, not scaled, and 0.5 of the units, scaled by 2; columns of every "
    "weight matrix have norm 1.9365 at most; rate 0.1 / 1.000004^updates; momentum 0.5 rising to "
    "0.7 from epoch 1 to 250; the weights of the last epoch",
)
"""Seed to the recipe of mnist_pi.yaml, stopped after 30 epochs.

The original trains until 100 epochs have not lowered the error on the last 10,000 training
images, and keeps the best of its epochs.
"""


class LogisticRegression(nn.Module):
    """``p(second class) = sigmoid(w x + b)``, as the two logits 0 and w x + b."""

    def __init__(self) -> None:
        super().__init__()
        # Not a Linear: the product of that is many times slower for one column.
        self.weight = nn.Parameter(torch.empty(784).uniform_(-0.005, 0.005))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits (N, 2)."""
        z = x @ self.weight + self.bias
        return torch.stack([torch.zeros_like(z), z], dim=1)


class RbfNetwork(nn.Module):
    """``p(c | x) = exp(-(x - mu_c)' B_c (x - mu_c))`` for each class by itself (section 7).

    The paper prints the formula for two classes and without the sign, and says neither what shape
    B has nor what the ten-class form is. B is diagonal here.

    Args:
        widths: 1, the same entry for all pixels of a class, or 784, one a pixel.
    """

    def __init__(self, widths: int) -> None:
        super().__init__()
        self.centre = nn.Parameter(torch.empty(10, 784).uniform_(0.0, 0.2))
        self.log_b = nn.Parameter(torch.full((10, widths), math.log(0.01)))

    def forward(self, x: Tensor) -> Tensor:
        """Compute log p (N, 10), each at most 0."""
        b = self.log_b.exp().expand(10, 784)
        cross = x @ (b * self.centre).t()
        near = x.square() @ b.t() - 2 * cross + (b * self.centre.square()).sum(dim=1)
        # The difference of large products may fall below the zero that it cannot.
        return -near.clamp(min=1e-6)


def cost_of_log_p(log_p: Tensor, y: Tensor) -> Tensor:
    """Compute -log p_y - sum over c != y of log(1 - p_c), (N,), from ``log_p`` (N, 10)."""
    log_rest = torch.log(-torch.expm1(log_p)).scatter(1, y[:, None], 0.0)
    return -log_p.gather(1, y[:, None])[:, 0] - log_rest.sum(dim=1)


def independent_cost(module: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Compute the mean of :func:`cost_of_log_p`: each class is there or not, by itself."""
    return cost_of_log_p(module(x), y).mean()


plain = partial(ModuleRecipe, optimiser=partial(SGD, lr=0.1))
"""Gradient descent with pylearn2's rate and batches of 100, and no momentum."""


def softmax_regression(seed: int, epochs: int) -> ModuleRecipe:
    """Return the recipe of softmax regression (section 4, appendix A)."""
    name, notes = f"goodfellow2015-softmax-{epochs}", "weights uniform in 0.005 either way"
    module = partial(Linear, 784, 10)
    return plain(name=name, seed=seed, module=module, epochs=epochs, notes=notes)


def logistic_regression(seed: int, epochs: int) -> ModuleRecipe:
    """Return the recipe of logistic regression, 3 against 7 (Fig. 2)."""
    return plain(
        name=f"goodfellow2015-logistic-{epochs}",
        seed=seed,
        module=LogisticRegression,
        epochs=epochs,
        classes=THREE_SEVEN,
        notes="weights uniform in 0.005 either way",
    )


def rbf(seed: int, widths: int) -> ModuleRecipe:
    """Return the recipe of the shallow RBF network (section 7)."""
    return ModuleRecipe(
        name=f"goodfellow2015-rbf-{widths}",
        seed=seed,
        module=partial(RbfNetwork, widths),
        optimiser=partial(Adam, lr=0.003),
        epochs=10,
        cost=independent_cost,
        notes="centres uniform in 0 to 0.2, every entry of B 0.01",
    )
