"""Each cell of a document's table is the number that its row and its column name.

The documents are made from these tables, so that they agree with a wrong one as well. Here every
number of the evidence is another one, and tells where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from repro.judge.populations import Population, Row
from repro.papers import registry
from repro.papers.lacok2016 import doc_tables as lacok
from repro.papers.popovic2017 import doc_tables as popovic

Spot = tuple[str, str, str]


class Numbered:
    """Populations of one seed, in which each metric is a number of its own."""

    def __init__(self) -> None:
        self.spots: dict[float, Spot] = {}
        self.next = count(1)

    def population(self, _kind: str, paper: str, experiment: str, reading: str) -> Population:
        metrics = registry.experiments(paper)[experiment].metrics
        numbers = {name: float(next(self.next)) for name in metrics}
        self.spots |= {x: (experiment, reading, name) for name, x in numbers.items()}
        return Population(Path(), (Row(0, {}, numbers),))

    def rows(self, table: str) -> Iterator[list[Spot | str]]:
        """The cells of a table's rows: where a number comes from, and other texts as they are."""
        for line in table.splitlines()[2:]:
            if line.startswith("|"):
                cells = [cell.removesuffix(" (1)") for cell in line.strip("| ").split(" | ")]
                yield [
                    self.spots[float(c)] if c.replace(".", "", 1).isdecimal() and "." in c else c
                    for c in cells
                ]


ATTACKED = [f"fgsm-{eps}-{what}" for eps in ("010", "025") for what in ("error", "confidence")]


def test_lacok_transfer():
    archive = Numbered()
    found = list(archive.rows(lacok.transfer(archive)))
    cached = "cached-adversarials"
    expected = [
        ("unregularised", "itself", "table1", "as-written", ""),
        ("unregularised, another seed", "the unregularised network", "transfer", cached, ""),
        ("regularised", "itself", "table2", "as-written", ""),
        ("regularised", "the unregularised network", "table2", cached, ""),
    ]
    other = "an unregularised network of another seed"
    for form, said in (("exact", ""), ("float32", ", in float32")):
        of = f"the unregularised network{said}"
        if said:
            expected.append(("regularised", of, "caches", cached, f"{form}-same-"))
        expected.append(("regularised", f"{other}{said}", "caches", cached, f"{form}-other-"))
    assert found == [
        [tested, of, "1", *((name, reading, f"{prefix}{each}") for each in ATTACKED)]
        for tested, of, name, reading, prefix in expected
    ]


def test_lacok_epochs():
    archive = Numbered()
    found = list(archive.rows(lacok.epochs(archive)))
    assert found == [
        [str(n), form]
        + [("epochs", "as-written", f"{n}-original-{what}") for what in ("error", "confidence")]
        + [("epochs", "as-written", f"{n}-{form}-{each}") for each in ATTACKED]
        for n in (10, 25, 50, 75, 100)
        for form in ("exact", "float32")
    ]


def test_lacok_grid():
    archive = Numbered()
    found = list(archive.rows(lacok.grid(archive)))
    cells = [(f"1e-{a}", f"1e-{b}", f"l1-{a}-l2-{b}") for a in (3, 4, 5) for b in (3, 4, 5)]
    columns = [("as-written", each) for each in ("original", "fgsm-010", "fgsm-025")]
    columns += [("cached-adversarials", each) for each in ("fgsm-010", "fgsm-025")]
    columns += [("as-written", "random-025")]
    assert found == [
        [l1, l2, *(("grid", reading, f"{name}-{each}-error") for reading, each in columns)]
        for l1, l2, name in [("0", "0", "unregularised"), *cells]
    ]


@pytest.mark.parametrize("reading", popovic.READINGS)
@pytest.mark.parametrize("metric", ["target-success", "target-rms", "sure-success", "sure-rms"])
def test_popovic_pairs_from_row_to_column(metric, reading):
    archive = Numbered()
    found = list(archive.rows(popovic.TABLES[f"{metric} {reading}"](archive)))
    assert found == [
        [str(a)]
        + ["–" if a == b else ("targeted", reading, f"{metric}-{a}-{b}") for b in range(10)]
        for a in range(10)
    ]


def test_popovic_targeted():
    archive = Numbered()
    found = list(archive.rows(popovic.TABLES["targeted"](archive)))
    assert found == [
        [reading, stops]
        + [("targeted", reading, f"{name}-{each}") for each in ("success", "rms", "iterations")]
        for reading in ("as-written", "as-coded")
        for name, stops in (("target", "at the target"), ("sure", "at 0.9 confidence"))
    ]
