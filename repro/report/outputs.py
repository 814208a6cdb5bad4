"""The files that stand beside a report.json, each a rendering of it alone."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from itertools import count
from pathlib import Path

from repro.atomic import write_atomic
from repro.errors import ReportError, ReproError, StoreError
from repro.report import crate, report_json, results_csv

PAGES = ("index.html", "summary.md")
KEPT = "report-{}.json"
"""An earlier run's report, with rows that none since has measured."""


def write(source: Path, target: Path, form: str = "html") -> None:
    """Render a report as its page, or with ``form`` csv as a table, a line a claim and reading."""
    report = report_json.read(source)
    if form == "csv":
        text = results_csv.text(report["claims"])
    else:
        from repro.report.page import html  # slow to import, and only pages need it

        text = html.render(report)
    try:
        write_atomic(target, text.encode())
    except StoreError as error:
        do = "choose another place with --out or --report-dir"
        raise StoreError(error.found, expected=error.expected, do=do) from error


def figures_of(claim: str, folder: Path) -> list[str]:
    """Where the last report has figures for a claim: ``index.html#figure-…`` in ``folder``."""
    from repro.report.page import figures, html

    source, page = folder / "report.json", folder / "index.html"
    if not (source.exists() and page.exists()):
        return []
    try:
        drawn = figures.figures(report_json.read(source))[: html.MOST_FIGURES]
    except ReportError:  # of an unfinished run, say
        return []
    return [
        f"{page}#{each.anchor}"
        for each in drawn
        if any(row == claim or row.startswith(f"{claim}--") for row in each.rows)
    ]


def remove(folder: Path) -> None:
    """Remove the pages of an earlier run, so that none stands beside an unfinished report."""
    for name in (*PAGES, crate.NAME):
        with suppress(OSError):  # a folder that takes no files says so when the report is written
            (folder / name).unlink(missing_ok=True)


def keep(source: Path) -> None:
    """Move an earlier run's report aside, before the next one's takes its place."""
    if _measured(source):
        with suppress(OSError):
            names = map(KEPT.format, count(1))
            free = (name for name in names if not source.with_name(name).exists())
            source.replace(source.with_name(next(free)))


def kept(source: Path) -> list[Path]:
    """Return the reports kept beside one; those of which it has every row are removed first."""
    measured, found = _measured(source), []
    for path in sorted(source.parent.glob(KEPT.format("*"))):
        # By another name a report is the user's own; what is no report may be anything.
        if re.fullmatch(r"report-[1-9][0-9]*", path.stem) and (old := _measured(path)):
            if old <= measured:
                path.unlink(missing_ok=True)
            else:
                found.append(path)
    return found


def earlier(source: Path) -> list[str]:
    """Say which reports are :func:`kept` beside one."""
    found = ", ".join(os.path.relpath(path) for path in kept(source))
    return [f"kept, with rows that are not in it: {found}"] if found else []


def _measured(source: Path) -> set[tuple[str, str, str]]:
    """Return the network and row of each test that came to its end; none of what is no report."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        found = json.loads(source.read_text(encoding="utf-8"))
        if "footer" in found:
            left = ("deselected", "unfinished")
            network = found["header"].get("network", {}).get("sha256", "")
            return {
                (network, r["id"], r["reading"])
                for r in found["claims"]
                if r["outcome"] not in left
            }
    return set()


def write_beside(source: Path) -> list[str]:
    """Write ``index.html`` and ``summary.md`` beside a report; a run never fails for them.

    The summary is appended to the file that ``GITHUB_STEP_SUMMARY`` names, where it is set.

    Returns:
        What went wrong, one sentence each.
    """
    from repro.report import step_summary  # slow to import, and only the end needs them
    from repro.report.page import html

    try:
        found = report_json.read(source)
        summary = step_summary.summary(found)
        write_atomic(source.parent / "summary.md", summary.encode())
        write_atomic(source.parent / "index.html", html.render(found).encode())
    except Exception as error:  # whatever it is, the run and its report stand
        why = f"{error.found}; {error.do}" if isinstance(error, ReproError) else repr(error)
        return [f"the pages were not written: {why}"]
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    try:
        if target:
            with Path(target).open("a", encoding="utf-8") as out:
                out.write("\n" + summary)
    except OSError as error:
        return [f"GITHUB_STEP_SUMMARY cannot be appended to: {error}"]
    return []
