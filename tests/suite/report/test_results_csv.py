"""The results as CSV: what a spreadsheet makes of a cell."""

from __future__ import annotations

import csv
import io

import pytest
from sample_reports import record

from repro.report import results_csv


def cell(**changes: str) -> str:
    (name,) = changes
    (row,) = csv.DictReader(io.StringIO(results_csv.text([record(**changes)])))
    return row[name]


@pytest.mark.parametrize(
    "formula", ["=1+1", "+1+1", "-1+1", "@SUM(1)", "  =1+1", "\t=1+1", "\r=1"]
)
def test_no_text_begins_like_a_formula(formula):
    assert cell(statement=formula).startswith(("'", "\ufffd"))


@pytest.mark.parametrize("text", ["1+1=2", "a-b", "it's", "x@y.org"])
def test_other_texts_stay_as_they_are(text):
    assert cell(statement=text) == text


def test_a_number_below_zero_is_a_number():
    assert float(cell(difference=-0.5)) == -0.5


def test_every_cell_is_a_number_or_a_text():
    header = {*results_csv.text([]).strip().split(",")}
    assert not {"drift", "control", "gate", "health"} & header
    assert not any(isinstance(record()[name], dict) for name in header - {"low", "high"})
