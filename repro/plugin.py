"""The pytest door: options, one test a claim and reading, the report, the closing table."""

from __future__ import annotations

import json
import sys
import tempfile
import uuid
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from repro import papers, paths
from repro.claims import evidence
from repro.claims.evidence import Case
from repro.claims.verdicts import PASSING
from repro.errors import ReproError, UsageError
from repro.recording import RECORD, Recorder, State, case_id
from repro.selection import Selection

if TYPE_CHECKING:  # torch is loaded only when a claim runs
    from repro.session import Session

STATE = pytest.StashKey[State]()
FIXTURES = ("claim_case", "control_case")


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
    from repro.listing import list_claims

    try:
        loaded = papers.load_all()
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
    if not selection and not _claims_run(config) and worker is None:
        # A test run of something else, in an environment where the suite is installed.
        return
    try:
        loaded = papers.load_all()
        selection.check(loaded.values())
        _check_device(config.option.device)
        root = paths.fixtures() / "populations"
        cases = {c.id: c for paper in loaded.values() for c in evidence.judge(paper, root)}
        kind: Any = "embedded"
        sample = {c.id: c for paper in loaded.values() for c in evidence.judge(paper, root, kind)}
    except ReproError as error:
        raise _usage(error) from None
    if worker is not None:
        run, shared = worker.get("repro_run", uuid.uuid4().hex), worker.get("repro_shared")
    else:
        run, shared = uuid.uuid4().hex, None
    shared = Path(shared) if shared else Path(tempfile.mkdtemp(prefix="repro-run-"))
    state = State(loaded, cases, sample, selection, run, shared)
    config.stash[STATE] = state
    if worker is None:
        recorder = Recorder(config, state, lambda: _session(config))
        config.pluginmanager.register(recorder, "repro-recorder")


def _check_device(device: str) -> None:
    import torch

    if device != "cpu" and not (device.startswith("cuda") and torch.cuda.is_available()):
        raise UsageError(
            f"--device {device}, which this machine does not have",
            expected="cpu, or cuda where torch finds a GPU",
            do="drop --device: the CPU is the reference",
        )


def _claims_run(config: pytest.Config) -> bool:
    """Whether this run is one of claims: asked for by an option, or by a path to them."""
    option = config.option
    asked = (option.retrain, option.mnist_dir, option.require_full_data, option.report_dir)
    named = [Path(str(arg).split("::", maxsplit=1)[0]) for arg in config.args]
    return any(asked) or any("claims" in path.parts for path in named)


def _session(config: pytest.Config) -> Session:
    """The process's session, made when the first claim needs it."""
    state = config.stash[STATE]
    if state.session is None:
        import torch

        from repro.progress import Epochs
        from repro.session import Session

        option = config.option
        worker = getattr(config, "workerinput", None)
        if worker is not None:
            torch.set_num_threads(max(1, torch.get_num_threads() // int(worker["workercount"])))
        capture = config.pluginmanager.getplugin("capturemanager")

        def uncaptured() -> AbstractContextManager[object]:
            return capture.global_and_fixture_disabled() if capture else nullcontext()

        state.session = Session(
            directory=Path(option.mnist_dir) if option.mnist_dir else None,
            device=option.device,
            retrain=option.retrain,
            require_full=option.require_full_data,
            offline=option.offline,
            run=state.run,
            shared=state.shared,
            on_epoch=Epochs(quiet=config.getoption("verbose") < 0, uncaptured=uncaptured),
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
    mine = [c for c in state.cases.values() if c.claim.paper == metafunc.module.PAPER]
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
    """Keep what the selection chooses."""
    state = config.stash.get(STATE, None)
    if state is None or not state.selection:
        return
    keep: list[pytest.Item] = []
    drop: list[pytest.Item] = []
    for item in items:
        case = state.cases.get(case_id(item.nodeid))
        chosen = case is not None and state.selection.matches(case.claim, case.reading)
        (keep if chosen else drop).append(item)
    items[:] = keep
    if drop:
        config.hook.pytest_deselected(items=drop)


class ClaimCase:
    """What a claim's test is given: the case, and the means to check it."""

    def __init__(self, request: pytest.FixtureRequest, case: Case) -> None:
        self.request = request
        self.case = case

    def check(self) -> None:
        """Measure, record, and pass, fail, skip or be a known miss."""
        __tracebackhide__ = True
        from repro.checking import check

        config = self.request.config
        state = config.stash[STATE]
        try:
            finding = check(
                self.case, _session(config), state.readings_wanted(self.case), state.sample
            )
        except ReproError as error:
            pytest.fail(f"{self.case.id}\n{error}", pytrace=False)
        record = finding.record
        shown = record["criterion"] if record["published"] is None else record["published"]
        self.request.node.user_properties += [
            ("id", record["id"]),
            ("published", shown),
            ("measured", record["measured"]),
            ("verdict", str(record["verdict"])),
            (RECORD, json.dumps(record)),
        ]
        if finding.outcome == "fail":
            pytest.fail(finding.text, pytrace=False)
        if finding.outcome == "skip":
            pytest.skip(f"not-run: {finding.text}")  # DESIGN: not-run is a skip that says why
        if finding.outcome == "known":
            raise KnownVerdictError(finding.text)


class ControlCase(ClaimCase):
    """What a control's test is given."""

    def check(self) -> None:
        """The control must fail the claim: a band that holds it too would prove nothing."""
        __tracebackhide__ = True
        from repro.checking import control_outside, live_value, not_measurable

        claim, state = self.case.claim, self.request.config.stash[STATE]
        session = _session(self.request.config)
        try:
            why = not_measurable(claim, session.data())
            if why:
                pytest.skip(f"not-run: {why}")  # nothing to hold against the band
            readings = state.readings_wanted(self.case)
            measured = session.measured(claim.paper, claim.experiment, readings)[self.case.reading]
        except ReproError as error:
            pytest.fail(f"{self.case.id}\n{error}", pytrace=False)
        outside = control_outside(claim, self.case.judgement, measured)
        if outside is None:
            pytest.skip("no band to hold the control against: too few seeds on record")
        if not outside and claim.control is not None:
            shown, _ = live_value(claim, measured, metric=claim.control.metric)
            pytest.fail(
                f"control {claim.control.metric} = {shown:.6g} passes {self.case.id}, "
                f"and must not: {claim.control.why}",
                pytrace=False,
            )


@pytest.fixture
def claim_case(request: pytest.FixtureRequest) -> ClaimCase:
    """One claim under one reading; ``claim_case.check()`` is its test."""
    return ClaimCase(request, request.param)


@pytest.fixture
def control_case(request: pytest.FixtureRequest) -> ControlCase:
    """The negative control of one claim under one reading."""
    return ControlCase(request, request.param)
