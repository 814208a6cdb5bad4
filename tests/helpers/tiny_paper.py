"""A tiny paper in a temporary folder: what the tests of plugin and command line run on."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from repro import paths
from repro.judge import populations
from repro.judge.populations import Kind, Row

SEEDS = tuple(range(8))
SPREAD = (-0.02, -0.01, -0.005, -0.001, 0.001, 0.005, 0.01, 0.02)
METRICS = {
    "error": 0.5,
    "clean": 0.3,
    "small": 0.1,
    "control-error": 0.9,
    "zero-gradient-share": 0.02,
    "sign-difference-share": 0.04,
}
"""Metric of the tiny experiment to the mean of its population."""

EXPERIMENTS = '''
"""Measures what ``values.json`` says; its key ``do`` misbehaves on request."""
import json, os, time
from pathlib import Path
from repro.papers.experiment import Experiment

def measure(run, reading):
    told = json.loads((Path(__file__).parent / "values.json").read_text())
    what = told.pop("do", "")
    if what == "die":
        os._exit(17)
    if what == "interrupt":
        raise KeyboardInterrupt
    if what == "break":
        raise RuntimeError("the experiment broke")
    if what == "assert":
        assert run is None, "an assertion below the test"
    if what == "hang":
        time.sleep(60)
    if what == "tell":
        import torch
        with (Path(__file__).parent / "told").open("a") as file:
            file.write(f"{os.getpid()} {torch.get_num_threads()}\\n")
    run.images()
    return {name: float(value) for name, value in told.items()}

EXPERIMENTS = (
    Experiment("toy", ("plain", "other"), lambda *_: {}, measure, METRICS),
)
'''

PAPER: dict[str, Any] = {
    "paper": {"id": "tiny", "title": "A tiny paper", "author": "Nobody", "year": 2020},
    "readings": {"plain": "The words as they stand.", "other": "The words as they might stand."},
    "claim": [
        {
            "id": "tiny-error",
            "statement": "The error rate.",
            "place": "Table 1, row 1",
            "quote": "the error rate is 0.50",
            "published": 0.5,
            "unit": 0.01,
            "experiment": "toy",
            "metric": "error",
            "margin": 0.2,
            "margin_reason": "a reason",
            "tags": ["headline", "table1"],
            "control": {"metric": "control-error", "why": "another network"},
            "ordering": {"metric": "error", "relation": ">", "than": "small", "why": "so"},
            "readings": {
                "plain": {"expected": "reproduced"},
                "other": {"expected": "reproduced"},
            },
        },
        {
            "id": "tiny-clean",
            "statement": "The error rate on clean images.",
            "place": "Table 1, row 2",
            "quote": "0.30 on clean images",
            "published": 0.3,
            "unit": 0.01,
            "experiment": "toy",
            "metric": "clean",
            "margin": 0.2,
            "margin_reason": "a reason",
            "clean_images": True,
            "tags": ["table1"],
            "control": {"metric": "control-error", "why": "another network"},
            "readings": {"plain": {"expected": "reproduced"}},
        },
        {
            "id": "tiny-order",
            "kind": "ordering",
            "statement": "The error rate is above 0.2.",
            "place": "Abstract",
            "quote": "more than one image in five",
            "experiment": "toy",
            "tags": ["text"],
            "control": {"metric": "small", "why": "it is below 0.2"},
            "ordering": {"metric": "error", "relation": ">", "than": 0.2, "why": "so"},
            "readings": {"plain": {"expected": "reproduced"}},
        },
        {
            "id": "tiny-twice",
            "kind": "inconsistency",
            "statement": "Text and code differ.",
            "place": "Section 2",
            "quote": "outside the root",
            "against": {"place": "Appendix", "quote": "inside the root"},
            "tags": ["code"],
            "readings": {"plain": {"expected": "paper-inconsistent", "reason": "they differ"}},
        },
    ],
    "limitation": [{"place": "Table 2", "quote": "0.7", "why": "not measured"}],
    "background": [{"place": "Section 1", "quote": "Networks are popular since 2012"}],
}


def write_tests(folder: Path, paper: str) -> None:
    """The tests of a paper's claims, as this checkout has them; of a paper without snapshots."""
    claims = paths.checkout() / "tests" / "claims"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(claims / "conftest.py", folder)
    text = (claims / "test_lacok2016.py").read_text(encoding="utf-8")
    text, _, _ = text.replace('"lacok2016"', repr(paper)).partition("\n\ndef test_snapshot")
    (folder / f"test_{paper}.py").write_text(text, encoding="utf-8")


def toml(value: object) -> str:
    """A value as TOML, tables and all, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    # JSON's strings and booleans are TOML's; its NaN and infinity are not.
    return repr(value) if isinstance(value, float) else json.dumps(value)


def document(paper: Mapping[str, Any]) -> str:
    """The text of a ``claims.toml``."""
    return "".join(f"{key} = {toml(value)}\n" for key, value in paper.items())


def row(seed: int, measurements: Mapping[str, float], **provenance: str) -> Row:
    """A population's row with made-up provenance."""
    filled = {name: f"some {name}" for name in populations.PROVENANCE}
    return Row(seed, filled | provenance, measurements)


def configuration(seed: int, reading: str, networks: Sequence[str] = ()) -> str:
    """What the tiny experiment's rows are to carry; ``networks`` are their content addresses."""
    parts = {
        "experiment": "toy",
        "reading": reading,
        "revision": 1,
        "networks": list(networks),
        "seed": seed,
    }
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Tiny:
    """The tiny paper: its records, its populations, and what it measures next.

    ``paper``, ``metrics`` and ``values`` may be changed before :meth:`write`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "papers" / "tiny"
        self.populations = root / "fixtures" / "populations"
        self.populations.mkdir(parents=True)
        self.paper = copy.deepcopy(PAPER)
        self.metrics = dict(METRICS)
        self.values: dict[str, Any] = dict(METRICS)
        self.spread: Sequence[float] = SPREAD
        self.networks: Callable[[int], Sequence[str]] = lambda _: ()
        self.provenance: dict[str, str] = {}  # of every row; weights_sha256 "" is of no network

    def claim(self, claim_id: str = "tiny-error") -> dict[str, Any]:
        """One claim's record."""
        return next(c for c in self.paper["claim"] if c["id"] == claim_id)

    def expect(self, verdict: str, claim_id: str = "tiny-error") -> None:
        """Put a verdict on record, under every reading."""
        for reading in self.claim(claim_id)["readings"]:
            self.claim(claim_id)["readings"][reading] = {"expected": verdict, "reason": "known"}

    def write(self) -> None:
        """Records and experiment to disk."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "claims.toml").write_text(document(self.paper), encoding="utf-8")
        source = EXPERIMENTS.replace("METRICS", repr(tuple(self.metrics)))
        (self.folder / "experiments.py").write_text(source, encoding="utf-8")
        (self.folder / "values.json").write_text(json.dumps(self.values), encoding="utf-8")

    def measure(self, kind: Kind = "full", *, shift: float = 0.0, n: int = len(SEEDS)) -> None:
        """Write the populations of both readings, ``shift`` off the usual means."""
        for reading in self.paper["readings"]:
            path = populations.path_of(self.populations, kind, "tiny", "toy", reading)
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = [
                row(
                    seed,
                    {name: mean + shift + off for name, mean in self.metrics.items()},
                    configuration=configuration(seed, reading, self.networks(seed)),
                    **self.provenance,
                )
                for seed, off in zip(SEEDS[:n], self.spread, strict=False)
            ]
            path.write_text(populations.dump(rows), encoding="utf-8")
