"""Make the tables of docs/open-questions.md: the answers, and common noise with a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from repro.judge.cases import judge
from repro.judge.populations import Archive
from repro.markdown import mean, table
from repro.papers import registry
from repro.papers.questions.noise import CLASSES, READING

PAPER = "questions"


def answers(archive: Archive) -> str:
    """Write each question's statement, its verdict, and the numbers that are compared.

    Raises:
        EvidenceError: a population is damaged or lacks a metric.
    """
    rows = []
    for case in judge(registry.load_all()[PAPER], archive):
        claim, ordering, control = case.claim, case.claim.ordering, case.claim.control
        if ordering is None or control is None:
            continue  # no question: that is an ordering with its control
        population = archive.population("full", PAPER, claim.experiment, case.reading)
        numbers = {name: mean(population.values(name)) for name in claim.metrics}
        than = f"{ordering.relation} {numbers.get(str(ordering.than), ordering.than)}"
        rows.append(
            [
                *(claim.statement, f"`{case.judgement.verdict}`", numbers[ordering.metric], than),
                *(numbers[control.metric], str(len(population.rows))),
            ]
        )
    titles = ["statement", "verdict", "mean ± s", "should be", "control", "seeds"]
    return table(titles, rows)


def pairs(archive: Archive) -> str:
    """Write the share of each class (row) that its noise has read as each other one (column).

    Raises:
        EvidenceError: the population is damaged or lacks a metric.
    """
    population = archive.population("full", PAPER, "targeted", READING)
    rows = [
        [
            str(source),
            *(
                "–"
                if source == target
                else mean(population.values(f"success-{source}-{target}"), 2, spread=False)
                for target in CLASSES
            ),
        ]
        for source in CLASSES
    ]
    return table(["class", *map(str, CLASSES)], rows)


TABLES: Mapping[str, Callable[[Archive], str]] = {"answers": answers, "pairs": pairs}
