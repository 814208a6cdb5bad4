"""The page of a report: one self-contained file, rendered from report.json alone.

A report may come from anywhere. Its texts are bounded by :mod:`repro.report.page.rows` and escaped
by the template; and the page's own policy lets no other script run and no request go out.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from repro.errors import ReportError
from repro.report import words
from repro.report.page import rows as view
from repro.report.result_row import BROKEN, ResultRow
from repro.report.sanitize import finite, line

_PICTURE = re.compile(r"data:image/(png|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}")
_MOST_LINKS = 10


@dataclass(frozen=True)
class Figure:
    """A picture for the page, beside the table.

    Args:
        title: its heading.
        alt: what it shows, for those who do not see it.
        uri: ``data:image/png;base64,…`` or ``data:image/svg+xml;base64,…``.
        caption: one or two sentences below it.
        anchor: its own on the page, which the rows it belongs to lead to.
        dark: as ``uri``, for those who prefer dark pages.
        size: width and height in CSS pixels; (0, 0) leaves them to the picture.
        rows: the anchors of the rows that it belongs to.
    """

    title: str
    alt: str
    uri: str
    caption: str = ""
    anchor: str = ""
    dark: str = ""
    size: tuple[int, int] = (0, 0)
    rows: tuple[str, ...] = ()


def data_uri(content: bytes, kind: str) -> str:
    """A picture as an address that needs no file: ``kind`` is ``png`` or ``svg+xml``."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _part(name: str) -> str:
    return resources.files("repro.report").joinpath("page", name).read_text("utf-8")


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _banners(records: Sequence[ResultRow], header: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(kind, sentence) of all that limits what the page may be taken for."""
    outcomes = Counter(str(record["outcome"]) for record in records)
    broken = sum(outcomes[name] for name in BROKEN)
    each = ", ".join(f"{outcomes[name]} {name}" for name in BROKEN if outcomes[name])
    left = len(records) - view.MOST_ROWS
    embedded = (
        "Indicative only: measured on the embedded sample of 5,000 MNIST digits, which are "
        "training images, not on MNIST."
    )
    partial = (
        f"Partial run: {outcomes['deselected']} of {len(records)} rows were deselected; they "
        "stand as not-run."
    )
    data = header["data"]["kind"]
    found = [
        (broken, "bad", f"{broken} of {len(records)} rows need attention ({each}):"),
        (data == "embedded", "warn", embedded),
        (data == "none", "warn", "No MNIST was found: nothing was measured."),
        (outcomes["deselected"], "warn", partial),
        (left > 0, "warn", f"Too long for a page: {left} rows stand in report.json alone."),
    ]
    return [(kind, sentence) for applies, kind, sentence in found if applies]


def _environment(report: Mapping[str, Any], records: Sequence[ResultRow]) -> list[tuple[str, str]]:
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
        ("seeds of the populations", view.seeds(records)),
        ("started", line(header["start"], 40)),
        ("ended", line(footer["end"], 40)),
        ("wall time", "not a number" if seconds is None else f"{seconds:.1f} s"),
        ("command", line(header["command"], 1000)),
    ]


def _figures_of(figures: Sequence[Figure]) -> dict[str, list[Figure]]:
    """A row's anchor to the figures that show it."""
    found: dict[str, list[Figure]] = {}
    for figure in figures:
        for row in figure.rows if figure.anchor else ():
            found.setdefault(row, []).append(figure)
    return found


def render(
    report: Mapping[str, Any], figures: Sequence[Figure] = (), figures_left: int = 0
) -> str:
    """The page of a report, the same on every machine.

    Args:
        report: a report that :func:`repro.report.report_json.read` has accepted.
        figures: pictures to show between the headline claims and the table.
        figures_left: how many there are beyond these.

    Raises:
        ReportError: a figure's address is no base64 data URI of a PNG or SVG picture.
    """
    for figure in figures:
        if not all(_PICTURE.fullmatch(uri) for uri in (figure.uri, figure.dark or figure.uri)):
            raise ReportError(
                f"figure {figure.title!r} with the address {figure.uri[:40]!r}",
                expected="data:image/png;base64,… or data:image/svg+xml;base64,…",
                do="make it with data_uri",
            )
    records: list[ResultRow] = list(report["claims"])
    groups = view.groups(records)
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
        figures=figures,
        figures_left=figures_left,
        figures_of=_figures_of(figures),
        counts=words.counts(records),
        total=len(records),
        chance=words.by_chance(records),
        coverage=line(report["header"]["coverage"], 200),
        start=line(report["header"]["start"], 40),
        commit=line(report["header"]["commit"], 80)[:12],
        banners=_banners(records, report["header"]),
        broken=broken[:_MOST_LINKS],
        broken_left=max(0, len(broken) - _MOST_LINKS),
        papers=sorted({group.paper for group in groups}),
        meanings={str(verdict): text for verdict, text in words.MEANINGS.items()},
        environment=_environment(report, records),
    )
