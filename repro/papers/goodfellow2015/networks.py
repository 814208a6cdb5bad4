"""The networks of Goodfellow et al. (2015), as far as the paper and its references describe them.

The maxout network is the one that the paper calls "the original maxout network for this
problem": pylearn2/scripts/papers/maxout/mnist_pi.yaml in lisa-lab/pylearn2.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout
from torch.optim import SGD, Optimizer

from repro.lab.matmul import product
from repro.lab.networks.modules import ModuleRecipe

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


def cost_with_l1(module: nn.Module, x: Tensor, y: Tensor, *, coefficient: float) -> Tensor:
    """Add ``coefficient`` times the absolute weights of the first layer to the cross-entropy."""
    first: Tensor = next(module.parameters())
    return cross_entropy(module(x), y) + coefficient * first.abs().sum()


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

maxout_l1 = partial(
    maxout,
    name="goodfellow2015-maxout-l1",
    cost=partial(cost_with_l1, coefficient=0.0025),
)
"""The same with L1 weight decay of .0025 on the first layer (section 5)."""
