"""The papers' figures beside ours, from report.json alone: every curve, and every picture."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from markupsafe import Markup

from repro.report.page import curve_plot
from repro.report.page import rows as view
from repro.report.sanitize import line

MOST_PANELS = 6
"""Readings in a figure; what is beyond is counted in words."""


@dataclass(frozen=True)
class Figure:
    """A figure of the page: plots of a curve, or rows of images.

    Args:
        rows: the anchors of the rows that it belongs to.
        panels: (reading, heading, plot) of each reading of a curve.
        images: a picture's rows of images, as the report has them.
        reading: a picture's.
    """

    anchor: str
    paper: str
    place: str
    title: str
    caption: str
    rows: tuple[str, ...]
    panels: tuple[tuple[str, str, Markup], ...] = ()
    images: tuple[Mapping[str, Any], ...] = ()
    reading: str = ""


def figures(report: Mapping[str, Any]) -> list[Figure]:
    """Return the figures of a report that was read, in the order of papers and places."""
    rows = view.anchored(report["claims"])
    rank = {paper: i for i, paper in enumerate(dict.fromkeys(row.record["paper"] for row in rows))}
    curves: dict[str, list[view.Row]] = {}
    for row in rows:
        if row.record["kind"] == "curve" and row.record["points"]:
            curves.setdefault(row.claim, []).append(row)
    found = [_of_curve(claim, mine) for claim, mine in curves.items()]
    taken = {figure.anchor for figure in found}
    found += [_of_picture(picture, rows, taken) for picture in report["pictures"]]

    def order(figure: Figure) -> tuple[int, list[int]]:
        digits = re.findall(r"[0-9]{1,9}", figure.place[:200])
        return rank.get(figure.paper, len(rank)), list(map(int, digits))

    return sorted(found, key=order)


def _of_curve(claim: str, rows: Sequence[view.Row]) -> Figure:
    """Return one figure for all readings of a curve, on one axis."""
    shown, first = [row.record for row in rows[:MOST_PANELS]], rows[0].record
    axis = curve_plot.ticks(x for row in shown for x in curve_plot.numbers(row))
    panels = []
    for row in shown:
        seeds = f"{row['n']} seeds" if row["n"] else "no population"
        heading = f"{line(row['reading'], 60)}, {seeds}"
        panels.append((row["reading"], heading, curve_plot.plot(row, axis, curve_plot.PANEL)))
    beyond = len(rows) - len(shown)
    caption = line(first["statement"], 600)
    return Figure(
        anchor=f"figure-{claim}",
        paper=first["paper"],
        place=first["place"],
        title=f"{line(first['paper'], 60)}, {line(first['place'], 100)}",
        caption=f"{caption} ({beyond} more readings in the table.)" if beyond else caption,
        rows=tuple(row.anchor for row in rows),
        panels=tuple(panels),
    )


def _of_picture(picture: Mapping[str, Any], rows: Sequence[view.Row], taken: set[str]) -> Figure:
    """Return a picture's figure, with the rows that read the experiment it was made from."""
    name = re.sub(r"[^a-z0-9-]", "", picture["name"])
    spot = itemgetter("paper", "experiment", "reading")
    paper, place, reading = (line(picture[key], 100) for key in ("paper", "place", "reading"))
    return Figure(
        anchor=view.free_anchor(f"figure-{name}", picture["reading"], taken),
        paper=picture["paper"],
        place=picture["place"],
        title=f"{paper}, {place} ({reading})",
        caption=f"{line(picture['title'], 200)}. {line(picture['caption'], 600)}",
        rows=tuple(row.anchor for row in rows if spot(row.record) == spot(picture)),
        images=tuple(picture["rows"]),
        reading=picture["reading"],
    )


def image_uri(pixels: str) -> Markup:
    """Return the address of an image of the report: ``data:image/png;base64,…``."""
    content = base64.b64encode(png(base64.b64decode(pixels, validate=True))).decode()
    return Markup("data:image/png;base64,{}").format(content)


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
