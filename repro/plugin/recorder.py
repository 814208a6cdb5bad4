"""The record of a run: made before the first test, filled as tests report, written at the end."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from repro import paths
from repro.claims.records import Paper
from repro.claims.selection import Selection
from repro.errors import ReproError, StoreError
from repro.judge.cases import Case
from repro.judge.populations import Archive
from repro.papers import picture
from repro.report import outputs
from repro.report import report_json as report
from repro.report.result_row import ResultRow, new_row

if TYPE_CHECKING:  # torch is loaded only when a claim runs
    from repro.measure.session import Session

RECORD = "repro_record"
"""The test property that carries a claim's record from its test, also across processes."""


@dataclass
class State:
    """What one pytest process knows of the run."""

    loaded: dict[str, Paper]
    archive: Archive
    cases: dict[str, Case]
    sample: dict[str, Case]
    selection: Selection
    run: str
    shared: Path
    start: float = field(default_factory=time.monotonic)
    session: Session | None = None
    groups: int = 0
    records: dict[str, ResultRow] = field(default_factory=dict)
    header: dict[str, Any] | None = None

    def readings_wanted(self, case: Case) -> list[str]:
        """Every selected reading of this case's experiment."""
        mine = [
            c.reading
            for c in self.cases.values()
            if (c.claim.paper, c.claim.experiment) == (case.claim.paper, case.claim.experiment)
            and self.selection.matches(c.claim, c.reading)
        ]
        return list(dict.fromkeys([case.reading, *mine]))


def case_id(nodeid: str) -> str:
    """``claim@reading`` of a test, from its node id; empty for other tests."""
    return nodeid.rpartition("::")[2].partition("[")[2].rpartition("]")[0]


def claim_of(nodeid: str) -> str:
    """As :func:`case_id`, for the tests that judge claims (not their controls)."""
    return case_id(nodeid) if "::test_claim[" in nodeid else ""


def _report_problem(error: ReproError) -> str:
    elsewhere = "free some space, or point --report-dir at another folder"
    return (
        f"{type(error).__name__}\nfound: {error.found}\nexpected: {error.expected}\n"
        f"what to do: {elsewhere if isinstance(error, StoreError) else error.do}"
    )


class Recorder:
    """The hooks of the process that writes the report (with xdist: the controller).

    Args:
        config: pytest's.
        state: of the run.
        session: gives the run's session, for its data.
    """

    def __init__(
        self, config: pytest.Config, state: State, session: Callable[[], Session]
    ) -> None:
        self.config = config
        self.state = state
        self.session = session
        self.problem = ""
        self.notes: list[str] = []

    @property
    def path(self) -> Path:
        """Where the report goes."""
        return (
            Path(self.config.option.report_dir or self.config.rootpath / "reports") / "report.json"
        )

    def header(self) -> dict[str, Any]:
        """Environment, commit and data, gathered once.

        Raises:
            pytest.UsageError: MNIST that the options ask for is not there.
        """
        state, option = self.state, self.config.option
        if state.header is None:
            from repro.lab import provenance

            try:
                data = self.session().data()
            except ReproError as error:
                raise pytest.UsageError(f"{type(error).__name__}\n{error}") from None
            about = provenance.describe(option.device)
            commit, dirty = provenance.commit(paths.checkout())
            state.header = {
                "commit": commit,
                "dirty": dirty,
                "versions": {name: about[name] for name in ("python", "torch", "numpy")},
                "cpu": about["cpu"],
                "threads": about["threads"],
                "device": about["device"],
                "data": {"kind": data.kind, "source": data.source, "hashes": data.hashes},
                "command": shlex.join(["pytest", *map(str, self.config.invocation_params.args)]),
                "start": provenance.now(),
                "coverage": report.coverage(state.loaded.values(), state.cases.values()),
            }
        return state.header

    def pytest_report_header(self) -> list[str]:
        """Environment, data and commit."""
        if self.config.option.collectonly:
            return []  # a list of tests needs no data
        header = self.header()
        commit = header["commit"][:12] + (" with changes" if header["dirty"] else "")
        versions = " ".join(f"{k}-{v}" for k, v in header["versions"].items())
        return [
            f"repro: commit {commit}, {versions}",
            f"hardware: {header['cpu']}, {header['threads']} threads, device {header['device']}",
            f"MNIST: {header['data']['kind']}, {header['data']['source']}",
        ]

    def collected(self, nodeids: Iterable[str]) -> None:
        """Make every record before the first test runs, so that a crash still shows."""
        state = self.state
        if state.records or self.config.option.collectonly:
            return
        header = self.header()
        records = {id_: new_row(case) for id_, case in state.cases.items()}
        for record in filter(None, (records.get(claim_of(nodeid)) for nodeid in nodeids)):
            record["outcome"] = "unfinished"
        unfinished = report.unfinished_report(header, records.values())
        try:
            report.write(self.path, unfinished, complete=False)
        except ReproError as error:
            raise pytest.UsageError(_report_problem(error)) from None
        state.records = records
        outputs.remove(self.path.parent)

    def rows(self) -> list[ResultRow]:
        """All records."""
        return list(self.state.records.values())

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Without xdist, the tests are known here."""
        self.collected([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """With xdist, the tests are known here."""
        self.collected(ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell each xdist worker the run's token and its shared folder."""
        node.workerinput["repro_run"] = self.state.run
        node.workerinput["repro_shared"] = str(self.state.shared)
        node.workerinput["repro_by_group"] = self.config.getoption("dist") == "load"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test found, before JUnit's XML is given the rest of the properties."""
        properties = report.user_properties
        found = str(dict(properties).get(RECORD, "{}"))
        report.user_properties = [pair for pair in properties if pair[0] != RECORD]
        record = self.state.records.get(claim_of(report.nodeid))
        if record is None:
            return
        if report.when == "call":
            record |= json.loads(found)
            record["seconds"] = max(0.0, round(report.duration, 3))  # a clock may jump
            record["outcome"] = "xfailed" if hasattr(report, "wasxfail") else report.outcome
        elif report.failed:
            record["outcome"] = "error"
        elif report.skipped:
            record["outcome"] = "skipped"

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Write the report with its footer, whatever becomes of pytest's own files."""
        try:
            yield
        except OSError as error:  # JUnit's XML, say, in a folder that takes no files
            self.notes.append(f"pytest could not write: {error}")
            if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        if self.state.records:
            self.finish(session)

    def finish(self, session: pytest.Session) -> None:
        """Write the report with its footer, and the pages beside it."""
        from repro.lab import provenance

        seconds = max(0.0, time.monotonic() - self.state.start)
        made, problems = picture.collect(self.state.shared)
        complete = report.new_report(
            self.header(), self.rows(), pictures=made, end=provenance.now(), seconds=seconds
        )
        try:
            report.write(self.path, complete, complete=True)
        except ReproError as error:
            # The table is worth showing all the same, and the run is not a success.
            self.problem = _report_problem(error)
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        else:
            self.notes += [*problems, *outputs.write_beside(self.path)]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The closing table, worst first."""
        if not self.state.records:
            return
        from repro.report.terminal import closing_table

        plain = not terminalreporter.hasmarkup or bool(os.environ.get("NO_COLOR"))
        width = max(80, terminalreporter._tw.fullwidth)
        terminalreporter.section("claims")
        terminalreporter.write(closing_table(self.rows(), width=width, plain=plain))
        terminalreporter.write_line(f"coverage: {self.header()['coverage']}")
        written = os.path.relpath(self.path)
        told = f"NOT WRITTEN: {self.problem}" if self.problem else written
        terminalreporter.write_line(f"report: {told}")
        page = self.path.with_name("index.html")
        if page.exists():
            terminalreporter.write_line(f"page: {os.path.relpath(page)}")
        for note in self.notes:
            terminalreporter.write_line(note)

    def pytest_unconfigure(self) -> None:
        """Remove the folder that the run's processes shared."""
        shutil.rmtree(self.state.shared, ignore_errors=True)
