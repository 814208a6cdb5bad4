"""How pytest-xdist's workers share a run: by experiment, the longest first.

Tests of one experiment read the same measurement, and experiments of a paper share
intermediate results in the memory of a process. So a paper's tests go to one worker, but for
the experiments that say that they share nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from repro import papers, paths
from repro.claims import populations
from repro.claims.evidence import Case
from repro.recording import case_id


def seconds_of(paper: str, experiment: str, reading: str) -> float:
    """How long a measurement took for the record, in the middle of its seeds; 0 if unknown."""
    root = paths.fixtures() / "populations"
    return populations.load(
        populations.path_of(root, "full", paper, experiment, reading)
    ).seconds()


def snapshot_id(case: Case) -> str:
    """The id of the snapshot's test that stands for all claims of an experiment and reading."""
    return f"{case.claim.paper}-{case.claim.experiment}--{case.reading}"


def group_of(paper: str, experiment: str) -> str:
    """What is measured in one process: a paper, or one experiment that shares nothing with it."""
    measured = papers.experiments(paper).get(experiment)  # none where nothing is measured
    return f"{paper}-{experiment}" if measured is not None and measured.alone else paper


def groups(cases: Iterable[Case]) -> dict[str, str]:
    """The group of every test, by the id in its brackets."""
    found: dict[str, str] = {}
    for case in cases:
        found[case.id] = found[snapshot_id(case)] = group_of(
            case.claim.paper, case.claim.experiment
        )
    return found


def arranged(cases: Iterable[Case], ids: Sequence[str]) -> tuple[list[int], int]:
    """The places of the tests ``ids`` (in their brackets), those of the longest group first.

    Returns:
        The order, and how many groups there are.
    """
    every = list(cases)
    group = groups(every)
    spots = {snapshot_id(case): case for case in every if case.id in set(ids)}
    cost: dict[str, float] = {}
    for case in spots.values():
        took = seconds_of(case.claim.paper, case.claim.experiment, case.reading)
        cost[group[case.id]] = cost.get(group[case.id], 0.0) + took
    of = [group.get(one, "") for one in ids]
    return sorted(range(len(ids)), key=lambda i: -cost.get(of[i], 0.0)), len(set(of))


def scheduler(config: Any, log: Any, cases: Iterable[Case]) -> Any:
    """The scheduler of pytest-xdist that gives out whole groups, in the order of the tests.

    Args:
        config: pytest's.
        log: what xdist gives along.
        cases: of the run.
    """
    # An optional package, and one without types.
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    group = groups(cases)
    made = LoadScopeScheduling(config, log)
    by_file = made._split_scope
    # What the kinds of this scheduler that come with xdist override.
    made._split_scope = lambda nodeid: group.get(case_id(nodeid)) or by_file(nodeid)
    # Our order is by seconds, and xdist's would be by the number of tests.
    config.option.loadscopereorder = False
    return made
