"""From populations to judgements: the family of Holm, orderings, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_paper import METRICS, SPREAD, document, row

from repro.claims import records
from repro.claims.verdict import Verdict
from repro.errors import ClaimsError, EvidenceError
from repro.judge import cases as evidence
from repro.judge import populations
from repro.judge.bands import prediction_band
from repro.judge.curves import simultaneous_bands
from repro.judge.orderings import holm, holm_factors, seeds_for_ordering, sign_test
from repro.judge.populations import Archive
from repro.judge.scales import Scale
from repro.judge.verdicts import Trend, judge_ordering


@pytest.fixture
def judged(tiny):
    """Judge the tiny paper as it stands; by ``claim@reading``."""

    def judge(kind="full"):
        paper = records.parse(document(tiny.paper), name="tiny")
        return {c.id: c for c in evidence.judge(paper, Archive(tiny.populations), kind)}

    return judge


def test_every_claim_and_reading_in_the_records_order(tiny, judged):
    tiny.measure()
    cases = judged()
    assert list(cases) == [
        "tiny-error@plain",
        "tiny-error@other",
        "tiny-clean@plain",
        "tiny-order@plain",
        "tiny-twice@plain",
    ]
    case = cases["tiny-error@plain"]
    assert case.judgement.verdict is Verdict.REPRODUCED
    assert case.seeds == tuple(range(8))
    assert case.values == tuple(0.5 + off for off in SPREAD)
    # The gate and the shown values of an ordering are those of its differences.
    order = cases["tiny-order@plain"]
    assert order.values == pytest.approx([0.3 + off for off in SPREAD])
    assert order.judgement.band is None
    assert order.judgement.gate is not None
    assert cases["tiny-twice@plain"].judgement.verdict is Verdict.PAPER_INCONSISTENT


def test_without_a_population_nothing_is_judged(judged):
    verdicts = {name: case.judgement.verdict for name, case in judged().items()}
    assert verdicts.pop("tiny-twice@plain") is Verdict.PAPER_INCONSISTENT
    assert set(verdicts.values()) == {Verdict.NOT_RUN}


def test_one_missing_population_leaves_the_other_readings_judged(tiny, judged):
    tiny.measure()
    populations.path_of(tiny.populations, "full", "tiny", "toy", "other").unlink()
    cases = judged()
    assert cases["tiny-error@other"].judgement.verdict is Verdict.NOT_RUN
    assert cases["tiny-error@other"].values == ()
    assert cases["tiny-error@plain"].judgement.verdict is Verdict.REPRODUCED


def test_the_kinds_of_data_have_their_own_populations(tiny, judged):
    tiny.measure()
    tiny.measure("embedded", shift=0.1)
    assert judged()["tiny-error@plain"].judgement.mean == pytest.approx(0.5)
    assert judged("embedded")["tiny-error@plain"].judgement.mean == pytest.approx(0.6)


def write(tiny, reading, errors, smalls):
    path = populations.path_of(tiny.populations, "full", "tiny", "toy", reading)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        row(seed, METRICS | {"error": error, "small": small})
        for seed, (error, small) in enumerate(zip(errors, smalls, strict=True))
    ]
    path.write_text(populations.dump(rows))


def test_holm_is_over_the_orderings_of_one_reading(tiny, judged):
    """Two orderings under ``plain``, one under ``other``: the p-values are doubled, or not."""
    errors = [0.5 + off for off in SPREAD]
    for reading in ("plain", "other"):
        write(tiny, reading, errors, [0.6, *[0.1 + off for off in SPREAD[1:]]])
    cases = judged()
    against = [error - small for error, small in zip(errors, [0.6, *[0.1] * 7], strict=True)]
    above = [error - 0.2 for error in errors]
    raw = {"tiny-error": sign_test(against), "tiny-order": sign_test(above)}
    assert raw == {"tiny-error": pytest.approx(9 / 256), "tiny-order": pytest.approx(1 / 256)}
    adjusted = holm(raw)
    assert cases["tiny-error@plain"].judgement.p == adjusted["tiny-error"]
    assert cases["tiny-order@plain"].judgement.p == adjusted["tiny-order"] == 2 / 256
    assert cases["tiny-error@other"].judgement.p == raw["tiny-error"]


def test_the_seeds_that_would_decide_count_all_of_holm_s_factor() -> None:
    """Seven of ten among twenty: the p-value is 1 by then, and no longer tells the factor."""
    differences = [1.0] * 7 + [-1.0] * 3
    others = {f"o{k}": 1e-9 * (k + 1) for k in range(10)} | {f"p{k}": 0.5 for k in range(9)}
    family = round(holm_factors(others | {"it": sign_test(differences)})["it"])
    said = judge_ordering(Trend(differences, 1.0, family)).reason
    needed = seeds_for_ordering(differences, family=10)
    assert family == 10
    assert said.endswith(f"{needed} seeds would decide")
    assert needed > seeds_for_ordering(differences, family=6)


def test_a_large_family_can_turn_a_trend_into_none(tiny, judged):
    """The same seeds: alone the ordering is established, among many it is not."""
    tiny.claim().update(published=0.9, margin=0.01)
    errors = [0.5 + off for off in SPREAD]
    write(tiny, "plain", errors, [0.6, *[0.1] * 7])
    write(tiny, "other", errors, [0.6, *[0.1] * 7])
    assert judged()["tiny-error@plain"].judgement.verdict is Verdict.TREND_ONLY
    for i in range(3):
        more = tiny.claim("tiny-order") | {"id": f"tiny-more-{i}"}
        more["ordering"] = {"metric": "error", "relation": "<", "than": 0.2, "why": "so"}
        tiny.paper["claim"].append(more)
    cases = judged()
    judgement = cases["tiny-error@plain"].judgement  # the second smallest of five p-values
    assert judgement.p == pytest.approx(4 * 9 / 256)
    assert judgement.verdict is Verdict.NOT_REPRODUCED
    assert cases["tiny-error@other"].judgement.verdict is Verdict.TREND_ONLY


def test_a_lower_relation_is_judged_as_well(tiny, judged):
    tiny.measure()
    tiny.claim("tiny-order")["ordering"] |= {"relation": "<", "than": 0.9}
    order = judged()["tiny-order@plain"]
    assert order.judgement.verdict is Verdict.REPRODUCED
    assert order.judgement.mean == pytest.approx(0.4)
    tiny.claim("tiny-order")["ordering"]["than"] = 0.1
    assert judged()["tiny-order@plain"].judgement.verdict is Verdict.NOT_REPRODUCED


def test_a_value_without_ordering_has_no_trend(tiny, judged):
    tiny.measure()
    tiny.claim("tiny-clean").update(published=0.9, margin=0.01)
    judgement = judged()["tiny-clean@plain"].judgement
    assert (judgement.verdict, judgement.p) == (Verdict.NOT_REPRODUCED, None)


@pytest.mark.parametrize("key", ["metric", "control", "ordering"])
def test_a_metric_that_the_population_lacks_is_an_error(tiny, judged, key):
    tiny.measure()
    if key == "metric":
        tiny.claim()["metric"] = "gone"
    else:
        tiny.claim()[key]["metric"] = "gone"
    with pytest.raises(EvidenceError) as caught:
        judged()
    assert caught.value.found == (
        "full/tiny-toy--plain.csv has no metric 'gone', which tiny-error reads"
    )


def test_a_damaged_population_is_an_error(tiny, judged):
    tiny.measure()
    path = populations.path_of(tiny.populations, "full", "tiny", "toy", "plain")
    path.write_text(path.read_text()[:-3])
    with pytest.raises(EvidenceError, match="cut off"):
        judged()


def test_a_rate_beyond_the_scale_is_an_error(tiny, judged):
    tiny.measure(shift=0.6)  # error rates of about 1.1
    tiny.claim()["scale"] = "logit"
    with pytest.raises((EvidenceError, ClaimsError)):
        judged()


def test_the_number_of_images_reaches_the_bands(tiny, judged):
    counts = [50, 49, 50, 48, 50, 50, 49, 47]
    rates = [k / 50 for k in counts]
    curve = {
        "kind": "curve",
        "published": [0.98, 1.0],
        "labels": ["a", "b"],
        "metric": "rate",
        "control": {"metric": "rate", "why": "so"},
    }
    tiny.claim().update(scale="logit", published=1.0, images=50)
    tiny.claim("tiny-clean").update(curve, scale="logit", images=[50, 100])
    path = populations.path_of(tiny.populations, "full", "tiny", "toy", "plain")
    path.parent.mkdir()
    rows = [
        row(seed, METRICS | {"error": rate, "rate[0]": rate, "rate[1]": rate})
        for seed, rate in enumerate(rates)
    ]
    path.write_text(populations.dump(rows))
    cases = judged()
    value = cases["tiny-error@plain"].judgement
    assert value.band == prediction_band(rates, unit=0.01, scale=Scale("logit", images=(50,)))
    assert value.verdict is Verdict.REPRODUCED
    points = cases["tiny-clean@plain"].judgement.points
    assert [point.band for point in points] == simultaneous_bands(
        [[rate, rate] for rate in rates], unit=0.01, scale=Scale("logit", images=(50, 100))
    )


def test_the_controls_seeds_reach_the_judge(tiny, judged):
    """In a band too wide and shown to be so, the control decides: outside in every seed."""
    tiny.claim().update(margin=0.001)
    tiny.measure()
    assert judged()["tiny-error@plain"].judgement.verdict is Verdict.CONSISTENT
    tiny.claim()["control"]["metric"] = tiny.claim()["metric"]
    held = judged()["tiny-error@plain"].judgement
    assert held.verdict is Verdict.INCONCLUSIVE
    assert "no control lies outside" in held.reason


def test_networks_are_shown_to_differ_by_their_weights():
    rows = [row(seed, METRICS) for seed in range(5)]
    own = [
        replace(each, provenance={**each.provenance, "weights_sha256": str(each.seed)})
        for each in rows
    ]
    assert populations.Population(Path(), tuple(own)).independent
    assert not populations.Population(Path(), (*own[:4], replace(own[0], seed=9))).independent
    nameless = replace(own[4], provenance={**own[4].provenance, "weights_sha256": ""})
    assert not populations.Population(Path(), (*own[:4], nameless)).independent


def test_seeds_of_the_same_weights_are_copies(tiny, judged, monkeypatch):
    tiny.spread = [0.0] * 8
    tiny.measure()
    monkeypatch.setattr(populations.Population, "independent", True)
    assert judged()["tiny-order@plain"].judgement.verdict is Verdict.REPRODUCED
    monkeypatch.setattr(populations.Population, "independent", False)
    copies = judged()["tiny-order@plain"].judgement
    assert copies.verdict is Verdict.INCONCLUSIVE
    assert "networks of the 8 seeds differ" in copies.reason
