"""The words that every rendering takes: what they say, and how they count."""

from __future__ import annotations

from pathlib import Path

import pytest
from parsed_page import parsed
from sample_reports import at_hand, curve, not_run, ordering, record

from repro.judge import cases
from repro.judge.populations import Archive
from repro.papers import registry
from repro.report import listing, results_csv, step_summary, terminal, words
from repro.report.conclusions import conclusions

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        ([], "–"),
        (0.5, "0.5000"),
        (0.00042, "0.00042"),
        (123456.0, "1.235e+05"),
        ([0.9, 0.1, 0.5], "0.1000 to 0.9000"),
        (10**149, "1e+149"),
    ],
)
def test_numbers(value, said):
    assert words.number(value) == said


@pytest.mark.parametrize(
    ("sd", "said"),
    [
        (None, "0.5000"),
        (0.0, "0.5000 ± 0.0000"),
        (3.2e-05, "0.5000 ± <0.0001"),  # not 0: the trainings differ
        (0.00042, "0.5000 ± 0.0004"),
        (0.006, "0.5000 ± 0.0060"),
    ],
)
def test_a_spread_keeps_four_decimals(sd, said):
    assert words.mean_and_spread(0.5, sd) == said


def test_what_is_published_and_what_the_population_says_of_each_kind():
    rows = [record(), ordering(), curve(), record(kind="inconsistency", published=None)]
    assert [words.published(row) for row in rows] == ["0.5", "> 0.2", "0.1 to 0.9", "two sources"]
    assert [words.population(row) for row in [*rows[:3], not_run("a")]] == [
        *("0.5004 ± 0.0060 (8)", "difference 0.3000 ± 0.0060 (8)", "0.1100 to 0.7000 (8)", "–"),
    ]


def test_a_point_without_a_band_is_counted_and_not_inside():
    assert words.inside([True, False, None]) == "1 of 3 inside, 1 without a band"
    assert words.inside([None, None]) == "–"
    bare = curve()["points"][0] | {"band": None, "inside": None, "gate": None}
    assert words.point(bare) == (
        "eps 0.1: published 0.1, no band, population 0.1100 ± 0.0100, this machine 0.1200"
    )


@pytest.mark.parametrize(
    ("tox", "command"),
    [(None, "repro run"), ("py", "repro run"), ("reproduce", "tox -e reproduce --")],
)
def test_a_command_to_run_again_is_one_that_is_there(monkeypatch, tox, command):
    monkeypatch.delenv("TOX_ENV_NAME", raising=False)
    if tox:
        monkeypatch.setenv("TOX_ENV_NAME", tox)
    assert words.rerun("tiny-a", "plain") == f"{command} --claim 'tiny-a' --reading plain"


def test_a_user_s_curve_stands_by_its_own_points_and_not_by_the_published_ones():
    mine = curve(standing="outside")
    mine["points"][0]["measured"] = mine["points"][2]["measured"] = 0.8
    mine["points"][1]["band"] = None
    assert (words.where(mine), words.stands(mine)) == ("at 2 of 3 points", "0.1200 to 0.7100")
    mine["points"][2]["measured"] = 0.71
    assert words.bands(mine) == "0.0600 to 0.7500"
    assert [
        words.point(of, "your network").rpartition("network ")[2] for of in mine["points"]
    ] == [
        *("0.8000, OUTSIDE", "0.4800", "0.7100, inside"),
    ]
    others = curve(), record(standing="inside"), curve(standing="exact")
    assert [words.where(row) for row in others] == ["", "", ""]


@pytest.mark.parametrize(("outside", "said"), [(True, "excluded"), (False, "not excluded")])
def test_a_control_is_excluded_or_not(outside, said):
    row = record(standing="inside")
    row["control"]["outside"] = outside
    assert words.control(row) == said
    assert words.notes(row) == (f"control {said}",)


def test_a_number_that_several_readings_repeat_has_one_band():
    again = [record(), record(reading="other"), record("tiny-again")]
    assert words.by_chance(again).startswith("Of 1 bands")
    moved = {"reading": "third", "band": record()["band"] | {"low": 0.47}}
    for other in (moved, {"paper": "other"}, {"experiment": "other"}, {"metric": "other"}):
        assert words.by_chance([*again, record(**other)]).startswith("Of 2 bands"), other


def test_a_curve_has_one_band_among_those_that_miss_by_chance():
    assert words.by_chance([record(), curve(), ordering(), not_run("a")]).startswith("Of 2 bands")
    assert words.by_chance([ordering()]) == ""


def test_seeds_are_told_as_ranges():
    assert words.ranges([3, 0, 1, 9, 2]) == "0-3, 9"
    assert words.ranges([]) == "–"


def test_passes_on_our_own_terms_are_counted_apart():
    ours = record(ours=True)
    later = record(post_hoc="added when the numbers were known")
    both = record(ours=True, post_hoc="so")
    missed = record(verdict="not-reproduced", ours=True)
    passes, misses = words.apart([record(), ours, later, both, missed]).split("; ")
    assert passes.startswith("Of 4 passes, 2 rest on a threshold of the suite's own")
    assert passes.endswith("2 on what came after numbers were known, 1 of these on both")
    assert misses.startswith("of 1 not reproduced, 1 rest on a threshold")
    assert words.apart([record()]) == ""
    assert words.notes(ours) == ("our criterion",)
    assert words.notes(later) == ("post hoc",)


def asked(claim="tiny-asked", **changes):
    """A question's row."""
    return ordering(claim, ours=True, question=True, **changes)


def test_questions_are_counted_by_themselves_and_never_with_claims():
    claims = [record(), record("tiny-ours", ours=True), not_run("tiny-none")]
    misses = asked("tiny-b", verdict="not-reproduced", post_hoc="so")
    both = [asked(), *claims, misses, not_run("tiny-c", question=True)]
    assert words.counted(iter(both)) == claims
    assert words.counts(both) == words.counts(claims)
    assert {name: n for name, _, n in words.counts(both) if n} == {"not-run": 1, "reproduced": 2}
    assert words.caveats(both) == words.caveats(claims)
    assert "not reproduced" not in words.apart(both)
    # A report of nothing else counts them.
    alone = [asked(), misses]
    assert words.counted(alone) == alone
    assert {name: n for name, _, n in words.counts(alone) if n} == {
        "not-reproduced": 1,
        "reproduced": 1,
    }
    assert words.apart(alone).startswith("Of 1 passes, 1 rest on a threshold")
    assert words.counted([]) == []
    assert words.by_chance(alone) == ""  # no question has a band


def test_what_a_user_s_network_says_of_questions_is_not_counted_with_claims_either():
    rows = [
        record(standing="inside"),
        asked(standing="fails", difference=-0.1),
        asked(standing="holds"),
    ]
    assert {name: n for name, _, n in words.counts(rows) if n} == {"inside": 1}
    assert {name: n for name, _, n in words.counts(rows[1:]) if n} == {"holds": 1, "fails": 1}


def test_what_came_after_numbers_were_known_is_marked_in_every_rendering():
    made = at_hand()
    late = [row for row in made["claims"] if row["reading"] == "two-epochs"]
    # Half a dozen claims, of which some are post hoc by this reading alone.
    assert len(late) > 5
    assert all("two-epochs: added when 13 seeds" in row["post_hoc"] for row in late)
    assert all("two-epochs" not in r["post_hoc"] for r in made["claims"] if r not in late)
    own = next(row for row in late if row["id"] == "goodfellow2015-softmax-rubbish-error")
    page, verdict = parsed(made).words, f"{own['verdict']}, post hoc"
    assert "post hoc two-epochs: added when 13 seeds" in page
    cells = f"`{own['verdict']}`, post hoc |"
    claims = (ROOT / "CLAIMS.md").read_text("utf-8").splitlines()
    assert sum(
        "| two-epochs |" in line and line.endswith(", post hoc |") for line in claims
    ) == len(late)
    assert any("| two-epochs |" in line and line.endswith(cells) for line in claims)
    assert terminal.verdict(own).plain == verdict
    headline = made | {"claims": [own | {"tags": ["headline"]}]}
    assert verdict in step_summary.summary(headline)
    assert own["post_hoc"] in results_csv.text([own])
    case = next(
        case
        for case in cases.judge(registry.load_all()["goodfellow2015"], Archive())
        if case.id == f"{own['id']}@two-epochs"
    )
    assert listing.said(case).plain == verdict


def test_the_page_the_summary_and_claims_md_count_the_same_bands_and_the_same_claims():
    made = at_hand()
    rows = made["claims"]
    page, summary = parsed(made).words, step_summary.summary(made)
    claims = " ".join((ROOT / "CLAIMS.md").read_text("utf-8").split())
    for place in (page, summary.replace("\\", ""), claims):
        assert words.by_chance(rows) in place
    by_claim: dict[str, list] = {}
    for row in rows:
        by_claim.setdefault(row["id"], []).append(row)
    for said in conclusions(by_claim):
        assert f"{said.answer} : {said.text}" in page
        assert said.reading or f"**{said.answer}**: {said.text}" in claims
