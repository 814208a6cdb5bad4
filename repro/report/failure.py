"""What a claim's test says when it fails."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import TextWrapper

from repro.judge.bands import Band
from repro.report.result_row import Measurement, ResultRow
from repro.report.words import interval, ranges, rerun, short

_FOLD = TextWrapper(
    160, subsequent_indent=" " * 11, break_long_words=False, break_on_hyphens=False
)
"""A log of CI has lines of any length, and few who read them."""


def in_words(value: Measurement | None) -> str:
    """Write a measurement on one line, every number of a curve's."""
    return " ".join(map(short, value if isinstance(value, list) else [value]))


def _distance_outside(row: ResultRow) -> str:
    """Say how far the published value lies outside the 95 % band."""
    band, published = row["band"], row["published"]
    if any(point["band"] for point in row["points"]):
        missed = [point["label"] for point in row["points"] if point["inside"] is False]
        return f"outside at {', '.join(missed)}" if missed else "inside at every point"
    if band is None or published is None or isinstance(published, list):
        return "no band"
    distance = Band(**band).distance(published)
    side = "below" if distance < 0 else "above"
    return f"{abs(distance):.4g} {side}" if distance else "inside"


def failure_text(row: ResultRow, why: str) -> str:
    """Return the text of a failing claim: what was claimed, found and expected, and a rerun."""
    band = "none" if row["band"] is None else interval(row["band"])
    published = row["criterion"] if row["published"] is None else row["published"]
    weights = ", ".join(h[:16] for h in row["weights_sha256"]) or "none"
    lines: dict[str, object] = {
        "why": why,  # first, as JUnit's XML and a page of CI show the beginning
        "claim": f"{row['id']} ({row['reading']}), {row['place']}",
        "quote": f"“{row['quote']}”",
        "published": f"{published}; measured: {in_words(row['measured'])}; "
        f"band: {band}, published is {_distance_outside(row)}",
        "verdict": f"{row['evidence_verdict']} (expected {row['expected']}); "
        f"seeds: {ranges(row['seeds'])} ({len(row['seeds'])}); weights: {weights}",
        "rerun": rerun(row["id"], row["reading"]),
    }
    return labelled(lines)


def labelled(lines: Mapping[str, object]) -> str:
    """Write what ``lines`` say behind their names, in lines to read; a command stays whole."""
    parts = []
    for name, said in lines.items():
        whole = f"{name + ':':<11}{' '.join(str(said).split())}"
        parts += [whole] if name == "rerun" else _FOLD.wrap(whole)
    return "\n".join(parts)
