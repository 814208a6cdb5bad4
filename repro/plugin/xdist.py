"""How pytest-xdist's workers share a run: by experiment, the longest first.

Tests of one experiment read the same measurement, and experiments of a paper may share
intermediate results in the memory of a process. So a paper's tests go to one worker, but for
the experiments that say that they share nothing in memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from repro.atomic import write_atomic
from repro.errors import ReproError
from repro.judge.populations import Archive, Spot
from repro.papers import registry


class Test(NamedTuple):
    """What the run knows of one test of a claim.

    Args:
        id: ``claim@reading``.
        purpose: ``verdict``, ``fresh``, ``control`` or ``snapshot``.
        group: the tests of one group are run by one worker; empty without xdist.
    """

    id: str
    purpose: str
    group: str = ""


def by_group(config: Any) -> bool:
    """Return whether the tests go to workers by group: where the user asks for no other way."""
    return bool(config.getoption("dist", "no") == "load")


def seconds_of(archive: Archive, spot: Spot) -> float:
    """Return how long a measurement took for the record, in the middle of its seeds, or 0."""
    try:
        return archive.population("full", *spot).seconds()
    except ReproError:  # the tests of its claims tell
        return 0.0


def _is(paper: str, experiment: str, what: Literal["alone", "on_demand"]) -> bool:
    try:
        measured = registry.experiments(paper).get(experiment)  # none where nothing is measured
    except Exception:  # a paper's own code; its claims' tests tell what is wrong with it
        measured = None
    return measured is not None and bool(getattr(measured, what))


def is_on_demand(paper: str, experiment: str) -> bool:
    """Return whether an experiment is measured only where its networks are at hand."""
    return _is(paper, experiment, "on_demand")


def group_of(paper: str, experiment: str) -> str:
    """Name what is measured in one process: a paper, or one experiment that shares nothing."""
    return f"{paper}-{experiment}" if _is(paper, experiment, "alone") else paper


def arranged(archive: Archive, spots: Sequence[Spot | None]) -> tuple[list[int], int]:
    """Sort tests by what each measures (or None), those of the group that takes longest first.

    Returns:
        The tests' places in their new order, and how many groups there are.
    """
    group = {spot: group_of(*spot[:2]) for spot in set(spots) if spot}
    cost = dict.fromkeys(group.values(), 0.0)
    for spot in group:
        # What is measured on demand counts for nothing: it mostly is not, and on record its time
        # is that of its trainings.
        if not is_on_demand(*spot[:2]):
            cost[group[spot]] += seconds_of(archive, spot)
    of = [group[spot] if spot else "" for spot in spots]
    return sorted(range(len(of)), key=lambda i: -cost.get(of[i], 0.0)), len(set(of))


def send(folder: Path, tests: Mapping[str, Test]) -> None:
    """Leave what a worker has collected where the process that reports finds it.

    pytest-xdist sends the tests' names alone. Every worker collects the same.
    """
    write_atomic(folder / "tests.json", json.dumps(tests).encode())


def receive(folder: Path) -> dict[str, Test]:
    """Return what :func:`send` left; nothing where no worker's selection came to its end."""
    path = folder / "tests.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return {node: Test(*test) for node, test in found.items()}


def scheduler(config: Any, log: Any, tests: Mapping[str, Test]) -> Any:
    """Return a scheduler of pytest-xdist that gives out whole groups, in the order of the tests.

    ``--dist loadgroup`` would group by marks, but it appends the group to every test's name,
    gives the group with the most tests out first and not the longest, and does to a worker's
    death what is mended below. ``tests``, by node id, is filled when the workers have collected.
    """
    from xdist.scheduler import LoadScopeScheduling  # an optional package

    class ByGroup(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            by_file: str = super()._split_scope(nodeid)
            return tests[nodeid].group if nodeid in tests else by_file

        def remove_node(self, node: Any) -> str | None:
            """Give out again what a worker leaves, but not the test that it died of.

            xdist's own gives that out too, to kill the next worker, and groups of which
            nothing is left, which the next worker waits in for ever.
            """
            units: Mapping[str, dict[str, bool]] = self.assigned_work.pop(node)
            open_ = {s: [t for t, done in unit.items() if not done] for s, unit in units.items()}
            died_of = next((left[0] for left in open_.values() if left), None)
            for scope, names in open_.items():
                if left := {name: False for name in names if name != died_of}:
                    self.workqueue[scope] = left
            for other in self.assigned_work:
                self._reschedule(other)
            return died_of

        def schedule(self) -> None:
            """As xdist's, also for a worker that takes a dead one's place.

            A worker begins a test only when it knows the next one, or that there is none.
            """
            super().schedule()
            for node in (node for node in self.nodes if not node.shutting_down):
                while self.workqueue and self._pending_of(self.assigned_work[node]) < 2:
                    self._assign_work_unit(node)
                if not self.workqueue:
                    node.shutdown()

    # Our order is by seconds, and xdist's would be by the number of tests.
    config.option.loadscopereorder = False
    return ByGroup(config, log)
