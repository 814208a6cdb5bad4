"""The page of a report: one self-contained file, rendered from report.json alone.

A report may come from anywhere. Its texts are bounded by :mod:`repro.report.page.rows` and escaped
by the template; and the page's own policy lets no other script run and no request go out.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from repro.report import words
from repro.report.page import figures
from repro.report.page import rows as view
from repro.report.page.figures import Figure
from repro.report.result_row import BROKEN, ResultRow
from repro.report.sanitize import finite, line

MOST_FIGURES = 24
_MOST_LINKS = 10


def _part(name: str) -> str:
    return resources.files("repro.report").joinpath("page", name).read_text("utf-8")


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _banners(rows: Sequence[ResultRow], header: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (kind, sentence) of all that limits what the page may be taken for."""
    outcomes = Counter(str(row["outcome"]) for row in rows)
    broken = sum(outcomes[name] for name in BROKEN)
    each = ", ".join(f"{outcomes[name]} {name}" for name in BROKEN if outcomes[name])
    left = len(rows) - view.MOST_ROWS
    embedded = (
        "Indicative only: measured on the embedded sample of 5,000 MNIST digits, which are "
        "training images, not on MNIST."
    )
    partial = (
        f"Partial run: {outcomes['deselected']} of {len(rows)} rows were deselected; they "
        "stand as not-run."
    )
    data = header["data"]["kind"]
    found = [
        (broken, "bad", f"{broken} of {len(rows)} rows need attention ({each}):"),
        (data == "embedded", "warn", embedded),
        (data == "none", "warn", "No MNIST was found: nothing was measured."),
        (outcomes["deselected"], "warn", partial),
        (left > 0, "warn", f"Too long for a page: {left} rows stand in report.json alone."),
    ]
    return [(kind, sentence) for applies, kind, sentence in found if applies]


def _environment(report: Mapping[str, Any], rows: Sequence[ResultRow]) -> list[tuple[str, str]]:
    header, footer = report["header"], report["footer"]
    dirty = " with uncommitted changes" if header["dirty"] else ""
    seconds = finite(footer["seconds"])
    return [
        ("commit", line(header["commit"], 80) + dirty),
        ("versions", ", ".join(f"{k} {v}" for k, v in view.pairs(header["versions"], 60))),
        ("processor", f"{line(header['cpu'], 120)}, {words.whole(header['threads'])} threads"),
        ("device", line(header["device"], 120)),
        ("data", f"{header['data']['kind']}, {line(header['data']['source'], 300)}"),
        *[(f"SHA-256 of {k}", v) for k, v in view.pairs(header["data"]["hashes"])],
        ("seeds of the populations", view.seeds(rows)),
        ("started", line(header["start"], 40)),
        ("ended", line(footer["end"], 40)),
        ("wall time", "not a number" if seconds is None else f"{seconds:.1f} s"),
        ("command", line(header["command"], 1000)),
    ]


def _figures_of(shown: Sequence[Figure]) -> dict[str, list[Figure]]:
    """Map a row's anchor to the figures that show it."""
    found: dict[str, list[Figure]] = {}
    for figure in shown:
        for row in figure.rows:
            found.setdefault(row, []).append(figure)
    return found


def render(report: Mapping[str, Any]) -> str:
    """Return the page of a report, the same on every machine.

    Args:
        report: a report that :func:`repro.report.report_json.read` has accepted.
    """
    rows: list[ResultRow] = list(report["claims"])
    groups = view.groups(rows)
    drawn = figures.figures(report)
    shown = drawn[:MOST_FIGURES]
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style, script = _part("page.css"), _part("page.js")
    broken = [(group, row) for group in groups for row in group.rows if row.broken]
    return environment.from_string(
        _part("page.html.j2")
    ).render(
        style=Markup(style),  # noqa: S704 - the package's own file
        script=Markup(script),  # noqa: S704 - the package's own file
        policy=f"default-src 'none'; img-src data:; style-src {_hash(style)}; "
        f"script-src {_hash(script)}; base-uri 'none'; form-action 'none'",
        groups=groups,
        headline=[group for group in groups if group.headline][:20],
        figures=shown,
        figures_left=len(drawn) - len(shown),
        figures_of=_figures_of(shown),
        counts=words.counts(rows),
        total=len(rows),
        chance=words.by_chance(rows),
        apart=words.apart(rows),
        coverage=line(report["header"]["coverage"], 200),
        start=line(report["header"]["start"], 40),
        commit=line(report["header"]["commit"], 80)[:12],
        banners=_banners(rows, report["header"]),
        broken=broken[:_MOST_LINKS],
        broken_left=max(0, len(broken) - _MOST_LINKS),
        papers=sorted({group.paper for group in groups}),
        meanings={str(verdict): text for verdict, text in words.MEANINGS.items()},
        environment=_environment(report, rows),
    )
