"""The papers' figures beside ours, from report.json alone: every curve, and every picture."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from repro.report.page import curve_plot, png
from repro.report.page import rows as view
from repro.report.page.html import Figure, data_uri
from repro.report.page.png import Drawing, Panel, Strip, Theme
from repro.report.result_row import ResultRow
from repro.report.sanitize import line
from repro.report.words import whole

MOST_FIGURES, MOST_PANELS = 24, 6
"""On a page, and readings in a figure; what is beyond is counted in words."""


@dataclass(frozen=True)
class Plan:
    """A figure that is yet to be drawn.

    Args:
        anchor: of the figure on the page.
        title: its heading.
        caption: below it.
        alt: what it shows, for those who do not see it.
        rows: the anchors of the rows that it belongs to.
        draw: makes it.
    """

    anchor: str
    title: str
    caption: str
    alt: str
    rows: tuple[str, ...]
    draw: Callable[[Theme], Drawing]


def plan(report: Mapping[str, Any]) -> list[Plan]:
    """The figures of a report in the order of papers and places, none of them drawn yet.

    Args:
        report: a report that :func:`repro.report.report_json.read` has accepted.
    """
    records: list[ResultRow] = list(report["claims"])[: view.MOST_ROWS]
    anchors = dict(zip(map(id, records), view.anchors(records), strict=True))
    papers = list(dict.fromkeys(str(record["paper"]) for record in records))
    by_claim: dict[str, list[ResultRow]] = {}
    for record in records:
        if record["kind"] == "curve" and curve_plot.points(record):
            by_claim.setdefault(view.key(record), []).append(record)
    found: list[tuple[str, str, Plan]] = []
    for claim, mine in by_claim.items():
        rows = tuple(anchors[id(record)] for record in mine)
        made = _of_curve(f"figure-{claim}", mine, rows)
        found.append((str(mine[0]["paper"]), str(mine[0]["place"]), made))
    taken: set[str] = {f"figure-{claim}" for claim in by_claim}
    for picture in report["pictures"]:
        rows = tuple(anchors[id(r)] for r in records if _measures(r, picture))
        made = _of_picture(_anchor(picture, taken), picture, rows)
        taken.add(made.anchor)
        found.append((str(picture["paper"]), str(picture["place"]), made))

    def order(each: tuple[str, str, Plan]) -> tuple[int, list[int]]:
        paper, place, _ = each
        known = papers.index(paper) if paper in papers else len(papers)
        return known, [int(digits) for digits in re.findall(r"[0-9]{1,9}", place[:200])]

    return [made for _, _, made in sorted(found, key=order)]


def draw(report: Mapping[str, Any]) -> list[Figure]:
    """The figures of a report, drawn for light and dark pages."""
    return [_drawn(planned) for planned in plan(report)[:MOST_FIGURES]]


def left_out(report: Mapping[str, Any]) -> int:
    """How many figures are too many for a page."""
    return max(0, len(plan(report)) - MOST_FIGURES)


def _drawn(planned: Plan) -> Figure:
    light, dark = planned.draw(png.LIGHT), planned.draw(png.DARK)
    return Figure(
        title=planned.title,
        alt=planned.alt,
        uri=data_uri(light.png, "png"),
        caption=planned.caption,
        anchor=planned.anchor,
        dark=data_uri(dark.png, "png"),
        size=(light.width, light.height),
        rows=planned.rows,
    )


def _of_curve(anchor: str, records: Sequence[ResultRow], rows: tuple[str, ...]) -> Plan:
    """One figure for all readings of a curve."""
    shown, first = records[:MOST_PANELS], records[0]
    curves = [(_heading(record), curve_plot.points(record)) for record in shown]
    panels = [Panel(heading, points) for heading, points in curves if points]
    beyond = len(records) - len(shown)
    caption = line(first["statement"], 600)
    return Plan(
        anchor=anchor,
        title=_title(first, ""),
        caption=f"{caption} ({beyond} more readings in the table.)" if beyond else caption,
        alt="; ".join(f"{heading}: {curve_plot.describe(points)}" for heading, points in curves),
        rows=rows,
        draw=lambda theme: png.draw_curve(panels, theme),
    )


def _heading(record: ResultRow) -> str:
    seeds = f"{whole(record['n'])} seeds" if record["n"] else "no population"
    return f"{line(record['reading'], 60)}: {line(record['metric'], 60)}, {seeds}"


def _title(record: Mapping[str, Any], reading: str) -> str:
    place = f"{line(record['paper'], 60)}, {line(record['place'], 100)}"
    return f"{place} ({line(reading, 60)})" if reading else place


def _measures(record: ResultRow, picture: Mapping[str, Any]) -> bool:
    """Whether the record reads the experiment that a picture was made from."""
    return all(record[name] == picture[name] for name in ("paper", "experiment", "reading"))


def _anchor(picture: Mapping[str, Any], taken: set[str]) -> str:
    """The picture's name, with the reading and then a number where that is taken."""
    name = re.sub(r"[^a-z0-9-]", "", picture["name"])
    reading = re.sub(r"[^a-z0-9]+", "-", picture["reading"][:80].lower()).strip("-")
    wanted = [f"figure-{name}", f"figure-{name}--{reading}"]
    numbered = (f"{wanted[-1]}-{i}" for i in range(2, len(taken) + 3))
    return next(anchor for anchor in (*wanted, *numbered) if anchor not in taken)


def _of_picture(anchor: str, picture: Mapping[str, Any], rows: tuple[str, ...]) -> Plan:
    lines = picture["rows"]
    said = [line(row["label"], 80) for row in lines]
    below = [
        ", ".join(line(image["label"], 20) or "–" for image in row["images"]) for row in lines
    ]
    words = [f"{label} ({labels})" for label, labels in zip(said, below, strict=True)]
    return Plan(
        anchor=anchor,
        title=_title(picture, picture["reading"]),
        caption=f"{line(picture['title'], 200)}. {line(picture['caption'], 600)}",
        alt=f"{len(lines)} rows of images: {'; '.join(words)}",
        rows=rows,
        draw=lambda theme: png.draw_images([_strip(row) for row in lines], theme),
    )


def _strip(row: Mapping[str, Any]) -> Strip:
    """One row of a picture; the schema has held every image to 28 x 28 bytes."""
    pixels = [base64.b64decode(image["pixels"], validate=True) for image in row["images"]]
    images = np.frombuffer(b"".join(pixels), dtype=np.uint8).reshape(-1, 28, 28)
    return Strip(line(row["label"], 80), images, [line(i["label"], 20) for i in row["images"]])
