"""Each cell of a document's table is the number that its row and its column name.

The documents are made from these tables, so that they agree with a wrong one as well. Here every
number of the evidence is another one, and tells where it comes from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, stdev
from types import SimpleNamespace

import pytest
from tiny_paper import row

from repro.judge import populations
from repro.judge.populations import Archive, Population, Row, path_of
from repro.markdown import mean, table
from repro.papers import registry
from repro.papers.goodfellow2015 import doc_tables as goodfellow
from repro.papers.lacok2016 import doc_tables as lacok
from repro.papers.popovic2017 import doc_tables as popovic
from repro.papers.questions import doc_tables as questions

Spot = tuple[str, str, str]
NUMBER = re.compile(r"(\d+\.(\d+))( ± (\d+\.\d+))?( \((\d+)\))?")
"""Mean, its digits behind the point, s and the number of seeds."""


class Numbered:
    """Populations of 2, 3 and so on seeds, in which each metric has a mean and an s of its own."""

    def __init__(self) -> None:
        self.values: dict[Spot, list[float]] = {}
        self.seeds: dict[tuple[str, str], int] = {}
        self.forms: set[tuple[int, bool, bool]] = set()

    def population(self, _kind: str, paper: str, experiment: str, reading: str) -> Population:
        spot = experiment, reading
        n = self.seeds.setdefault(spot, 2 + len(self.seeds))
        for name in registry.experiments(paper)[experiment].metrics:
            at = 1.0 + len(self.values)
            values = [at + 0.01 * at * (k / n) ** 2 for k in range(n)]
            self.values.setdefault((*spot, name), values)
        every = {name: values for (*of, name), values in self.values.items() if spot == (*of,)}
        rows = [Row(k, {}, {name: x[k] for name, x in every.items()}) for k in range(n)]
        return Population(Path(), tuple(rows))

    def said(self, cell: str) -> Spot | str:
        """Where a cell's number comes from, which must be right to the last digit."""
        found = NUMBER.fullmatch(cell)
        if found is None:
            return cell
        mean, digits, spread, s, count, seeds = found.groups()
        spot = min(self.values, key=lambda each: abs(fmean(self.values[each]) - float(mean)))
        values = self.values[spot]
        assert mean == f"{fmean(values):.{len(digits)}f}"
        assert s in (None, f"{stdev(values):.{len(digits)}f}")
        assert seeds in (None, str(len(values)))
        self.forms.add((len(digits), spread is not None, count is not None))
        return spot

    def rows(self, table: str) -> Iterator[list[Spot | str]]:
        """The cells of a table's rows: where a number comes from, and other texts as they are."""
        for line in table.splitlines()[2:]:
            if line.startswith("|"):
                yield [self.said(cell) for cell in line.strip("| ").split(" | ")]


@pytest.mark.parametrize("paper", [lacok, popovic])
def test_of_no_evidence_there_is_no_number(paper):
    archive = SimpleNamespace(population=lambda *_: Population(Path(), ()))
    for made in paper.TABLES.values():
        assert not re.search(r"\| \d+\.\d", made(archive))


def test_a_single_training_has_no_spread_and_none_has_a_dash():
    assert (mean([0.5]), mean([]), mean([1, 2], 2)) == ("0.5000", "–", "1.50 ± 0.71")
    assert mean([1, 2], 1, spread=False) == "1.5"
    assert table(["a", "b"], [["1", "2"], ["3", "4"]]) == (
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |\n"
    )


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
        [
            tested,
            of,
            str(archive.seeds[name, reading]),
            *((name, reading, f"{prefix}{each}") for each in ATTACKED),
        ]
        for tested, of, name, reading, prefix in expected
    ]
    assert archive.forms == {(4, True, False)}


def test_lacok_epochs():
    archive = Numbered()
    text = lacok.epochs(archive)
    found = list(archive.rows(text))
    assert found == [
        [str(n), form]
        + [("epochs", "as-written", f"{n}-original-{what}") for what in ("error", "confidence")]
        + [("epochs", "as-written", f"{n}-{form}-{each}") for each in ATTACKED]
        for n in (10, 25, 50, 75, 100)
        for form in ("exact", "float32")
    ]
    assert archive.forms == {(4, True, False)}
    assert text.endswith("\n\nSeeds measured: 2.\n")


def test_goodfellow_epochs():
    archive = Numbered()
    text = goodfellow.epochs(archive)
    names = ["clean-error", "fgsm-error", "fgsm-confidence", "rubbish-error", "rubbish-confidence"]
    assert list(archive.rows(text)) == [
        [str(n), *(("epochs", "maxout-hundred-epochs", f"{n}-{name}") for name in names)]
        for n in (10, 30, 100)
    ]
    assert archive.forms == {(4, True, False)}
    assert text.endswith("\n\nSeeds measured: 2.\n")


def test_lacok_grid():
    archive = Numbered()
    text = lacok.grid(archive)
    found = list(archive.rows(text))
    cells = [(f"1e-{a}", f"1e-{b}", f"l1-{a}-l2-{b}") for a in (3, 4, 5) for b in (3, 4, 5)]
    columns = [("as-written", each) for each in ("original", "fgsm-010", "fgsm-025")]
    columns += [("cached-adversarials", each) for each in ("fgsm-010", "fgsm-025")]
    columns += [("as-written", "random-025")]
    assert found == [
        [l1, l2, *(("grid", reading, f"{name}-{each}-error") for reading, each in columns)]
        for l1, l2, name in [("0", "0", "unregularised"), *cells]
    ]
    assert archive.forms == {(4, True, False)}
    assert text.endswith(f"\n\nSeeds measured: {archive.seeds['grid', 'as-written']}.\n")


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
    assert archive.forms == {(2 if metric.endswith("success") else 3, False, False)}


def test_popovic_targeted():
    archive = Numbered()
    found = list(archive.rows(popovic.TABLES["targeted"](archive)))
    assert found == [
        [reading, stops]
        + [("targeted", reading, f"{name}-{each}") for each in ("success", "rms", "iterations")]
        for reading in ("as-written", "as-coded")
        for name, stops in (("target", "at the target"), ("sure", "at 0.9 confidence"))
    ]
    assert archive.forms == {(4, True, True), (1, True, True)}


def test_questions_pairs_from_row_to_column():
    archive = Numbered()
    found = list(archive.rows(questions.pairs(archive)))
    assert found == [
        [str(a)]
        + ["–" if a == b else ("targeted", "narrow", f"success-{a}-{b}") for b in range(10)]
        for a in range(10)
    ]


def test_the_picture_of_pairs_has_the_darkness_of_the_table_s_shares():
    found = Archive()
    drawn = re.findall(
        r'<rect x="(\d+)" y="(\d+)" width="28" height="28" [^>]*fill-opacity="([\d.]+)"',
        questions.picture_of_pairs(found),
    )
    at = {(int(y) // 28 - 2, int(x) // 28 - 2): shade for x, y, shade in drawn}
    lines = questions.pairs(found).splitlines()[2:]
    cells = [line.strip("| ").split(" | ")[1:] for line in lines]
    assert len(at) == 90
    assert at == {(i, k): cells[i][k] for i in range(10) for k in range(10) if i != k}


def test_questions_answers(tmp_path):
    """Each number a thousand off the last one, and twelve seeds that differ by one."""
    offered, numbers = registry.experiments("questions"), {}
    (tmp_path / "full").mkdir()
    for experiment in offered.values():
        own = {name: 1000.0 * (len(numbers) + i) for i, name in enumerate(experiment.metrics)}
        numbers |= {(experiment.name, name): value for name, value in own.items()}
        rows = [
            row(seed, {n: x + seed for n, x in own.items()}, weights_sha256=f"{seed}")
            for seed in range(12)
        ]
        path = path_of(tmp_path, "full", "questions", experiment.name, "narrow")
        path.write_text(populations.dump(rows), encoding="utf-8")
    lines = questions.answers(Archive(tmp_path, check_sums=False)).splitlines()[2:]
    claims = registry.load_all()["questions"].claims
    assert len(lines) == len(claims) > 10

    def said(claim, metric):
        return f"{numbers[claim.experiment, metric] + 5.5:.4f} ± 3.6056"

    for claim, line in zip(claims, lines, strict=True):
        asked = claim.ordering
        than = asked.than if isinstance(asked.than, float) else said(claim, asked.than)
        statement, verdict, found, should_be, control, seeds = line.strip("| ").split(" | ")
        assert statement == claim.statement
        assert found == said(claim, asked.metric)
        assert should_be == f"{asked.relation} {than}"
        assert control == said(claim, claim.control.metric)
        assert seeds == "12"
        after = numbers[claim.experiment, asked.metric] > (
            0.5 if isinstance(asked.than, float) else numbers[claim.experiment, asked.than]
        )
        held = after == (asked.relation == ">")
        assert verdict == ("`reproduced`" if held else "`not-reproduced`")
