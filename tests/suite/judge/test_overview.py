"""What a reading explains: which numbers are counted, where, and what wider margins change."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from repro.claims.records import CurveClaim, NumberClaim
from repro.judge.cases import judge
from repro.judge.overview import explained, with_margins
from repro.judge.populations import Archive
from repro.papers import registry

READING = "as-written"


@pytest.fixture(scope="module")
def archive():
    return Archive()


@pytest.fixture(scope="module")
def paper():
    return registry.load_all()["popovic2017"]


def lines(paper, archive):
    """Table, numbers inside and numbers, under one reading."""
    found = explained(paper, judge(paper, archive), archive)
    return [(each.table, each.inside, each.numbers) for each in found if each.reading == READING]


def test_a_statement_that_is_judged_twice_counts_once(paper, archive):
    claim = next(c for c in paper.claims if isinstance(c, NumberClaim) and not c.variant_of)
    claim = replace(claim, table="")
    alone = lines(replace(paper, claims=(claim,)), archive)
    again = replace(claim, id=f"{claim.id}-again", variant_of=claim.id)
    assert [numbers for *_, numbers in alone] == [1]
    assert lines(replace(paper, claims=(claim, again)), archive) == alone
    apart = replace(again, variant_of="")
    assert [numbers for *_, numbers in lines(replace(paper, claims=(claim, apart)), archive)] == [
        2
    ]


def test_each_point_of_a_curve_is_a_number(paper, archive):
    curve = next(c for c in paper.claims if isinstance(c, CurveClaim) and not c.variant_of)
    far = replace(curve, points=(*curve.points[1:], 1e6), scale="linear", images=(), bounds=None)
    for claim in (curve, far):
        one = replace(paper, claims=(claim,))
        (case,) = [each for each in judge(one, archive) if each.reading == READING]
        inside = [point.inside for point in case.judgement.points]
        assert ("", sum(inside), len(curve.points)) in lines(one, archive)
    assert not inside[-1]


def test_a_reading_of_some_numbers_is_counted_with_the_first_one_s_for_the_rest(archive):
    paper = registry.load_all()["lacok2016"]
    cases = judge(paper, archive)
    found = {
        (each.reading, each.rest): each
        for each in explained(paper, cases, archive)
        if not each.table
    }
    first, part = found["as-written", ""], found["cached-adversarials", ""]
    whole = found["cached-adversarials", "as-written"]
    shared = {c.claim.id for c in cases if c.reading == "cached-adversarials"}
    kept = [c for c in cases if c.reading == "as-written" and c.claim.id not in shared]
    alone = explained(paper, kept, archive)[0]
    assert whole.numbers == first.numbers == part.numbers + alone.numbers
    assert whole.inside == part.inside + alone.inside
    assert ("as-written", "as-written") not in found


def test_what_so_few_seeds_give_no_band_is_inside_none(paper, archive):
    """Numbers and curves: without a band no number misses it either."""

    def population(*spot):
        found = archive.population(*spot)
        return replace(found, rows=found.rows[:3])

    few = SimpleNamespace(population=population)
    found = lines(paper, few)
    assert found[0] == ("", 0, lines(paper, archive)[0][-1])
    assert {inside for _, inside, _ in found} == {0}


def test_margins_as_they_are_change_nothing_and_none_at_all_does(paper, archive):
    assert with_margins([paper], archive, 1.0) == {}
    changes = with_margins([paper], archive, 1e-9)
    assert changes
    assert not any(change.endswith("-> reproduced") for change in changes)
