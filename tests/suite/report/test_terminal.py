"""The closing table from records alone."""

from __future__ import annotations

import pytest
from tiny_paper import document

from repro.claims import records
from repro.claims.verdict import Verdict
from repro.judge import cases
from repro.judge.populations import Archive
from repro.report import result_row
from repro.report.terminal import STYLES, closing_table

BAND = {"low": 0.4, "high": 0.6, "level": 0.95, "method": "t"}
LONG = "x" * 20 + "-a-claim-id-of-sixty-letters-more-or-less"


@pytest.fixture
def rows(tiny):
    """Five records as a run would leave them."""
    tiny.measure()
    paper = records.parse(document(tiny.paper), name="tiny")
    found = [result_row.new_row(case) for case in cases.judge(paper, Archive(tiny.populations))]
    for record in found:
        record |= {"outcome": "passed", "verdict": record["evidence_verdict"], "measured": 0.5}
    return found


def text(rows, width=80, *, plain=True):
    return closing_table(rows, width=width, plain=plain)


def line_below(rows, claim="tiny-error (plain)"):
    lines = text(rows).splitlines()
    return lines[next(i for i, line in enumerate(lines) if line.startswith(claim)) + 1]


def test_one_claim_is_two_lines(rows):
    lines = text(rows).splitlines()
    assert lines[:2] == [
        "claim (reading), place",
        "  published  measured  95 % band         verdict",
    ]
    assert "tiny-error (plain), Table 1, row 1" in lines
    assert line_below(rows) == "     0.5000    0.5000  [0.4643, 0.5357]  reproduced"
    assert "tiny-order (plain), Abstract: error > 0.2" in lines


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("outcome", ["passed", "unfinished"])
def test_every_verdict_is_whole_in_80_columns(rows, verdict, outcome):
    indicative = verdict is not Verdict.PAPER_INCONSISTENT  # nothing is measured for that one
    rows[0] |= {"verdict": verdict, "outcome": outcome, "indicative": indicative, "band": BAND}
    rows[0] |= {"id": LONG, "reading": "an-unusually-long-reading-name", "published": 0.123456}
    shown = text(rows)
    table, _, commands = shown.partition("rerun: ")
    assert all(len(line) <= 80 for line in table.splitlines())
    assert f"{verdict}, indicative" in table if indicative else verdict in table
    assert ("UNFINISHED" in table) is (outcome == "unfinished")
    assert LONG in table
    assert bool(commands) is (outcome == "unfinished")
    assert set(STYLES) == set(Verdict)


def test_deselected_claims_are_left_out(rows):
    for record in rows[1:]:
        record["outcome"] = "deselected"
    assert "tiny-error (plain)" in text(rows)
    assert "tiny-clean" not in text(rows)
    assert "1 reproduced\n" in text(rows)


def test_the_counts_do_not_hide_what_broke(rows):
    rows[0] |= {"outcome": "failed", "stale": True}
    rows[1] |= {"outcome": "error", "verdict": "not-run", "measured": None}
    shown = text(rows)
    assert "1 paper-inconsistent, 3 reproduced, 1 not-run\n" in shown
    assert "of these 1 failed, 1 error: their verdicts do not count\n" in shown
    assert "reproduced, STALE" in shown
    assert "not-run, ERROR" in shown
    assert shown.count("rerun: tox -e reproduce -- --claim 'tiny-error' --reading ") == 2


def test_a_curve_says_how_many_points_are_inside(rows):
    point = {"label": "0.1", "published": 0.5, "mean": 0.5, "sd": 0.1, "band": BAND}
    point |= {"inside": True, "measured": 0.5}
    rows[0] |= {
        "kind": "curve",
        "published": [0.5, 0.9],
        "measured": [0.5, 0.5],
        "band": None,
        "points": [point, point | {"published": 0.9, "inside": False}],
    }
    assert line_below(rows) == "   2 points  2 points  1 of 2 inside     reproduced"
    for each in rows[0]["points"]:
        each["inside"] = None
    assert line_below(rows) == "   2 points  2 points  –                 reproduced"


def test_brackets_in_a_place_are_not_taken_for_colours(rows):
    rows[0]["place"] = "Table [bold]1[/], :smile: [red]"
    assert "[bold]1[/], :smile: [red]" in text(rows)


def test_colours_only_where_they_are_wanted(rows):
    assert "\x1b[" not in text(rows)
    assert "\x1b[32mreproduced" in text(rows, plain=False)
