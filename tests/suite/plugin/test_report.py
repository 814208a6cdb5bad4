"""What a run leaves behind: report, closing table, header, JUnit XML."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from repro.errors import ReportError, StoreError
from repro.lab import provenance
from repro.report import outputs, report_json
from repro.report.step_summary import summary

ALL = ["tiny-error@plain", "tiny-error@other", "tiny-clean@plain", "tiny-order@plain"]


def test_the_report_has_header_claims_and_footer(runs_beside_others):
    runs = runs_beside_others
    runs()
    found = runs.report()  # held to the schema
    assert list(found) == ["schema", "header", "claims", "pictures", "footer"]
    header, footer = found["header"], found["footer"]
    assert header["data"]["source"] == "a fake"
    assert header["command"].startswith("pytest ")
    assert header["coverage"] == "4 of 5 published statements checked"  # of the paper that ran
    assert header["start"] <= footer["end"]
    mine = [r for r in found["claims"] if r["paper"] == "tiny"]
    assert len(mine) == 5
    assert sum(footer["verdicts"].values()) == len(found["claims"])
    assert footer["outcomes"]["passed"] == 4
    assert footer["outcomes"]["xfailed"] == 1
    # The shipped papers were not among the paths named.
    others = [r for r in found["claims"] if r["paper"] != "tiny"]
    assert {r["outcome"] for r in others} == {"deselected"}
    assert {r["verdict"] for r in others} == {"not-run"}


def test_a_record_carries_all_that_its_verdict_rests_on(runs):
    runs.tiny.values["small"] = 0.123456789012345
    runs()
    record = runs.record()
    assert record["place"] == "Table 1, row 1"
    assert record["quote"] == "the error rate is 0.50"
    assert record["seeds"] == list(range(8))
    assert len(record["values"]) == record["n"] == 8
    assert record["band"]["level"] == 0.95
    assert record["gate"]["level"] == 0.999
    assert record["margin"] == 0.2
    assert record["health"] == {"zero-gradient-share": 0.02, "sign-difference-share": 0.04}
    assert record["seconds"] > 0
    order = runs.record("tiny-order")
    assert (order["criterion"], order["published"]) == ("error > 0.2", None)
    assert order["control"]["measured"] == 0.123456789012345  # every digit
    assert (order["measured"], order["difference"]) == (0.5, pytest.approx(0.3))
    assert record["difference"] is None


def test_the_records_are_there_before_the_first_test(runs):
    runs.tiny.values["do"] = "break"
    seen = {}

    class Spy:
        @pytest.hookimpl
        def pytest_runtest_setup(self):
            seen.setdefault("report", runs.raw())

    runs.write()
    result = runs.pytester.inline_run(
        "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "claims", plugins=[Spy()]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "footer" not in seen["report"]
    outcomes = {r["outcome"] for r in seen["report"]["claims"] if r["paper"] == "tiny"}
    assert outcomes == {"unfinished"}


def test_report_dir_and_an_earlier_report(runs, tmp_path):
    runs("--report-dir", str(tmp_path / "deep" / "er"))
    path = tmp_path / "deep" / "er" / "report.json"
    assert report_json.read(path)["footer"]["outcomes"]["passed"] == 4
    assert not runs.report_path.exists()


@pytest.mark.parametrize("text", ["", "[]", '{"footer": 1, "claims": [1]}', "[" * 100_000])
def test_a_file_that_is_no_report_stays_where_it_is(text, tmp_path):
    source = tmp_path / "report.json"
    source.write_text(text)
    outputs.keep(source)
    assert source.read_text() == text


def test_a_report_goes_only_when_a_later_run_has_measured_all_that_it_has(runs):
    def kept() -> dict[str, str]:
        files = runs.report_path.parent.glob("report-*.json")
        return {path.name: path.read_text(encoding="utf-8") for path in files}

    runs("--claim", "tiny-[ec]*")  # itself of some claims
    more = runs.report_path.read_text(encoding="utf-8")
    for _ in range(2):  # a second selection replaces the first one's report alone
        result = runs("--claim", "tiny-error")
        result.stdout.fnmatch_lines(["kept, with rows that are not in it: *report-1.json"])
        assert kept() == {"report-1.json": more}
        assert runs.outcomes()["tiny-error@plain"] == "passed"
    runs("--claim", "tiny-order")
    assert list(kept()) == ["report-1.json", "report-2.json"]
    runs.tiny.values["do"] = "interrupt"
    runs()  # which measures nothing
    assert len(kept()) == 3
    del runs.tiny.values["do"]
    runs("--claim", "tiny-[eco]*")
    assert kept() == {}


def test_a_file_of_the_user_s_own_beside_the_report_stays(runs):
    runs()
    path = runs.report_path
    names = ("before", "laptop-2", "2024-05-01", "3")
    mine = [path.with_name(f"report-{name}.json") for name in names]
    for other in mine[:-1]:
        other.write_bytes(path.read_bytes())  # for repro diff, say
    mine[-1].write_text("{}", encoding="utf-8")  # whatever it is
    runs()
    assert all(each.exists() for each in mine)


def test_a_report_that_another_run_finished_meanwhile_is_kept(runs):
    runs("--claim", "tiny-order")
    other = runs.raw()
    other["header"]["command"] = "of the other run"

    class Other:
        @pytest.hookimpl
        def pytest_runtest_setup(self):
            runs.report_path.write_text(json.dumps(other), encoding="utf-8")

    options = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "claims")
    runs.pytester.inline_run(*options, "--claim", "tiny-error", plugins=[Other()])
    assert runs.outcomes()["tiny-error@plain"] == "passed"
    kept = runs.report_path.parent.glob("report-*.json")
    assert other in [json.loads(path.read_text(encoding="utf-8")) for path in kept]


def test_a_run_that_tests_no_claim_replaces_no_report(runs):
    runs()
    before = runs.report_path.read_text(encoding="utf-8")
    result = runs("-k", "nothing")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["no claim was tested: no report is written*"])
    assert runs.report_path.read_text(encoding="utf-8") == before
    assert [p.name for p in runs.report_path.parent.iterdir()] == ["report.json"]


@pytest.mark.parametrize("words", [("-k", "a and"), ("-m", "a and")])
def test_a_mistyped_expression_is_told_and_replaces_no_report(runs, words):
    runs("--claim", "tiny-error")
    before = runs.report_path.read_text(encoding="utf-8")
    result = runs(*words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: Wrong expression passed to '{words[0]}': a and: *"])
    assert runs.report_path.read_text(encoding="utf-8") == before


def test_a_collection_that_stops_half_way_replaces_no_report(runs):
    runs("--claim", "tiny-error")
    before = runs.report_path.read_text(encoding="utf-8")
    # Between two modules that are sound.
    (runs.pytester.path / "claims" / "test_u.py").write_text("no python\n")
    (runs.pytester.path / "claims" / "test_v.py").write_text("")
    result = runs.again("--claim", "tiny-clean", "-x")
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["no claim was tested: no report is written*"])
    assert runs.report_path.read_text(encoding="utf-8") == before


OWN_MARK = """
def pytest_configure(config):
    config.addinivalue_line("markers", "mine: of the user's own")
"""


def test_a_mark_of_the_user_s_own_may_be_asked_for(runs):
    runs.write()
    with (runs.pytester.path / "conftest.py").open("a") as conftest:
        conftest.write(OWN_MARK)
    result = runs.again("--strict-markers", "-m", "not mine", "--claim", "tiny-error")
    assert result.ret == pytest.ExitCode.OK


def test_a_selection_keeps_no_report_that_is_none(runs):
    runs.report_path.parent.mkdir()
    for content in ("", "[]", "{}", '{"footer": 1, "claims": [{}]}', '{"claims": []}'):
        runs.report_path.write_text(content)
        runs("--claim", "tiny-error")
        assert [p.name for p in runs.report_path.parent.iterdir()] == ["report.json"], content


SNAPSHOT = """
PAPER = "tiny"

def test_snapshot(shipped, snapshot):
    assert False
"""
ANY_NETWORKS = """
import pytest

@pytest.fixture
def shipped(claim, measure):
    return measure(claim).values
"""


def test_a_snapshot_runs_with_any_claim_of_its_experiment_and_is_told_when_it_differs(runs):
    runs.write()
    folder = runs.pytester.path / "claims"
    (folder / "test_more.py").write_text(SNAPSHOT + ANY_NETWORKS)
    for claim in ("tiny-error", "tiny-clean", "tiny-order"):
        result = runs("--claim", claim, "--reading", "plain")
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        assert runs.report()["footer"]["snapshots_failed"] == ["tiny-toy--plain"]
        # Never evidence: the claim's own row stays as it is.
        assert runs.record(claim)["outcome"] == "passed"
    assert "1 snapshots of the shipped networks differ (tiny-toy--plain)" in summary(runs.report())
    assert "coverage: " in result.stdout.str()
    result = runs("-k", "test_snapshot")  # alone it checks no statement
    assert "coverage: " not in result.stdout.str()
    runs("--claim", "tiny-twice")  # which is of no experiment
    assert runs.report()["footer"]["snapshots_failed"] == []


FIRST = """
def test_snapshot(shipped, snapshot, num_regression):
    snapshot.check(shipped, num_regression)
"""


def test_the_first_snapshot_is_no_difference_and_is_written(runs):
    runs.write()
    folder = runs.pytester.path / "claims"
    (folder / "test_more.py").write_text(f'PAPER = "tiny"\n{ANY_NETWORKS}{FIRST}')
    result = runs("--claim", "tiny-error", "--reading", "plain")
    assert result.ret == pytest.ExitCode.TESTS_FAILED  # nothing was compared
    result.stdout.fnmatch_lines(
        ["*there was no snapshot of tiny-toy--plain yet*", "do: * look at*"]
    )
    result.stdout.fnmatch_lines(["No snapshot of the shipped networks yet*"])
    result.stdout.no_fnmatch_line("*the same weights give other numbers*")
    result.stdout.no_fnmatch_line("*look there first*")
    footer = runs.report()["footer"]
    assert (footer["snapshots_first"], footer["snapshots_failed"]) == (["tiny-toy--plain"], [])
    assert "No snapshot of the shipped networks yet" in summary(runs.report())
    assert runs("--claim", "tiny-error", "--reading", "plain").ret == pytest.ExitCode.OK
    assert runs.report()["footer"]["snapshots_first"] == []


def test_a_report_that_cannot_be_finished_fails_the_run_but_shows_the_table(runs, monkeypatch):
    plain = report_json.write

    def full_disk(path, content, *, complete):
        if complete:
            raise StoreError("a full disk", expected="space", do="free some")
        plain(path, content, complete=complete)

    monkeypatch.setattr(report_json, "write", full_disk)
    result = runs()
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["report: NOT WRITTEN: StoreError", "found: a full disk"])
    assert "INTERNALERROR" not in result.stdout.str()
    with pytest.raises(ReportError, match="no footer"):
        runs.report()


def test_the_header_tells_environment_data_and_commit(runs):
    result = runs()
    result.stdout.fnmatch_lines(
        [
            "repro: commit *, python-3.* torch-* numpy-*",
            f"hardware: * ({provenance.instructions()}), * threads, device cpu",
            "MNIST: full, a fake",
        ]
    )


@pytest.mark.parametrize("dirty", [True, False])
def test_the_header_says_whether_the_code_is_the_commit_s(runs, monkeypatch, dirty):
    monkeypatch.setattr(provenance, "commit", lambda _: ("c" * 40, dirty))
    runs("--claim", "tiny-error")
    header = runs.report()["header"]
    assert (header["commit"], header["dirty"]) == ("c" * 40, dirty)


@pytest.mark.parametrize("commit", ["c" * 40, "unknown"])
def test_the_header_names_the_commit_of_the_evidence(runs, monkeypatch, commit):
    monkeypatch.setattr(provenance, "commit", lambda _: (commit, False))
    monkeypatch.setattr(provenance, "last", lambda _, form, *path: f"{form} {path}")
    runs("--claim", "tiny-error")
    header = runs.report()["header"]
    told = ("%s ()", f"%h ({runs.tiny.populations!r},)") if commit != "unknown" else ("", "")
    assert (header["subject"], header["evidence"]) == told


@pytest.mark.parametrize("workers", [[], ["-p", "no:xdist"]])
def test_junit_carries_the_four_properties(runs, workers):
    runs.tiny.values["error"] = 0.75  # stale: the failing claim has them too
    runs("--junitxml", "junit.xml", *workers)
    suite = ElementTree.parse(runs.pytester.path / "junit.xml")  # noqa: S314 - our own
    found = {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in suite.iter("testcase")
    }
    assert found["test_claim[tiny-error@plain]"] == {
        "id": "tiny-error",
        "published": "0.5",
        "measured": "0.75",
        "verdict": "reproduced",
    }
    assert found["test_claim[tiny-order@plain]"]["published"] == "error > 0.2"
    assert found["test_claim[tiny-twice@plain]"]["verdict"] == "paper-inconsistent"
    assert found["test_control[tiny-error@plain]"] == {}


def test_junit_of_an_experiment_that_breaks_still_names_the_claim(runs):
    runs.tiny.values["do"] = "break"
    runs("--junitxml", "junit.xml", "--claim", "tiny-error")
    suite = ElementTree.parse(runs.pytester.path / "junit.xml")  # noqa: S314 - our own
    case = next(c for c in suite.iter("testcase") if c.get("name").startswith("test_claim"))
    found = {p.get("name"): p.get("value") for p in case.iter("property")}
    assert found == {"id": "tiny-error", "published": "0.5", "measured": "", "verdict": "not-run"}


# --- the closing screen ------------------------------------------------------------------


def closing(result) -> list[str]:
    lines = result.outlines
    start = next(i for i, line in enumerate(lines) if line.strip("= ") == "claims")
    return lines[start + 1 :]


@pytest.mark.parametrize("width", [40, 80])
def test_the_closing_screen_comes_last_and_fits_the_window(runs, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    place = "Table 1, row 1, average error rate, in a rather long place name"
    runs.tiny.claim().update(published=0.123456, margin=0.01, place=place)
    runs.tiny.values["small"] = 0.3  # the ordering's control keeps it
    result = runs("-ra")
    table = closing(result)
    assert not any("short test summary" in line for line in table)
    commands = [line for line in table if line.startswith("rerun")]
    assert len(commands) == 2  # may be long, to be copied whole
    end = next(i for i, line in enumerate(table) if line.startswith("coverage: "))
    for line in table[:end]:
        assert len(line) <= width or line in commands, line
    text = " ".join(" ".join(table).split())
    for word in (
        *("paper-inconsistent", "reproduced", "trend-only", "tiny-error", "tiny-order"),
        *("0.123456", "0.5000"),
    ):
        assert word in text
    assert "tiny-error (plain): trend-only, on record reproduced" in text
    assert "tiny plain" in text or "tiny plain: p" in text  # what the reading explains


def test_the_whole_table_is_shown_where_it_is_asked_for(runs):
    assert "gradient health" not in "\n".join(closing(runs()))
    text = " ".join(" ".join(closing(runs("-v"))).split())
    assert "gradient health, toy, plain: 2.00% of images with an all-zero gradient" in text


def test_what_a_run_comes_to_is_counted(runs):
    runs().stdout.fnmatch_lines(
        [
            "1 paper-inconsistent, 4 reproduced: all as on record",
            "Of 2 bands of 95 %, 0.1 would miss by chance if every claim held",
        ]
    )


def test_a_stale_claim_is_the_code_or_the_machine_and_its_command_is_told(runs):
    runs.tiny.values["error"] = 0.75
    text = " ".join(" ".join(closing(runs("--claim", "tiny-error"))).split())
    assert "reproduced, STALE" in text
    assert "STALE, the code or this machine, not the science" in text
    assert "tiny-error (plain): 0.7500 here, 0.4800 in the population" in text
    assert "rerun: repro run --claim 'tiny-error' --reading plain" in text
    assert "is no claim" not in text


def test_a_snapshot_that_differs_is_told(runs):
    """Of an experiment, for which one claim stands; its verdict is not touched."""
    runs.write()
    module = runs.pytester.path / "claims" / "test_tiny.py"
    with module.open("a") as file:
        file.write("\n\ndef test_snapshot(claim, snapshot):\n    assert claim.tags == ()\n")
    text = " ".join(" ".join(closing(runs.again("--claim", "tiny-order"))).split())
    assert "snapshot of the experiment of tiny-order@plain" in text
    assert "1 reproduced: all as on record" in text
    assert "is no claim" not in text


def test_a_failure_that_is_no_claim_s_is_not_passed_over(runs):
    runs.write()
    (runs.pytester.path / "claims" / "test_more.py").write_text("def test_it():\n    assert 0\n")
    assert "what failed is no claim: see above" in closing(runs.again())
    assert "see above" not in "\n".join(closing(runs.again("--deselect", "claims/test_more.py")))


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_no_color_is_respected(runs, monkeypatch, no_color, coloured):
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    result = runs("--color=yes")
    table = "\n".join(closing(result)[:-1])
    table = table[: table.index("coverage: ")]
    assert ("\x1b[" in table) is coloured


def test_the_json_is_plain(runs):
    """No NaN, no names that only Python knows, the claims in the records' order."""
    runs()
    text = Path(runs.report_path).read_text(encoding="utf-8")
    found = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    mine = [f"{r['id']}@{r['reading']}" for r in found["claims"] if r["paper"] == "tiny"]
    assert mine == [*ALL, "tiny-twice@plain"]
