"""What a claim's test says when it fails."""

from __future__ import annotations

from collections.abc import Mapping

from repro.report.result_row import Measurement, ResultRow
from repro.report.words import interval, ranges, rerun, short


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
    if band["low"] <= published <= band["high"]:
        return "inside"
    edge = band["low"] if published < band["low"] else band["high"]
    return f"{abs(published - edge):.4g} {'below' if published < edge else 'above'}"


def failure_text(row: ResultRow, why: str) -> str:
    """Return the text of a failing claim: what was claimed, found and expected, and a rerun."""
    band = "none" if row["band"] is None else interval(row["band"])
    lines: dict[str, object] = {
        "why": why,  # first, as pytest's summary and JUnit's XML show the beginning
        "claim": f"{row['id']} ({row['reading']}), {row['place']}",
        "quote": f"“{row['quote']}”",
        "published": row["criterion"] if row["published"] is None else row["published"],
        "measured": in_words(row["measured"]),
        "band": f"{band}, published is {_distance_outside(row)}",
        "verdict": f"{row['evidence_verdict']} (expected {row['expected']})",
        "seeds": f"{len(row['seeds'])}: {ranges(row['seeds'])}",
        "weights": ", ".join(h[:16] for h in row["weights_sha256"]) or "none",
        "rerun": rerun(row["id"], row["reading"]),
    }
    return labelled(lines)


def labelled(lines: Mapping[str, object]) -> str:
    """Write what ``lines`` say behind their names, one line each, whatever they run over."""
    return "\n".join(
        f"{name + ':':<11}{' '.join(str(said).split())}" for name, said in lines.items()
    )
