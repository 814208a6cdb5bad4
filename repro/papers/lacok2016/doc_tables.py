"""Make the documents' tables: where the 81 % comes from, and the grid of penalties."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from repro.judge.populations import Archive

ROWS = (
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


def table(archive: Archive) -> str:
    """Write the error rates under FGSM, by the network tested and the one attacked.

    Args:
        archive: the populations.

    Returns:
        A Markdown table: mean ± s (N) over the seeds.

    Raises:
        EvidenceError: a population is damaged or lacks a metric.
    """
    lines = [
        "| network under test | images made for | error, eps 0.10 | error, eps 0.25 |",
        "| --- | --- | --- | --- |",
    ]
    for tested, made_for, experiment, reading in ROWS:
        population = archive.population("full", "lacok2016", experiment, reading)
        cells = []
        for metric in ("fgsm-010-error", "fgsm-025-error"):
            values = population.values(metric)
            cells.append(f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f} ({len(values)})")
        lines.append(f"| {tested} | {made_for} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


HEAD = (
    "lambda1",
    "lambda2",
    "original",
    "own, eps 0.10",
    "own, eps 0.25",
    "cached, eps 0.10",
    "cached, eps 0.25",
    "random, eps 0.25",
)


def _mean(values: list[float]) -> str:
    if not values:
        return "–"
    spread = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
    return f"{np.mean(values):.4f}{spread}"


def grid(archive: Archive) -> str:
    """Write the error rates of the nine pairs of penalties on Table 2's sets, attacked either way.

    Args:
        archive: the populations.

    Returns:
        A Markdown table, mean ± s over the seeds, and a line with their number.

    Raises:
        EvidenceError: a population is damaged or lacks a metric.
    """
    own, cached = (
        archive.population("full", "lacok2016", "grid", reading)
        for reading in ("as-written", "cached-adversarials")
    )
    lines = [
        f"| {' | '.join(HEAD)} |",
        f"| --- | --- |{' --- |' * 6}",
    ]
    cells = [("0", "0", "unregularised")]
    cells += [(f"1e-{a}", f"1e-{b}", f"l1-{a}-l2-{b}") for a in (3, 4, 5) for b in (3, 4, 5)]
    for l1, l2, name in cells:
        columns = (
            (own, "original"),
            (own, "fgsm-010"),
            (own, "fgsm-025"),
            (cached, "fgsm-010"),
            (cached, "fgsm-025"),
            (own, "random-025"),
        )
        shown = [_mean(population.values(f"{name}-{what}-error")) for population, what in columns]
        lines.append(f"| {l1} | {l2} | {' | '.join(shown)} |")
    return "\n".join([*lines, "", f"Seeds measured: {len(own.rows)}."]) + "\n"


TABLES: Mapping[str, Callable[[Archive], str]] = {"transfer": table, "grid": grid}
