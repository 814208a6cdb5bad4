"""The pages beside a run's report: renderings of it alone, never those of an earlier run."""

from __future__ import annotations

import pytest

from repro.report import outputs, report_json
from repro.report.page import html
from repro.report.step_summary import summary

WRITE = outputs.write_beside


@pytest.fixture(name="runs")
def _runs(runs, monkeypatch):
    """The tiny paper's runs with their pages, which the other tests here do without."""
    monkeypatch.setattr(outputs, "write_beside", WRITE)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return runs


def test_a_run_writes_page_and_summary_beside_its_report(runs):
    result = runs()
    folder = runs.report_path.parent
    assert (folder / "index.html").read_text("utf-8") == html.render(runs.report())
    assert (folder / "summary.md").read_text("utf-8") == summary(runs.report())
    result.stdout.fnmatch_lines(["report: reports/report.json", "page: reports/index.html*"])


def test_a_partial_run_says_so_on_its_page(runs):
    runs("--claim", "tiny-order")
    page = runs.report_path.with_name("index.html").read_text("utf-8")
    assert "Partial run (--claim tiny-order): 4 of 5 rows were deselected" in page


def test_a_run_appends_to_githubs_summary(runs, tmp_path, monkeypatch):
    step = tmp_path / "step.md"
    step.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    runs()
    assert step.read_text("utf-8") == "before\n\n" + summary(runs.report())


def test_a_summary_that_cannot_be_written_breaks_no_run(runs, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "such" / "file"))
    result = runs()
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*GITHUB_STEP_SUMMARY cannot be appended to*"])
    report_json.read(runs.report_path)


@pytest.mark.usefixtures("warm_workers")
def test_no_page_of_an_earlier_run_stands_beside_an_unfinished_report(runs):
    runs()
    page = runs.report_path.with_name("index.html")
    assert page.exists()
    runs.tiny.values["do"] = "die"
    runs.write()
    done = runs.pytester.runpytest_subprocess("-p", "no:cacheprovider", "claims")
    assert done.ret == 17
    assert "footer" not in runs.raw()
    assert not page.exists()
    assert not page.with_name("summary.md").exists()
