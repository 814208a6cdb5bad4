"""What a paper's module offers: named, deterministic measurements of trained networks."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from repro.atomic import locked, write_atomic
from repro.errors import ReproError
from repro.lab import rng
from repro.lab.mnist.data import Mnist
from repro.lab.networks import recipe as recipes
from repro.lab.networks.network import Network
from repro.lab.networks.recipe import DrawnRecipe, Recipe
from repro.lab.networks.store import Artifact

T = TypeVar("T")
Measurements = dict[str, float]
"""Metric name to value."""

SEED = 0
"""The seed of the shipped networks, and of every live measurement."""

TARGET = "target"
"""The role of the network that an experiment's claims are about: another may stand in for it."""


def named(prefixes: Iterable[str], what: Iterable[str]) -> tuple[str, ...]:
    """Return ``prefix-what`` for each of ``what``, a prefix after another.

    >>> named(("weak", "strong"), ("error", "confidence"))
    ('weak-error', 'weak-confidence', 'strong-error', 'strong-confidence')
    """
    return tuple(f"{prefix}-{name}" for prefix, name in itertools.product(prefixes, what))


@dataclass(frozen=True)
class Experiment:
    """One experiment of a paper.

    Args:
        name: as the claim records name it.
        readings: those that it can be measured under.
        networks: (seed, reading) to the recipes of the networks it needs, by the role in which
            ``measure`` finds each in ``run.networks``. ``TARGET`` is one of them unless the claims
            compare several trainings, none of which is the one they are about.
        measure: (run, reading) to measurements.
        metrics: the names that ``measure`` returns, whatever the reading.
        revision: raised when the meaning of a measurement changes, which makes every
            population of the experiment another configuration's.
        on_demand: its networks do not ship. A run measures it only where the cache has them
            all, and judges its claims from the committed population alone elsewhere.
        alone: it shares no result with the paper's other experiments through ``run.once``
            (``run.once_in_all`` may be), so that another process may measure it without making
            anything twice.
    """

    name: str
    readings: tuple[str, ...]
    networks: Callable[[int, str], Mapping[str, Recipe]]
    measure: Callable[[Run, str], Measurements]
    metrics: tuple[str, ...]
    revision: int = 1
    on_demand: bool = False
    alone: bool = False

    def configuration(self, seed: int, reading: str) -> str:
        """Return the SHA-256 of all that decides a measurement, in hexadecimal digits."""
        parts = {
            "experiment": self.name,
            "reading": reading,
            "revision": self.revision,
            "networks": [recipes.key(r) for r in self.networks(seed, reading).values()],
            "seed": seed,
        }
        return hashlib.sha256(recipes.canonical(parts).encode()).hexdigest()

    def recipes(self, seed: int) -> list[Recipe]:
        """Return the recipes of all networks that any reading needs, each once."""
        every = [r for reading in self.readings for r in self.networks(seed, reading).values()]
        return list({recipes.key(recipe): recipe for recipe in every}.values())

    def run(self, run: Run, reading: str) -> Measurements:
        """Measure under ``reading``, and check that the metrics are those promised and finite.

        Those of a user's network that are not finite are left out: it may make no mistake to
        average over.

        Raises:
            ReproError: the metrics are not the promised ones, or one is not finite.
        """
        run.networks = {
            role: run.trained(recipe) if run.stand_in is None or role != TARGET else run.stand_in
            for role, recipe in self.networks(run.seed, reading).items()
        }
        measured = self.measure(run, reading)
        if set(measured) != set(self.metrics):
            raise ReproError(
                f"experiment {self.name} measured {sorted(measured)}",
                expected=f"{sorted(self.metrics)}",
                do="bring the experiment and its list of metrics together",
            )
        bad = [name for name, value in measured.items() if not math.isfinite(value)]
        if bad and run.stand_in is None:
            raise ReproError(
                f"experiment {self.name} measured a value that is not finite: {bad}",
                expected="finite measurements",
                do="check the network's weights and the data",
            )
        return {name: value for name, value in measured.items() if name not in bad}


@dataclass
class Run:
    """What an experiment measures: one seed's networks and the images, and what it remembers.

    Args:
        obtain: recipe to trained weights.
        device: where the networks run; images and results stay on the CPU.
        networks: those of the experiment that is measured, by role.
        stand_in: the network that takes the place of ``TARGET``, in all experiments.
        readings: those that the run wants of the experiment at hand, for what is cheaper made
            together; a measurement must not depend on them.
        shared: a folder of this paper's own, where several processes make the run.
    """

    data: Mnist
    seed: int
    obtain: Callable[[Recipe], Artifact]
    device: str = "cpu"
    networks: Mapping[str, Network] = field(default_factory=dict)
    stand_in: Network | None = None
    memory: dict[Hashable, Any] = field(default_factory=dict)
    readings: tuple[str, ...] = ()
    shared: Path | None = None

    def trained(self, recipe: Recipe) -> Network:
        """Return the trained network of ``recipe``: one object, whatever asks for it."""
        name = f"network {recipes.key(recipe)}"
        return self.once(name, lambda: self.built(recipe, self.obtain(recipe).weights))

    def built(self, recipe: Recipe, weights: Mapping[str, Tensor]) -> Network:
        """Build a network of ``recipe`` that runs on the run's device."""
        return recipe.network({name: w.to(self.device) for name, w in weights.items()})

    def untrained(self, recipe: DrawnRecipe) -> Network:
        """Build the network with the weights that its training begins with."""
        return self.built(recipe, recipe.initial_weights())

    def once(self, name: Hashable, make: Callable[[], T]) -> T:
        """Call ``make`` the first time, and return the same object ever after, to all readings.

        ``name`` holds all that the object depends on, such as a network of ``networks``.
        """
        if name not in self.memory:
            self.memory[name] = make()
        value: T = self.memory[name]
        return value

    def once_in_all(self, name: str, make: Callable[[], Measurements]) -> Measurements:
        """Call ``make`` once in all processes of the run: the first one measures, the others read.

        ``name`` holds all that the measurements depend on, but for the run's seed and data.
        """
        if self.shared is None:
            return self.once(name, make)
        path = self.shared / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"
        with locked(path.with_suffix(".lock")):
            if not path.exists():
                write_atomic(path, json.dumps(make()).encode())
            found: Measurements = json.loads(path.read_text(encoding="utf-8"))
        return found

    def images(self) -> Tensor:
        """Return the test images, (N, 784) float32 in [0, 1]."""
        pixels = self.data.test.images.reshape(len(self.data.test.images), -1)
        return self.once("images", lambda: torch.from_numpy(pixels / np.float32(255.0)))

    def labels(self) -> Tensor:
        """Return the classes of the test images, (N,) int64."""
        return self.once(
            "labels", lambda: torch.from_numpy(self.data.test.labels.astype(np.int64))
        )

    def rng(self, name: str) -> np.random.Generator:
        """Return a fresh random generator of this seed and name."""
        return rng.generator(self.seed, name)
