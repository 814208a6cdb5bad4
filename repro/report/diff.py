"""What changed between two reports: verdicts, measurements beyond noise, evidence, environment.

Noise: two runs of the same weights differ by rounding alone, so a measurement has changed
when it moved by more than the snapshots' tolerance: what other arithmetic was measured to change,
at least 0.001 (of a number above 1: 0.1 % of it). Two trainings differ by chance as well: where
the weights differ, a change is also larger than ``t(0.9995, N - 1) s sqrt(2)``, which the
difference of two trainings of the population passes once in a thousand. Without a population of
five seeds the tolerance alone counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from operator import itemgetter
from typing import Any, TypedDict

from repro.judge.freshness import FLOOR, tolerance
from repro.judge.populations import name_of
from repro.judge.verdicts import GATE_LEVEL, MIN_SEEDS
from repro.report import words
from repro.report.result_row import Measurement, ResultRow
from repro.report.sanitize import line
from repro.report.words import number

TITLES = {
    "verdicts": "verdicts changed",
    "outcomes": "outcomes changed, verdicts the same",
    "measurements": "measurements changed beyond noise",
    "evidence": "populations changed",
    "added": "only in the second report",
    "removed": "only in the first report",
    "not_compared": "not compared: deselected in one of the runs",
    "environment": "environment",
}
Said = str | float | None


class Change(TypedDict):
    """One claim under one reading that is not as it was, and what else there is to say."""

    id: str
    reading: str
    before: Said
    after: Said
    note: str


def _numbers(value: Measurement | None) -> list[float]:
    """List a measurement's numbers: one, a curve's, or none where nothing was measured."""
    several = value if isinstance(value, list) else [value]
    return [each for each in several if each is not None]


def spread(report: Mapping[str, Any], row: ResultRow, point: int = 0) -> tuple[float, int] | None:
    """Return (s, N) of the metric that a row measures, or of a curve's point.

    An ordering's own s is of differences, so it is looked for in the rows whose population is
    of the metric itself. Without five seeds there is None.
    """
    if row["kind"] == "curve":
        found = [(at["sd"], row["n"]) for at in row["points"][point : point + 1]]
    else:
        where = itemgetter("paper", "experiment", "reading", "metric")
        values = (each for each in [row, *report["claims"]] if each["kind"] == "value")
        found = [(each["sd"], each["n"]) for each in values if where(each) == where(row)]
    return next(((sd, n) for sd, n in found if sd is not None and n >= MIN_SEEDS), None)


def noise(largest: float, population: tuple[float, int] | None, rounding: float = FLOOR) -> float:
    """Return the largest difference of two measurements that says nothing.

    Args:
        largest: of the two, in magnitude.
        population: (s, N) of the metric; None for the same weights, or where it is unknown.
        rounding: what other arithmetic may change.
    """
    least = max(rounding, FLOOR * max(1.0, largest))
    if population is None:
        return least
    from scipy.special import stdtrit

    sd, n = population
    return max(least, float(stdtrit(n - 1, (1 + GATE_LEVEL) / 2)) * sd * math.sqrt(2))


def _change(row: ResultRow, before: Said, after: Said, note: str = "") -> Change:
    return Change(id=row["id"], reading=row["reading"], before=before, after=after, note=note)


def _measurement(a: Mapping[str, Any], before: ResultRow, after: ResultRow) -> Change | None:
    xs, ys = _numbers(before["measured"]), _numbers(after["measured"])
    if len(xs) != len(ys):
        was, now = number(before["measured"]), number(after["measured"])
        return _change(before, was, now, "measured in one run only, or at other points")
    same = before["weights_sha256"] == after["weights_sha256"]
    name = name_of(before["paper"], before["experiment"], before["reading"])
    moved = []
    for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
        population = None if same else spread(a, before, i)
        metric = before["metric"] + (f"[{i}]" if before["kind"] == "curve" else "")
        least = tolerance(name, metric, a["header"]["data"]["kind"])
        allowed = noise(max(abs(x), abs(y)), population, least)
        if abs(x - y) > allowed:
            at = f"point {i + 1}: " if len(xs) > 1 else ""
            said = f"{at}moved by {abs(x - y):.2g}, noise is {allowed:.2g}"
            moved.append((abs(x - y) / allowed, x, y, said))
    if not moved:
        return None
    _, x, y, said = max(moved, key=lambda each: each[0])
    return _change(before, x, y, f"{said}; {'the same' if same else 'other'} weights")


def _evidence(before: ResultRow, after: ResultRow) -> Change | None:
    def population(row: ResultRow) -> list[Any]:
        points = [(point["mean"], point["sd"]) for point in row["points"]]
        return [*itemgetter("n", "mean", "sd", "seeds", "values")(row), points]

    if population(before) == population(after):
        return None
    return _change(before, words.population(before), words.population(after))


def _environment(header: Mapping[str, Any]) -> dict[str, Any]:
    names = ("commit", "dirty", "cpu", "instructions", "threads", "device", "coverage")
    found = {name: header[name] for name in names if name in header}
    found |= {f"version of {name}": v for name, v in header["versions"].items()}
    found |= {"data": header["data"]["kind"]}
    found |= {"network": header["network"]["name"]} if "network" in header else {}
    return found | {f"SHA-256 of {name}": v for name, v in header["data"]["hashes"].items()}


def difference(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    """Compare report ``a`` with report ``b``; both were read.

    Returns:
        JSON values, each list in the reports' order: a :class:`Change` for each row whose verdict
        (of a user's network: where it stands), outcome, measurement or evidence changed; (id,
        reading) of rows that were added, removed or not compared; (what, before, after) of the
        environment. ``compared`` is the number of rows that were; ``status`` is 1 where a verdict
        changed or went with its row, and where nothing was compared.
    """
    before = {(r["id"], r["reading"]): r for r in a["claims"]}
    after = {(r["id"], r["reading"]): r for r in b["claims"]}
    both = [key for key in before if key in after]
    skipped = [k for k in both if "deselected" in (before[k]["outcome"], after[k]["outcome"])]
    compared = [(before[k], after[k]) for k in both if k not in set(skipped)]

    # A verdict, or where a user's network stands, which is none.
    alike = [(x, y) for x, y in compared if bool(x["standing"]) == bool(y["standing"])]
    said = [(x, y, words.said(x), words.said(y)) for x, y in alike]
    verdicts = [_change(x, s, t, line(y["reason"], 300)) for x, y, s, t in said if s != t]
    outcomes = [
        _change(x, x["outcome"], y["outcome"], line(y["reason"], 300))
        for x, y, s, t in said
        if s == t and x["outcome"] != y["outcome"]
    ]
    was, now = _environment(a["header"]), _environment(b["header"])
    removed = [key for key in before if key not in after]
    return {
        "compared": len(compared),
        "status": int(bool(verdicts or removed or not compared)),
        "verdicts": verdicts,
        "outcomes": outcomes,
        "measurements": [c for x, y in compared if (c := _measurement(a, x, y))],
        "evidence": [c for x, y in compared if (c := _evidence(x, y))],
        "added": [key for key in after if key not in before],
        "removed": removed,
        "not_compared": skipped,
        "environment": [
            (line(name, 80), line(was.get(name, "–"), 200), line(now.get(name, "–"), 200))
            for name in dict.fromkeys([*was, *now])
            if was.get(name) != now.get(name)
        ],
    }


def as_text(found: Mapping[str, Any]) -> str:
    """Return the difference for people; every text of the reports on one line and printable."""
    lines = []
    for name, title in TITLES.items():
        if found[name]:
            lines.append(f"{title} ({len(found[name])})")
            if name != "not_compared":  # as many as a selection leaves out, and expected
                lines += [f"  {_said(entry)}" for entry in found[name]]
    if not found["compared"]:
        lines.append("nothing was compared")
    elif not found["verdicts"]:
        lines.append("no verdict changed")
    return "\n".join(lines) + "\n"


def _said(entry: Change | tuple[str, ...]) -> str:
    if isinstance(entry, tuple):
        key, *change = entry
        if len(change) == 1:
            return f"{line(key, 200)} ({line(change[0], 80)})"
        return f"{key}: {' -> '.join(change)}"
    before, after = (
        line(x, 100) if isinstance(x, str) else number(x)
        for x in (entry["before"], entry["after"])
    )
    note = f"; {line(entry['note'], 300)}" if entry["note"] else ""
    return f"{line(entry['id'], 200)} ({line(entry['reading'], 80)}): {before} -> {after}{note}"
