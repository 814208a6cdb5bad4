"""Where the 81 % comes from: own attack, transfer and regularisation side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from repro.claims import populations

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


def table(root: Path) -> str:
    """Error rates under FGSM, by the network that is tested and the one that is attacked.

    Args:
        root: the folder of the populations.

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
        path = populations.path_of(root, "full", "lacok2016", experiment, reading)
        population = populations.load(path)
        cells = []
        for metric in ("fgsm-010-error", "fgsm-025-error"):
            values = population.values(metric)
            cells.append(f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f} ({len(values)})")
        lines.append(f"| {tested} | {made_for} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
