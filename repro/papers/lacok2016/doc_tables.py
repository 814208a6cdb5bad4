"""Make the documents' tables: where the 81 % comes from, and the grid of penalties."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from repro.judge.populations import Archive
from repro.papers.tables import mean, table

TRANSFER = (
    ("unregularised", "itself", "table1", "as-written"),
    (
        "unregularised, another seed",
        "the unregularised network",
        "transfer",
        "cached-adversarials",
    ),
    ("regularised", "itself", "table2", "as-written"),
    ("regularised", "the unregularised network", "table2", "cached-adversarials"),
)
"""(network under test, network the images are made for, experiment, reading)."""


def transfer(archive: Archive) -> str:
    """Write the error rates under FGSM, by the network tested and the one attacked.

    Raises:
        EvidenceError: a population is damaged or lacks a metric.
    """
    rows = []
    for tested, made_for, experiment, reading in TRANSFER:
        population = archive.population("full", "lacok2016", experiment, reading)
        errors = [population.values(f"fgsm-{eps}-error") for eps in ("010", "025")]
        rows.append([tested, made_for, *(f"{mean(each)} ({len(each)})" for each in errors)])
    titles = ["network under test", "images made for", "error, eps 0.10", "error, eps 0.25"]
    return table(titles, rows)


def grid(archive: Archive) -> str:
    """Write the error rates of the nine pairs of penalties on Table 2's sets, attacked either way.

    Raises:
        EvidenceError: a population is damaged or lacks a metric.
    """
    own, cached = (
        archive.population("full", "lacok2016", "grid", reading)
        for reading in ("as-written", "cached-adversarials")
    )
    columns = {
        "original": (own, "original"),
        "own, eps 0.10": (own, "fgsm-010"),
        "own, eps 0.25": (own, "fgsm-025"),
        "cached, eps 0.10": (cached, "fgsm-010"),
        "cached, eps 0.25": (cached, "fgsm-025"),
        "random, eps 0.25": (own, "random-025"),
    }
    cells = [("0", "0", "unregularised")]
    cells += [(f"1e-{a}", f"1e-{b}", f"l1-{a}-l2-{b}") for a in (3, 4, 5) for b in (3, 4, 5)]
    rows = [
        [l1, l2, *(mean(each.values(f"{name}-{what}-error")) for each, what in columns.values())]
        for l1, l2, name in cells
    ]
    return f"{table(['lambda1', 'lambda2', *columns], rows)}\nSeeds measured: {len(own.rows)}.\n"


TABLES: Mapping[str, Callable[[Archive], str]] = {"transfer": transfer, "grid": grid}
