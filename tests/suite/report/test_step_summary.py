"""The summary: short, honest about changes, appended where GitHub wants it."""

from __future__ import annotations

import pytest
from sample_reports import at_hand, make, mixed, not_run, ordering, record, write

from repro.report import outputs, step_summary
from repro.report.step_summary import LIMIT, literal, summary


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def test_counts_coverage_and_commit():
    text = summary(mixed())
    assert "3 of 4 published statements checked. Commit 0123456789" in text
    assert "1 ✗ not-reproduced, 1 ↗ trend-only, 1 ≠ paper-inconsistent, 1 ≈ equivalent" in text
    assert "Of 2 bands of 95 %, 0.1 would miss by chance" in text


def test_what_changed_against_the_verdicts_on_record():
    text = summary(mixed())
    assert (
        "| tiny-bad (plain) | reproduced; failed; expected inconclusive | published 0.5 lies in "
        "the band | `repro run --claim 'tiny-bad' --reading plain` |"
    ) in text
    assert "tiny-same (plain) | equivalent; expected reproduced |" in text
    assert "tiny-miss" not in text


def test_stale_and_broken_rows_are_told():
    stale = record(outcome="failed", stale=True, drift={"error": 250.0}, tags=["headline"])
    report = make(stale, record("b", outcome="error"), evidence="07ca1b4", subject="Clip *it*")
    report["footer"]["snapshots_failed"] = ["a"]
    text = summary(report)
    here = "0.5010 here, 0.5000 in the population"
    assert f"| reproduced; failed; STALE: code and evidence disagree | {here} |" in text
    assert "| ✓ reproduced, STALE |" in text
    assert "(Clip \\*it\\*), 2026-01-02" in text
    assert "**Of 2 rows that ran, one a claim and reading, 1 failed, 1 error; 1 snapshot " in text
    assert "\n\nmetrics that moved: error\n\nUp to 250 times" in text
    assert "last committed (git diff 07ca1b4)." in text
    assert "`repro run --failed report.json`, with this run's report.json." in text
    assert "| b (plain) | reproduced; error |" in text


def test_nothing_changed():
    text = summary(make(record(), not_run("a"), ordering()))
    assert "Nothing changed, nothing failed." in text
    assert "--failed" not in text


def test_headline_rows():
    text = summary(mixed())
    assert (
        "| tiny-good (plain) | 0.5 | 0.5010 | 0.5004 ± 0.0060 (8) | \\[0.4800, 0.5200\\] "
        "| ✓ reproduced |"
    ) in text
    assert "### Headline" not in summary(make(record()))
    unasked = record("other", paper="other", tags=["headline"], outcome="deselected")
    assert "### Headline" not in summary(make(record(), unasked))


def test_limits_are_said():
    embedded = {"kind": "embedded", "source": "x", "hashes": {}}
    assert "**Indicative only: measured on the embedded sample" in summary(
        make(record(), data=embedded)
    )
    partial = make(record(), not_run("a", outcome="deselected"))
    assert "Partial run: 1 of 2 rows were deselected" in summary(partial)
    assert "Partial" not in summary(make(record()))


def test_of_the_records_at_hand():
    assert len(summary(at_hand()).encode()) < 30_000


@pytest.mark.parametrize("filler", ["x", "€", "𝄞", "|", "<", "\\", "\n", "&"])
def test_always_under_its_limit(filler):
    long = filler * 2_000
    names = ("quote", "statement", "reason", "place")
    rows = [
        record(
            f"tiny-{i}", long, tags=["headline"], outcome="failed", **dict.fromkeys(names, long)
        )
        for i in range(100)
    ]
    text = summary(make(*rows[:1], coverage=long, commit=long) | {"claims": rows})
    assert len(text.encode()) < LIMIT
    assert "more, in report.json and index.html" in text


def test_of_as_many_rows_as_there_is_room_for(monkeypatch):
    """40, 10, 3 or none; a byte less than the limit is room, and the limit is none."""
    rows = [record(f"é-{i:02}", tags=["headline"], outcome="failed") for i in range(50)]
    report = make() | {"claims": rows}

    def shown(limit):
        monkeypatch.setattr(step_summary, "LIMIT", limit)
        text = summary(report)
        headline = text.partition("### Headline")[2]
        for part in (text.partition("### Headline")[0], headline):
            count = part.count("| é-")
            assert f"and {50 - count} more, in report.json" in part
        return count, len(text.encode())

    sizes = [(40, shown(LIMIT)[1])]
    assert shown(LIMIT)[0] == 40
    for fewer in (10, 3, 0):
        before, size = sizes[-1]
        assert shown(size + 1) == (before, size)
        count, smaller = shown(size)
        assert count == fewer
        sizes.append((fewer, smaller))


def test_texts_cannot_become_markdown_or_html():
    assert literal("<b>a|b</b>\n# `x` [l](u) *s* @me") == (
        "&lt;b&gt;a\\|b&lt;/b&gt; \\# \\`x\\` \\[l\\](u) \\*s\\* \\@me"
    )
    evil = "</td>|\n\n# h <script>alert(1)</script> ![x](y) `"
    text = summary(make(record(reason=evil, outcome="failed", tags=["headline"]), coverage=evil))
    assert "<script" not in text
    assert "\n# h" not in text
    assert "![x]" not in text
    report = make(record())
    report["footer"]["snapshots_failed"] = ["<img src=x> **b**"]
    assert "<img" not in summary(report)
    assert "**b**" not in summary(report)


def test_appended_for_github_never_over_what_is_there(tmp_path, monkeypatch):
    path = write(tmp_path / "report.json", mixed())
    step = tmp_path / "step.md"
    step.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    assert outputs.write_beside(path) == []
    once = step.read_text("utf-8")
    assert once == "before\n\n" + summary(mixed())
    assert (tmp_path / "summary.md").read_text("utf-8") == summary(mixed())
    outputs.write_beside(path)
    assert step.read_text("utf-8") == once + "\n" + summary(mixed())


def test_a_step_summary_that_cannot_be_written_is_said_and_no_error(tmp_path, monkeypatch):
    path = write(tmp_path / "report.json", mixed())
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "such" / "folder"))
    problems = outputs.write_beside(path)
    assert len(problems) == 1
    assert "GITHUB_STEP_SUMMARY" in problems[0]
    assert (tmp_path / "index.html").exists()
