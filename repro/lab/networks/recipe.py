"""What a trained network is made from, and the key that names it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor

from repro.lab.mnist.data import Mnist
from repro.lab.networks.network import Network


class Trainer(Protocol):
    """Training in epochs, with a state that can be saved and put back."""

    epochs: int

    def run_epoch(self) -> float:
        """Train one epoch and return its mean cost."""

    def tensors(self) -> dict[str, Tensor]:
        """Give every tensor that the next epoch depends on."""

    def texts(self) -> dict[str, str]:
        """Give every other piece of state (generators), as text."""

    def restore(self, tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> None:
        """Put back what :meth:`tensors` and :meth:`texts` gave, all of it or none.

        Raises:
            KeyError, ValueError: the texts are not this trainer's; nothing was changed.
        """

    def weights(self) -> dict[str, Tensor]:
        """Give the network's weights, float32 on the CPU."""


class Recipe(Protocol):
    """One training: everything that decides its outcome, and the means to run it."""

    @property
    def name(self) -> str:
        """A short human name, such as ``lacok2016-mlp``."""

    @property
    def seed(self) -> int:
        """The seed of every random draw of this training."""

    def configuration(self) -> dict[str, Any]:
        """Describe all that decides the outcome, as JSON values (the key is its hash)."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Give name and shape of each weight, for checking a file before use."""

    def network(self, weights: Mapping[str, Tensor]) -> Network:
        """Build the network from its weights, to run where they lie."""

    def trainer(self, data: Mnist, *, device: str) -> Trainer:
        """Make a trainer at epoch 0."""


class DrawnRecipe(Recipe, Protocol):
    """A recipe that can draw what its training begins with."""

    def initial_weights(self) -> Mapping[str, Tensor]:
        """Draw the weights that training begins with, float32."""


def canonical(value: Mapping[str, Any]) -> str:
    """Write ``value`` as its one JSON text: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def key(recipe: Recipe) -> str:
    """Compute the content address: SHA-256 of the recipe's canonical configuration."""
    return hashlib.sha256(canonical(recipe.configuration()).encode()).hexdigest()
