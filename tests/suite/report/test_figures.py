"""The figures: every curve and picture of a report is drawn where its numbers are."""

from __future__ import annotations

import io
import json
import logging
import re
import struct

import numpy as np
import pytest
from matplotlib.image import imread
from parsed_page import Parsed, assert_harmless
from sample_reports import at_hand, band, curve, image, make, picture, record, write

from repro.errors import ReportError
from repro.report import outputs, report_json
from repro.report.page import figures, html, png
from repro.report.page import rows as view
from repro.report.page.curve_plot import Point
from repro.report.page.png import DARK, LIGHT, SCALE, WIDTH, Drawing, Panel, Strip

EPS, CLASSES = ["0.15", "0.16", "0.18"], ["0", "1", "2"]
NOTHING = dict.fromkeys(("mean", "low", "high", "here"), (None,) * 3)
"""Columns of :func:`points`, but for what is published."""


def points(labels=EPS, **columns) -> list[Point]:
    """Three points; ``columns`` has other numbers for some of their fields."""
    numbers = {"published": (0.2, 0.5, 0.9), "mean": (0.3, 0.5, 0.7), "here": (0.35, 0.45, 0.8)}
    numbers |= {"low": (0.2, 0.4, 0.6), "high": (0.4, 0.6, 0.8)} | columns
    return [
        Point(label, **{n: v[i] for n, v in numbers.items()}) for i, label in enumerate(labels)
    ]


def draw(*panels: list[Point], theme=LIGHT) -> Drawing:
    return png.draw_curve([Panel("a reading", each) for each in panels], theme)


def pixels(drawn: Drawing) -> np.ndarray:
    """(height, width, 3) of 0 to 255."""
    return np.rint(imread(io.BytesIO(drawn.png))[:, :, :3] * 255).astype(int)


def where(drawn: Drawing, color: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels of exactly that colour, the legend left out."""
    shades = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    found = (pixels(drawn) == shades).all(axis=2)
    found[: SCALE * 26] = False
    return np.nonzero(found)


# What is drawn how


@pytest.mark.parametrize(
    ("labels", "numeric"),
    [
        (EPS, True),
        (["10", "20", "50"], True),
        (["1", "2", "4"], True),
        (["-0.5", "0", "0.5"], True),
        (CLASSES, False),
        ([str(i) for i in range(10)], False),
        (["weak", "strong"], False),
        (["0.2", "0.1"], False),
        (["0.1", "0.1"], False),
        (["0.1", "nan"], False),
        (["0.1", "inf"], False),
        (["0.5"], False),
        ([], False),
    ],
)
def test_labels_are_an_axis_of_numbers_or_categories(labels, numeric):
    found = png.positions(labels)
    assert found == ([float(label) for label in labels] if numeric else None)


def test_the_colours_are_the_pages():
    css = html._part("page.css")
    light, dark = re.findall(r":root \{(.*?)\}", css, re.S)
    for text, theme in ((light, LIGHT), (dark, DARK)):
        colors = dict(re.findall(r"--([a-z]+): (#[0-9a-f]+)", text))
        for name, color in vars(theme).items():
            short = colors[name]
            assert color == (short if len(short) == 7 else "#" + "".join(c * 2 for c in short[1:]))


def test_a_drawing_has_two_pixels_to_each_of_css():
    drawn = draw(points(), points())
    assert struct.unpack(">II", drawn.png[16:24]) == (SCALE * drawn.width, SCALE * drawn.height)
    assert drawn.width == WIDTH
    assert draw(points()).height < drawn.height


@pytest.mark.parametrize("labels", [EPS, CLASSES])
@pytest.mark.parametrize("name", ["published", "mean", "low", "high", "here"])
def test_every_number_shows(labels, name):
    before = getattr(points()[1], name)
    moved = points(labels, **{name: (getattr(points()[0], name), before + 0.03, 0.7)})
    again = points(labels, **{name: (getattr(points()[0], name), before, 0.7)})
    assert draw(moved).png != draw(again).png
    assert draw(again).png == draw(again).png


def test_bars_start_at_zero_and_are_as_high_as_their_numbers():
    bars = points(CLASSES, published=(0.25, 0.5, 1.0), here=(None,) * 3)
    rows, columns = where(draw(bars), png._faint(LIGHT))
    # The three bars apart, and each bar's height in pixels.
    groups = np.split(rows, np.nonzero(np.diff(np.sort(columns)) > 20)[0] + 1)
    assert len(groups) == 3
    by_column = {c: np.ptp(rows[columns == c]) + 1 for c in np.unique(columns)}
    heights = sorted(set(by_column.values()))
    assert heights[-1] / heights[0] == pytest.approx(4, rel=0.1)
    bottoms = {rows[columns == c].max() for c in np.unique(columns)}
    assert max(bottoms) - min(bottoms) <= 2


def test_a_line_rises_where_its_numbers_rise():
    rows, columns = where(draw(points(**NOTHING)), LIGHT.published)
    left, right = rows[columns < WIDTH].mean(), rows[columns > WIDTH * SCALE * 0.8].mean()
    assert left > right  # rows are counted from above


def test_readings_share_their_axis():
    low, high = (points(published=(x, x, x), **NOTHING) for x in (0.1, 0.9))
    alone, together = where(draw(low), LIGHT.published), where(draw(low, high), LIGHT.published)
    inside = together[0] < SCALE * draw(low).height
    assert together[0][inside].mean() > alone[0].mean()  # there is more above it now


@pytest.mark.parametrize("labels", [EPS, CLASSES, ["a" * 500, "$x^{", "漢字\u202e\x00"]])
@pytest.mark.parametrize("values", [(None,) * 3, (1e149, -1e149, 0.0), (5e-324, 0.0, 0.0)])
def test_whatever_is_said_a_drawing_comes_out_and_nothing_is_complained_of(labels, values, caplog):
    hostile = dict.fromkeys(("published", "mean", "low", "high", "here"), values)
    title = Panel("$\\frac{ \U0001f600\n" * 50, points(labels, **hostile))
    with caplog.at_level(logging.WARNING):
        drawn = png.draw_curve([title], LIGHT)
    assert drawn.png.startswith(b"\x89PNG")
    assert caplog.records == []


# Rows of images


@pytest.mark.parametrize("count", [1, 3, 5, 10, 12])
def test_every_pixel_of_an_image_stands_in_the_drawing(count):
    images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    drawn = png.draw_images([Strip("", images, [""] * count)], LIGHT)
    found = pixels(drawn)
    times = min(12, 2 * max(2, ((WIDTH + 2) // count - 2) // 14)) // 2
    top = SCALE * 20
    for i, each in enumerate(images):
        left = SCALE * i * (14 * times + 2)
        block = found[top : top + 28 * times, left : left + 28 * times, 0]
        assert (block == np.kron(each, np.ones((times, times)))).all()
    assert drawn.width == WIDTH


def test_labels_stand_below_the_images_in_two_lines_where_they_must():
    def height(label, count):
        images = np.zeros((count, 28, 28), dtype=np.uint8)
        row = Strip("a row", images, [label] * count)
        return png.draw_images([row], LIGHT).height - side[count]

    side = {3: 84, 10: 42}
    none, one, two = height("", 3), height("8, 100 %", 3), height("8, 100 %", 10)
    assert one - none == two - one > 0


def test_an_image_s_label_stands_below_it_and_its_row_s_above():
    def written(row, below):
        images = np.full((1, 28, 28), 255, dtype=np.uint8)
        drawn = png.draw_images([Strip(row, images, [below])], LIGHT)
        return np.nonzero((pixels(drawn) < 255).any(axis=2))[0]

    assert written("", "").size == 0
    assert written("original", "").max() < SCALE * 20
    assert written("", "8, 97 %").min() >= SCALE * (20 + 84)


def test_rows_of_other_lengths_and_hostile_labels_are_drawn(caplog):
    rows = [
        Strip("$\\x" * 90, np.zeros((12, 28, 28), np.uint8), ["漢, 字"] * 12),
        Strip("", np.zeros((1, 28, 28), np.uint8), ["x" * 900]),
    ]
    with caplog.at_level(logging.WARNING):
        assert png.draw_images(rows, DARK).png
    assert caplog.records == []


# The figures of a report


def both() -> dict:
    """Two readings of a curve, and a picture under two."""
    return make(
        record(),
        curve("tiny-far", place="Fig. 10"),
        curve(place="Fig. 2"),
        curve(reading="other", place="Fig. 2"),
        pictures=[picture(), picture(reading="other")],
    )


def test_every_curve_and_every_picture_is_planned_in_the_order_of_places():
    found = [(p.anchor, p.title, p.rows) for p in figures.plan(both())]
    assert found == [
        ("figure-tiny-fig1", "tiny, Figure 1 (plain)", ("tiny-error", "tiny-far", "tiny-curve")),
        ("figure-tiny-fig1--other", "tiny, Figure 1 (other)", ("tiny-curve--other",)),
        ("figure-tiny-curve", "tiny, Fig. 2", ("tiny-curve", "tiny-curve--other")),
        ("figure-tiny-far", "tiny, Fig. 10", ("tiny-far",)),
    ]


def test_the_text_alternatives_have_the_numbers():
    first, _, third, _ = figures.plan(both())
    assert first.alt == (
        "2 rows of images: original (0, 1, 2); darker (0, 98 %, 1, 98 %, 2, 98 %)"
    )
    assert third.alt.startswith(
        "plain: error, 8 seeds: 3 points, published 0.1000 to 0.9000; 2 of"
    )
    assert third.caption == "The error rate."


def test_rows_lead_to_their_figures_and_back():
    page = outputs.page_of(both())
    found = Parsed(page)
    assert {i for i in found.ids if i.startswith("figure-")} == {
        p.anchor for p in figures.plan(both())
    }
    unfolded = page.partition('id="tiny-curve--other"')[2].partition("</details>")[0]
    assert 'href="#figure-tiny-curve"' in unfolded
    assert 'href="#figure-tiny-fig1--other"' in unfolded
    assert 'href="#figure-tiny-far"' not in unfolded
    figure = page.partition('<figure id="figure-tiny-curve">')[2].partition("</figure>")[0]
    assert '<a href="#tiny-curve">Its rows</a>' in figure
    # An address on the page leads to something on it.
    for link in found.all("a"):
        assert (link["href"] or "").removeprefix("#") in found.ids


def test_a_figure_has_a_dark_twin_and_a_size():
    found = Parsed(outputs.page_of(both()))
    images, sources = found.all("img"), found.all("source")
    assert len(images) == len(sources) == 4
    for light, dark in zip(images, sources, strict=True):
        assert light["src"] != dark["srcset"]
        assert dark["media"] == "screen and (prefers-color-scheme: dark)"
        assert light["width"] == str(WIDTH)
        assert light["alt"]


def test_a_twin_from_outside_is_refused():
    figure = html.Figure("t", "a", html.data_uri(b"x", "png"), dark="https://a.example/x.png")
    with pytest.raises(ReportError, match="figure"):
        html.render(both(), [figure])


def test_the_page_of_all_that_is_at_hand_has_every_figure_and_is_no_larger_than_three_megabytes():
    made = at_hand()
    curves = {r["id"] for r in made["claims"] if r["kind"] == "curve"}
    page = outputs.page_of(made)
    assert len(page.encode()) < 3_000_000
    found = Parsed(page)
    assert len(found.all("img")) == len(curves) + len(made["pictures"]) >= 5
    assert {f"figure-{claim}" for claim in curves} <= set(found.ids)


def test_too_many_figures_are_counted(monkeypatch):
    monkeypatch.setattr(figures, "MOST_FIGURES", 1)
    page = outputs.page_of(both())
    assert len(Parsed(page).all("img")) == 1
    assert "3 more stand in report.json alone" in page
    assert "more stand" not in html.render(both(), [], 0)


def test_more_readings_than_panels_are_counted(monkeypatch):
    monkeypatch.setattr(figures, "MOST_PANELS", 1)
    assert "(1 more readings in the table.)" in figures.plan(both())[2].caption


def test_names_that_collide_get_anchors_of_their_own():
    same = [picture(), picture(), picture(), picture("tiny-curve"), picture(reading="$$")]
    made = make(curve(), pictures=same)
    found = [planned.anchor for planned in figures.plan(made)]
    assert len(set(found)) == len(found) == 6
    assert all(re.fullmatch(r"figure-[a-z0-9-]+", anchor) for anchor in found)


@pytest.mark.parametrize(
    "evil", ["\"'><script>alert(1)</script>", "$\\frac", "\ud800", "x" * 50_000]
)
def test_hostile_texts_and_numbers_make_a_harmless_page(tmp_path, evil):
    texts = dict.fromkeys(("paper", "place", "title", "caption", "experiment", "reading"), evil)
    rows = [{"label": evil, "images": [image() | {"label": evil}]}]
    wild = curve(place=evil, statement=evil, metric=evil, reading=evil)
    for point in wild["points"]:
        point |= {"label": evil, "mean": 10**400, "band": band(-1e308, 1e308), "gate": None}
    made = make(curve(), pictures=[picture(**texts, rows=rows)])
    made["claims"].append(wild)
    page = outputs.page_of(report_json.read(write(tmp_path / "report.json", made)))
    assert_harmless(page)
    assert len(page) < 500_000
    assert len(Parsed(page).all("img")) == 2


def test_a_curve_without_points_is_no_figure():
    made = make(curve(points=[], published=None, measured=None))
    assert figures.plan(made) == []


def test_a_drawing_that_fails_is_told_and_breaks_no_run(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no font at all")

    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.setattr(png, "draw_curve", fail)
    problems = outputs.write_beside(write(tmp_path / "report.json", both()))
    assert problems == ["the pages were not written: RuntimeError('no font at all')"]


def test_matplotlib_is_loaded_for_drawing_alone():
    import subprocess
    import sys

    code = (
        "import sys, repro.plugin.hooks;"
        "import repro.report.page.figures; print('matplotlib' in sys.modules);"
        "import json; from repro.report.page import figures as f;"
        f"f.plan(json.loads({json.dumps(json.dumps(both()))})); print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_rows_beyond_the_page_have_no_links(monkeypatch):
    monkeypatch.setattr(view, "MOST_ROWS", 2)
    assert figures.plan(both())[0].rows == ("tiny-error", "tiny-far")
