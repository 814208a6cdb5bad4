"""Ordinary networks: a ``torch.nn`` module, trained by one of torch's optimisers.

A recipe is all a paper has to give. What is drawn in an epoch depends on the seed and on the
number of the epoch alone, so that a training which was killed goes on to the same bits.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from repro.errors import UsageError
from repro.lab import rng
from repro.lab.mnist import files
from repro.lab.mnist.data import Mnist
from repro.lab.networks.network import ModuleNetwork


def mean_cross_entropy(module: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Compute the mean cross-entropy of the module's logits for ``x`` (N, 784), ``y`` (N,)."""
    return cross_entropy(module(x), y)


@dataclass(frozen=True, kw_only=True)
class ModuleRecipe:
    """One training of a module on images (N, 784) float32 in [0, 1].

    Functions enter the configuration by name and, where they are ``functools.partial``, with
    what they are given; what else their code decides is for ``notes`` to say.

    Args:
        name: of the network, such as ``doe2020-softmax``; no effect on the weights.
        seed: of the initial weights, the order of the images, and whatever the module draws.
        module: makes the untrained module; torch's own random numbers may be used.
        optimiser: takes the module's parameters, such as ``partial(torch.optim.SGD, lr=0.1)``.
        epochs: passes over the images, in a new order each.
        batch: images an update; the last of an epoch has what is left.
        cost: of (module, images, labels), to be made small.
        after_update: takes the module, the optimiser and the number of updates so far: for
            schedules, and for weights that are held within bounds.
        images: the training images from the first number to before the second.
        classes: of the images; the label is the place in this list.
        notes: what decides the outcome and no other field shows.

    >>> recipe = ModuleRecipe(
    ...     name="doe2020-softmax",
    ...     seed=0,
    ...     module=partial(nn.Linear, 784, 10),
    ...     optimiser=partial(torch.optim.SGD, lr=0.1),
    ...     epochs=1,
    ... )
    >>> recipe.shapes()
    {'weight': (10, 784), 'bias': (10,)}
    """

    name: str
    seed: int
    module: Callable[[], nn.Module]
    optimiser: Callable[[Iterator[nn.Parameter]], Optimizer]
    epochs: int
    batch: int = 100
    cost: Callable[[nn.Module, Tensor, Tensor], Tensor] = mean_cross_entropy
    after_update: Callable[[nn.Module, Optimizer, int], None] | None = None
    images: tuple[int, int] = (0, 60_000)
    classes: tuple[int, ...] = tuple(range(10))
    notes: str = ""

    def configuration(self) -> dict[str, Any]:
        """Describe network, optimiser, cost, data and seed, as JSON values."""
        return {
            "architecture": repr(self._undrawn()),
            "initial": _described(self.module),
            "optimiser": _described(self.optimiser),
            "cost": _described(self.cost),
            "after_update": _described(self.after_update) if self.after_update else None,
            "data": {name: files.SHA256[name] for name in ("train-images", "train-labels")},
            "images": list(self.images),
            "classes": list(self.classes),
            "order": "a fresh permutation each epoch, with the last partial batch",
            "epochs": self.epochs,
            "batch": self.batch,
            "seed": self.seed,
            "notes": self.notes,
        }

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Give name and shape of each weight: those of the module itself."""
        return {name: tuple(t.shape) for name, t in self._undrawn().state_dict().items()}

    def trainer(self, data: Mnist, *, device: str) -> ModuleTrainer:
        """Make a trainer at epoch 0; UsageError where the data have no such training images."""
        train, part = data.training(), slice(*self.images)
        labels = train.labels[part]
        mine = np.isin(labels, self.classes)
        if not mine.any():
            raise UsageError(
                f"no training images {self.images} of the classes {self.classes}",
                expected="at least one",
                do="give full MNIST, or other images",
            )
        x = train.images[part][mine].reshape(-1, 784) / np.float32(255.0)
        y = np.array([self.classes.index(label) for label in labels[mine]])
        return ModuleTrainer(self, torch.from_numpy(x), torch.from_numpy(y), device=device)

    def initial_weights(self) -> dict[str, Tensor]:
        """Draw the untrained weights of this seed."""
        return dict(self.untrained().state_dict())

    def untrained(self) -> nn.Module:
        """Make the module with the weights that its training begins with."""
        with _drawing(self.seed, "module/initial", "cpu"):
            return self.module()

    def network(self, weights: Mapping[str, Tensor]) -> ModuleNetwork:
        """Build the network from its weights."""
        module = self._undrawn()
        module.load_state_dict(dict(weights), assign=True)
        return ModuleNetwork(module.eval().requires_grad_(False))

    def _undrawn(self) -> nn.Module:
        """Make the module without drawing its weights."""
        with torch.device("meta"):
            return self.module()


def _described(function: Callable[..., Any]) -> Any:
    """Name a function, with what it is given where it is a ``partial``."""
    if isinstance(function, partial):
        return [_described(function.func), list(function.args), function.keywords]
    name = getattr(function, "__qualname__", "<")
    if "<" in name:  # a lambda's name would not tell it from another one
        raise UsageError(
            f"a recipe with the function {function!r}",
            expected="functions with a name of their own, or functools.partial of one",
            do="define it in the paper's module",
        )
    return name


@contextmanager
def _drawing(seed: int, name: str, device: str) -> Iterator[None]:
    """Let torch's own random numbers depend on nothing but ``seed`` and ``name``."""
    with torch.random.fork_rng(devices=[] if device == "cpu" else None):
        torch.manual_seed(int(rng.generator(seed, name).integers(2**63)))
        yield


class ModuleTrainer:
    """Trains one :class:`ModuleRecipe` on images (N, 784) float32 and labels (N,) int64."""

    def __init__(self, recipe: ModuleRecipe, x: Tensor, y: Tensor, *, device: str) -> None:
        self.recipe = recipe
        self.epochs = recipe.epochs
        self.device = device
        self.x, self.y = x.to(device), y.to(device)
        self.module = recipe.untrained().to(device).train()
        self.optimiser = recipe.optimiser(self.module.parameters())
        self.done = 0

    def run_epoch(self) -> float:
        """Pass once over the images, in the order of this epoch."""
        r, costs = self.recipe, []
        with _drawing(r.seed, f"module/epoch {self.done}", self.device):
            batches = torch.split(torch.randperm(len(self.y)).to(self.device), r.batch)
            for i, picked in enumerate(batches, start=1 + self.done * -(-len(self.y) // r.batch)):
                cost = r.cost(self.module, self.x[picked], self.y[picked])
                self.optimiser.zero_grad()
                torch.autograd.backward(cost)
                self.optimiser.step()
                if r.after_update is not None:
                    with torch.no_grad():
                        r.after_update(self.module, self.optimiser, i)
                costs.append(cost.detach())
        self.done += 1
        return float(torch.stack(costs).mean())

    def tensors(self) -> dict[str, Tensor]:
        """Give the weights and what the optimiser keeps of each."""
        optimiser = self.optimiser if self.done else self._begun()
        state: dict[int, dict[str, Any]] = optimiser.state_dict()["state"]
        kept = {
            f"optimiser.{i}.{name}": value
            for i, values in state.items()
            for name, value in values.items()
            if value is not None
        }
        return {**self.weights(), **kept}

    def _begun(self) -> Optimizer:
        """Give an optimiser after an update: it makes what it keeps only then."""
        module = copy.deepcopy(self.module)
        optimiser = self.recipe.optimiser(module.parameters())
        for weight in module.parameters():
            weight.grad = torch.zeros_like(weight)
        optimiser.step()
        return optimiser

    def texts(self) -> dict[str, str]:
        """Give the number of epochs done, and the optimiser's settings as they are by now."""
        groups = self.optimiser.state_dict()["param_groups"]
        return {"done": str(self.done), "groups": json.dumps(groups)}

    def restore(self, tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> None:
        """Put back a checkpoint, all of it or none."""
        # First what may be refused: a trainer half put back would train on from there.
        done, groups = int(texts["done"]), json.loads(texts["groups"])
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimiser."):
                _, i, what = name.split(".")
                state.setdefault(int(i), {})[what] = tensor
        self.module.load_state_dict({name: tensors[name] for name in self.module.state_dict()})
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})
        self.done = done

    def weights(self) -> dict[str, Tensor]:
        """Give the module's weights, float32 on the CPU."""
        return {name: w.detach().cpu() for name, w in self.module.state_dict().items()}
