"""One run of the suite: its data, networks and measurements, each made at most once.

Several processes may share one run (pytest-xdist): measurements are handed between them
through a folder, under a lock an experiment or a shared part of one, and so are pictures on
their way to the report.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from repro.atomic import locked, write_atomic
from repro.judge.populations import Kind, Spot, name_of
from repro.lab.devices import release_memory
from repro.lab.mnist import data as mnist
from repro.lab.mnist.data import Mnist
from repro.lab.networks import recipe as recipes
from repro.lab.networks.given import Given
from repro.lab.networks.store import Artifact, Store
from repro.measure.progress import epochs
from repro.papers import picture, registry
from repro.papers.experiment import SEED, TARGET, Run

BEGAN, TRAINING = ".began", ".training"
"""How notes in the shared folder end: that a measurement began; how far a training is."""


def left_in(shared: Path, spot: Spot) -> Path:
    """Return the file in a run's shared folder that a measurement is left in."""
    return shared / f"{name_of(*spot)}.json"


@dataclass(frozen=True)
class Measured:
    """What one experiment gave under one reading.

    Args:
        values: metric name to value.
        weights_sha256: of each network.
        sources: of each network: ``shipped``, ``cache``, ``trained``, or ``given`` by the user.
        kind: of the images.
    """

    values: dict[str, float]
    weights_sha256: list[str]
    sources: list[str]
    kind: Kind


@dataclass
class Session:
    """What the claims of one run share.

    Args:
        shared: the folder that the run's processes hand measurements through.
        directory: of MNIST, where one is named.
        device: ``cpu`` or ``cuda``, where networks are trained and run.
        retrain: train every network anew instead of loading it.
        require_full: refuse anything but full MNIST.
        run: a token that names this run in all its processes.
        given: the user's network, which takes the place of those that the claims are about.
    """

    shared: Path
    directory: Path | None = None
    device: str = "cpu"
    retrain: bool = False
    require_full: bool = False
    offline: bool = False
    run: str = ""
    given: Given | None = None
    _runs: dict[str, Run] = field(default_factory=dict)
    _artifacts: dict[str, Artifact] = field(default_factory=dict)

    @cached_property
    def data(self) -> Mnist:
        """MNIST, found once."""
        return mnist.find(self.directory, offline=self.offline, require_full=self.require_full)

    @cached_property
    def _store(self) -> Store:
        return Store(device=self.device, retrain=self.retrain, run=self.run)

    def measured(
        self, paper: str, experiment: str, readings: Iterable[str]
    ) -> dict[str, Measured]:
        """Measure one experiment under each of ``readings``, on the networks of seed 0.

        Whoever comes first measures all of them, so that what the readings share is
        computed once; every other process of the run reads the result.
        """
        wanted = tuple(readings)
        with locked(self.shared / f"{paper}-{experiment}.lock"):
            return {r: self._one(paper, experiment, r, wanted) for r in wanted}

    def run_of(self, paper: str) -> Run:
        """Return the one run of a paper's experiments in this process, with what it remembers."""
        run = self._runs.setdefault(
            paper, Run(self.data, SEED, self._obtain, self.device, shared=self.shared / paper)
        )
        if self.given is not None:
            run.stand_in = self.given.network
        return run

    def at_hand(self, networks: Iterable[recipes.Recipe]) -> bool:
        """Tell whether all of these are trained already; never with ``retrain``."""
        return all(
            recipes.key(recipe) in self._artifacts or self._store.lookup(recipe) is not None
            for recipe in networks
        )

    def _one(self, paper: str, experiment: str, reading: str, wanted: tuple[str, ...]) -> Measured:
        path = left_in(self.shared, (paper, experiment, reading))
        if path.exists():
            return Measured(**json.loads(path.read_text(encoding="utf-8")))
        what, run = registry.experiments(paper)[experiment], self.run_of(paper)
        networks = [self._origin(*each) for each in what.networks(SEED, reading).items()]
        path.with_name(path.stem + BEGAN).touch()
        run.readings = wanted
        values = what.run(run, reading)
        hashes, sources = [sha256 for sha256, _ in networks], [source for _, source in networks]
        result = Measured(values, hashes, sources, self.data.kind)
        picture.make(paper, experiment, run, reading, self.shared)
        release_memory()
        write_atomic(path, json.dumps(vars(result)).encode())
        return result

    def _origin(self, role: str, recipe: recipes.Recipe) -> tuple[str, str]:
        """Return the SHA-256 and the source of the network in a role."""
        if self.given is not None and role == TARGET:
            return self.given.sha256, "given"
        artifact = self._obtain(recipe)
        return artifact.sha256, artifact.source

    def _obtain(self, recipe: recipes.Recipe) -> Artifact:
        key = recipes.key(recipe)
        if key not in self._artifacts:
            note, said = self.shared / f"{key}{TRAINING}", epochs(recipe.name)

            def told(done: int, total: int, cost: float) -> None:
                note.write_text(said(done, total, cost), encoding="utf-8")

            self._artifacts[key] = self._store.obtain(recipe, self.data, on_epoch=told)
            note.unlink(missing_ok=True)
        return self._artifacts[key]
