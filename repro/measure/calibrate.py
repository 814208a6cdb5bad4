"""Make the evidence: measure experiments for one seed, as one row of each population.

Every finished seed is written at once, and what is written is not measured again: a run that was
killed goes on where it was, and two runs may share the work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from repro.errors import DataError, EvidenceError
from repro.judge import populations
from repro.judge.populations import Kind, Population, Row
from repro.lab import provenance
from repro.lab.devices import prepare_device
from repro.lab.mnist import data as mnist
from repro.lab.mnist import sample
from repro.lab.mnist.data import Mnist
from repro.lab.networks.recipe import Recipe
from repro.lab.networks.store import Artifact, Store
from repro.lab.networks.training import OnEpoch
from repro.papers import registry
from repro.papers.experiment import Experiment, Run

Wanted = tuple[Kind, str, str]
"""The images, the experiment and the reading of a row."""


@dataclass(frozen=True)
class Job:
    """One seed of one paper's experiments, to be measured in any process.

    Args:
        paper: its id.
        seed: of the networks and the experiments.
        wanted: the rows to make.
        directory: of full MNIST, where one is named.
        device: of trainings and of every pass of a network.
        threads: for torch; 0 leaves its own choice.
        offline: whether MNIST must be at hand.
    """

    paper: str
    seed: int
    wanted: tuple[Wanted, ...]
    directory: Path | None = None
    device: str = "cpu"
    threads: int = 0
    offline: bool = False


def measure(job: Job, *, on_epoch: Callable[[str], OnEpoch] | None = None) -> dict[Wanted, Row]:
    """Train what is missing and measure one seed.

    ``on_epoch`` gives, by a network's name, the function to tell of each epoch of its training.
    """
    prepare_device(job.device)  # in this process, which may be another than the one that asked
    if job.threads:
        torch.set_num_threads(job.threads)
    store = Store(device=job.device)

    @cache
    def full() -> Mnist:
        return mnist.find(job.directory, offline=job.offline, require_full=True)

    def obtain(recipe: Recipe) -> Artifact:
        return store.obtain(recipe, full(), on_epoch=on_epoch(recipe.name) if on_epoch else None)

    kinds = {kind for kind, _, _ in job.wanted}
    images = {kind: full() if kind == "full" else mnist.embedded() for kind in kinds}
    runs = {kind: Run(images[kind], job.seed, obtain, job.device) for kind in kinds}
    offered = registry.experiments(job.paper)
    rows: dict[Wanted, Row] = {}
    for kind, name, reading in job.wanted:
        experiment = offered[name]
        for recipe in experiment.networks(job.seed, reading).values():
            runs[kind].trained(recipe)  # a training is none of the measurement's seconds
        start = time.monotonic()
        runs[kind].readings = tuple(r for k, n, r in job.wanted if (k, n) == (kind, name))
        measured = experiment.run(runs[kind], reading)
        seconds = time.monotonic() - start
        about = _provenance(experiment, runs[kind], reading, seconds, job.device)
        rows[kind, name, reading] = Row(job.seed, about, measured)
    return rows


def _provenance(
    experiment: Experiment, run: Run, reading: str, seconds: float, device: str
) -> dict[str, str]:
    artifacts = [run.obtain(recipe) for recipe in experiment.networks(run.seed, reading).values()]
    about = provenance.describe(device)
    first = artifacts[0].manifest if artifacts else about
    # The training decides far more than the measurement: its hardware is what counts.
    trained = {name: str(first[name]) for name in ("cpu", "device", "kernel", "threads")}
    if first["device"] != about["device"]:
        trained["device"] += f", measured on {about['device']}"
    return {
        "configuration": experiment.configuration(run.seed, reading),
        "weights_sha256": "+".join(a.sha256 for a in artifacts),
        "date": provenance.now(),
        "seconds": f"{seconds:.1f}",
        "torch": str(about["torch"]),
        "numpy": str(about["numpy"]),
        **trained,
    }


def missing(root: Path, paper: str, seed: int, names: Iterable[str], kinds: Iterable[Kind]) -> Job:
    """Make the job that brings one seed's rows into every population that lacks them."""
    wanted: list[Wanted] = []
    offered = registry.experiments(paper)
    for kind in kinds:
        for name in names:
            for reading in offered[name].readings:
                path = populations.path_of(root, kind, paper, name, reading)
                population = populations.load(path)
                check_configuration(population, offered[name], reading)
                if seed not in population.seeds:
                    wanted.append((kind, name, reading))
    return Job(paper, seed, tuple(wanted))


def check_configuration(population: Population, experiment: Experiment, reading: str) -> None:
    """Raise EvidenceError where a row of a population is not of the code's configuration."""
    path = population.path
    for row in population.rows:
        expected = experiment.configuration(row.seed, reading)
        if row.provenance["configuration"] != expected:
            raise EvidenceError(
                f"{path.parent.name}/{path.name} has seed {row.seed} of another configuration",
                expected=f"{expected[:16]}…",
                do="if it is obsolete, move the old file away and make the population again",
            )


def keep(root: Path, paper: str, rows: Mapping[Wanted, Row]) -> int:
    """Write rows to their populations; return how many were new."""
    return sum(
        populations.add(populations.path_of(root, kind, paper, name, reading), row)
        for (kind, name, reading), row in rows.items()
    )


def kinds_at_hand() -> tuple[Kind, ...]:
    """Return ``full``, and ``embedded`` where the sample is installed."""
    try:
        sample.load()
    except DataError:
        return ("full",)
    return ("full", "embedded")
