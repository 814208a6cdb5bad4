"""A network that trains in milliseconds, an MNIST of nine digits and a paper that measures
both, found through the environment, so that other processes find them too."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from idx_files import build
from tiny_paper import document
from torch import Tensor

from repro.lab import rng
from repro.lab.mnist import files
from repro.lab.mnist.data import Mnist
from repro.papers import registry
from repro.papers.experiment import Experiment, Run

PAPER = "small"
READINGS = {"plain": "As it stands.", "scaled": "Half as much again."}
RECORDS = {
    "paper": {"id": "small", "title": "A small paper", "author": "Nobody", "year": 2020},
    "readings": READINGS,
    "claim": [
        {
            "id": "small-weights",
            "statement": "The sum of the weights.",
            "place": "Table 1",
            "quote": "the sum",
            "published": 3.0,
            "unit": 0.01,
            "experiment": "net",
            "metric": "weights",
            "margin": 90.0,
            "margin_reason": "a reason",
            "control": {"metric": "pixels", "why": "of the images, not of the weights"},
            "readings": {reading: {"expected": "reproduced"} for reading in READINGS},
        }
    ],
}

STARTUP = """
# Python runs this at the start of every process, those of a pool included.
from repro.lab.mnist import files
files.SHA256 = {hashes!r}
"""

_pixels = np.random.default_rng(0)
CONTENTS = {
    "train-images": build(_pixels.integers(0, 256, (6, 28, 28), dtype=np.uint8)),
    "train-labels": build(np.array([5, 0, 4, 1, 9, 2], dtype=np.uint8)),
    "t10k-images": build(_pixels.integers(0, 256, (3, 28, 28), dtype=np.uint8)),
    "t10k-labels": build(np.array([7, 2, 1], dtype=np.uint8)),
}
HASHES = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}


def note(line: str) -> None:
    """Append one line to the log that all processes of a test share."""
    if "FAKES_LOG" in os.environ:
        with Path(os.environ["FAKES_LOG"]).open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")


def notes() -> list[str]:
    log = Path(os.environ["FAKES_LOG"])
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


# A pickle


class Bomb:
    """Leaves a mark where a pickle of it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


# The network


class SmallTrainer:
    """Every epoch depends on all three parts of the state and on their order."""

    def __init__(self, recipe: SmallRecipe) -> None:
        self.recipe, self.epochs, self.done = recipe, recipe.epochs, 0
        self.w = torch.ones(3, 2) * recipe.rate
        self.momentum = torch.zeros(3, 2)
        self.noise = rng.generator(recipe.seed, "small/noise")

    def run_epoch(self) -> float:
        note(f"epoch {self.recipe.seed}")
        time.sleep(float(os.environ.get("FAKES_EPOCH_S", "0")))
        draw = torch.from_numpy(self.noise.standard_normal((3, 2), dtype=np.float32))
        self.momentum.mul_(0.9).add_(draw * self.w)
        self.w.sub_(self.momentum, alpha=0.1)
        return float(self.w.square().mean())

    def tensors(self) -> dict[str, Tensor]:
        return {"w": self.w, "momentum": self.momentum}

    def texts(self) -> dict[str, str]:
        return {"noise": rng.get_state(self.noise)}

    def restore(self, tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> None:
        self.noise = rng.restored(texts["noise"])
        self.w, self.momentum = tensors["w"], tensors["momentum"]

    def weights(self) -> dict[str, Tensor]:
        return {"w": self.w.clone()}


@dataclass(frozen=True)
class SmallNetwork:
    weights: Mapping[str, Tensor]


@dataclass(frozen=True)
class SmallRecipe:
    seed: int = 0
    epochs: int = 4
    rate: float = 0.5

    @property
    def name(self) -> str:
        return "small"

    def configuration(self) -> dict[str, Any]:
        return {"architecture": "small", **asdict(self)}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"w": (3, 2)}

    def network(self, weights: Mapping[str, Tensor]) -> SmallNetwork:
        return SmallNetwork(weights)

    def trainer(self, data: Mnist, *, device: str) -> SmallTrainer:
        assert device == "cpu"
        assert data.train is not None
        note(f"train {self.seed}")
        return SmallTrainer(self)


# The paper


def _measure(run: Run, reading: str) -> dict[str, float]:
    note(f"measure {reading} {run.seed}")
    scale = {"plain": 1.0, "scaled": 1.5}[reading]
    weights = run.networks["target"].weights["w"].double()
    return {
        "weights": scale * float(weights.sum()),
        "pixels": float(run.images().double().mean()),
        "draw": float(run.rng("small/draw").random()),
    }


def _measure_bare(run: Run, reading: str) -> dict[str, float]:
    note(f"measure bare {reading} {run.seed}")
    return {"label": float(run.labels().double().mean()) + run.seed}


EXPERIMENTS = (
    Experiment(
        name="net",
        readings=("plain", "scaled"),
        networks=lambda seed, _: {"target": SmallRecipe(seed)},
        measure=_measure,
        metrics=("weights", "pixels", "draw"),
    ),
    Experiment(
        name="bare",
        readings=("plain",),
        networks=lambda *_: {},
        measure=_measure_bare,
        metrics=("label",),
    ),
)


# Where they are found


def settle(root: Path, monkeypatch: Any) -> None:
    """Put MNIST, paper, cache and fixtures below ``root``, and nothing of the user's in reach."""
    for name in [name for name in os.environ if name.startswith("REPRO_")]:
        monkeypatch.delenv(name)
    paper = root / "papers" / PAPER
    paper.mkdir(parents=True)
    (paper / "claims.toml").write_text(document(RECORDS), encoding="utf-8")
    (paper / "experiments.py").write_text("from fakes import EXPERIMENTS\n", encoding="utf-8")
    digits = root / "mnist"
    digits.mkdir()
    for name, content in CONTENTS.items():
        kind = "idx3" if "images" in name else "idx1"
        (digits / f"{name}-{kind}-ubyte").write_bytes(content)
    monkeypatch.setenv("REPRO_MNIST_DIR", str(digits))
    monkeypatch.setenv("REPRO_EXTRA_PAPERS", str(root / "papers"))
    monkeypatch.setenv("REPRO_CACHE_DIR", str(root / "cache"))
    monkeypatch.setenv("REPRO_FIXTURES_DIR", str(root / "fixtures"))
    monkeypatch.setenv("REPRO_OFFLINE", "1")
    monkeypatch.setenv("FAKES_LOG", str(root / "log.txt"))
    monkeypatch.setattr(files, "SHA256", HASHES)
    # Half of the tests' time, and of no use where the power stays on.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    registry.experiments.cache_clear()


# Other processes


def _child(
    environment: dict[str, str], target: Callable[..., None], args: tuple[Any, ...]
) -> None:
    os.environ.update(environment)
    files.SHA256 = HASHES
    torch.set_num_threads(1)
    target(*args)


_imported_by = os.getpid()


def is_fresh() -> bool:
    """Whether this process has imported everything itself, not copied it in a fork."""
    return _imported_by == os.getpid()


def context() -> Any:
    """Processes forked from one that has torch loaded and nothing of the test's state."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["repro.measure.calibrate", "repro.measure.session"])
    return found


def start(target: Callable[..., None], *args: Any) -> Any:
    """``target(*args)`` in a process of its own, in this process's environment."""
    process = context().Process(target=_child, args=(dict(os.environ), target, args), daemon=True)
    process.start()
    return process


def finish(*processes: Any) -> None:
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * len(processes)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)
