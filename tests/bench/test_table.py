"""The benchmark's own bookkeeping; its figures are nobody's test."""

from __future__ import annotations

from pathlib import Path

from table import LIMITS, Row, best, load, page, save, shown

DOCS = Path(__file__).resolve().parents[2] / "docs"

ROWS = [
    Row("One", "a ratio", 13.04, "times", 12.0, how="on a subset"),
    Row("One", "a share", 0.5, "share", 0.75),
    Row("Two", "a time", 1.234, "seconds", 2.0, at_least=False),
    Row("Two", "a slope", 0.987, "exponent"),
]


def test_a_goal_is_met_from_its_own_side():
    assert [row.met for row in ROWS] == [True, False, True, None]


def test_figures_are_told_as_fine_as_they_are_known():
    assert [shown(row.value, row.unit) for row in ROWS] == ["13.0 ×", "50 %", "1.23 s", "0.99"]
    assert shown(1234.5, "megabytes") == "1234 MB"


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "new" / "benchmark.json"
    save(path, {"on": "a machine"}, {"one": ROWS[:2], "two": ROWS[2:]})
    assert load(path) == ({"on": "a machine"}, {"one": ROWS[:2], "two": ROWS[2:]})


def test_the_page_has_a_table_a_section_and_says_what_is_missed():
    text = page({"on": "a machine", "threads": 2}, ROWS)
    assert "on a machine · threads 2" in text
    assert text.count("\n## ") == 2
    assert "| a ratio (on a subset) | 13.0 × | ≥ 12.0 × | met |" in text
    assert "| a share | 50 % | ≥ 75 % | **missed** |" in text
    assert "| a time | 1.23 s | ≤ 2.00 s | met |" in text
    assert "| a slope | 0.99 |  |  |" in text


def test_the_page_says_what_is_behind_a_missed_goal_alone():
    name = "the suite's own tests"
    slow, quick = (Row("Three", name, value, "seconds", 90.0, at_least=False) for value in (99, 9))
    assert f"- Three, {name}: " in page({}, [*ROWS, slow])
    assert "Behind" not in page({}, [*ROWS, quick])


def test_every_limit_is_of_something_measured():
    _, found = load(DOCS / "benchmark.json")
    every = [row for rows in found.values() for row in rows]
    assert set(LIMITS) <= {row.what for row in every} | {row.section for row in every}


def test_the_shortest_of_all_rounds_counts(monkeypatch):
    ticks = iter([0, 5, 5, 6, 10, 12, 20, 29])  # (first, second) twice: 5 and 1, 2 and 9 seconds
    monkeypatch.setattr("table.perf_counter", lambda: next(ticks))
    asked = []
    calls = {name: lambda name=name: asked.append(name) for name in ("first", "second")}
    assert best(calls, rounds=2) == {"first": 2, "second": 1}
    assert asked == ["first", "second"] * 3


def test_the_page_is_the_one_that_its_figures_make():
    found = (DOCS / "benchmark.md").read_text(encoding="utf-8")
    about, sections = load(DOCS / "benchmark.json")
    every = [row for rows in sections.values() for row in rows]
    assert found == page(about, every), "run tox -e bench -- write"
