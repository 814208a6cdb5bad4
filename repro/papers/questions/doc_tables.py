"""Make the tables and the picture of docs/open-questions.md: the answers, noise with a target."""

from __future__ import annotations

from functools import partial

import numpy as np

from repro.judge.cases import judge
from repro.judge.populations import Archive
from repro.markdown import mean, table
from repro.papers import registry
from repro.papers.popovic2017.doc_tables import matrix
from repro.papers.popovic2017.per_class import CLASSES
from repro.papers.popovic2017.per_image import PAIRS
from repro.papers.questions.noise import READING

PAPER = "questions"


def answers(archive: Archive) -> str:
    """Write each question's statement, its verdict, and the numbers that are compared."""
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


pairs = partial(matrix, PAPER, "success", READING, "class")
"""Write the share of each class (row) that its noise has read as each other one (column)."""


CELL = 28


def picture_of_pairs(archive: Archive) -> str:
    """Draw the shares of :func:`pairs` as SVG: white for none of a class's images, dark for all.

    Raises:
        EvidenceError: the population is damaged or lacks a metric.
    """
    population = archive.population("full", PAPER, "targeted", READING)
    side = (len(CLASSES) + 2) * CELL
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" width="{side}">',
        "<style>text { font: 12px sans-serif; text-anchor: middle }</style>",
        "<title>Share of each class that its noise has read as each other class</title>",
        f'<rect width="{side}" height="{side}" fill="white"/>',
        f'<text x="{side / 2}" y="18">read as</text>',
        f'<text transform="translate(18 {side / 2}) rotate(-90)">noise for class</text>',
    ]
    for source in CLASSES:
        at = (source + 2) * CELL
        parts.append(f'<text x="{CELL * 1.6}" y="{at + 18}">{source}</text>')
        parts.append(f'<text x="{at + CELL / 2}" y="{CELL * 1.6}">{source}</text>')
    for source, target in PAIRS:
        values = population.values(f"success-{source}-{target}")
        share = float(np.mean(values)) if len(values) else 0.0
        x, y = (target + 2) * CELL, (source + 2) * CELL
        cell = f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}"'
        parts.append(f'{cell} fill="#08306b" fill-opacity="{share:.2f}"/>')
    return "\n".join([*parts, "</svg>", ""])


TABLES = {"answers": answers, "pairs": pairs, "pairs.svg": picture_of_pairs}
"""The parts of the document, by name; a name with an ending is a file beside it."""
