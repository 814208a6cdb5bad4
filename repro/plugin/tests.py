"""What the tests of claims are given; a folder of such tests imports all of this.

``conftest.py`` of the folder has ``from repro.plugin.tests import *``, and each test module names
its paper in ``PAPER``. Its tests then run once a claim and reading of that paper.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from repro.claims.records import Claim, Control, Expectation, InconsistencyClaim
from repro.errors import EvidenceError
from repro.judge.cases import Evidence, unjudged
from repro.judge.populations import name_of
from repro.plugin.snapshots import NoSnapshotError, Snapshot
from repro.plugin.state import ROW, STATE, purpose_of, spot_of
from repro.report.failure import failure_text, in_words
from repro.report.result_row import ResultRow, new_row

if TYPE_CHECKING:  # torch is loaded only when a claim runs
    from repro.measure.session import Measured
    from repro.plugin.measuring import Measure

__all__ = [
    "control",
    "expected",
    "measure",
    "population",
    "population_here",
    "pytest_generate_tests",
    "pytest_runtest_makereport",
    "seed0",
    "shipped",
    "snapshot",
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test once a claim and reading of the module's ``PAPER``."""
    names = set(metafunc.fixturenames)
    if not names & {"claim", "shipped"}:
        return
    state = metafunc.config.stash.get(STATE, None)
    if state is None:
        # Collected beside other tests, without having been asked for.
        metafunc.parametrize(("claim", "reading"), [], ids=[])
        return
    name = getattr(metafunc.module, "PAPER", None)
    if name not in state.papers:
        pytest.fail(
            f"{metafunc.module.__name__} has PAPER = {name!r}\n"
            f"expected: {' or '.join(map(repr, state.papers))}\n"
            "what to do: name the paper whose claims the module tests",
            pytrace=False,
        )
    spots = [spot for spot in state.under_readings() if spot[0].paper == name]
    if "population" not in names:  # nothing is measured of an inconsistency
        spots = [spot for spot in spots if not isinstance(spot[0], InconsistencyClaim)]
    ids = [f"{claim.id}@{reading}" for claim, reading in spots]
    if "shipped" in names:  # one claim stands for all of its experiment
        ids = [name_of(c.paper, c.experiment, reading) for c, reading in spots]
        spots = list(dict(zip(ids, spots, strict=True)).values())
        ids = list(dict.fromkeys(ids))
    metafunc.parametrize(("claim", "reading"), spots, ids=ids)


# --- what a test is given ------------------------------------------------------------------


@pytest.fixture
def expected(claim: Claim, reading: str) -> Expectation:
    """Give the verdict on record for the claim under its reading, with the reason."""
    return claim.readings[reading]


@pytest.fixture
def control(claim: Claim) -> Control | None:
    """Give the metric that, in place of the claim's own, must fail the claim."""
    return claim.control


@pytest.fixture
def population(request: pytest.FixtureRequest, claim: Claim, reading: str) -> Evidence:
    """Give the evidence: measurements on full MNIST over independent trainings."""
    return request.config.stash[STATE].evidence(claim, reading)


@pytest.fixture
def population_here(request: pytest.FixtureRequest, claim: Claim, reading: str) -> Evidence:
    """Give the same on the images that this run has: full MNIST, or the embedded sample."""
    state = request.config.stash[STATE]
    return state.evidence(claim, reading, state.session.data.kind)


@pytest.fixture
def seed0(request: pytest.FixtureRequest, claim: Claim, reading: str) -> Measured | None:
    """The population's row of the seed that is measured live; None where it has none."""
    from repro.measure import live

    state = request.config.stash[STATE]
    try:
        return live.recorded(claim, reading, state.archive, state.session.data.kind)
    except EvidenceError:
        return None


@pytest.fixture
def measure(request: pytest.FixtureRequest, reading: str) -> Measure:
    """Give a function that measures a claim on this machine, or skips the test and says why."""
    from repro.plugin.measuring import Measure

    return Measure(request.node, request.config.stash[STATE], reading)


@pytest.fixture
def shipped(claim: Claim, measure: Measure) -> dict[str, float]:
    """Measure one experiment on the shipped networks; skip where others are in use."""
    measured = measure(claim, anew=True, any_images=True)
    if set(measured.sources) != {"shipped"}:
        pytest.skip(  # not a pass: nothing was compared
            f"the networks are {', '.join(measured.sources)}; a snapshot is of shipped ones"
        )
    return measured.values


@pytest.fixture
def snapshot(request: pytest.FixtureRequest, claim: Claim, reading: str) -> Snapshot:
    """Give the experiment's snapshot: what its networks measured when they were shipped."""
    kind = request.config.stash[STATE].session.data.kind
    return Snapshot(kind, name_of(claim.paper, claim.experiment, reading))


# --- what a test tells ---------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send a claim's result row along with its test's report; a test that says no shows the row.

    What breaks anywhere else, even with an AssertionError, keeps its traceback.
    """
    state, spot = item.config.stash.get(STATE, None), spot_of(item)
    if state is None or spot is None or call.when == "teardown":
        return (yield)
    from repro.measure.live import FILLED
    from repro.plugin.measuring import FOUND, result_row

    error = call.excinfo.value if call.excinfo else None
    if call.when == "setup":
        # Known before anything is measured: JUnit's XML names a claim that breaks as well.
        row = new_row(unjudged(*spot))
    else:
        row = result_row(state, *spot, item.stash.get(FOUND, None))
    if purpose_of(item) == "verdict":
        told = _properties(row)
        item.user_properties[:] = [p for p in item.user_properties if p[0] not in dict(told)]
        item.user_properties += told
        if call.when == "call":
            item.user_properties.append((ROW, json.dumps(row)))
    elif purpose_of(item) in ("fresh", "control") and isinstance(error, AssertionError):
        # The test of the verdict, which would tell all of it, may not be among those that run.
        found = {name: value for name, value in row.items() if name in FILLED}
        stale = {"stale": True} if purpose_of(item) == "fresh" else {}
        item.user_properties.append((ROW, json.dumps(found | stale)))
    elif isinstance(error, NoSnapshotError):
        item.user_properties.append((ROW, json.dumps({"first": True})))
    report = yield
    if report.failed and _says_no(item, call):
        why = str(error).partition("\n")[0]
        if purpose_of(item) == "verdict":
            said = f"the evidence says {row['evidence_verdict']}"
            why = f"{said}, the record expects {row['expected']}: {why}"
        elif row["control"] and purpose_of(item) == "control":
            value = in_words(row["control"]["measured"])
            why = f"the control {row['control']['metric']} = {value} passes, and must not: {why}"
        report.longrepr = failure_text(row, why)
    return report


def _says_no(item: pytest.Item, call: pytest.CallInfo[None]) -> bool:
    """Tell whether a test's own lines fail an assertion, not those of what it calls."""
    if call.excinfo is None or not isinstance(call.excinfo.value, AssertionError):
        return False
    own = getattr(getattr(item, "function", None), "__code__", None)
    return call.excinfo.traceback[-1].frame.code.raw is own


def _properties(row: ResultRow) -> list[tuple[str, object]]:
    """Return what JUnit's XML is to have of a claim: exactly four properties."""
    measured = row["measured"]
    return [
        ("id", row["id"]),
        ("published", row["criterion"] if row["published"] is None else row["published"]),
        ("measured", "" if measured is None else measured),
        ("verdict", str(row["verdict"])),
    ]
