"""The papers' figures beside ours, from report.json alone: every curve, and every picture."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from repro.report.page import curve_plot
from repro.report.page import rows as view
from repro.report.result_row import ResultRow
from repro.report.sanitize import line
from repro.report.words import whole

MOST_PANELS = 6
"""Readings in a figure; what is beyond is counted in words."""


@dataclass(frozen=True)
class Image:
    """One image of a picture.

    Args:
        label: what stands below it.
        alt: what it shows, for those who do not see it.
        uri: ``data:image/png;base64,…``.
    """

    label: str
    alt: str
    uri: str


@dataclass(frozen=True)
class Figure:
    """A figure of the page: plots of a curve, or rows of images.

    Args:
        anchor: of the figure on the page.
        title: its heading.
        caption: below it.
        rows: the anchors of the rows that it belongs to.
        panels: (heading, plot) of each reading of a curve.
        strips: (label, images) of each row of a picture.
    """

    anchor: str
    title: str
    caption: str
    rows: tuple[str, ...]
    panels: tuple[tuple[str, Markup], ...] = ()
    strips: tuple[tuple[str, tuple[Image, ...]], ...] = ()


def figures(report: Mapping[str, Any]) -> list[Figure]:
    """Return the figures of a report in the order of papers and places.

    Args:
        report: a report that :func:`repro.report.report_json.read` has accepted.
    """
    rows: list[ResultRow] = list(report["claims"])[: view.MOST_ROWS]
    anchors = dict(zip(map(id, rows), view.anchors(rows), strict=True))
    papers = list(dict.fromkeys(row["paper"] for row in rows))
    by_claim: dict[str, list[ResultRow]] = {}
    for row in rows:
        if row["kind"] == "curve" and curve_plot.points(row):
            by_claim.setdefault(view.key(row), []).append(row)
    found: list[tuple[str, str, Figure]] = []
    for claim, mine in by_claim.items():
        made = _of_curve(f"figure-{claim}", mine, tuple(anchors[id(row)] for row in mine))
        found.append((mine[0]["paper"], mine[0]["place"], made))
    taken: set[str] = {f"figure-{claim}" for claim in by_claim}
    for picture in report["pictures"]:
        shown = tuple(anchors[id(row)] for row in rows if _measures(row, picture))
        made = _of_picture(_anchor(picture, taken), picture, shown)
        taken.add(made.anchor)
        found.append((picture["paper"], picture["place"], made))

    def order(each: tuple[str, str, Figure]) -> tuple[int, list[int]]:
        paper, place, _ = each
        known = papers.index(paper) if paper in papers else len(papers)
        return known, [int(digits) for digits in re.findall(r"[0-9]{1,9}", place[:200])]

    return [made for _, _, made in sorted(found, key=order)]


def _of_curve(anchor: str, rows: Sequence[ResultRow], anchors: tuple[str, ...]) -> Figure:
    """Return one figure for all readings of a curve, on one axis."""
    shown, first = rows[:MOST_PANELS], rows[0]
    curves = [curve_plot.points(row) for row in shown]
    axis = curve_plot.domain(curves)
    plots = [curve_plot.plot(points, axis, curve_plot.PANEL) for points in curves]
    beyond = len(rows) - len(shown)
    caption = line(first["statement"], 600)
    return Figure(
        anchor=anchor,
        title=_title(first["paper"], first["place"]),
        caption=f"{caption} ({beyond} more readings in the table.)" if beyond else caption,
        rows=anchors,
        panels=tuple(zip(map(_heading, shown), plots, strict=True)),
    )


def _heading(row: ResultRow) -> str:
    seeds = f"{whole(row['n'])} seeds" if row["n"] else "no population"
    return f"{line(row['reading'], 60)}: {line(row['metric'], 60)}, {seeds}"


def _title(paper: str, place: str, reading: str = "") -> str:
    where = f"{line(paper, 60)}, {line(place, 100)}"
    return f"{where} ({line(reading, 60)})" if reading else where


def _measures(row: ResultRow, picture: Mapping[str, Any]) -> bool:
    """Whether the row reads the experiment that a picture was made from."""
    spot = row["paper"], row["experiment"], row["reading"]
    return spot == (picture["paper"], picture["experiment"], picture["reading"])


def _anchor(picture: Mapping[str, Any], taken: set[str]) -> str:
    """Return the picture's name, with the reading and then a number where that is taken."""
    name = re.sub(r"[^a-z0-9-]", "", picture["name"])
    reading = re.sub(r"[^a-z0-9]+", "-", picture["reading"][:80].lower()).strip("-")
    wanted = [f"figure-{name}", f"figure-{name}--{reading}"]
    numbered = (f"{wanted[-1]}-{i}" for i in range(2, len(taken) + 3))
    return next(anchor for anchor in (*wanted, *numbered) if anchor not in taken)


def _of_picture(anchor: str, picture: Mapping[str, Any], anchors: tuple[str, ...]) -> Figure:
    strips = []
    for row in picture["rows"]:
        label = line(row["label"], 80)
        images = [_image(label, line(each["label"], 20), each["pixels"]) for each in row["images"]]
        strips.append((label, tuple(images)))
    return Figure(
        anchor=anchor,
        title=_title(picture["paper"], picture["place"], picture["reading"]),
        caption=f"{line(picture['title'], 200)}. {line(picture['caption'], 600)}",
        rows=anchors,
        strips=tuple(strips),
    )


def _image(row: str, label: str, pixels: str) -> Image:
    alt = ", ".join(filter(None, (row, label))) or "an image"
    content = png(base64.b64decode(pixels, validate=True))
    return Image(label, alt, f"data:image/png;base64,{base64.b64encode(content).decode()}")


def png(pixels: bytes) -> bytes:
    """Return 28 x 28 grey pixels of one byte each, row by row, as a PNG.

    The pixels are stored and not compressed, so that the bytes are the same with every zlib.
    """

    def chunk(kind: bytes, content: bytes) -> bytes:
        size, check = struct.pack(">I", len(content)), zlib.crc32(kind + content)
        return size + kind + content + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0)  # eight bits, grey
    lines = b"".join(b"\0" + pixels[i : i + 28] for i in range(0, 784, 28))
    data = chunk(b"IDAT", zlib.compress(lines, level=0))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b"")
