"""The seeds of a claim, drawn with letters."""

from __future__ import annotations

import pytest
from tiny_paper import document

from repro.claims import records
from repro.judge import cases
from repro.judge.bands import Band
from repro.judge.populations import Archive
from repro.report import listing
from repro.report.layout import rendered

BAND = Band(0.25, 0.75, 0.95, "t")


@pytest.fixture
def found(tiny):
    tiny.measure()
    paper = records.parse(document(tiny.paper), name="tiny")
    return cases.judge(paper, Archive(tiny.populations))


def drawn(found, claim, width=60):
    mine = [case for case in found if case.claim.id == claim]
    return rendered(listing.seeds(mine, width=width), width=width, plain=True).splitlines()


@pytest.mark.parametrize(
    ("values", "mark", "band", "line"),
    [
        ([0.5], 0.0, BAND, "x [ 1 ]  "),
        ([0.5] * 9 + [1.0] * 10, 0.0, None, "x   9   +"),
        ([0.0], 1.0, BAND, "1 [   ] x"),
        ([0.25], 0.25, BAND, "  x   ]  "),
    ],
)
def test_a_strip(values, mark, band, line):
    assert listing.strip(values, mark, band, 0.0, 1.0, 9) == line


def test_a_strip_of_no_width_is_no_division_by_zero():
    assert listing.strip([0.5] * 3, 0.5, None, 0.5, 0.5, 3) == "x  "


def test_the_readings_share_one_axis_that_reaches_everything(found):
    plain, other, axis, legend = drawn(found, "tiny-error", width=80)
    assert plain.startswith("plain  ")
    assert other.startswith("other  ")
    assert plain.removeprefix("plain") == other.removeprefix("other")  # of the same seeds
    low, high = map(float, axis.split())
    assert low < 0.48 < 0.52 < high
    assert sum(map(int, filter(str.isdigit, plain))) == 8
    assert legend == "a digit: how many seeds fall there; x: published 0.5; 95 % band [ ]"
