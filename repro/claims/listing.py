"""The list of claims as text; loads neither torch nor statistics."""

from __future__ import annotations

from collections.abc import Iterable

from repro.claims.records import Paper
from repro.claims.selection import Selection


def list_claims(papers: Iterable[Paper], selection: Selection) -> str:
    """The selected claims, a line each."""
    lines = []
    for paper in papers:
        for claim in paper.claims:
            readings = [r for r in claim.readings if selection.matches(claim, r)]
            if readings:
                expected = ", ".join(f"{r}: {claim.readings[r].verdict}" for r in readings)
                lines.append(f"{claim.id}\n    {claim.statement}\n    {expected}")
    return "\n".join(lines) + f"\n\n{len(lines)} claim{'' if len(lines) == 1 else 's'}\n"
