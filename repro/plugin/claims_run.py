"""The hooks of a run of claims: which tests there are, in what order, and by which worker."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import compress
from operator import not_
from typing import Any

import pytest

from repro.claims.selection import list_claims
from repro.errors import ReproError
from repro.judge.populations import name_of
from repro.papers import registry
from repro.plugin import options, state, xdist
from repro.plugin.recorder import Recorder
from repro.plugin.state import STATE, State, purpose_of, spot_of
from repro.plugin.xdist import Test


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer ``--help`` and ``--list-claims`` without a test run."""
    if config.option.help:
        sys.stdout.write(options.own_help())
        return 0
    if not options.value(config, "list-claims"):
        return None
    try:
        papers, selection = registry.load_all(), options.selection(config)
        selection.check(papers.values())
    except ReproError as error:
        raise state.usage(error) from None
    sys.stdout.write(list_claims(papers.values(), selection))
    return 0


def pytest_configure(config: pytest.Config) -> None:
    """Load the records; the process that the user started is the one that reports."""
    config.stash[STATE] = state.make(config)
    if not config.stash[STATE].is_worker:
        config.pluginmanager.register(Recorder(config, config.stash[STATE]), "repro-recorder")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Have pytest look at ``-k`` and ``-m`` at once: a worker of xdist's would not tell."""
    mark = session.config.pluginmanager.getplugin("mark")
    mark.pytest_collection_modifyitems([], session.config)


def _chosen(run: State, item: pytest.Item) -> bool:
    """Tell whether the selection takes a test: a snapshot, with any claim of its experiment."""
    spot = spot_of(item)
    if spot is None:
        return False
    (claim, reading), selection = spot, run.selection
    every = [claim]
    if purpose_of(item) == "snapshot":
        if (
            selection.failed
            and name_of(claim.paper, claim.experiment, reading) not in selection.failed
        ):
            return False
        selection = replace(selection, failed=())
        every = [c for c in run.papers[claim.paper].claims if c.experiment == claim.experiment]
    return any(reading in c.readings and selection.matches(c, reading) for c in every)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what the selection chooses; workers of xdist take the longest first."""
    run = config.stash[STATE]
    if run.selection:
        kept = [_chosen(run, item) for item in items]
        if not all(kept):
            config.hook.pytest_deselected(items=[*compress(items, map(not_, kept))])
            items[:] = compress(items, kept)
    if getattr(config, "workerinput", {}).get("repro_by_group"):
        spots = [spot_of(item) for item in items]
        measured = [spot and (spot[0].paper, spot[0].experiment, spot[1]) for spot in spots]
        order, run.groups = xdist.arranged(run.archive, measured)
        items[:] = [items[i] for i in order]
    run.chosen = True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which tests are of claims, before they are reported to anybody."""
    run = session.config.stash[STATE]
    if not run.chosen:  # collection stopped half way, at an error with -x for example
        session.items.clear()  # of which xdist would begin some
        return
    for item in session.items:
        if spot := spot_of(item):
            claim, reading = spot
            group = xdist.group_of(claim.paper, claim.experiment) if run.is_worker else ""
            run.tests[item.nodeid] = Test(f"{claim.id}@{reading}", purpose_of(item), group)
    if run.is_worker:
        xdist.send(run.shared, run.tests)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker whether the tests are shared out by group, and which ones had failed."""
    node.workerinput["repro_by_group"] = xdist.by_group(node.config)
    node.workerinput["repro_failed"] = node.config.stash[STATE].selection.failed


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Any:
    """With xdist's ``-n``, a group of experiments is measured by one worker."""
    if not xdist.by_group(config):
        return None
    return xdist.scheduler(config, log, config.stash[STATE].tests)
