"""Tables that fit the window, and text for a terminal, a file or a pipe."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

WHOLE = 10_000
"""Columns in which every line is whole."""
_NARROWEST = 18
"""Columns of a table's last column, the one that is folded: the longest verdict's."""

Cells = Sequence[str | Text]


def rendered(parts: Iterable[RenderableType], *, width: int, plain: bool) -> str:
    r"""Write ``parts`` in ``width`` columns, ``plain`` without colours; a str stays one line.

    >>> rendered([Text("a few words"), "a command to copy"], width=7, plain=True)
    'a few\nwords\na command to copy\n'
    """
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=not plain, no_color=plain, legacy_windows=False
    )
    for part in parts:
        # No markup, highlighter or emoji of its own: brackets and numbers are ours.
        whole = isinstance(part, str)
        console.print(part, soft_wrap=whole, markup=False, highlight=False, emoji=False)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def grouped(
    titles: Sequence[str],
    groups: Mapping[tuple[str, str], Sequence[Cells]],
    *,
    width: int | None,
) -> list[RenderableType]:
    """Lay out rows in groups, in the first of three forms that the window holds.

    One line a row, with its group; the group on a line of its own and one line a row below it; or
    a few lines a row.

    Args:
        titles: of the two cells that name a group, and of each cell of a row.
        groups: the two cells that name a group, to its rows; only a row's last cell may be folded.
        width: of the window; None for a file or a pipe, whose lines stay whole.
    """
    rows = [row for group in groups.values() for row in group]
    widths = [max(map(_columns, cells)) for cells in zip(titles[2:], *rows, strict=True)]
    names = [max(map(_columns, cells)) for cells in zip(titles[:2], *groups, strict=True)]
    if width is None or sum(names + widths) + 2 * (len(titles) - 1) <= width:
        lines = [(*name, *row) for name, group in groups.items() for row in group]
        return [_grid([titles], names + widths, "bold"), _grid(lines, names + widths)]
    last = min(widths[-1], width - sum(widths[:-1]) - 2 * len(widths))
    fits = last >= min(widths[-1], _NARROWEST)
    parts: list[RenderableType] = []
    if fits:
        widths[-1] = last
        parts.append(Padding.indent(_grid([titles[2:]], widths, "bold"), 2))
    for (name, about), group in groups.items():
        parts.append(Text(f"{name}: {titles[1]} {about}" if about else name))
        if fits:
            parts.append(Padding.indent(_grid(group, widths), 2))
            continue
        for first, *middle, end in group:
            parts.append(Padding.indent(Text.assemble(first, ": ", end), 2))
            parts += [
                Padding.indent(Text.assemble(title, " ", cell), 4)
                for title, cell in zip(titles[3:-1], middle, strict=True)
            ]
    return parts


def _columns(cell: str | Text) -> int:
    return cell_len(str(cell))


def _grid(rows: Iterable[Cells], widths: Sequence[int], style: str = "") -> Table:
    made = Table.grid(padding=(0, 2, 0, 0))
    for width in widths:
        made.add_column(width=width)
    for row in rows:
        made.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row), style=style)
    return made
