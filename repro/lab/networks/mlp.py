"""The fully connected network of Lacok (2016) and its training, as the appendix has them.

784 -> 625 -> 625 -> 10 without biases, ReLU, softmax; weights start at 0.01 N(0, 1).
The backward pass is written out: three layers need no tape, and it is the same arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repro.lab import rng
from repro.lab.matmul import matmul
from repro.lab.mnist import files
from repro.lab.mnist.data import Mnist
from repro.lab.networks.kept import Kept

LAYERS = {"w_h": (784, 625), "w_h2": (625, 625), "w_o": (625, 10)}


@dataclass(frozen=True, eq=False)  # tensors have no single truth value to compare by
class Mlp:
    """The network at prediction time (no dropout), with the weights of ``LAYERS`` in one dtype."""

    weights: Mapping[str, Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        """Compute the logits (N, 10) of images (N, 784) or (N, 1, 28, 28), the weights' dtype."""
        w = self.weights
        h = torch.relu(x.flatten(1).to(w["w_h"].device) @ w["w_h"])
        h2 = torch.relu(h @ w["w_h2"])
        return (h2 @ w["w_o"]).to(x.device)

    def to(self, dtype: torch.dtype) -> Mlp:
        """Give the same network with weights of another dtype."""
        return Mlp({name: w.to(dtype) for name, w in self.weights.items()})


def rmsprop_step(
    w: Tensor, acc: Tensor, grad: Tensor, *, lr: float, rho: float, eps: float
) -> None:
    """Make one RMSprop update in place.

    ``acc = rho acc + (1 - rho) grad^2``; ``w = w - lr grad / sqrt(acc + eps)``. The text
    of the paper puts ``eps`` outside the root; its code, which made the numbers, does not.
    """
    acc.mul_(rho).addcmul_(grad, grad, value=1 - rho)
    w.addcdiv_(grad, (acc + eps).sqrt_(), value=-lr)


@dataclass(frozen=True)
class MlpRecipe:
    """One training of the appendix's network.

    Args:
        seed: of the initial weights and the dropout masks.
        l1: lambda_1, the weight of the summed absolute weights in the cost.
        l2: lambda_2, the weight of the summed squared weights in the cost.
        epochs: passes over the training images, in file order.
    """

    seed: int
    l1: float = 0.0
    l2: float = 0.0
    epochs: int = 50
    batch: int = 128
    learning_rate: float = 0.001
    rho: float = 0.9
    epsilon: float = 1e-6
    drop_input: float = 0.2
    drop_hidden: float = 0.5
    init_std: float = 0.01

    @property
    def name(self) -> str:
        """``lacok2016-mlp``, with the penalties where there are any."""
        penalties = f"-l1-{self.l1:g}-l2-{self.l2:g}" if self.l1 or self.l2 else ""
        return f"lacok2016-mlp{penalties}"

    def configuration(self) -> dict[str, Any]:
        """Describe architecture, optimiser, data and seed, as JSON values."""
        return {
            "architecture": "mlp-784-625-625-10-relu-nobias",
            "optimiser": "rmsprop-eps-inside-root",
            "order": "file order, last partial batch dropped",
            "data": {name: files.SHA256[name] for name in ("train-images", "train-labels")},
            "split": "all 60000",
            **asdict(self),
        }

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Give name and shape of the three weight matrices."""
        return dict(LAYERS)

    def initial_weights(self) -> dict[str, Tensor]:
        """Draw the untrained weights of this seed: ``init_std`` N(0, 1), float32."""
        draw = rng.generator(self.seed, "lacok2016/init")
        return {
            name: torch.from_numpy(
                (draw.standard_normal(shape) * self.init_std).astype(np.float32)
            )
            for name, shape in LAYERS.items()
        }

    def network(self, weights: Mapping[str, Tensor]) -> Mlp:
        """Build the network from its weights."""
        return Mlp(weights)

    def trainer(self, data: Mnist, *, device: str) -> MlpTrainer:
        """Make a trainer at epoch 0; UsageError where the data have no training images."""
        train = data.training()
        images = train.images.reshape(len(train.images), 784)
        return MlpTrainer(self, images, train.labels, device=device)


class MlpTrainer(Kept):
    """Trains one :class:`MlpRecipe` on images (N, 784) uint8 and labels (N,) uint8."""

    KEPT = ("acc", "masks")

    def __init__(
        self,
        recipe: MlpRecipe,
        images: NDArray[np.uint8],
        labels: NDArray[np.uint8],
        *,
        device: str,
    ) -> None:
        self.recipe = recipe
        self.epochs = recipe.epochs
        self.device = device
        self.x = torch.from_numpy(images / np.float32(255.0)).to(device)
        self.y = torch.from_numpy(labels.astype(np.int64)).to(device)
        self.w = {name: w.to(device) for name, w in recipe.initial_weights().items()}
        self.acc = {name: torch.zeros_like(w) for name, w in self.w.items()}
        self.masks = rng.generator(recipe.seed, "lacok2016/dropout")

    def keep_mask(self, rows: int, columns: int, drop: float) -> Tensor:
        """Draw a mask (rows, columns) float32: 0 with probability ``drop``, else 1/(1-drop)."""
        if drop == 0.5:
            keep = rng.coins(self.masks, (rows, columns))
        else:
            random = self.masks.random((rows, columns), dtype=np.float32)
            keep = (random >= drop).astype(np.float32)
        return torch.from_numpy(keep * np.float32(1.0 / (1.0 - drop))).to(self.device)

    def step(self, x: Tensor, y: Tensor) -> Tensor:
        """Make one update on ``x`` (B, 784) float32, ``y`` (B,) int64; give its mean cost."""
        r, w, rows = self.recipe, self.w, len(x)
        x = x * self.keep_mask(rows, 784, r.drop_input)
        m1 = self.keep_mask(rows, 625, r.drop_hidden)
        h = torch.relu_(matmul(x, w["w_h"])).mul_(m1)
        m2 = self.keep_mask(rows, 625, r.drop_hidden)
        h2 = torch.relu_(matmul(h, w["w_h2"])).mul_(m2)
        log_p = torch.log_softmax(matmul(h2, w["w_o"]), dim=1)
        picked = log_p.gather(1, y[:, None])

        delta = log_p.exp().scatter_add_(1, y[:, None], torch.full_like(picked, -1.0)) / rows
        # A unit that was dropped or below zero has h = 0 and passes no gradient.
        delta2 = matmul(delta, w["w_o"].t()).mul_(m2).mul_(h2 > 0)
        delta1 = matmul(delta2, w["w_h2"].t()).mul_(m1).mul_(h > 0)
        grads = {
            "w_h": matmul(x.t(), delta1),
            "w_h2": matmul(h.t(), delta2),
            "w_o": matmul(h2.t(), delta),
        }
        for name, grad in grads.items():
            if r.l1:
                grad.add_(w[name].sign(), alpha=r.l1)
            if r.l2:
                grad.add_(w[name], alpha=2 * r.l2)
            rmsprop_step(
                w[name], self.acc[name], grad, lr=r.learning_rate, rho=r.rho, eps=r.epsilon
            )
        return -picked.mean()

    def run_epoch(self) -> float:
        """Pass once in file order, without the last partial batch, as the appendix's zip does."""
        size = self.recipe.batch
        starts = range(0, len(self.x) - size, size)
        costs = [self.step(self.x[i : i + size], self.y[i : i + size]) for i in starts]
        return float(torch.stack(costs).mean())
