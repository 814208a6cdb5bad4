"""The report of one run: the JSON file that is the truth, held to its schema."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Any

from repro.atomic import write_atomic
from repro.claims.records import InconsistencyClaim, Paper
from repro.errors import ReportError
from repro.judge.cases import Case
from repro.judge.verdicts import MIN_SEEDS
from repro.report.result_row import BROKEN, ResultRow
from repro.report.sanitize import line

LARGEST = 50_000_000
"""Bytes of the largest report that is read: some hundred times a real one."""
SCHEMA = 3
"""The version of ``report.schema.json`` that is written; 1 and 2 are read as well."""


def new_report(
    header: Mapping[str, Any],
    claims: Iterable[ResultRow],
    *,
    pictures: Iterable[Mapping[str, Any]] = (),
    snapshots_failed: Iterable[str] = (),
    snapshots_first: Iterable[str] = (),
    end: str,
    seconds: float,
) -> dict[str, Any]:
    """Make a complete report; its footer says that the run came to its end.

    ``pictures`` are as :mod:`repro.papers.picture` makes them, ``snapshots_failed`` the names of
    snapshots that differ, ``snapshots_first`` of those that the run had to make; ``end`` is a
    time in UTC.
    """
    rows = list(claims)
    footer = {
        "verdicts": dict(sorted(Counter(str(row["verdict"]) for row in rows).items())),
        "outcomes": dict(sorted(Counter(row["outcome"] for row in rows).items())),
        "snapshots_failed": list(snapshots_failed),
        "snapshots_first": list(snapshots_first),
        "end": end,
        "seconds": round(seconds, 1),
    }
    return {**unfinished_report(header, rows), "pictures": list(pictures), "footer": footer}


def unfinished_report(header: Mapping[str, Any], claims: Iterable[ResultRow]) -> dict[str, Any]:
    """Make what stands on disk during a run: a report without footer, which no reader takes."""
    return {"schema": SCHEMA, "header": dict(header), "claims": list(claims)}


def coverage(loaded: Iterable[Paper], cases: Iterable[Case]) -> str:
    """Say how many of the statements that some papers publish have evidence.

    A statement is a claim or a limitation; background states nothing that could be checked, and
    a variant of a claim states nothing more. Questions are the suite's, and state nothing at all.
    A claim is not checked while it has fewer seeds than a verdict needs.
    """
    papers = [paper for paper in loaded if not paper.asks]
    every = [claim for paper in papers for claim in paper.claims]
    stated = {claim.id for claim in every if not (claim.variant_of or claim.question)}
    checked = {
        case.claim.id
        for case in cases
        if isinstance(case.claim, InconsistencyClaim) or case.judgement.n >= MIN_SEEDS
    }
    total = len(stated) + sum(len(paper.limitations) for paper in papers)
    return f"{len(stated & checked)} of {total} published statements checked"


@cache
def _validator() -> Any:
    import jsonschema

    text = resources.files("repro.report").joinpath("report.schema.json").read_text("utf-8")
    definitions = json.loads(text)["$defs"]

    def whole(part: dict[str, Any]) -> dict[str, Any]:
        # To look definitions up takes longer than all else. What stands beside one is narrower.
        name = part.pop("$ref", "").rpartition("/")[2]
        found = json.loads(json.dumps(definitions[name]), object_hook=whole) if name else {}
        return {**found, **part}

    return jsonschema.Draft202012Validator(json.loads(text, object_hook=whole))


def validate(report: Mapping[str, Any], *, name: str) -> None:
    """Hold a report to its schema."""
    import jsonschema  # slow to import, and only reports need it

    error = jsonschema.exceptions.best_match(_validator().iter_errors(report))
    if error is None:
        _check_sense(report["claims"], name)
        return
    spot = line("/".join(str(part) for part in error.absolute_path), 200) or "top level"
    cut_off = "footer" not in report
    raise ReportError(
        f"{name} has no footer: its run did not come to the end"
        if cut_off
        else f"{name}, {spot}: {error.message[:200]}",
        expected="a report as report.schema.json has it",
        do="give the command that made it again"
        + ", or name the report of an earlier run, kept as report-1.json or the like" * cut_off,
    )


def _check_sense(rows: Iterable[ResultRow], name: str) -> None:
    """Refuse what a schema cannot: a row that is there twice, a band whose ends are exchanged."""
    seen: set[tuple[str, str]] = set()
    for row in rows:
        key = row["id"], row["reading"]
        bands = [holder[which] for holder in (row, *row["points"]) for which in ("band", "gate")]
        turned = any(band and band["low"] > band["high"] for band in bands)
        if key in seen or turned:
            found = "a band whose ends are exchanged" if turned else "a second row"
            raise ReportError(
                f"{name} has {found}, of {line(' under '.join(key), 200)}",
                expected="one row a claim and reading, and bands from low to high",
                do="give the command that made it again",
            )
        seen.add(key)


def write(path: Path, report: Mapping[str, Any], *, complete: bool) -> None:
    """Write a report atomically; a complete one is held to the schema first."""
    try:
        # NaN is no JSON: a report with one must fail here, not in its readers.
        text = json.dumps(report, indent=1, allow_nan=False)
    except ValueError as error:
        raise ReportError(
            f"{path.name} holds a number that is not finite: {error}",
            expected="finite measurements",
            do="check the network's weights and the data",
        ) from error
    if complete:
        validate(report, name=path.name)
    write_atomic(path, f"{text}\n".encode())


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):  # NaN, or 1e400
        raise ValueError(f"{word} is no number of JSON")
    return number


def read(path: Path) -> dict[str, Any]:
    """Read a complete report from a file.

    Raises:
        ReportError: it cannot be read, is not JSON, or does not fit the schema.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise ValueError(f"it has {size:,} bytes")
        text = path.read_text(encoding="utf-8")
        report = json.loads(text, parse_constant=_finite, parse_float=_finite)
        if not isinstance(report, dict):
            raise ValueError("it holds no JSON object")
    except (OSError, ValueError, RecursionError) as error:
        raise ReportError(
            f"{path} cannot be read: {error}", expected="a report.json", do="check the path"
        ) from error
    report = _upgraded(report)
    validate(report, name=path.name)
    return report


def failed(path: Path) -> tuple[str, ...]:
    """Name what failed in a run: each row as ``claim@reading``, and the snapshots."""
    report = read(path)
    rows = [f"{r['id']}@{r['reading']}" for r in report["claims"] if r["outcome"] in BROKEN]
    snapshots = [report["footer"].get(f"snapshots_{what}", ()) for what in ("failed", "first")]
    names = (*rows, *chain(*snapshots))
    of_run = report["header"].get("kind", "run") == "run"
    if names and of_run:
        return names
    raise ReportError(
        f"{path}, in which nothing failed" if of_run else f"{path}, which is of `repro try`",
        expected="the report.json of a run in which something failed",
        do="name that one, or leave --failed out",
    )


def _upgraded(report: dict[str, Any]) -> dict[str, Any]:
    """Turn a report of schema 1 or 2, which know fewer things, into one of schema 3.

    Nothing of it has been checked yet: whatever is not as it should be is left to the schema.
    """
    for row in _objects(report.get("claims")):
        # The first reports of schema 3 have none of these either.
        later = {"axis": "", "ordering": row.get("criterion"), "standing": None}
        row.update(later | {"question": False, "drift": {}} | row)
    if report.get("schema") not in (1, 2) or report.get("schema") is True:
        return report
    for row in _objects(report.get("claims")):
        row.update({"ours": False, "post_hoc": "", "difference": None} | row)
        for point in _objects(row.get("points")):
            point.setdefault("gate", None)
    return {"pictures": [], **report, "schema": SCHEMA}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [x for x in value if isinstance(x, dict)] if isinstance(value, list) else []
