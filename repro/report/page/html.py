"""The page of a report: one self-contained file, rendered from report.json alone.

A report may come from anywhere. Whatever the template shows is bounded, printable and escaped;
and the page's own policy lets no other script run and no request go out.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from itertools import chain
from typing import Any

import jinja2
from markupsafe import Markup

from repro.report import red, words
from repro.report.conclusions import answer, conclusions
from repro.report.page import curve_plot, figures
from repro.report.page import rows as view
from repro.report.result_row import BROKEN, STANDINGS, SYMBOLS, ResultRow
from repro.report.sanitize import line

MOST_FIGURES = 24
MOST_READINGS = 100
"""Readings that the page can show alone."""
_ALONE = (
    "body:has(#page_reading [value='{0}']:checked) :is([data-reading]:not([data-reading='{0}']),"
    " :is(.paper, .card, .claim, figure):not(:has([data-reading='{0}']))) {{ display: none }}\n"
)


def _part(name: str) -> str:
    return resources.files("repro.report").joinpath("page", name).read_text("utf-8")


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _environment(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (name, text) of how the report was made."""
    header, footer, data = report["header"], report["footer"], report["header"]["data"]
    dirty = " with uncommitted changes" if header["dirty"] else ""
    versions = list(header["versions"].items())[: view.MOST_ENTRIES]
    hashes = list(data["hashes"].items())[: view.MOST_ENTRIES]
    return [
        ("commit", f"{line(header['commit'], 80)}{dirty} {line(header.get('subject', ''), 200)}"),
        ("versions", ", ".join(f"{line(k, 60)} {line(v, 60)}" for k, v in versions)),
        ("processor", f"{line(header['cpu'], 120)}, {header['threads']} threads"),
        ("instructions", header.get("instructions", words.NOTHING)),
        ("device", header["device"]),
        ("data", f"{data['kind']}, {data['source']}"),
        *((f"SHA-256 of {line(name, 60)}", each) for name, each in hashes),
        (
            "seeds of the populations",
            words.ranges(seed for row in report["claims"] for seed in row["seeds"][:1000]),
        ),
        ("started", header["start"]),
        ("ended", footer["end"]),
        ("wall time", f"{footer['seconds']:.1f} s"),
        ("command", header["command"]),
    ]


def _alarm(report: Mapping[str, Any]) -> list[str]:
    """Say what failed; of a user's network, only that something did."""
    rows, header = report["claims"], report["header"]
    if header.get("network"):
        outcomes = words.broken(rows)
        return [f"of {len(rows)} rows, these need attention ({outcomes})"] if outcomes else []
    return red.summary(rows, header, len(report["footer"].get("snapshots_failed", ())))


def _bounded(value: object) -> Markup | str:
    """Bound what the template shows and make it printable; the page's own markup stays."""
    return value if isinstance(value, Markup) else line(value, 4000)


@cache
def _template() -> jinja2.Template:
    """Compile the page's template, which takes longer than to fill it in."""
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_bounded,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"line": line, "image_uri": figures.image_uri}
    return environment.from_string(_part("page.html.j2"))


def render(report: Mapping[str, Any]) -> str:
    """Return the page of a report that was read, the same on every machine."""
    rows: list[ResultRow] = list(report["claims"])
    of_claim, network = view.by_claim(rows), report["header"].get("network")
    claims = view.worst_first(of_claim)
    records = {name: [row.record for row in mine] for name, mine in of_claim.items()}
    drawn = figures.figures(report)
    shown = drawn[:MOST_FIGURES]
    figures_of: dict[str, list[figures.Figure]] = {}
    for figure in shown:
        for anchor in figure.rows:
            figures_of.setdefault(anchor, []).append(figure)
    every = list(chain.from_iterable(claims.values()))
    names = dict.fromkeys(line(row.record["reading"], 80) for row in every)
    readings = {name: index for index, name in enumerate(names) if index < MOST_READINGS}
    style, script = _part("page.css"), _part("page.js")
    style += "".join(_ALONE.format(index) for index in readings.values())
    return _template().render(
        style=Markup(style),  # noqa: S704 - the package's own file
        script=Markup(script),  # noqa: S704 - the package's own file
        policy=f"default-src 'none'; img-src data:; style-src {_hash(style)}; "
        f"script-src {_hash(script)}; base-uri 'none'; form-action 'none'",
        header=report["header"],
        network=network,
        here=words.here(rows),
        claims=claims,
        readings=readings,
        answers={name: answer(mine) for name, mine in records.items()},
        conclusions=[] if network else conclusions(records),  # in CLAIMS.md's order
        headline=[
            each
            for each in claims.values()
            if "headline" in each[0].record["tags"]
            and any(row.record["outcome"] != "deselected" for row in each)
        ][:20],
        pictures={k: v for claim in claims.values() for k, v in view.pictures(claim).items()},
        figures=shown,
        figures_left=len(drawn) - len(shown),
        figures_of=figures_of,
        words=words,
        meanings=words.MEANINGS | words.STANDING_MEANINGS,
        symbols=SYMBOLS | STANDINGS,
        view=view,
        most_points=curve_plot.MOST_POINTS,
        total=len(rows),
        counts=words.counts(rows),
        caveats=words.caveats(rows),
        limits=words.limits(rows, report["header"], report["footer"]),
        red=BROKEN,
        alarm=_alarm(report),
        rerun=red.rerun("report.json"),
        off=red.off,
        broken=[row for row in every if row.record["outcome"] in BROKEN],
        papers=sorted({line(row.record["paper"], 60) for row in every}),
        environment=_environment(report),
    )
