"""The files that stand beside a report.json, each a rendering of it alone."""

from __future__ import annotations

import os
from pathlib import Path

from repro.atomic import write_atomic
from repro.claims import report
from repro.errors import ReproError, StoreError

PAGES = ("index.html", "summary.md")


def write_page(source: Path, target: Path) -> None:
    """Render the page of a report.

    Raises:
        ReportError: ``source`` is no complete report.
        StoreError: ``target`` cannot be written.
    """
    from repro.claims import html

    try:
        write_atomic(target, html.render(report.read(source)).encode())
    except StoreError as error:
        raise StoreError(
            error.found, expected=error.expected, do="choose another file with --out"
        ) from error


def remove(folder: Path) -> None:
    """Remove the pages of an earlier run, so that none stands beside an unfinished report."""
    for name in PAGES:
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError:  # a folder that takes no files says so when the report is written
            return


def write_beside(source: Path) -> list[str]:
    """Write ``index.html`` and ``summary.md`` beside a report; a run never fails for them.

    The summary is appended to the file that ``GITHUB_STEP_SUMMARY`` names, where it is set.

    Returns:
        What went wrong, one sentence each.
    """
    from repro.claims import html, summary_md  # slow to import, and only the end needs them

    problems = []
    try:
        found = report.read(source)
        summary = summary_md.summary(found)
        write_atomic(source.parent / "summary.md", summary.encode())
        write_atomic(source.parent / "index.html", html.render(found).encode())
    except ReproError as error:
        problems.append(f"the pages were not written: {error.found}; {error.do}")
    else:
        problems += _append(summary)
    return problems


def _append(summary: str) -> list[str]:
    target = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if not target:
        return []
    try:
        with Path(target).open("a", encoding="utf-8") as out:
            out.write("\n" + summary)
    except OSError as error:
        return [f"GITHUB_STEP_SUMMARY cannot be appended to: {error}"]
    return []
