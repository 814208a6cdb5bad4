"""The figures: every curve and picture of a report is drawn where its numbers are."""

from __future__ import annotations

import base64
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parsed_page import Parsed, assert_harmless
from sample_reports import at_hand, band, curve, image, make, picture, record, write

from repro.report import outputs, report_json
from repro.report.page import curve_plot, figures, html
from repro.report.page import rows as view
from repro.report.page.curve_plot import PANEL, STRIP

EPS, CLASSES = ["0.15", "0.16", "0.18"], ["0", "1", "2"]


def both() -> dict:
    """Two readings of a curve, and a picture under two."""
    return make(
        record(),
        curve("tiny-far", place="Fig. 10"),
        curve(place="Fig. 2"),
        curve(reading="other", place="Fig. 2"),
        pictures=[picture(), picture(reading="other")],
    )


# Plots


def labelled(labels, values) -> dict:
    """A curve on which everything stands at one height a point."""
    points = [
        {"label": label, "published": x, "mean": x, "band": band(x, x), "measured": x}
        for label, x in zip(labels, values, strict=True)
    ]
    return curve(points=[{"inside": None, "sd": None, "gate": None} | point for point in points])


@pytest.mark.parametrize(
    ("labels", "places"),
    [
        (EPS, [0, 1 / 3, 1]),
        (["10", "20", "50"], [0, 0.25, 1]),
        (["-0.5", "0", "0.5"], [0, 0.5, 1]),
        (CLASSES, [0, 0.5, 1]),
        (["weak", "strong"], [0.25, 0.75]),
        (["0.2", "0.1"], [0.25, 0.75]),
        (["0.1", "0.1"], [0.25, 0.75]),
        (["0.1", "nan"], [0.25, 0.75]),
        (["0.1", "inf"], [0.25, 0.75]),
        (["-1e308", "1e308"], [0.25, 0.75]),
        (["0.5"], [0.5]),
        ([], []),
    ],
)
def test_labels_are_an_axis_of_numbers_or_columns(labels, places):
    assert curve_plot.positions(labels) == pytest.approx(places)


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        ([0.0, 1.0], [0, 0.5, 1]),
        ([0.137, 0.279, 0.2], [0.1, 0.15, 0.2, 0.25, 0.3]),
        ([-12.0, 31.0], [-20, 0, 20, 40]),
        ([0.9994, 1.0], [0.9994, 0.9996, 0.9998, 1]),
        ([0.3, 0.6, 0.9], [0.2, 0.4, 0.6, 0.8, 1]),
        ([1.0], [0.9, 0.95, 1]),
        ([0.0, 5e-324], [0, 0.5, 1]),
        ([3.0, 3.0], [2.6, 2.8, 3, 3.2, 3.4]),
        ([], [0, 0.5, 1]),
    ],
)
def test_ticks_are_round_numbers_around_the_others(numbers, found):
    assert curve_plot.ticks(numbers) == pytest.approx(found)


@given(st.lists(st.floats(0, 1), min_size=1))
def test_an_axis_of_rates_never_leaves_0_to_1(numbers):
    found = curve_plot.ticks(numbers)
    assert 0 <= found[0] <= min(numbers) + 1e-6
    assert max(numbers) - 1e-6 <= found[-1] <= 1
    assert 2 <= len(found) <= 5


def test_a_panel_has_round_ticks_a_label_a_point_and_titles():
    svg = curve_plot.plot(labelled(EPS, [0.0, 0.5, 1.0]), [0.0, 0.5, 1.0], PANEL)
    assert re.findall(r">([^<]+)</text>", svg) == ["0", "0.5", "1", *EPS, "eps", "error"]
    heights = [float(y) for y in re.findall(r'class="published" d="M[\d.]+ ([\d.]+)', svg)]
    bottom = PANEL.height - PANEL.bottom
    assert heights == [bottom, (bottom + PANEL.top) / 2, PANEL.top]
    many = labelled([f"eps {i}" for i in range(200)], [0.5] * 200)
    assert 2 < curve_plot.plot(many, [0.0, 1.0], PANEL).count('class="tick"') < 15


@pytest.mark.parametrize("labels", [EPS, CLASSES, ["a" * 500, "<b>$x^{", "漢字\u202e\x00"]])
@pytest.mark.parametrize("values", [(1e149, -1e149, 0.0), (5e-324, 0.0, 0.0)])
@pytest.mark.parametrize("frame", [STRIP, PANEL])
def test_whatever_is_said_every_mark_stands_within_the_plot(labels, values, frame):
    drawn = labelled(labels, values)
    svg = curve_plot.plot(drawn, curve_plot.ticks(curve_plot.numbers(drawn)), frame)
    assert "<b>" not in svg
    assert not re.search(r"\b(nan|inf)\b", svg)
    for x, y in re.findall(r'c?x="([-\d.]+)" c?y="([-\d.]+)"', svg):
        assert 0 <= float(x) <= frame.width
        assert 0 <= float(y) <= frame.height


# Rows of images


def test_an_image_is_a_png_of_its_very_pixels():
    pixels = bytes(i % 256 for i in range(784))
    content = figures.png(pixels)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    size = int.from_bytes(content[33:37], "big")
    assert content[37:41] == b"IDAT"
    lines = zlib.decompress(content[41 : 41 + size])
    assert [lines[i] for i in range(0, len(lines), 29)] == [0] * 28  # no filter
    assert b"".join(lines[i + 1 : i + 29] for i in range(0, len(lines), 29)) == pixels


def test_every_image_stands_in_its_row_with_its_label():
    made = figures.figures(both())[0]
    assert [row["label"] for row in made.images] == ["original", "darker"]
    below = html.render(both()).partition(">darker<")[2].partition("</ul>")[0]
    assert re.findall(">([^<]+)</li>", below) == ["0, 98 %", "1, 98 %", "2, 98 %"]
    assert 'alt="darker, 1, 98 %"' in below
    content = re.findall('data:image/png;base64,([^"]+)', below)[0]
    assert base64.b64decode(content) == figures.png(base64.b64decode(image(120)["pixels"]))


# The figures of a report


def test_every_curve_and_every_picture_is_shown_in_the_order_of_places():
    found = [(f.anchor, f.title, f.rows) for f in figures.figures(both())]
    assert found == [
        ("figure-tiny-fig1", "tiny, Figure 1 (plain)", ("tiny-error", "tiny-far", "tiny-curve")),
        ("figure-tiny-fig1--other", "tiny, Figure 1 (other)", ("tiny-curve--other",)),
        ("figure-tiny-curve", "tiny, Fig. 2", ("tiny-curve", "tiny-curve--other")),
        ("figure-tiny-far", "tiny, Fig. 10", ("tiny-far",)),
    ]


def test_a_curve_has_a_panel_a_reading_on_one_axis():
    lifted = curve(reading="other")
    lifted["points"] = [point | {"published": 3.0} for point in lifted["points"]]
    made = figures.figures(make(curve(), lifted))[0]
    assert [panel[:2] for panel in made.panels] == [
        ("plain", "plain, 8 seeds"),
        ("other", "other, 8 seeds"),
    ]
    assert made.caption == "The error rate."
    plots = [panel[2] for panel in made.panels]
    ticks = [re.findall(r'class="high"[^>]*>([^<]+)', plot) for plot in plots]
    assert ticks[0] == ticks[1]
    assert 'aria-label="3 points, published 0.1000 to 0.9000; 2 of 3 inside' in plots[0]


def test_rows_lead_to_their_figures_and_back():
    page = html.render(both())
    found = Parsed(page)
    anchors = {figure.anchor for figure in figures.figures(both())}
    assert {i for i in found.ids if i.startswith("figure-")} == anchors
    unfolded = page.partition('id="tiny-curve--other"')[2].partition("</details>")[0]
    assert 'href="#figure-tiny-curve"' in unfolded
    assert 'href="#figure-tiny-fig1--other"' in unfolded
    assert 'href="#figure-tiny-far"' not in unfolded
    figure = page.partition('<figure id="figure-tiny-curve">')[2].partition("</figure>")[0]
    assert '<a href="#tiny-curve">Rows of the table</a>' in figure
    assert page.index("<figure ") < page.index('id="page_table"')
    # An address on the page leads to something on it.
    for link in found.all("a"):
        assert (link["href"] or "").removeprefix("#") in found.ids


def test_the_page_of_all_that_is_at_hand_has_every_figure_and_stays_small():
    made = at_hand()
    curves = {row["id"] for row in made["claims"] if row["kind"] == "curve"}
    page = html.render(made)
    assert len(page.encode()) < 2_500_000
    found = Parsed(page)
    assert len(found.all("figure")) == len(curves) + len(made["pictures"]) >= 5
    assert {f"figure-{claim}" for claim in curves} <= set(found.ids)


def test_too_many_figures_are_counted(monkeypatch):
    monkeypatch.setattr(html, "MOST_FIGURES", 1)
    page = html.render(both())
    assert len(Parsed(page).all("figure")) == 1
    assert "3 more stand in report.json alone" in page


def test_more_readings_than_panels_are_counted(monkeypatch):
    monkeypatch.setattr(figures, "MOST_PANELS", 1)
    assert "(1 more readings in the table.)" in figures.figures(both())[2].caption


def test_names_that_collide_get_anchors_of_their_own():
    same = [picture(), picture(), picture(), picture("tiny-curve"), picture(reading="$$")]
    made = make(curve(), pictures=same)
    found = [figure.anchor for figure in figures.figures(made)]
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
        point |= {"label": evil, "mean": 10**149, "band": band(-1e149, 1e149), "gate": None}
    made = make(curve(), pictures=[picture(**texts, rows=rows)])
    made["claims"].append(wild)
    page = html.render(report_json.read(write(tmp_path / "report.json", made)))
    assert_harmless(page)
    assert len(page) < 500_000
    assert len(Parsed(page).all("figure")) == 2


def test_a_curve_without_points_is_no_figure():
    made = make(curve(points=[], published=None, measured=None))
    assert figures.figures(made) == []


def test_a_drawing_that_fails_is_told_and_breaks_no_run(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no such thing")

    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.setattr(curve_plot, "plot", fail)
    problems = outputs.write_beside(write(tmp_path / "report.json", both()))
    assert problems == ["the pages were not written: RuntimeError('no such thing')"]


def test_rows_beyond_the_page_have_no_links(monkeypatch):
    monkeypatch.setattr(view, "MOST_ROWS", 2)
    assert figures.figures(both())[0].rows == ("tiny-error", "tiny-far")
