"""What a red run says, the same everywhere: how much failed, what it shares, and what to do.

The rows may come from a report that anybody made: every text that is returned is bounded.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping
from itertools import accumulate
from typing import Any

from repro.judge.freshness import MANY, family
from repro.report import words
from repro.report.result_row import ResultRow
from repro.report.sanitize import line

CHANGED = "This checkout has changes that are not committed: look there first."
SINCE = "Look at what changed since the evidence was last committed"
MACHINE = (
    "; where that commit is red here, too, it is this machine (README, Interpreting a result)"
)
UNKNOWN = (
    f"Each failure says how far off it is: {MANY} times what is allowed, or more, is the code"
)

MOST_METRICS, MOST_KINDS = 400, 12
"""Metrics that are looked at, of which no run has as many, and kinds that are told."""


def counted(rows: int, snapshots: int) -> str:
    """Write how many rows and snapshots there are, such as ``1 row, 2 snapshots``."""
    found = {"row": rows, "snapshot": snapshots}
    return ", ".join(f"{n} {name}{'s' * (n != 1)}" for name, n in found.items() if n)


def whose(metric: str, kind: str, own: str, control: str) -> str:
    """Name a metric of a claim, and that it is its control's or its ordering's, if it is."""
    name, said = metric.partition("[")[0], line(metric, 80)
    if name == own or (kind == "ordering" and name != control):
        return said
    return f"its control, {said}," if name == control else f"its ordering's {said}"


def beyond(times: float) -> str:
    """Judge a number that lies so many times its tolerance from seed 0's row."""
    who = "the code" if times >= MANY else "the code, or this machine"
    return f"{_times(times)} times what is allowed for other processors: {who}"


def off(row: ResultRow) -> str:
    """Say which number of a stale row is not the population's."""
    moved = {metric: times for metric, times in row["drift"].items() if times > 1}
    control = row["control"]["metric"] if row["control"] else ""
    for metric, times in list(moved.items())[:1]:
        name = whose(metric, row["kind"], row["metric"], control)
        if row["kind"] == "curve" or name.startswith("its "):
            return f"{name} by {_times(times)} times what is allowed"
    # The row has the seeds' values on full MNIST, which others are not held to.
    known = {} if row["indicative"] else dict(zip(row["seeds"], row["values"], strict=False))
    there = "" if 0 not in known else f", {words.number(known[0])} in the population"
    return f"{words.measured(row)} here{there}"


def moved(rows: Iterable[ResultRow]) -> str:
    """Say which metrics are not as in seed 0's row and which are, by their kinds."""
    far: dict[str, float] = {}
    for row in rows:
        for metric, times in row["drift"].items():
            name = line(family(metric), 80)
            if name in far or len(far) < MOST_METRICS:
                far[name] = max(times, far.get(name, 0.0))
    gone = [name for name, times in far.items() if times > 1]
    held = [name for name in far if name not in gone]
    said = {"metrics that moved": _kinds(gone, held), "not moved": _kinds(held, gone)}
    return "; ".join(f"{what}: {kinds}" for what, kinds in said.items() if kinds) if gone else ""


def _kinds(names: Collection[str], others: Collection[str]) -> str:
    """Fold names to the shortest beginnings, up to a hyphen, that none of the others has."""
    found: dict[str, list[str]] = {}
    for name in names:
        begins = [f"{part}-" for part in accumulate(name.split("-"), "{}-{}".format)]
        kind = next((b for b in begins if not any(f"{o}-".startswith(b) for o in others)), name)
        found.setdefault(kind, []).append(name)
    kinds = [f"{kind}*" if len(each) > 1 else each[0] for kind, each in sorted(found.items())]
    return ", ".join(kinds[:MOST_KINDS] + ["..."] * (len(kinds) > MOST_KINDS))


def _times(times: float) -> str:
    return f"{times:,.0f}" if times >= MANY else f"{times:.1f}"


def summary(rows: Iterable[ResultRow], header: Mapping[str, Any], snapshots: int) -> list[str]:
    """Say how much of a run failed, what moved and where to look; empty where nothing failed.

    ``header`` is the report's, ``snapshots`` the number of those that differ.
    """
    ran = [row for row in rows if row["outcome"] != "deselected"]
    broken, stale = words.broken(ran), [row for row in ran if row["stale"]]
    every = f"{counted(len(ran), 0)} that ran, one a claim and reading"
    found = [f"of {every}, {broken}"] * bool(broken)
    differ = "differs" if snapshots == 1 else "differ"
    found += [f"{counted(0, snapshots)} of the shipped networks {differ}"] * bool(snapshots)
    if not found:
        return []
    total = "; ".join(found)
    said = [f"{total[0].upper()}{total[1:]}" + "; this run does not confirm these" * bool(broken)]
    said += [moved(ran)] * bool(stale and moved(ran))
    most = max((times for row in stale for times in row["drift"].values()), default=0.0)
    judged = f"Up to {beyond(most)}" if most else UNKNOWN
    commit = line(header.get("evidence", ""), 40)
    since = SINCE + f" (git diff {commit})" * commit.isalnum()
    code = next((words.story(row["id"]) for row in stale), "")
    named = [f"Which function measures it: {code}"] * bool(code)
    if header["dirty"]:
        return [*said, *([f"{judged}."] if stale else []), CHANGED, *named]
    if stale or snapshots:
        return [*said, f"{judged}. {since}{MACHINE * (most < MANY)}.", *named]
    return said


def rerun(path: str) -> str:
    """Return the command that runs what failed in a report."""
    return f"{words.run_command()} --failed {shlex.quote(path)}"
