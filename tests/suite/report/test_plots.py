"""The plots: every mark where its number is, and the same in words."""

from __future__ import annotations

import re

import pytest
from sample_reports import curve, not_run, ordering, record

from repro.report.page import curve_plot as curves
from repro.report.page import rows, seed_plot


def test_a_strip_plot_shows_every_seed_the_band_and_both_numbers():
    svg = seed_plot.plot(record(), curves.ticks(seed_plot.numbers(record())))
    assert svg.count('class="seed"') == 8
    assert svg.count('class="band"') == svg.count('class="published"') == 1
    assert svg.count('class="here"') == svg.count('class="mean"') == 1
    assert 'role="img"' in svg
    assert seed_plot.describe(record()) == (
        "values of 8 seeds from 0.4900 to 0.5100; band from 0.4800 to 0.5200; published 0.5000, "
        "in the band; this machine 0.5010"
    )


def test_marks_stand_in_the_order_of_their_numbers():
    drawn = record(values=[0.1, 0.4, 0.2], published=0.3, measured=0.5)
    svg = seed_plot.plot(drawn, [0.0, 1.0])
    seeds = [float(x) for x in re.findall(r'class="seed" cx="([\d.]+)"', svg)]
    here = re.search(r'class="here" cx="([\d.]+)"', svg)
    published = re.search(r'class="published" d="M([\d.]+)', svg)
    assert here
    assert published
    assert seeds[0] < seeds[2] < float(published[1]) < seeds[1] < float(here[1])
    assert seeds[0] == seed_plot.EDGE + 0.1 * (seed_plot.WIDTH - 2 * seed_plot.EDGE)


@pytest.mark.parametrize(
    ("published", "place"), [(0.52, "in"), (0.5201, "above"), (0.4799, "below")]
)
def test_the_text_alternative_says_where_the_published_number_lies(published, place):
    assert f", {place} the band" in seed_plot.describe(record(published=published))


@pytest.mark.parametrize("difference", [0.3, -0.3, None])
def test_an_ordering_is_drawn_as_a_difference_from_zero(difference):
    drawn = ordering(criterion="error > other-error", difference=difference)
    svg = seed_plot.plot(drawn, curves.ticks(seed_plot.numbers(drawn)))
    assert 'class="zero"' in svg
    assert svg.count('class="here"') == (difference is not None)
    here = "" if difference is None else f"this machine {difference:.4f}; "
    assert seed_plot.describe(drawn).endswith(f"; {here}the ordering holds above 0")


def test_readings_of_one_claim_share_an_axis():
    claim = rows.anchored([record(), record(reading="other", values=[0.9] * 8, mean=0.9)])
    drawn = rows.pictures(claim).values()
    ends = [re.findall(r'class="tick"[^>]*>([^<]+)', plot) for plot in drawn]
    assert ends == [["0.4", "0.6", "0.8", "1"]] * 2


def test_a_curve_shows_every_point_with_its_band():
    svg = curves.plot(curve(), curves.ticks(curves.numbers(curve())))
    for kind in ("band", "mean", "published", "here"):
        assert svg.count(f'class="{kind}"') == 3
    assert curves.describe(curve()) == (
        "3 points, published 0.1000 to 0.9000; 2 of 3 inside, outside at eps 0.3; population "
        "means 0.1100 to 0.7000; this machine 0.1200 to 0.7100"
    )
    heights = [float(y) for y in re.findall(r'class="here" cx="[\d.]+" cy="([\d.]+)"', svg)]
    assert heights[0] > heights[1] > heights[2]


def test_a_curve_without_evidence_shows_what_is_there():
    bare = curve()
    nothing = dict.fromkeys(("mean", "sd", "band", "gate", "inside", "measured"))
    bare["points"] = [point | nothing for point in bare["points"]]
    assert curves.describe(bare) == "3 points, published 0.1000 to 0.9000"
    assert curves.numbers(bare) == [0.1, 0.5, 0.9]
    assert curves.plot(bare, [0.0, 1.0]).count('class="published"') == 3
    assert curves.plot(curve(points=[]), [0.0, 1.0]) == ""


def test_nothing_to_draw_is_no_picture():
    lone = not_run("a")
    for drawn in (lone, lone | {"published": None}, lone | {"published": None, "measured": 0.4}):
        assert seed_plot.plot(drawn, curves.ticks(seed_plot.numbers(drawn))) == ""
