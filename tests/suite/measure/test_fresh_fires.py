"""The gate on the same weights, fired by real changes: Table 1 on the embedded sample."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from repro.judge.cases import gather, judge_claim
from repro.judge.populations import Archive
from repro.lab.attacks import fgsm
from repro.lab.mnist import data
from repro.lab.networks.store import Store
from repro.measure import live
from repro.measure.session import Measured
from repro.papers import registry
from repro.papers.experiment import Run
from repro.papers.lacok2016 import fgsm_tables

READING = "as-written"


@pytest.fixture(scope="module")
def table1():
    """Measure Table 1 on the shipped weights as the code has it, or with a change; each once."""
    sample, store = data.embedded(), Store()
    experiment = registry.experiments("lacok2016")["table1"]
    weights = [store.obtain(recipe, sample) for recipe in experiment.recipes(0)]
    attack, run = fgsm.fgsm, Run(sample, 0, lambda _: weights[0])  # one gradient for all

    @cache
    def measured(*, eps: float = 0.25, clip: bool = False) -> Measured:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(fgsm_tables.EPS, "fgsm-025", eps)
            if clip:
                patch.setattr(fgsm, "fgsm", lambda *a, **k: attack(*a, **k).clamp_(0, 1))
            values = experiment.run(run, READING)
        return Measured(values, [weights[0].sha256], ["shipped"], "embedded")

    return measured


@pytest.fixture(scope="module")
def alarms(table1):
    """The claims of Table 1 whose gate fires, on the shipped weights or on others."""
    paper, archive = registry.load_all()["lacok2016"], Archive()
    evidence = gather(paper, READING, archive, "embedded")

    def fired(*, sha256: str = "", source: str = "trained", **change: float) -> list[str]:
        measured = table1(**change)
        if sha256:
            measured = replace(measured, weights_sha256=[sha256], sources=source.split("+"))
        return [
            claim.id
            for claim in paper.claims
            if claim.experiment == "table1" and READING in claim.readings
            if live.stale(
                claim,
                READING,
                measured,
                live.recorded(claim, READING, archive, "embedded"),
                judge_claim(claim, evidence[claim.id]),
            )
        ]

    return fired


def test_the_shipped_weights_measure_what_is_on_record(alarms):
    assert alarms() == []


@pytest.mark.parametrize("eps", [0.24, 0.01])
def test_another_eps_is_noticed(alarms, eps):
    fired = alarms(eps=eps)
    assert {"lacok2016-t1-fgsm-025-error", "lacok2016-t1-fgsm-025-confidence"} <= set(fired)
    assert "lacok2016-t1-original-error" not in fired


def test_a_clip_that_was_not_there_is_noticed(alarms):
    assert "lacok2016-t1-fgsm-025-confidence" in alarms(clip=True)


def test_on_other_weights_the_population_s_band_decides(alarms):
    """An eps of 0.24 lies within what seeds do; one of 0.01 lies far outside."""
    assert "lacok2016-t1-fgsm-025-error" not in alarms(sha256="0" * 64, eps=0.24)
    assert "lacok2016-t1-fgsm-025-error" in alarms(sha256="0" * 64, eps=0.01)


def test_evidence_of_other_weights_than_the_shipped_ones_is_noticed(alarms):
    """A weights' hash that is zeroed in seed 0's row must not leave the wide band to decide."""
    assert alarms(sha256="0" * 64) == []
    for not_all in ("shipped+trained", "cache+shipped", "shipped+given"):
        assert alarms(sha256="0" * 64, source=not_all) == []
    assert len(alarms(sha256="0" * 64, source="shipped")) > 5
