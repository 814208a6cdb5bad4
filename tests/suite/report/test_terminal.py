"""The closing screen from records alone, and tables in windows of every width."""

from __future__ import annotations

import re

import pytest
from sample_reports import HEADER, trial
from tiny_paper import document

from repro.claims import records
from repro.claims.verdict import Verdict
from repro.judge import cases
from repro.judge.overview import Explained, explained
from repro.judge.populations import Archive
from repro.papers.registry import load_all
from repro.report import red, result_row, words
from repro.report.layout import rendered
from repro.report.result_row import STANDINGS
from repro.report.terminal import (
    CAUSES,
    FEW,
    FEW_FAILED,
    MENDED,
    STYLES,
    closing_screen,
    results,
    standings,
    whole_table,
)

LONG = "x" * 20 + "-a-claim-id-of-sixty-letters-more-or-less"
EXPLAINED = [
    Explained("tiny", "plain", "", 2, 3),
    Explained("tiny", "plain", "Table 1", 2, 2, 0.25),
    Explained("tiny", "other", "", 0, 0),
]


@pytest.fixture
def rows(tiny):
    """Five records as a run would leave them."""
    tiny.measure()
    paper = records.parse(document(tiny.paper), name="tiny")
    found = [result_row.new_row(case) for case in cases.judge(paper, Archive(tiny.populations))]
    for record in found:
        record |= {"outcome": "passed", "verdict": record["evidence_verdict"], "measured": 0.5}
    return found


def screen(rows, width=80, *, plain=True, header=HEADER, **more):
    shown = closing_screen(rows, EXPLAINED, width=width, header=header, **more)
    return rendered(shown, width=width, plain=plain)


def table(rows, width=80):
    shown = results(rows, width=width)
    return rendered(shown, width=width or 999, plain=True).splitlines()


def failed(rows, **changes):
    rows[0] |= {"outcome": "failed"} | changes
    return " ".join(screen(rows).split())


def test_a_table_takes_the_first_of_three_forms_that_fits(rows):
    wide, narrow, narrowest = (table(rows[:1], width) for width in (81, 65, 40))
    assert wide == table(rows[:1], None)  # of a file or a pipe
    assert wide == [
        "claim       published  reading  measured  mean ± s (N)         verdict",
        "tiny-error  0.5        plain    0.5000    0.5000 ± 0.0123 (8)  reproduced",
    ]
    assert narrow[1:] == [
        "tiny-error: published 0.5",
        "  plain    0.5000    0.5000 ± 0.0123 (8)  reproduced",
    ]
    assert narrowest == [
        "tiny-error: published 0.5",
        "  plain: reproduced",
        "    measured 0.5000",
        "    mean ± s (N) 0.5000 ± 0.0123 (8)",
    ]


def test_where_a_network_stands_is_a_row_a_claim():
    shown = rendered(standings(trial()["claims"]), width=200, plain=True).splitlines()
    assert [line.split("  ")[0] for line in shown[:8]] == [
        *("claim", "tiny-in", "tiny-out", "tiny-curve", "tiny-holds", "tiny-fails", "tiny-not"),
        "tiny-broke",
    ]
    cells = [[cell.strip() for cell in line.split("  ") if cell] for line in shown[:8]]
    assert cells[1] == [
        *("tiny-in", "0.5, ordering error > noise", "plain", "[0.4800, 0.5200]", "0.5010"),
        *("holds", "excluded", "inside"),
    ]
    assert cells[2][-4:] == ["0.6000", "fails", "excluded", "outside"]
    assert cells[3][3:5] == ["0.0600 to 0.7500", "0.1200 to 0.8000"]
    assert [line[-1] for line in cells[3:]] == [
        *("outside at 1 of 3 points", "holds", "fails, our criterion", "not-asked"),
        "not-asked, ERROR",
    ]
    assert cells[5][4:6] == ["by -0.0100", "fails"]
    assert shown[9:] == [
        "tiny-not (plain): it compares two trainings",
        "tiny-broke (plain): published 0.5 lies in the band",
        "band, yours: of a curve, from the lowest to the highest of its points",
        *(f"{term}: {meaning}" for term, meaning in words.TERMS.items()),
        "2 outside, 1 fails, 1 inside, 1 holds, 2 not-asked",
        "Of 2 bands of 95 %, 0.1 would miss by chance if your network were one more training",
    ]


def test_one_claim_s_readings_stand_together(rows):
    assert [line for line in table(rows, 65) if "published" in line] == [
        "tiny-error: published 0.5",
        "tiny-clean: published 0.3",
        "tiny-order: published > 0.2",
        "tiny-twice: published two sources",
    ]


def test_an_ordering_holds_by_a_difference(rows):
    rows[3]["difference"] = 0.25
    assert "by 0.2500  by 0.3000 ± 0.0123 (8)" in "\n".join(table(rows))


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("outcome", ["passed", "unfinished"])
@pytest.mark.parametrize("width", [40, 60, 80, 120, 400])
def test_every_verdict_is_whole_in_every_width(rows, verdict, outcome, width):
    rows[0] |= {"verdict": verdict, "outcome": outcome, "id": LONG, "published": 0.123456}
    rows[0] |= {"reading": "an-unusually-long-reading"}
    shown = screen(rows, width)
    above, _, command = shown.partition("rerun: ")
    if width >= len(LONG):
        assert LONG in above
    assert all(len(line) <= width for line in above.splitlines())
    assert verdict in above
    assert (f"{verdict}, UNFINISHED" in " ".join(above.split())) is (outcome == "unfinished")
    assert command.startswith(f"repro run --claim '{LONG}'") is bool(command)
    assert bool(command) is (outcome == "unfinished")
    assert set(STYLES) == {*Verdict, *STANDINGS}


def test_what_each_reading_explains_comes_first(rows):
    lines = screen(rows).splitlines()
    assert [line.split() for line in lines[:2]] == [
        ["paper", "reading", "explained", "joint", "test,", "p"],
        ["tiny", "plain", "2", "of", "3", "Table", "1:", "0.25"],
    ]
    assert lines[2] == ""  # nothing of a reading without numbers


def test_few_rows_are_shown_all_and_of_many_the_headline_claims(rows):
    assert "tiny-twice" in screen(rows)
    shown = screen([row | {"reading": f"r{n}"} for n in range(FEW) for row in rows])
    assert "tiny-error" in shown
    assert "tiny-twice" not in shown
    others = [row | {"reading": f"r{n}"} for n in range(FEW) for row in rows[2:]]
    shown = screen(others)  # the worst of them
    assert "tiny-twice" in shown
    assert "tiny-order" not in shown


def test_many_headline_rows_are_told_in_brief(rows):
    rows[0]["outcome"] = "failed"
    many = [row | {"reading": f"r{n}"} for n in range(6) for row in (rows[0], rows[1])]
    many += [row | {"reading": "of-another", "verdict": "not-run"} for row in (rows[1],)]
    said = " ".join(screen(many).split())
    assert "tiny-error: published 0.5 reproduced, FAILED r0, r1, r2, r3, r4, r5; " in said
    assert "; not-run of-another " in said
    assert "mean ± s" not in said


def test_a_full_run_of_both_papers_is_one_screen_of_40_lines():
    lines, found, archive = [], [], Archive()
    for paper in (load_all()[name] for name in ("lacok2016", "popovic2017")):
        judged = cases.judge(paper, archive)
        lines += explained(paper, judged, archive)
        found += [result_row.new_row(case) for case in judged]
    for row in found:
        row |= {"outcome": "passed", "verdict": row["evidence_verdict"]}
    shown = rendered(
        closing_screen(found, lines, width=80, header=HEADER), width=80, plain=True
    ).splitlines()
    assert len(shown) + len(("claims", "coverage", "report", "page", "pytest's line")) <= 40
    assert max(map(len, shown)) <= 80
    assert any(line.startswith("lacok2016-abstract-fgsm-error: published 0.97") for line in shown)


def test_a_run_of_some_claims_says_so_and_what_chose_them(rows):
    assert "Partial" not in screen(rows)
    rows[1]["outcome"] = "deselected"
    command = "pytest -W ignore::y.Z tests/claims --paper tiny '--claim=a b*' -k 'x or y' --lf -q"
    shown = screen(rows, header=HEADER | {"command": f"{command} 'tests/a.py::b[c]'"}, width=400)
    chosen = "--paper tiny, '--claim=a b*', -k 'x or y', --lf, 'tests/a.py::b[c]'"
    assert f"Partial run ({chosen}): 1 of 5 rows were deselected; they stand as not-run." in shown
    assert "Partial run: 1 of 5" in screen(rows)


def test_deselected_claims_are_left_out(rows):
    for record in rows[1:]:
        record["outcome"] = "deselected"
    assert "tiny-error" in screen(rows)
    assert "tiny-clean" not in screen(rows)
    assert "1 reproduced: all as on record\n" in screen(rows)


def test_what_was_measured_on_the_sample_is_indicative(rows):
    assert "ndicative" not in screen(rows)
    rows[0]["indicative"] = True
    shown = screen(rows, header=HEADER | {"data": {"kind": "embedded"}})
    assert "reproduced, indicative" in shown
    assert "Indicative only: measured on the embedded sample" in shown


def test_that_nothing_ran_is_said():
    found = rendered(closing_screen([], [], width=80, header=HEADER), width=80, plain=True)
    assert found == "\nno claim was judged\n"


def test_the_counts_do_not_hide_what_broke(rows):
    rows[1] |= {"outcome": "error", "verdict": "not-run", "measured": None}
    shown = failed(rows, stale=True)
    assert "3 reproduced, 1 not-run: all as on record" in shown
    assert "Of 5 rows that ran, one a claim and reading, 1 failed, 1 error; this run" in shown
    assert "reproduced, STALE" in shown
    assert "STALE, the code or this machine" in shown
    assert "not-run, ERROR" in shown
    assert "rerun: repro run --claim 'tiny-error' --reading " in shown
    assert "rerun all: repro run --failed reports/report.json" in shown


@pytest.mark.parametrize(
    ("cause", "changes", "said"),
    [
        ("science", {"expected": "trend-only"}, "reproduced, on record trend-only"),
        ("numbers", {"stale": True, "measured": 0.75}, "0.7500 here, 0.4800 in the population"),
        ("control", {"control": {"metric": "noise", "outside": False}}, "noise"),
        ("broken", {"verdict": "not-run", "measured": None}, ""),
        ("unfinished", {"outcome": "unfinished"}, ""),
    ],
)
def test_a_failure_says_whether_it_is_science_or_machine(rows, cause, changes, said):
    shown = failed(rows, **changes)
    spot = f"tiny-error (plain): {said}" if said else "tiny-error (plain)"
    assert f"{CAUSES[cause]} (1 row) {spot}" in shown
    assert [other for other in CAUSES if CAUSES[other] in shown] == [cause]
    assert "rerun: repro run --claim 'tiny-error' --reading plain" in shown
    assert ("1 of them NOT as on record" in shown) is (cause == "science")
    assert (red.SINCE in shown) is (cause == "numbers")


def test_a_number_on_the_sample_is_not_set_beside_one_on_full_mnist(rows):
    shown = failed(rows, stale=True, measured=0.75, indicative=True)
    assert "0.7500 here" in shown
    assert "0.4800 in the population" not in shown


@pytest.mark.parametrize("changes", [{"stale": True}, {"expected": "trend-only"}])
def test_a_changed_checkout_is_looked_at_first(rows, changes):
    rows[0] |= {"outcome": "failed"} | changes
    assert red.CHANGED in screen(rows, header=HEADER | {"dirty": True})
    assert red.CHANGED not in screen(rows)


def test_a_snapshot_that_differs_is_told_and_rerun(rows):
    shown = screen(rows, snapshots=["tiny-order@plain"])
    assert "snapshot of the experiment of tiny-order@plain" in shown
    assert "rerun: repro run --claim 'tiny-order' --reading plain" in shown
    assert "rerun all" not in shown


def test_a_snapshot_that_was_not_there_is_no_difference(rows):
    shown = screen(rows, first=["tiny-order@plain"], header=HEADER | {"dirty": True})
    assert f"{words.NO_SNAPSHOT} (1 snapshot)" in shown.replace("\n", " ")
    assert "snapshot of the experiment of tiny-order@plain" in shown
    assert "rerun: repro run --claim 'tiny-order' --reading plain" in shown
    assert CAUSES["numbers"] not in shown
    assert red.CHANGED not in shown


def test_many_failures_are_counted_and_not_listed(rows):
    many = [
        row | {"outcome": "failed", "stale": True, "tags": [], "id": f"{row['id']}-{i}-{n}"}
        for n in range(20)
        for i, row in enumerate(rows)
    ]
    shown = screen(many)
    assert "and 97 more" in shown
    assert "rerun all: repro run --failed" in shown
    assert len(shown.splitlines()) <= 40


@pytest.mark.parametrize("count", [FEW_FAILED - 1, FEW_FAILED, FEW_FAILED + 1])
def test_what_is_not_listed_of_the_failures_is_counted(rows, count):
    failed = [
        row | {"outcome": "failed", "stale": True, "evidence_verdict": row["expected"]}
        for row in rows[:1] * count
    ]
    shown = screen([row | {"id": f"tiny-{n}"} for n, row in enumerate(failed)])
    assert len(re.findall(r"^  tiny-\d \(plain\): ", shown, re.M)) == min(count, FEW_FAILED)
    assert re.findall(r"and (\d+) more", shown) == ["1"] * (count > FEW_FAILED)


def test_an_unfinished_run_is_not_repeated_by_what_failed(rows):
    shown = screen([row | {"outcome": "unfinished"} for row in rows])
    assert "give the command again (5 rows)" in shown
    assert "rerun all" not in shown


def test_a_curve_says_how_many_points_were_measured(rows):
    rows[0]["measured"] = [0.5, 0.5]
    assert "2 points" in table(rows)[2]


def test_brackets_are_not_taken_for_colours(rows):
    rows[0] |= {"reading": "[bold]1[/] :smile: [red]"}
    assert "[bold]1[/] :smile: [red]" in screen(rows)


def test_colours_only_where_they_are_wanted(rows):
    assert "\x1b[" not in screen(rows)
    assert "\x1b[32mreproduced" in screen(rows, plain=False)


@pytest.mark.parametrize("health", [{}, {"zero-gradient-share": 0.25}, {"other": 0.5}])
def test_the_whole_table_has_every_row_worst_first_and_any_gradient_health(rows, health):
    rows[0]["health"] = health
    rows[4]["outcome"] = "failed"
    text = rendered(whole_table(rows, width=80), width=80, plain=True)
    spots = [text.index(row["id"]) for row in (rows[4], rows[0], rows[3])]
    assert spots == sorted(spots)
    assert ("gradient health, toy, plain: " in text) is bool(health)
    assert ("25.00%" in text) is ("zero-gradient-share" in health)


def test_a_rerun_of_what_failed_that_passes_says_so(rows):
    again = HEADER | {"command": "pytest tests/claims --failed report.json"}
    assert MENDED in screen(rows, header=again, width=400)
    assert MENDED not in screen(rows, header=HEADER, width=400)
    rows[0] |= {"outcome": "failed", "stale": True}
    assert MENDED not in screen(rows, header=again, width=400)
