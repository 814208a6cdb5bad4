"""The report of a run: on disk before the first test, filled as tests report, ended at the end."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from repro.errors import ReproError, StoreError
from repro.judge.cases import unjudged
from repro.judge.overview import Explained, explained
from repro.judge.populations import Kind, name_of
from repro.papers import picture
from repro.plugin import options, xdist
from repro.plugin.state import ROW, State, usage
from repro.plugin.xdist import Test
from repro.report import outputs, words
from repro.report import report_json as report
from repro.report.result_row import Outcome, ResultRow, new_row

if TYPE_CHECKING:  # torch is loaded only when a claim runs
    from repro.measure.run_progress import RunProgress


class Recorder:
    """The hooks of the process that writes the report (with xdist: the one without tests)."""

    def __init__(self, config: pytest.Config, state: State) -> None:
        self.config = config
        self.state = state
        self.start = time.monotonic()
        self.rows: dict[str, ResultRow] = {}
        self.told: set[str] = set()
        self.problem = ""
        self.notes: list[str] = []
        self.snapshots: dict[bool, list[str]] = {False: [], True: []}  # by whether it is the first
        self.explained: list[Explained] = []
        self.progress: RunProgress | None = None

    @property
    def path(self) -> Path:
        """Where the report goes."""
        folder = options.folder(self.config, "report-dir") or self.config.rootpath / "reports"
        return folder / "report.json"

    # --- before the first test ---------------------------------------------------------------

    @cached_property
    def header(self) -> dict[str, Any]:
        """Environment, commit and data."""
        from repro.lab import provenance  # brings torch, which takes a second

        try:
            data = self.state.session.data
        except ReproError as error:
            raise usage(error) from None
        command = shlex.join(["pytest", *map(str, self.config.invocation_params.args)])
        return provenance.header(data, options.value(self.config, "device"), command)

    def pytest_report_header(self) -> list[str]:
        """Show environment, data and commit."""
        if self.config.option.collectonly:
            return []  # a list of tests needs no data
        header = self.header
        commit = header["commit"][:12] + (" with changes" if header["dirty"] else "")
        processor = f"{header['cpu']} ({header['instructions']})"
        versions = " ".join(f"{k}-{v}" for k, v in header["versions"].items())
        return [
            f"repro: commit {commit}, {versions}",
            f"hardware: {processor}, {header['threads']} threads, device {header['device']}",
            f"MNIST: {header['data']['kind']}, {header['data']['source']}",
        ]

    def pytest_collection_finish(self) -> None:
        """Begin the report: without xdist, the tests are known here."""
        if not self.config.option.collectonly:
            self.begin()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        """Begin the report: with xdist, a worker has left here what the tests are."""
        self.state.tests.update(xdist.receive(self.state.shared))
        if not self.rows and not self.notes:
            self.begin()

    def begin(self) -> None:
        """Write a report without footer, so that a run that is killed still shows."""
        state = self.state
        if not state.tests:  # which need not cost the report of a run that had some
            self.notes.append("no claim was tested: no report is written, and none is replaced")
            return
        cases = [unjudged(*spot) for spot in state.under_readings()]
        rows = {case.id: new_row(case) for case in cases}
        for test in state.tests.values():
            if test.purpose == "verdict":
                rows[test.id]["outcome"] = "unfinished"
        unfinished = report.unfinished_report(self.header, rows.values())
        try:
            # A population that is damaged is told before the first test.
            for claim, reading in state.under_readings():
                for kind in get_args(Kind):
                    state.evidence(claim, reading, kind)
        except ReproError as error:
            raise usage(error) from None
        outputs.keep(self.path)
        try:
            report.write(self.path, unfinished, complete=False)
        except ReproError as error:
            raise pytest.UsageError(_report_problem(error)) from None
        self.rows = rows
        outputs.remove(self.path.parent)
        self.show_progress()

    def show_progress(self) -> None:
        """Begin to show how far the run is, where the user has not asked for silence."""
        from repro.measure import run_progress as progress

        state, option = self.state, self.config.option
        claims = {claim.id: claim for claim, _ in state.under_readings()}
        parts = {}
        for test in state.tests.values():
            name, _, reading = test.id.partition("@")
            spot = claims[name].paper, claims[name].experiment, reading
            if claims[name].experiment and not xdist.is_on_demand(*spot[:2]):
                seconds = xdist.seconds_of(state.archive, spot) or 1.0
                parts[spot] = progress.Part(spot, test.group, seconds)
        stream = progress.own_stream() if parts and option.verbose >= 0 else None
        if stream is not None:
            pytests = self.config.pluginmanager.getplugin("terminalreporter")
            self.progress = progress.RunProgress(
                state.shared,
                list(parts.values()),
                stream=stream,
                workers=max(1, len(getattr(option, "tx", None) or ())),
                writer=pytests._tw if pytests and pytests.isatty else None,
            )
            self.progress.start()

    def pytest_enter_pdb(self) -> None:
        """Leave the terminal to the debugger."""
        self.stop_progress()

    def stop_progress(self) -> None:
        """Take away what shows how far the run is."""
        if self.progress is not None:
            self.progress.stop()

    # --- while tests run ---------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test found, before JUnit's XML is given the rest of the properties."""
        properties = report.user_properties
        report.user_properties = [pair for pair in properties if pair[0] != ROW]
        test = self.state.tests.get(report.nodeid)
        if test is None or test.id not in self.rows:
            return
        row = self.rows[test.id]
        if report.when == "call":
            found = json.loads(str(dict(properties).get(ROW, "{}")))
            if test.purpose == "verdict":
                self.told.add(test.id)
                found |= {name: row[name] for name in ("outcome", "stale")}
                found["seconds"] = max(0.0, round(report.duration, 3))  # a clock may jump
            if report.failed and test.purpose == "snapshot":
                self.snapshots[found.pop("first", False)].append(test.id)
            row.update(found)
        outcome = _outcome(test, report)
        # A claim that is not fresh has failed, in whatever order its tests run.
        if outcome and row["outcome"] not in ("failed", "error"):
            row["outcome"] = outcome

    # --- at the end --------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Write the report with its footer, whatever becomes of pytest's own files."""
        self.stop_progress()
        made, problems = picture.collect(self.state.shared) if self.rows else ([], [])
        try:
            yield
        except OSError as error:  # JUnit's XML, say, in a folder that takes no files
            self.notes.append(f"pytest could not write: {error}")
            if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        if self.rows:
            self.notes += problems
            self.finish(session, made)

    def finish(self, session: pytest.Session, pictures: list[dict[str, Any]]) -> None:
        """Write the report with its footer, and the pages beside it."""
        from repro.lab import provenance

        self.judge_the_rest()
        seconds = max(0.0, time.monotonic() - self.start)
        complete = report.new_report(
            self.header,
            self.rows.values(),
            pictures=pictures,
            snapshots_failed=self.snapshots_named(first=False),
            snapshots_first=self.snapshots_named(first=True),
            end=provenance.now(),
            seconds=seconds,
        )
        outputs.keep(self.path)  # of a run that ended here meanwhile
        try:
            report.write(self.path, complete, complete=True)
        except ReproError as error:
            # The table is worth showing all the same, and the run is not a success.
            self.problem = _report_problem(error)
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        else:
            self.notes += outputs.write_beside(self.path)
            self.notes += outputs.earlier(self.path)

    def snapshots_named(self, *, first: bool) -> list[str]:
        """Name the snapshots that differ, or that were made, as their files are named."""
        names = {
            f"{claim.id}@{reading}": name_of(claim.paper, claim.experiment, reading)
            for claim, reading in self.state.under_readings()
        }
        return [names[id_] for id_ in dict.fromkeys(self.snapshots[first])]

    def judge_the_rest(self) -> None:
        """Fill the rows of claims whose tests did not run with what the populations say."""
        from repro.measure.live import FILLED
        from repro.plugin.measuring import result_row

        cases = []
        for claim, reading in self.state.under_readings():
            case = unjudged(claim, reading)
            if case.id not in self.told:
                before = self.rows[case.id]
                row = self.rows[case.id] = result_row(self.state, claim, reading, None)
                kept = ("outcome", "stale", *(FILLED if before["measured"] is not None else ()))
                told: Any = {name: value for name, value in before.items() if name in kept}
                row.update(told)
            with suppress(ReproError):  # as the row says
                case = self.state.case(claim, reading)
            cases.append(case)
        papers = self.state.papers
        self.header["papers"] = {name: paper.citation for name, paper in papers.items()}
        chosen = {row["paper"] for row in self.rows.values() if row["outcome"] != "deselected"}
        ran = [paper for name, paper in papers.items() if name in chosen]
        self.header["coverage"] = report.coverage(ran, cases)
        with suppress(ReproError):  # as the rows say
            for paper in ran:
                self.explained += explained(paper, cases, self.state.archive)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int) -> Iterator[None]:
        """Show the closing screen, below all that pytest says."""
        yield
        if not self.rows:
            for note in self.notes:
                terminalreporter.write_line(note)
            return
        from rich.text import Text

        from repro.report import layout, terminal

        rows, width = list(self.rows.values()), terminalreporter._tw.fullwidth
        parts = terminal.closing_screen(
            rows,
            self.explained,
            width=width,
            header=self.header,
            report=os.path.relpath(self.path),
            snapshots=self.snapshots[False],
            first=self.snapshots[True],
        )
        if self.config.option.verbose > 0:
            parts = [*terminal.whole_table(rows, width=width), *parts]
        page, written = self.path.with_name("index.html"), os.path.relpath(self.path)
        if any(row["outcome"] != "deselected" for row in rows):  # a run of snapshots alone
            parts.append(Text(f"coverage: {self.header['coverage']}"))
        parts.append(f"report: {f'NOT WRITTEN: {self.problem}' if self.problem else written}")
        if page.exists():
            parts.append(f"page: {os.path.relpath(page)}, with every row (-v shows them here)")
        parts += self.notes
        if exitstatus and not (words.broken(rows) or any(self.snapshots.values()) or self.problem):
            parts.append("what failed is no claim: see above")
        plain = not terminalreporter.hasmarkup or bool(os.environ.get("NO_COLOR"))
        terminalreporter.write_sep("=", "claims")
        terminalreporter.write(layout.rendered(parts, width=width, plain=plain))

    def pytest_unconfigure(self) -> None:
        """Remove what the run's processes shared, which no later run reads."""
        self.stop_progress()  # of a run that did not come to its end
        if "shared" in vars(self.state):
            shutil.rmtree(self.state.shared, ignore_errors=True)


def _outcome(test: Test, report: pytest.TestReport) -> Outcome | None:
    """Return what a phase of a test makes of its claim; None where it changes nothing."""
    if test.purpose == "snapshot":  # of an experiment, for which one claim stands
        return None
    if report.failed:
        return "failed" if report.when == "call" else "error"
    if test.purpose != "verdict" or report.when == "teardown":
        return None
    if report.skipped:
        return "xfailed" if hasattr(report, "wasxfail") else "skipped"
    return "passed" if report.when == "call" else None


def _report_problem(error: ReproError) -> str:
    if isinstance(error, StoreError):
        error.do = "free some space, or point --report-dir at another folder"
    return f"{type(error).__name__}\n{error}"
