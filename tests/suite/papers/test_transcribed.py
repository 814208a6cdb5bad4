"""Every experiment of the papers equals its plain transcription, under each reading.

The transcriptions are ``plain_lacok.py``, ``plain_popovic.py``, ``plain_goodfellow.py`` and
``plain_questions.py`` of ``tests/helpers``: one image at a time, in NumPy, from the papers' texts.
What a run measures goes through batches, through what is kept between experiments and readings,
and through both readings at once.
"""

from __future__ import annotations

import plain_goodfellow
import plain_lacok
import plain_popovic
import plain_questions
import pytest
import small_runs
from own_papers import PAPERS

from repro.papers import registry
from repro.papers.goodfellow2015 import experiments as goodfellow
from repro.papers.lacok2016 import experiments as lacok
from repro.papers.popovic2017 import experiments as popovic
from repro.papers.popovic2017 import per_class
from repro.papers.questions import experiments as questions

SEEDS = {"lacok2016": 79, "popovic2017": 27, "goodfellow2015": 5, "questions": 3}
"""Odd, as the partner of an even seed comes after it; the middle of 79's grid is once the best."""
LACOK = [(e, reading) for e in lacok.EXPERIMENTS for reading in e.readings]
POPOVIC = [(e, reading) for e in popovic.EXPERIMENTS for reading in e.readings]
GOODFELLOW = [(e, reading) for e in goodfellow.EXPERIMENTS for reading in e.readings]

QUESTIONS = [(e, reading) for e in questions.EXPERIMENTS for reading in e.readings]


def named(pair) -> str:
    return f"{pair[0].name}@{pair[1]}"


@pytest.fixture(scope="module", autouse=True)
def _small():
    with pytest.MonkeyPatch.context() as patch:
        small_runs.settle(patch)
        yield


@pytest.fixture(autouse=True)
def _nothing_drawn():
    small_runs.DRAWN.clear()


@pytest.fixture(scope="module")
def whole():
    """One run of everything a paper has, as a run of all claims is; by paper."""
    both = ("as-written", "as-coded")
    return {
        paper: small_runs.run(data, SEEDS[paper], readings=both)
        for paper, data in (
            ("lacok2016", small_runs.SURE),
            ("popovic2017", small_runs.FULL),
            ("goodfellow2015", small_runs.BARE),
            ("questions", small_runs.FULL),
        )
    }


def check(pair, expected, whole):
    """What is measured in the whole run, and alone; and what is drawn for it."""
    experiment, reading = pair
    alone = small_runs.run(whole.data, whole.seed)
    for run in (whole, alone):
        assert experiment.run(run, reading) == pytest.approx(expected, rel=0, abs=1e-6)
    assert alone.drawn == small_runs.DRAWN


@pytest.mark.parametrize("pair", LACOK, ids=named)
def test_lacok(pair, whole):
    experiment, reading = pair
    expected = plain_lacok.PLAINLY[experiment.name](SEEDS["lacok2016"], reading)
    check(pair, expected, whole["lacok2016"])


@pytest.mark.parametrize("pair", POPOVIC, ids=named)
def test_popovic(pair, whole):
    experiment, reading = pair
    expected = plain_popovic.PLAINLY[experiment.name](SEEDS["popovic2017"], reading)
    check(pair, expected, whole["popovic2017"])


@pytest.mark.parametrize("pair", GOODFELLOW, ids=named)
def test_goodfellow(pair, whole):
    experiment, reading = pair
    expected = plain_goodfellow.PLAINLY[experiment.name](SEEDS["goodfellow2015"], reading)
    check(pair, expected, whole["goodfellow2015"])


@pytest.mark.parametrize("pair", QUESTIONS, ids=named)
def test_questions(pair, whole):
    experiment, reading = pair
    expected = plain_questions.PLAINLY[experiment.name](SEEDS["questions"], reading)
    check(pair, expected, whole["questions"])


@pytest.mark.parametrize("paper", PAPERS)
def test_every_experiment_of_every_paper_is_told_twice(paper):
    told = [id(experiment) for experiment, _ in (*LACOK, *POPOVIC, *GOODFELLOW, *QUESTIONS)]
    assert {id(e) for e in registry.experiments(paper).values()} <= set(told)


@pytest.mark.parametrize("reading", plain_popovic.HOW)
@pytest.mark.parametrize("name", ["common-fives", "common-classes"])
def test_common_noise_on_the_sample(name, reading):
    experiment = next(e for e in popovic.EXPERIMENTS if e.name == name)
    seed = SEEDS["popovic2017"]
    found = experiment.run(small_runs.run(small_runs.SAMPLE, seed), reading)
    expected = plain_popovic.PLAINLY[name](seed, reading, sample=True)
    assert found == pytest.approx(expected, rel=0, abs=1e-6)


def test_the_numbers_that_the_small_runs_have_smaller():
    """And those that both sides take from one place."""
    assert small_runs.PAPERS == {
        "SUBSET": 1000,
        "EACH": 5,
        "VALIDATION": 5000,
        "RUBBISH": 10_000,
        "TRAINING_IMAGES": 10_000,
        "ON_THE_LINE": 1000,
        "IMAGES": 500,
        "CRAFTED_ON": 100,
        "MEASURED_ON": 200,
        "OF_OTHERS": 200,
        "MOST": 200,
        "UNITS": 240,
    }


def test_a_falling_line_is_negative_and_a_flat_one_none():
    """Which the rates over eps, rising as they are, cannot show."""
    for values in ([1 - eps**2 for eps in per_class.EPS], [0.5] * 16):
        assert per_class._linearity(values) == pytest.approx(plain_popovic.line(values))
