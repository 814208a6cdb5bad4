"""The networks that the questions are asked of: that of Popović & Mihajlović, narrower."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import Adam

from repro.lab.networks.modules import ModuleRecipe, mean_cross_entropy
from repro.lab.networks.network import ModuleNetwork, Network

TRAINED_ON = (5_000, 60_000)
"""The authors' training images: common noise is made on the first 5,000, which are set aside."""

HALVES = {"first-half": (5_000, 32_500), "second-half": (32_500, 60_000)}
OTHER = 1_000
"""Added to a seed for a second network of the same kind."""


class InColour(nn.Module):
    """Repeats a grey image (N, 1, H, W) in the three planes of a colour image (N, 3, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        """Repeat the plane."""
        return x.expand(-1, 3, -1, -1)


def narrow(size: int = 28, planes: int = 1) -> nn.Sequential:
    """Make the untrained network, half as wide as the authors' and a quarter at its 256 units.

    The first module makes images (N, ``planes``, ``size``, ``size``) of the pixels (N, 784) that
    it is trained on: what follows is the network that sees the finer or the coloured image.
    """
    pixels: list[nn.Module] = [nn.Unflatten(1, (1, 28, 28))]
    if size != 28:
        pixels.append(nn.Upsample(size=size, mode="bilinear"))
    if planes != 1:
        pixels.append(InColour())
    return nn.Sequential(
        nn.Sequential(*pixels),
        nn.Conv2d(planes, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * (size // 4) ** 2, 256),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(256, 10),
    )


def penalised(module: nn.Module, x: Tensor, y: Tensor, strength: float) -> Tensor:
    """Compute the cross-entropy with Lacok's two penalties on the weights, of one ``strength``."""
    weights = [w for name, w in module.named_parameters() if name.endswith("weight")]
    penalty = torch.stack([w.abs().sum() + w.square().sum() for w in weights]).sum()
    return mean_cross_entropy(module, x, y) + strength * penalty


network = partial(
    ModuleRecipe,
    name="questions-narrow",
    module=narrow,
    optimiser=partial(Adam, lr=1e-3),
    batch=50,
    epochs=1,
    images=TRAINED_ON,
    notes="weights and biases as torch draws them; dropout of 0.5 before the last layer",
)
"""Seed to the recipe of the network that all questions are about."""

other = partial(network, name="questions-other")
first_half = partial(network, name="questions-first-half", images=HALVES["first-half"])
second_half = partial(network, name="questions-second-half", images=HALVES["second-half"])
regularised = partial(
    network, name="questions-regularised", cost=partial(penalised, strength=1e-4)
)
fine = partial(network, name="questions-fine", module=partial(narrow, size=56))
colour = partial(network, name="questions-colour", module=partial(narrow, planes=3))


def behind_pixels(found: Network) -> tuple[ModuleNetwork, nn.Module]:
    """Part a trained :func:`narrow`: what sees its own images, and what makes them of pixels.

    Raises:
        TypeError: it is another network.
    """
    if not isinstance(found, ModuleNetwork) or not isinstance(found.module, nn.Sequential):
        raise TypeError(f"{found} was not made by narrow()")
    pixels, rest = found.module[0], found.module[1:]
    shape = pixels(torch.zeros(1, 784)).shape[1:]
    return ModuleNetwork(rest, tuple(shape)), pixels
