"""The rows of a benchmark, as JSON and as a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

UNITS = {
    "times": "×",
    "share": "%",
    "seconds": "s",
    "rate": "GFLOP/s",
    "megabytes": "MB",
    "exponent": "",
}


@dataclass(frozen=True)
class Row:
    """One measured figure.

    Args:
        section: what it belongs to.
        what: it is, in words.
        value: measured, in ``unit``.
        unit: one of :data:`UNITS`.
        goal: the value to reach; None for what is only told.
        at_least: whether the goal is a lower bound.
        how: it was measured, where the words do not say it.
    """

    section: str
    what: str
    value: float
    unit: str
    goal: float | None = None
    at_least: bool = True
    how: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal


def shown(value: float, unit: str) -> str:
    """A figure with its unit, no finer than it can be told."""
    if unit == "share":
        return f"{100 * value:.0f} %"
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f} {UNITS[unit]}".strip()


def best(
    calls: Mapping[str, Callable[[], object]], *, rounds: int = 5, warm: bool = True
) -> dict[str, float]:
    """The shortest time of each call in seconds, the calls taking turns.

    With ``warm`` a first call of each does not count.

    What else the machine does slows some calls and none of the shortest ones; taking turns
    spreads what changes slowly over all of them.
    """
    for call in calls.values() if warm else ():
        call()
    found = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            start = perf_counter()
            call()
            found[name] = min(found[name], perf_counter() - start)
    return found


def once(call: Callable[[], object]) -> float:
    """The seconds of one call, for what takes long."""
    start = perf_counter()
    call()
    return perf_counter() - start


def save(path: Path, about: Mapping[str, Any], rows: Mapping[str, Iterable[Row]]) -> None:
    """Write the sections of a run, by name, as JSON."""
    sections = {name: [asdict(row) for row in found] for name, found in rows.items()}
    text = json.dumps({"about": dict(about), "sections": sections}, indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def load(path: Path) -> tuple[dict[str, Any], dict[str, list[Row]]]:
    """What :func:`save` wrote."""
    found = json.loads(path.read_text(encoding="utf-8"))
    sections = found["sections"].items()
    return found["about"], {name: [Row(**row) for row in rows] for name, rows in sections}


LIMITS = {
    "Training the MLP, one thread": (
        "the products alone, each at its own best, are the limit that the goal is a share of. "
        "The rest of a step streams weights, gradients and RMSprop's mean squares through "
        "memory; by blocks that fit the cache it took no less."
    ),
    "Training the CNN, one thread": (
        "the limit is that of products and convolutions alone, each at its own best; pooling, "
        "ReLU and Adam pass over memory beside them."
    ),
    "the fastest of the three over ours": (
        "all four do the same products with the same kernels, and the ratio lies around 1."
    ),
    "the paper's loop over ours, as-written": (
        "the loop stops at the first success as we do, so only the batch is gained."
    ),
    "`popovic2017-fig5-success` alone": (
        "Alg. 1 updates a noise image by image, 25 times over, and every update waits for the "
        "one before. Two cores share only what is inside of one: the two readings and ten "
        "classes, which are one batch already."
    ),
    "the suite's own tests": (
        "the longest start Python anew for what only whole processes show: killed workers, a "
        "paper added by its page, a report on another machine."
    ),
}
"""What stands in the way of a goal, by what was measured or by its section."""


def limits(rows: Iterable[Row]) -> list[str]:
    """Why the goals that are missed are missed, where that is known."""
    found = []
    for row in (row for row in rows if row.met is False):
        known = LIMITS.get(row.what) or LIMITS.get(row.section)
        if known:
            found.append(f"- {row.section}, {row.what}: {known}")
    return found


def page(about: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """The page of a run, docs/benchmark.md."""
    told = (
        "Made by `tox -e bench -- write` from [benchmark.json](benchmark.json). Each section was "
        "timed in one run, on one machine, the candidates taking turns, the shortest time "
        "counting; so the ratios say more than the seconds. No test depends on any of it."
    )
    machine = " · ".join(f"{key} {value}" for key, value in about.items())
    lines = ["# Benchmark", "", told, "", machine]
    section = ""
    for row in rows:
        if row.section != section:
            section = row.section
            lines += [
                "",
                f"## {section}",
                "",
                "| what | measured | goal | |",
                "| --- | --- | --- | --- |",
            ]
        sign = "≥" if row.at_least else "≤"
        goal = "" if row.goal is None else f"{sign} {shown(row.goal, row.unit)}"
        met = {None: "", True: "met", False: "**missed**"}[row.met]
        how = f" ({row.how})" if row.how else ""
        lines.append(f"| {row.what}{how} | {shown(row.value, row.unit)} | {goal} | {met} |")
    if found := limits(rows):
        lines += ["", "## Behind the goals that are missed", "", *found]
    return "\n".join(lines) + "\n"
