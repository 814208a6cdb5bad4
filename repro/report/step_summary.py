"""A report in a few lines of Markdown, for a pull request or a job's summary page."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from repro.claims.verdict import Verdict
from repro.markdown import joined, table
from repro.report import red, words
from repro.report.result_row import BROKEN, SYMBOLS, ResultRow, rank, unexpected
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
    return [table(titles, rows), *[f"and {more} more, in report.json and index.html"] * bool(more)]


def _cells(row: ResultRow) -> list[str]:
    beside = [*words.marks(row), *([words.alarm(row)] if words.alarm(row) else [])]
    return [
        f"{literal(row['id'], 120)} ({literal(row['reading'], 60)})",
        literal(words.published(row), 80),
        literal(words.number(row["measured"])),
        literal(words.population(row)),
        literal(words.band(row)),
        ", ".join([f"{SYMBOLS[Verdict(row['verdict'])]} {literal(row['verdict'])}", *beside]),
    ]


def _red(report: Mapping[str, Any]) -> list[str]:
    found = red.summary(
        report["claims"], report["header"], len(report["footer"].get("snapshots_failed", ()))
    )
    if not found:
        return []
    again = f"Run again what failed: `{red.rerun('report.json')}`, with this run's report.json."
    return [f"**{literal(found[0])}.**", *map(literal, found[1:]), again]


def _counts(rows: Sequence[ResultRow]) -> list[str]:
    said = [f"{n} {symbol} {name}" for name, symbol, n in words.counts(rows) if n]
    return [", ".join(said) or "no claims", *(f"{each}." for each in words.caveats(rows))]


def _changes(rows: Iterable[ResultRow], shown: int) -> list[str]:
    told = [r for r in rows if r["outcome"] in BROKEN or r["stale"] or unexpected(r)]
    rows = sorted(told, key=rank)
    title = "### Against the verdicts on record"
    if not rows:
        return [title, "Nothing changed, nothing failed."]
    cells = [
        [
            f"{literal(r['id'], 120)} ({literal(r['reading'], 60)})",
            literal("; ".join([r["evidence_verdict"], *words.notes(r)])),
            literal(red.off(r) if r["stale"] else r["reason"]),
            f"`{command}`" if (command := words.rerun(r["id"], r["reading"])) else words.NOTHING,
        ]
        for r in rows[:shown]
    ]
    return [title, *_table(["claim", "what", "reason", "rerun"], cells, len(rows))]


def _headline(rows: Iterable[ResultRow], shown: int) -> list[str]:
    rows = [r for r in rows if "headline" in r["tags"] and r["outcome"] != "deselected"]
    if not rows:
        return []
    titles = ["claim", "published", "this machine", "mean ± s (N)", "band", "verdict"]
    cells = [_cells(row) for row in rows[:shown]]
    table = _table(titles, cells, len(rows))
    return ["### Headline claims", *table, f"{words.MEAN_AND_SPREAD}."]


MORE = """\
### More

`index.html` beside this file has every row with its evidence, and `repro report report.json` makes
it again; `repro show ID` tells one claim's whole story; `repro diff A.json B.json` compares two
reports.
"""


def summary(report: Mapping[str, Any]) -> str:
    """Return the summary of a report that was read, always under :data:`LIMIT` bytes."""
    header, rows = report["header"], list(report["claims"])
    dirty = " with uncommitted changes" if header["dirty"] else ""
    subject = f" ({literal(header['subject'], 100)})" if header.get("subject") else ""
    commit = f"Commit {literal(header['commit'], 40)}{subject}{dirty}"
    limits = words.limits(rows, header, report["footer"])
    text = ""
    for shown in (_MOST_ROWS, 10, 3, 0):
        blocks = [
            "## Published claims, measured",
            f"{literal(header['coverage'])}. {commit}, {literal(header['start'], 40)}.",
            *(f"**{literal(limit, 4000)}**" for limit in limits),
            *_red(report),
            *_counts(rows),
            *_changes(rows, shown),
            *_headline(rows, shown),
            MORE,
        ]
        text = joined(blocks)
        if len(text.encode()) < LIMIT:
            break
    return text
