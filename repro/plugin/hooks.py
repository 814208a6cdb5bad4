"""The pytest door: options, one test a claim and reading, the report, the closing table."""

from __future__ import annotations

import json
import sys
import uuid
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import compress
from operator import not_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from repro.claims.selection import Selection
from repro.claims.verdict import PASSING, Verdict
from repro.errors import ReproError
from repro.judge import cases as evidence
from repro.judge.cases import Case
from repro.judge.populations import Archive
from repro.papers import registry
from repro.plugin import shared_folder, xdist
from repro.plugin.recorder import RECORD, Recorder, State, case_id
from repro.report.result_row import ResultRow, new_row

if TYPE_CHECKING:  # torch is loaded only when a claim runs
    from repro.measure.session import Session

STATE = pytest.StashKey[State]()
FIXTURES = ("claim_case", "control_case", "snapshot_case")


class KnownVerdictError(AssertionError):
    """A claim that does not hold, exactly as its record says."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the suite."""
    group = parser.getgroup("repro", "published claims")
    add = group.addoption
    add(
        "--claim",
        action="append",
        default=[],
        metavar="GLOB",
        help="run the claims whose id matches (repeatable)",
    )
    add(
        "--paper",
        action="append",
        default=[],
        metavar="ID",
        help="run one paper's claims (repeatable)",
    )
    add(
        "--tag",
        action="append",
        default=[],
        metavar="TAG",
        help="run the claims with this tag, such as headline (repeatable)",
    )
    add(
        "--reading",
        action="append",
        default=[],
        metavar="NAME",
        help="judge under this reading only (repeatable)",
    )
    add("--list-claims", action="store_true", help="list the selected claims and stop")
    add(
        "--retrain",
        action="store_true",
        help="train the networks from scratch instead of loading them (minutes)",
    )
    add(
        "--mnist-dir",
        metavar="DIR",
        help="folder with the four MNIST files, .gz or raw (also REPRO_MNIST_DIR)",
    )
    add("--offline", action="store_true", help="never download MNIST (also REPRO_OFFLINE=1)")
    add("--require-full-data", action="store_true", help="refuse anything but full MNIST")
    add(
        "--device",
        default="cpu",
        metavar="NAME",
        help="where networks are trained: cpu (the reference) or cuda",
    )
    add(
        "--report-dir",
        metavar="DIR",
        help="write report.json there (default: reports, when claims run)",
    )


def _selection(config: pytest.Config) -> Selection:
    option = config.option
    return Selection(
        tuple(option.claim), tuple(option.paper), tuple(option.tag), tuple(option.reading)
    )


def _usage(error: ReproError) -> pytest.UsageError:
    return pytest.UsageError(f"{type(error).__name__}\n{error}")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer ``--list-claims`` without a test run."""
    if not config.option.list_claims:
        return None
    from repro.claims.selection import list_claims

    try:
        loaded = registry.load_all()
        selection = _selection(config)
        selection.check(loaded.values())
    except ReproError as error:
        raise _usage(error) from None
    sys.stdout.write(list_claims(loaded.values(), selection))
    return 0


def pytest_configure(config: pytest.Config) -> None:
    """Load and check the records; the options' mistakes end the run here."""
    worker = getattr(config, "workerinput", None)
    selection = _selection(config)
    asked = bool(selection) or _claims_run(config) if worker is None else "repro_run" in worker
    if not asked:
        # A test run of something else, in an environment where the suite is installed.
        return
    try:
        loaded = registry.load_all()
        selection.check(loaded.values())
        from repro.lab.devices import check_device

        check_device(config.option.device)
        archive, papers = Archive(), loaded.values()
        cases = {c.id: c for paper in papers for c in evidence.judge(paper, archive)}
        sample = {c.id: c for paper in papers for c in evidence.judge(paper, archive, "embedded")}
        if worker is not None:
            run, folder = str(worker["repro_run"]), Path(worker["repro_shared"])
        else:
            run, (folder, held) = uuid.uuid4().hex, shared_folder.make()
            config.add_cleanup(held.close)
    except ReproError as error:
        raise _usage(error) from None
    state = State(loaded, archive, cases, sample, selection, run, folder)
    config.stash[STATE] = state
    if worker is None:
        recorder = Recorder(config, state, lambda: _session(config))
        config.pluginmanager.register(recorder, "repro-recorder")


def _claims_run(config: pytest.Config) -> bool:
    """Whether this run is one of claims: asked for by an option, or by a path to them."""
    option = config.option
    asked = (option.retrain, option.mnist_dir, option.require_full_data, option.report_dir)
    named = [Path(str(arg).split("::", maxsplit=1)[0]) for arg in config.args]
    return any(asked) or any(_holds_claims(path) for path in named)


def _holds_claims(path: Path) -> bool:
    """Whether tests of claims are below ``path``, in a folder of that name."""
    if "claims" not in path.parts:
        return False
    try:
        # Other people's folders are called claims too.
        files = [path] if path.is_file() else [*path.glob("test_*.py")]
        return any("claim_case" in f.read_text(encoding="utf-8", errors="replace") for f in files)
    except OSError:
        return False


def _session(config: pytest.Config) -> Session:
    """The process's session, made when the first claim needs it."""
    state = config.stash[STATE]
    if state.session is None:
        import torch

        from repro.measure.progress import Epochs, Measurements
        from repro.measure.session import Session

        option = config.option
        worker = getattr(config, "workerinput", None)
        if worker is not None:
            busy = min(int(worker["workercount"]), state.groups or sys.maxsize)
            torch.set_num_threads(max(1, torch.get_num_threads() // busy))
        capture = config.pluginmanager.getplugin("capturemanager")

        def uncaptured() -> AbstractContextManager[object]:
            return capture.global_and_fixture_disabled() if capture else nullcontext()

        quiet = config.getoption("verbose") < 0
        state.session = Session(
            directory=Path(option.mnist_dir) if option.mnist_dir else None,
            device=option.device,
            retrain=option.retrain,
            require_full=option.require_full_data,
            offline=option.offline,
            run=state.run,
            shared=state.shared,
            on_epoch=Epochs(quiet=quiet, uncaptured=uncaptured),
            on_measure=Measurements(
                partial(xdist.seconds_of, state.archive), quiet=quiet, uncaptured=uncaptured
            ),
        )
    return state.session


# --- tests -----------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a claim and reading of the module's ``PAPER``."""
    name = next((f for f in FIXTURES if f in metafunc.fixturenames), None)
    state = metafunc.config.stash.get(STATE, None)
    if name is None:
        return
    if state is None:
        # Collected beside other tests without having been asked for: stay out of the way.
        metafunc.parametrize(name, [], ids=[])
        return
    paper = getattr(metafunc.module, "PAPER", None)
    if paper not in state.loaded:
        pytest.fail(
            f"{metafunc.module.__name__} has PAPER = {paper!r}\n"
            f"expected: {' or '.join(map(repr, state.loaded))}\n"
            "what to do: name the paper whose claims the module tests",
            pytrace=False,
        )
    mine = [c for c in state.cases.values() if c.claim.paper == paper]
    if name == "snapshot_case":
        # One case stands for all that read the same experiment under the same reading.
        spots = {xdist.snapshot_id(c): c for c in mine if c.seeds}
        named = [pytest.param(c, id=name) for name, c in spots.items()]
        metafunc.parametrize(name, named, indirect=True)
        return
    if name == "control_case":
        mine = [c for c in mine if c.claim.control is not None]
    params = [pytest.param(c, id=c.id, marks=_marks(c, name)) for c in mine]
    metafunc.parametrize(name, params, indirect=True)


def _marks(case: Case, fixture: str) -> list[pytest.MarkDecorator]:
    if fixture == "control_case" or case.expected.verdict in PASSING:
        return []
    reason = f"{case.expected.verdict}: {case.expected.reason}"
    return [pytest.mark.xfail(strict=True, raises=KnownVerdictError, reason=reason)]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what the selection chooses; workers of xdist take the longest first."""
    state = config.stash.get(STATE, None)
    if state is None:
        return
    if state.selection:
        _select(config, state, items)
    if getattr(config, "workerinput", {}).get("repro_by_group"):
        ids = [case_id(item.nodeid) for item in items]
        order, state.groups = xdist.arranged(state.cases.values(), ids, state.archive)
        items[:] = [items[i] for i in order]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object | None:
    """With xdist's ``-n``, an experiment is measured by one worker."""
    state = config.stash.get(STATE, None)
    made: object = None
    if state is not None and xdist.by_group(config):
        made = xdist.scheduler(config, log, state.cases.values())
    return made


def _select(config: pytest.Config, state: State, items: list[pytest.Item]) -> None:
    cases = [state.cases.get(case_id(item.nodeid)) for item in items]
    kept = [c is not None and state.selection.matches(c.claim, c.reading) for c in cases]
    if not all(kept):
        config.hook.pytest_deselected(items=[*compress(items, map(not_, kept))])
        items[:] = compress(items, kept)


def _properties(record: ResultRow) -> list[tuple[str, object]]:
    """What JUnit's XML is to carry of a claim: exactly four properties."""
    measured = record["measured"]
    return [
        ("id", record["id"]),
        ("published", record["criterion"] if record["published"] is None else record["published"]),
        ("measured", "" if measured is None else measured),
        ("verdict", str(record["verdict"])),
    ]


class ClaimCase:
    """What a claim's test is given: the case, and the means to check it."""

    def __init__(self, request: pytest.FixtureRequest, case: Case) -> None:
        self.request = request
        self.case = case

    def check(self) -> None:
        """Measure, record, and pass, fail, skip or be a known miss."""
        __tracebackhide__ = True
        from repro.measure.live import check

        config = self.request.config
        state = config.stash[STATE]
        properties = self.request.node.user_properties
        # Known before anything is measured: an experiment that breaks is named as well.
        properties += _properties(new_row(self.case))
        finding = check(
            self.case, _session(config), state.readings_wanted(self.case), state.sample
        )
        properties[-4:] = [*_properties(finding.record), (RECORD, json.dumps(finding.record))]
        if finding.outcome == "fail":
            pytest.fail(finding.text, pytrace=False)
        if finding.outcome == "skip":
            pytest.skip(f"not-run: {finding.text}")  # never counted as a pass
        if finding.outcome == "known":
            raise KnownVerdictError(finding.text)


class ControlCase(ClaimCase):
    """What a control's test is given."""

    def check(self) -> None:
        """The control must fail the claim: a band that holds it too would prove nothing."""
        __tracebackhide__ = True
        from repro.measure import live as checking
        from repro.report.failure import in_words

        claim, state = self.case.claim, self.request.config.stash[STATE]
        session = _session(self.request.config)
        problem = why = ""
        try:
            why = checking.not_measurable(claim, session.data())
            if self.case.judgement.verdict == Verdict.NOT_RUN:
                why = "no population on record"
            if not why and checking.evidence_alone(self.case, session):
                measured = checking.recorded(self.case, state.archive, session.data().kind)
            elif not why:
                measured = checking.measure(self.case, session, state.readings_wanted(self.case))
        except ReproError as error:
            problem = str(error)
        if problem:
            pytest.fail(f"{self.case.id}\n{problem}", pytrace=False)
        if why:
            pytest.skip(f"not-run: {why}")  # nothing to hold against the band
        # Like is held against like: on the embedded sample, the sample's own population.
        judged = self.case if session.data().kind == "full" else state.sample[self.case.id]
        outside = checking.control_outside(claim, judged.judgement, measured)
        if outside is None:
            why = "no band to hold the control against: too few seeds on record"
            pytest.skip(why)  # not a pass
        if not outside and claim.control is not None:
            shown, _ = checking.live_value(claim, measured, metric=claim.control.metric)
            pytest.fail(
                f"control {claim.control.metric} = {in_words(shown)} passes "
                f"{self.case.id}, and must not: {claim.control.why}",
                pytrace=False,
            )


class SnapshotCase:
    """What a snapshot's test is given: one experiment under one reading."""

    def __init__(self, request: pytest.FixtureRequest, case: Case) -> None:
        self.request = request
        self.case = case

    def check(self, num_regression: Any) -> None:
        """The shipped weights' measurements, to the third decimal: our code did not change."""
        __tracebackhide__ = True
        from repro.plugin.snapshots import check

        session, state = _session(self.request.config), self.request.config.stash[STATE]
        problem = ""
        try:
            why = check(self.case, session, state.readings_wanted(self.case), num_regression)
        except ReproError as error:
            problem = str(error)
        if problem:
            pytest.fail(problem, pytrace=False)
        if why:
            pytest.skip(why)  # a snapshot is of the shipped weights alone


@pytest.fixture
def snapshot_case(request: pytest.FixtureRequest) -> SnapshotCase:
    """One experiment under one reading; ``snapshot_case.check(num_regression)`` is its test."""
    return SnapshotCase(request, request.param)


@pytest.fixture
def claim_case(request: pytest.FixtureRequest) -> ClaimCase:
    """One claim under one reading; ``claim_case.check()`` is its test."""
    return ClaimCase(request, request.param)


@pytest.fixture
def control_case(request: pytest.FixtureRequest) -> ControlCase:
    """The negative control of one claim under one reading."""
    return ControlCase(request, request.param)
