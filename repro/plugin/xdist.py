"""How pytest-xdist's workers share a run: by experiment, the longest first.

Tests of one experiment read the same measurement, and experiments of a paper may share
intermediate results in the memory of a process. So a paper's tests go to one worker, but for
the experiments that say that they share nothing in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from repro.judge.cases import Case
from repro.judge.populations import Archive
from repro.papers import registry
from repro.plugin.recorder import case_id


def by_group(config: Any) -> bool:
    """Whether the tests go to the workers by group: where the user asks for no other way."""
    return bool(config.getoption("dist") == "load")


def seconds_of(archive: Archive, paper: str, experiment: str, reading: str) -> float:
    """Return how long a measurement took for the record, in the middle of its seeds, or 0."""
    return archive.population("full", paper, experiment, reading).seconds()


def snapshot_id(case: Case) -> str:
    """The id of the snapshot's test that stands for all claims of an experiment and reading."""
    return f"{case.claim.paper}-{case.claim.experiment}--{case.reading}"


def _is(paper: str, experiment: str, what: Literal["alone", "on_demand"]) -> bool:
    try:
        measured = registry.experiments(paper).get(experiment)  # none where nothing is measured
    except Exception:  # a paper's own code; its claims' tests tell what is wrong with it
        measured = None
    return measured is not None and bool(getattr(measured, what))


def group_of(paper: str, experiment: str) -> str:
    """What is measured in one process: a paper, or one experiment that shares nothing with it."""
    return f"{paper}-{experiment}" if _is(paper, experiment, "alone") else paper


def groups(cases: Iterable[Case]) -> dict[str, str]:
    """The group of every test, by the id in its brackets."""
    known: dict[tuple[str, str], str] = {}
    found: dict[str, str] = {}
    for case in cases:
        spot = (case.claim.paper, case.claim.experiment)
        if spot not in known:
            known[spot] = group_of(*spot)
        found[case.id] = found[snapshot_id(case)] = known[spot]
    return found


def arranged(cases: Iterable[Case], ids: Sequence[str], archive: Archive) -> tuple[list[int], int]:
    """The places of the tests ``ids`` (in their brackets), those of the longest group first.

    Returns:
        The order, and how many groups there are.
    """
    chosen = set(ids)
    every = [case for case in cases if chosen & {case.id, snapshot_id(case)}]
    group = groups(every)
    cost: dict[str, float] = {}
    for spot, case in {snapshot_id(case): case for case in every}.items():
        where = case.claim.paper, case.claim.experiment
        # What is measured on demand counts for nothing: it mostly is not, and on record its time
        # is that of its trainings.
        took = 0.0 if _is(*where, "on_demand") else seconds_of(archive, *where, case.reading)
        cost[group[spot]] = cost.get(group[spot], 0.0) + took
    of = [group.get(one, "") for one in ids]
    return sorted(range(len(ids)), key=lambda i: -cost.get(of[i], 0.0)), len(set(of))


def scheduler(config: Any, log: Any, cases: Iterable[Case]) -> Any:
    """The scheduler of pytest-xdist that gives out whole groups, in the order of the tests.

    Args:
        config: pytest's.
        log: what xdist gives along.
        cases: of the run.
    """
    from xdist.scheduler import LoadScopeScheduling  # an optional package

    group = groups(cases)

    class ByGroup(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            by_file: str = super()._split_scope(nodeid)
            return group.get(case_id(nodeid)) or by_file

        def remove_node(self, node: Any) -> str | None:
            """Give out again what a worker leaves, but not the test that it died of.

            xdist's own gives that out too, to kill the next worker, and groups of which
            nothing is left, which the next worker waits in for ever.
            """
            units: Mapping[str, dict[str, bool]] = self.assigned_work.pop(node)
            open_ = {s: [t for t, done in unit.items() if not done] for s, unit in units.items()}
            died_of = next((tests[0] for tests in open_.values() if tests), None)
            for scope, tests in open_.items():
                if left := {test: False for test in tests if test != died_of}:
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
