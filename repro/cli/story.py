"""One claim's whole story: the answer, the seeds behind it, where it stands, what judges it."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from repro import paths
from repro.claims.records import Claim, PublishedClaim
from repro.judge import cases as judge_cases
from repro.judge import verdicts
from repro.judge.cases import Case
from repro.papers import registry
from repro.report import listing, outputs, words
from repro.report.result_row import new_row


def parts(cases: Sequence[Case], *, width: int, in_full: bool) -> list[RenderableType]:
    """Return the story of a claim, whose ``cases`` are its readings, for ``width`` columns.

    With ``in_full`` it has each seed's number, each point's band, and the reasons of what decides.
    """
    claim = cases[0].claim
    told: list[RenderableType] = [Text(claim.id, "bold"), Text(claim.statement), Text()]
    readings = registry.load_all()[claim.paper].readings
    for case in cases:
        # What a reading means has the rest of the line, and in full as many as it needs.
        answer = Text(no_wrap=not in_full, overflow="ellipsis")
        answer.append(case.reading, "bold").append(": ").append_text(listing.said(case))
        on_record = "" if case.as_expected else f" (on record {case.expected.verdict})"
        answer.append(f"{on_record}  {readings[case.reading]}", "dim")
        told.append(Padding(answer, 0))  # by itself rich would join it to others, and wrap it
        # What is published at each point stands in the table below.
        reason = re.sub(r" \(published [^)]*\)", "", case.judgement.reason)
        told.append(Padding.indent(Text(reason), 2))
        if case.expected.reason and case.judgement.verdict == case.expected.verdict:
            told.append(Padding.indent(Text(f"why: {case.expected.reason}"), 2))
        if in_full:
            told += [Padding.indent(Text(line), 2) for line in _numbers(case)]
    told += [Text(), *listing.seeds(cases, width=width)]
    for source in claim.sources:
        told.append(Text(f"{source.place}: “{' '.join(source.quote.split())}”"))
    told += [Text(f"{name + ':':<13}{said}") for name, said in _facts(claim, in_full).items()]
    told += [f"{name + ':':<13}{said}" for name, said in _places(claim, cases[0]).items()]
    return told


def _numbers(case: Case) -> list[str]:
    """Return every number of a case: of each seed, or of a curve's points."""
    values = ", ".join(f"{value:.4f}" for value in case.values)
    seeds = f"seeds {words.ranges(case.seeds)}: {values}"
    return [seeds] if values else [words.point(point) for point in new_row(case)["points"]]


def _facts(claim: Claim, reasons: bool) -> dict[str, str]:
    """Return what decides about a claim, and why it is so."""
    found, why = {}, "{}: {}" if reasons else "{}"
    if isinstance(claim, PublishedClaim):
        if not claim.labels:  # a curve's stand with its points
            found["published"] = f"{claim.points[0]:g} (rounded to {claim.unit:g})"
        found["margin"] = why.format(f"{claim.margin:g}", claim.margin_reason)
    if claim.ordering:
        found["ordering"] = why.format(claim.ordering, claim.ordering.why)
    if claim.control:
        found["control"] = why.format(
            f"{claim.control.metric}, which must fail it", claim.control.why
        )
    if claim.post_hoc and reasons:  # what they share is said once
        parts = "; ".join(claim.post_hoc.values()).split("; ")
        found["post hoc"] = "; ".join(dict.fromkeys(parts))
    return found


def _places(claim: Claim, case: Case) -> dict[str, str]:
    """Return what measures, judges, tests and shows a claim; each a line to copy from."""
    found = {}
    if claim.experiment in (offered := registry.experiments(claim.paper)):
        spot = _place_of(offered[claim.experiment].measure)
        found["measured by"] = f"{spot} (experiment {claim.experiment})"
    judge: Callable[..., Any] = verdicts.judge_numbers
    if claim.kind in ("ordering", "inconsistency"):
        judge = verdicts.judge_ordering if claim.kind == "ordering" else judge_cases.judge_claim
    found["judged by"] = _place_of(judge)
    found["test"] = f"{_shown(registry.tests_of(claim.paper))}::test_claim[{case.id}]"
    found["run"] = words.rerun(claim.id)
    root = Path.cwd() if paths.installed() else paths.home()
    reports = Path(os.path.relpath(root / "reports"))
    for number, figure in enumerate(outputs.figures_of(claim.id, reports), start=1):
        found[f"figure {number}"] = figure
    return found


def _place_of(function: Callable[..., Any]) -> str:
    """Return ``file:line, name`` of a function; the file from the checkout's root, if below it.

    Of an object that can be called, and is no function, it is the name of its type.
    """
    inner = inspect.unwrap(function.func if isinstance(function, partial) else function)
    code = getattr(inner, "__code__", None)
    if code is None:
        return type(inner).__qualname__
    return f"{_shown(Path(code.co_filename))}:{code.co_firstlineno}, {code.co_name}"


def _shown(path: Path) -> str:
    """Write a path from the checkout's root, if it is below it."""
    root = paths.home()
    short = path.is_relative_to(root) and not paths.installed()
    return path.relative_to(root).as_posix() if short else str(path)
