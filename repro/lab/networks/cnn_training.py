"""The training of Popović & Mihajlović's network (2017, section II).

What the text leaves open is settled by the authors' code (``src/CNNClassifier.py``):
truncated-normal weights of 0.1, biases of 0.1, Adam at 1e-4 as TensorFlow 1.x has it,
cross-entropy of the softmax of the logits.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.optim.adam import adam

from repro.errors import UsageError
from repro.lab import rng
from repro.lab.mnist import files
from repro.lab.mnist.data import Mnist
from repro.lab.networks import cnn
from repro.lab.networks.kept import Kept

STEPS_PER_EPOCH = 1000
"""Updates between two checkpoints; no effect on the weights."""


def truncated_normal(
    draw: np.random.Generator, shape: tuple[int, ...], std: float
) -> NDArray[np.float32]:
    """Draw ``std`` N(0, 1), float32, anew beyond two deviations, as TensorFlow does."""
    values = draw.standard_normal(math.prod(shape))
    while len(beyond := np.flatnonzero(np.abs(values) > 2)):
        values[beyond] = draw.standard_normal(len(beyond))
    return (values * std).astype(np.float32).reshape(shape)


def adam_step(
    weights: Collection[Tensor],
    grads: Collection[Tensor],
    m: Collection[Tensor],
    v: Collection[Tensor],
    *,
    step: int,
    rates: CnnRecipe,
) -> None:
    """Make update number ``step`` of Adam, in place, as TensorFlow 1.x computes it.

    ``m = b1 m + (1 - b1) g``, ``v = b2 v + (1 - b2) g^2``,
    ``w -= lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)``, with t = 1 at the first.
    PyTorch adds its epsilon to ``sqrt(v / (1 - b2^t))`` instead, so it is given
    epsilon / sqrt(1 - b2^t), which makes the two the same; its fused kernel reads each tensor
    once.
    """
    adam(
        list(weights),
        [grad.contiguous() for grad in grads],
        list(m),
        list(v),
        [],
        [torch.tensor(step - 1.0, device=w.device) for w in weights],
        fused=True,
        amsgrad=False,
        beta1=rates.beta1,
        beta2=rates.beta2,
        lr=rates.learning_rate,
        weight_decay=0.0,
        eps=rates.epsilon / math.sqrt(1 - rates.beta2**step),
        maximize=False,
    )


@dataclass(frozen=True)
class CnnRecipe:
    """One training of the network.

    Args:
        seed: of the initial weights, the order of the images and the dropout masks.
        units: of the first fully connected layer; 1,024 in the authors' code, 1,204 in
            Table I.
        steps: updates in all, on ``batch`` images each.
        keep: share of units that dropout keeps.
        validation: training images set aside, the first in file order.
    """

    seed: int
    units: int = 1024
    steps: int = 20_000
    batch: int = 50
    learning_rate: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    keep: float = 0.5
    init_std: float = 0.1
    init_bias: float = 0.1
    validation: int = 5000

    @property
    def name(self) -> str:
        """``popovic2017-cnn``, with the units where they are not the authors' code's."""
        return "popovic2017-cnn" + (f"-{self.units}" if self.units != 1024 else "")

    def configuration(self) -> dict[str, Any]:
        """Describe architecture, optimiser, data and seed, as JSON values."""
        return {
            "architecture": "cnn-28x28-conv5x5x32same-max2-conv5x5x64same-max2-fc-10-relu",
            "initial": "weights truncated normal within two deviations, biases constant",
            "cost": "mean cross-entropy of the softmax of the logits",
            "dropout": "inverted, on the first fully connected layer",
            "optimiser": "adam-tensorflow1, epsilon beside the uncorrected root",
            "order": "a fresh permutation each epoch, batches run on across epochs",
            "data": {name: files.SHA256[name] for name in ("train-images", "train-labels")},
            "split": "the first `validation` training images in file order are not trained on",
            **asdict(self),
        }

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Give name and shape of the four weights and the four biases."""
        return cnn.shapes(self.units)

    def initial_weights(self) -> dict[str, Tensor]:
        """Draw the untrained weights of this seed, float32."""
        draw = rng.generator(self.seed, "popovic2017/init")
        return {
            name: torch.full(shape, self.init_bias)
            if name.endswith(".b")
            else torch.from_numpy(truncated_normal(draw, shape, self.init_std))
            for name, shape in self.shapes().items()
        }

    def network(self, weights: Mapping[str, Tensor]) -> cnn.Cnn:
        """Build the network from its weights."""
        return cnn.Cnn(weights)

    def trainer(self, data: Mnist, *, device: str) -> CnnTrainer:
        """Make a trainer at epoch 0.

        Raises:
            UsageError: fewer training images than a batch, after those for validation.
        """
        train = data.training()
        images = train.images[self.validation :]
        if len(images) < self.batch:
            raise UsageError(
                f"{len(images)} training images after {self.validation} for validation",
                expected=f"at least one batch of {self.batch}",
                do="give full MNIST, or a smaller batch",
            )
        return CnnTrainer(self, images, train.labels[self.validation :], device=device)


class CnnTrainer(Kept):
    """Trains one :class:`CnnRecipe` on images (N, 28, 28) uint8 and labels (N,) uint8."""

    KEPT = ("m", "v", "order", "masks", "shuffle", "steps", "position")

    def __init__(
        self,
        recipe: CnnRecipe,
        images: NDArray[np.uint8],
        labels: NDArray[np.uint8],
        *,
        device: str,
    ) -> None:
        self.recipe = recipe
        self.epochs = -(-recipe.steps // STEPS_PER_EPOCH)
        self.device = device
        # uint8 until a batch is drawn: a quarter of the memory, and the cost cannot be seen.
        self.x = torch.tensor(images, device=device)[..., None]
        self.y = torch.tensor(labels, dtype=torch.int64, device=device)
        self.w = {name: w.to(device) for name, w in recipe.initial_weights().items()}
        self.m = {name: torch.zeros_like(w) for name, w in self.w.items()}
        self.v = {name: torch.zeros_like(w) for name, w in self.w.items()}
        self.steps = 0
        self.masks = rng.generator(recipe.seed, "popovic2017/dropout")
        self.shuffle = rng.generator(recipe.seed, "popovic2017/order")
        self.order = self._permutation()
        self.position = 0

    def _permutation(self) -> Tensor:
        return torch.from_numpy(self.shuffle.permutation(len(self.y)))

    def next_batch(self) -> Tensor:
        """Give the indices (batch,) of the next images; a batch may span two permutations."""
        size = self.recipe.batch
        picked = self.order[self.position : self.position + size]
        self.position += size
        if len(picked) < size:
            self.order = self._permutation()
            self.position = size - len(picked)
            picked = torch.cat([picked, self.order[: self.position]])
        return picked.to(self.device)

    def keep_mask(self, rows: int) -> Tensor:
        """Draw the dropout mask (rows, units) float32: 1/keep with probability keep, else 0."""
        keep, shape = self.recipe.keep, (rows, self.recipe.units)
        if keep == 0.5:
            kept = rng.coins(self.masks, shape)
        else:
            kept = (self.masks.random(shape, dtype=np.float32) < keep).astype(np.float32)
        return torch.from_numpy(kept / np.float32(keep)).to(self.device)

    def step(self) -> Tensor:
        """Make one update on the next batch; give its mean cross-entropy."""
        r, w, picked = self.recipe, self.w.values(), self.next_batch()
        for tensor in w:
            tensor.requires_grad_()
        x = self.x[picked].to(torch.float32) / 255.0
        logits = cnn.logits(self.w, x, mask=self.keep_mask(len(x)))
        cost = functional.cross_entropy(logits, self.y[picked])
        grads = torch.autograd.grad(cost, list(w))
        self.steps += 1
        with torch.no_grad():
            adam_step(w, grads, self.m.values(), self.v.values(), step=self.steps, rates=r)
        return cost.detach()

    def run_epoch(self) -> float:
        """Make the next ``STEPS_PER_EPOCH`` updates, or those left; give their mean cost."""
        count = min(STEPS_PER_EPOCH, self.recipe.steps - self.steps)
        return float(torch.stack([self.step() for _ in range(count)]).mean())
