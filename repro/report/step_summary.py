"""A report in a few lines of Markdown, for a pull request or a job's summary page."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from repro.claims.verdict import Verdict
from repro.report import words
from repro.report.claims_md import table
from repro.report.result_row import BROKEN, ResultRow, unexpected, worst_first
from repro.report.sanitize import line

LIMIT = 100_000
"""Bytes that a summary never reaches."""
_MOST_ROWS = 40
# What Markdown reads, and what makes a bare address a link.
_ACTIVE = re.compile(r"([\\`*_\[\]|~#@!]|:(?=//)|(?<=www)\.)")


def literal(text: object, limit: int = 300) -> str:
    """Text that Markdown and HTML show as it is, on one line."""
    return html.escape(_ACTIVE.sub(r"\\\1", line(text, limit)), quote=False)


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], total: int) -> list[str]:
    more = total - len(rows)
    beyond = ["", f"and {more} more, in report.json and index.html"] if more else []
    return [*table(titles, rows), *beyond, ""]


def _cells(record: ResultRow) -> list[str]:
    return [
        f"{literal(record['id'], 120)} ({literal(record['reading'], 60)})",
        literal(words.published(record), 80),
        literal(words.number(record["measured"])),
        literal(words.population(record)),
        literal(words.band(record)),
        f"{words.SYMBOLS[Verdict(record['verdict'])]} {literal(record['verdict'])}",
    ]


def _counts(records: Sequence[ResultRow]) -> list[str]:
    said = [f"{n} {symbol} {name}" for name, symbol, n in words.counts(records) if n]
    lines = [", ".join(said) or "no claims", ""]
    chance = words.by_chance(records)
    return [*lines, f"{chance}.", ""] if chance else lines


def _warnings(records: Sequence[ResultRow], header: Mapping[str, Any]) -> list[str]:
    found = []
    if header["data"]["kind"] != "full":
        found.append(f"Indicative only: the data are `{header['data']['kind']}`, not full MNIST.")
    deselected = sum(record["outcome"] == "deselected" for record in records)
    if deselected:
        found.append(f"Partial run: {deselected} of {len(records)} rows were deselected.")
    return [part for sentence in found for part in (f"**{sentence}**", "")]


def _why(record: ResultRow) -> str:
    if record["stale"]:
        return "stale: this machine's measurement lies outside the gate"
    if unexpected(record):
        return f"expected {record['expected']}, the evidence says {record['evidence_verdict']}"
    return str(record["outcome"])


def _changes(records: Iterable[ResultRow], shown: int) -> list[str]:
    rows = [
        r for r in worst_first(records) if r["outcome"] in BROKEN or r["stale"] or unexpected(r)
    ]
    lines = ["### Against the verdicts on record", ""]
    if not rows:
        return [*lines, "Nothing changed, nothing failed.", ""]
    cells = [
        [
            f"{literal(r['id'], 120)} ({literal(r['reading'], 60)})",
            literal(_why(r)),
            literal(r["reason"]),
            f"`{words.rerun(r)}`" if words.rerun(r) else "–",
        ]
        for r in rows[:shown]
    ]
    return [*lines, *_table(["claim", "what", "reason", "rerun"], cells, len(rows))]


def _headline(records: Iterable[ResultRow], shown: int) -> list[str]:
    rows = [record for record in records if "headline" in record["tags"]]
    if not rows:
        return []
    titles = ["claim", "published", "this machine", "mean ± s (N)", "band", "verdict"]
    return [
        "### Headline claims",
        "",
        *_table(titles, [_cells(r) for r in rows[:shown]], len(rows)),
    ]


MORE = """\
### More

`index.html` beside this file has every row with its evidence, and `repro report report.json` makes
it again; `repro show ID` tells one claim's whole story; `repro diff A.json B.json` compares two
reports.
"""


def summary(report: Mapping[str, Any]) -> str:
    """The summary of a report, always under :data:`LIMIT` bytes.

    Args:
        report: a report that :func:`repro.report.report_json.read` has accepted.
    """
    header, records = report["header"], list(report["claims"])
    dirty = " with uncommitted changes" if header["dirty"] else ""
    commit = f"Commit {literal(header['commit'], 40)}{dirty}, {literal(header['start'], 40)}."
    text = ""
    for shown in (_MOST_ROWS, 10, 3, 0):
        lines = [
            "## Published claims, measured",
            "",
            f"{literal(header['coverage'])}. {commit}",
            "",
            *_warnings(records, header),
            *_counts(records),
            *_changes(records, shown),
            *_headline(records, shown),
            MORE,
        ]
        text = "\n".join(lines)
        if len(text.encode()) < LIMIT:
            break
    return text
