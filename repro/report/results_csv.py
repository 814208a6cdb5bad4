"""The results of a report as CSV, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from repro.report.result_row import ResultRow
from repro.report.sanitize import line

LEFT_OUT = {"quote", "points", "gate", "seeds", "values", "weights_sha256"}
LEFT_OUT |= {"health", "control", "drift"}
"""The fields of a result row that are no cell of a table."""
COLUMNS = [name for name in ResultRow.__annotations__ if name not in LEFT_OUT | {"band"}]


def text(rows: Iterable[ResultRow]) -> str:
    """Write a line a claim and reading; ``low`` and ``high`` are the ends of its 95 % band.

    Of several values, a curve's say, all stand in one cell, apart by spaces.

    >>> text([]).split(",")[:3]
    ['id', 'paper', 'kind']
    """
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow([*COLUMNS, "low", "high"])
    for row in rows:
        ends = [row["band"]["low"], row["band"]["high"]] if row["band"] else [None, None]
        known = dict(row)  # by names that are not written out
        table.writerow([_cell(value) for value in [*(known[name] for name in COLUMNS), *ends]])
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, list):
        return _cell(" ".join(map(str, value)))
    if not isinstance(value, str):
        return value
    said = line(value)
    # A report may come from anywhere, and a spreadsheet runs what begins like a formula.
    return f"'{said}" if said.startswith(("=", "+", "-", "@")) else said
