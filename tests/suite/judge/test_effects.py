"""Effects of single switches: their records, and the table that is made of them."""

from __future__ import annotations

import copy

import pytest
from tiny_paper import PAPER, Tiny, document

from repro.claims.records import parse
from repro.errors import ClaimsError, EvidenceError
from repro.judge import populations
from repro.judge.effects import effects
from repro.judge.populations import Archive
from repro.report import claims_md

EFFECT = {
    "what": "the small | switch",
    "experiment": "toy",
    "from": "plain",
    "to": "switched",
    "measures": ["rms", "iterations"],
}


def text(**changes):
    paper = copy.deepcopy(PAPER)
    effect = {k: v for k, v in {**EFFECT, **changes}.items() if v is not None}
    return document({**paper, "effect": [effect]})


@pytest.fixture
def tiny(tmp_path):
    made = Tiny(tmp_path)
    made.metrics |= {"plain-rms": 0.4, "switched-rms": 0.1}
    made.metrics |= {"plain-iterations": 7.0, "switched-iterations": 9.0}
    made.measure()
    return made


def test_effects_are_differences_within_a_seed(tiny):
    path = populations.path_of(tiny.populations, "full", "tiny", "toy", "other")
    path.unlink()  # a reading without a population has no row
    found = list(effects(parse(text(), name="tiny"), Archive(tiny.populations)))
    assert [(e.reading, e.measure, e.n) for e in found] == [
        ("plain", "rms", 8),
        ("plain", "iterations", 8),
    ]
    # Every metric of a seed is off by the same, so that nothing but the switch remains.
    assert [round(e.mean, 9) for e in found] == [-0.3, 2.0]
    assert all(e.sd < 1e-12 for e in found)
    assert found[0].before == pytest.approx(0.4)


def test_the_table_has_a_row_a_measure_and_cannot_be_broken(tiny):
    page = claims_md.claims_page([parse(text(), name="tiny")], [], Archive(tiny.populations))
    rows = [line for line in page.splitlines() if "small \\| switch" in line]
    assert len(rows) == 4
    assert rows[0].endswith("| plain | rms | 0.4000 | -0.3000 ± 0.0000 (8) |")
    assert rows[1].endswith("| plain | iterations | 7.0 | +2.0 ± 0.0 (8) |")


def test_one_seed_is_no_effect(tiny):
    tiny.measure(n=1)
    assert list(effects(parse(text(), name="tiny"), Archive(tiny.populations))) == []


def test_a_measure_that_nobody_took_is_an_error(tiny):
    paper = parse(text(measures=["guess"]), name="tiny")
    with pytest.raises(EvidenceError, match="plain-guess"):
        list(effects(paper, Archive(tiny.populations)))


@pytest.mark.parametrize(
    "changes",
    [
        {"what": None},
        {"measures": []},
        {"measures": ["Not a slug"]},
        {"from": "Not a slug"},
        {"more": "x"},
    ],
)
def test_a_record_that_makes_no_sense_is_refused(changes):
    with pytest.raises(ClaimsError):
        parse(text(**changes), name="tiny")
