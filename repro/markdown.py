"""Tables in Markdown, for the documents and the summaries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; it ends in a line break.

    >>> print(table(["a", "b"], [["1", "2"]]), end="")
    | a | b |
    | --- | --- |
    | 1 | 2 |
    """
    lines = (titles, ["---"] * len(titles), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def joined(blocks: Iterable[str]) -> str:
    """Write headings, paragraphs and tables one below the other, a blank line between them."""
    return "\n\n".join(block.strip("\n") for block in blocks) + "\n"


def mean(values: Sequence[float], digits: int = 4, *, spread: bool = True) -> str:
    """Write ``mean ± s``, or the mean alone of a single value; ``–`` stands for none."""
    if not values:
        return "–"
    s = f" ± {np.std(values, ddof=1):.{digits}f}" if spread and len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{s}"
