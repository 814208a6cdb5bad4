"""What one pytest process knows of a run of claims; each part is made when it is first needed."""

from __future__ import annotations

import sys
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from repro.claims.records import Claim, Paper
from repro.claims.selection import Selection
from repro.errors import ReproError, StoreError
from repro.judge import cases
from repro.judge.cases import Case, Evidence
from repro.judge.populations import Archive, Kind, Spot
from repro.papers import registry
from repro.plugin import options
from repro.plugin.xdist import Test

if TYPE_CHECKING:  # torch is loaded only when a claim runs
    from repro.measure.session import Session


ROW = "repro_row"
"""The property of a report that carries fields of a result row, also between processes."""


@dataclass
class State:
    """The state of a run in one process.

    Attributes:
        papers: every paper's records, by id.
        chosen: whether the selection, pytest's own included, came to its end.
        tests: the claims' tests among those collected, by node id.
        groups: how many groups of tests xdist's workers share.
        fitting: the populations that were found to be of the code's configuration.
    """

    config: pytest.Config
    papers: dict[str, Paper]
    selection: Selection
    chosen: bool = False
    tests: dict[str, Test] = field(default_factory=dict)
    groups: int = 0
    fitting: set[tuple[Kind, *Spot]] = field(default_factory=set)
    _evidence: dict[tuple[str, str, Kind], dict[str, Evidence]] = field(default_factory=dict)
    _cases: dict[str, Case] = field(default_factory=dict)

    def under_readings(self) -> list[tuple[Claim, str]]:
        """Return every claim with each of its readings, in the order of the records."""
        claims = [claim for paper in self.papers.values() for claim in paper.claims]
        return [(claim, reading) for claim in claims for reading in claim.readings]

    def readings_wanted(self, claim: Claim, reading: str) -> list[str]:
        """Return this reading and every other selected one of the claim's experiment."""
        others = [
            other
            for each, other in self.under_readings()
            if (each.paper, each.experiment) == (claim.paper, claim.experiment)
            and self.selection.matches(each, other)
        ]
        return list(dict.fromkeys([reading, *others]))

    @cached_property
    def archive(self) -> Archive:
        """The committed populations."""
        return Archive()

    def evidence(self, claim: Claim, reading: str, kind: Kind = "full") -> Evidence:
        """Return what the populations say of a claim under a reading."""
        spot = (claim.paper, reading, kind)
        if spot not in self._evidence:
            paper = self.papers[claim.paper]
            self._evidence[spot] = cases.gather(paper, reading, self.archive, kind)
        return self._evidence[spot][claim.id]

    def case(self, claim: Claim, reading: str) -> Case:
        """Judge a claim under a reading from the committed populations."""
        id_ = f"{claim.id}@{reading}"
        if id_ not in self._cases:
            evidence = self.evidence(claim, reading)
            self._cases[id_] = cases.case_of(claim, reading, evidence)
        return self._cases[id_]

    @cached_property
    def shared(self) -> Path:
        """The folder that the run's processes share, in pytest's own base temporary folder.

        It is removed at the end; pytest removes that of a killed run some runs later.
        """
        try:
            base: Path = self.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
            # Each worker of xdist has a folder of its own in that of the process that started it.
            folder = (base.parent if self.is_worker else base) / "repro"
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"no folder can be made for temporary files: {error.strerror or error}",
                expected="space for a few of them",
                do="free some space, or point TMPDIR at another folder",
            ) from error
        return folder

    @property
    def is_worker(self) -> bool:
        """Whether the process is a worker of xdist."""
        return hasattr(self.config, "workerinput")

    @cached_property
    def session(self) -> Session:
        """The data, networks and measurements of the run; loads torch."""
        import torch

        from repro.measure.session import Session

        config = self.config
        worker = getattr(config, "workerinput", {})
        if worker:
            busy = min(int(worker["workercount"]), self.groups or sys.maxsize)
            torch.set_num_threads(max(1, torch.get_num_threads() // busy))
        return Session(
            directory=options.folder(config, "mnist-dir"),
            device=options.value(config, "device"),
            retrain=options.value(config, "retrain"),
            require_full=options.value(config, "require-full-data"),
            offline=options.value(config, "offline"),
            run=worker.get("testrunuid") or uuid.uuid4().hex,
            shared=self.shared,
        )


STATE = pytest.StashKey[State]()


def spot_of(item: pytest.Item) -> tuple[Claim, str] | None:
    """Return the claim and the reading that a test is of; None for other tests."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    claim = params.get("claim")
    return (claim, str(params["reading"])) if isinstance(claim, Claim) else None


def purpose_of(item: pytest.Item) -> Literal["verdict", "fresh", "control", "snapshot"]:
    """Return what a claim's test is for, by the fixtures that it asks for."""
    names = getattr(item, "fixturenames", ())
    if "population" in names:
        return "verdict"
    if "snapshot" in names:
        return "snapshot"
    return "control" if "control" in names else "fresh"


def make(config: pytest.Config) -> State:
    """Load the records and hold the options to them."""
    from repro.lab.devices import prepare_device

    try:
        papers, selection = registry.load_all(), options.selection(config)
        selection.check(papers.values())
        prepare_device(options.value(config, "device"))
        for name in ("mnist-dir", "report-dir"):  # a wrong one is told before anything is made
            options.folder(config, name)
    except ReproError as error:
        raise usage(error) from None
    return State(config, papers, selection)


def usage(error: ReproError) -> pytest.UsageError:
    """Return a mistake of the user as pytest's own kind of error, which has no traceback."""
    return pytest.UsageError(f"{type(error).__name__}\n{error}")
