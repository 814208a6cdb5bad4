"""Every command but ``train`` and ``calibrate``.

A command takes the parsed options and returns its exit status. It imports what it needs itself:
listing claims must not wait for torch or scipy.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro import paths
from repro.atomic import write_atomic
from repro.claims.records import PublishedClaim
from repro.claims.selection import Selection, list_claims, near_misses
from repro.errors import UsageError
from repro.papers import registry

if TYPE_CHECKING:  # which needs scipy
    from repro.judge.cases import Case


def run(words: list[str]) -> int:
    """Run the claims' tests; ``words`` are pytest's options.

    Raises:
        UsageError: the tests are not there, or pytest takes no path to them.
    """
    import pytest

    tests = Path(os.path.relpath(paths.home() / "tests" / "claims"))
    if not tests.is_dir():
        raise UsageError(
            f"no tests in {tests.absolute()}",
            expected="the claims' tests, which a checkout has beside the package",
            do="run it from a checkout, or install the package again",
        )
    if "[" in str(tests):
        raise UsageError(
            f"a folder {tests}, of which pytest takes what is behind [ for a test's parameters",
            expected="a path without [",
            do="run it from a folder below the brackets, such as the checkout, or rename that one",
        )
    # This process has loaded the package before pytest could rewrite its assertions, of which
    # it has none: nothing to warn of, and a warning would be an error.
    quiet = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
    # What else pytest may list at the end, known misses and skips, stands in the report.
    settings = ["-c", str(paths.home() / "pyproject.toml"), "-W", quiet, "-r", "fE"]
    if paths.installed():  # where reports and caches have no place
        settings += ["--rootdir", str(Path.cwd())]
    return int(pytest.main([*settings, str(tests), *words]))


def _cases() -> list[Case]:
    """Judge every claim under every reading, from the committed populations."""
    from repro.judge import cases, populations

    archive = populations.Archive()
    return [case for paper in registry.load_all().values() for case in cases.judge(paper, archive)]


def claims(args: argparse.Namespace) -> int:
    """List every claim and its expected verdicts; or print CLAIMS.md, or the README's table."""
    papers = registry.load_all()
    if args.markdown or args.findings:
        from repro.judge.populations import Archive
        from repro.report.claims_md import claims_page, findings

        cases = _cases()
        page = claims_page(papers.values(), cases, Archive()) if args.markdown else findings(cases)
        print(page, end="")
    elif args.json:
        rows = [
            {
                "id": claim.id,
                "paper": claim.paper,
                "place": claim.place,
                "published": claim.published,
                "criterion": claim.criterion or None,
                "tags": list(claim.tags),
                "readings": {name: e.verdict for name, e in claim.readings.items()},
            }
            for paper in papers.values()
            for claim in paper.claims
        ]
        print(json.dumps(rows, indent=1))
    else:
        print(list_claims(papers.values(), Selection()), end="")
    return 0


def verdicts(args: argparse.Namespace) -> int:
    """Judge every claim from the populations; 1 where a verdict is not the one on record.

    Raises:
        EvidenceError: a population is missing or damaged.
    """
    from repro.report.result_row import band_row

    cases = _cases()
    if args.json:
        rows = [
            {
                "id": case.claim.id,
                "reading": case.reading,
                "published": case.claim.published,
                "mean": case.judgement.mean,
                "s": case.judgement.sd,
                "n": case.judgement.n,
                "band": band_row(case.judgement.band),
                "verdict": case.judgement.verdict,
                "expected": case.expected.verdict,
                "reason": case.judgement.reason,
            }
            for case in cases
        ]
        print(json.dumps(rows, indent=1))
    else:
        for case in cases:
            mark = "" if case.as_expected else "  UNEXPECTED"
            print(f"{case.id}\n    {case.judgement.verdict}{mark}: {case.judgement.reason}")
    return int(not all(case.as_expected for case in cases))


def show(args: argparse.Namespace) -> int:
    """Tell one claim's whole story, from the quote to the line of code that judges it.

    Raises:
        UsageError: no claim has that id.
        EvidenceError: a population is missing or damaged.
    """
    from repro.judge import cases, verdicts
    from repro.report import outputs

    every = _cases()
    mine = [case for case in every if case.claim.id == args.id]
    if not mine:
        near = near_misses(args.id, [case.claim.id for case in every])
        raise UsageError(
            f"no claim {args.id!r}",
            expected=f"for example {', '.join(near)}" if near else "an id from `repro claims`",
            do="correct the id; `repro claims` lists every claim",
        )
    claim = mine[0].claim
    print(f"{claim.id}\n{claim.statement}\n")
    for source in claim.sources:
        print(f"  {source.place}: “{' '.join(source.quote.split())}”")
    if isinstance(claim, PublishedClaim):
        shown = [f"{value:g}" for value in claim.points]
        if claim.labels:
            shown = [f"{label}: {x}" for label, x in zip(claim.labels, shown, strict=True)]
        print(f"\npublished   {', '.join(shown)} (rounded to {claim.unit:g})")
        print(f"margin      {claim.margin:g}: {claim.margin_reason}")
    if claim.ordering:
        print(f"ordering    {claim.ordering}: {claim.ordering.why}")
    if claim.control:
        print(f"control     {claim.control.metric}, which must fail it: {claim.control.why}")
    if claim.experiment in (offered := registry.experiments(claim.paper)):
        spot = _place_of(offered[claim.experiment].measure)
        print(f"measured by {spot} (experiment {claim.experiment})")
    judge: Callable[..., Any] = verdicts.judge_numbers
    if claim.kind in ("ordering", "inconsistency"):
        judge = verdicts.judge_ordering if claim.kind == "ordering" else cases.judge_claim
    print(f"judged by   {_place_of(judge)}")
    root = Path.cwd() if paths.installed() else paths.home()
    reports = Path(os.path.relpath(root / "reports"))
    for figure in outputs.figures_of(claim.id, reports):
        print(f"figure      {figure}")
    for case in mine:
        _show_reading(case)
    return 0


def _show_reading(case: Case) -> None:
    """Print what ``show`` says of one reading."""
    from repro.report import words
    from repro.report.result_row import new_row

    claim, judged = case.claim, case.judgement
    print(f"\nreading {case.reading}: {judged.verdict} (expected {case.expected.verdict})")
    print(f"  {judged.reason}")
    if case.expected.reason and judged.verdict == case.expected.verdict:
        print(f"  on record: {case.expected.reason}")
    if case.seeds:
        values = ": " + ", ".join(f"{value:.4f}" for value in case.values) if case.values else ""
        print(f"  seeds {case.seeds[0]} to {case.seeds[-1]}{values}")
    for point in new_row(case)["points"]:
        print(f"    {words.point(point)}")
    test = _shown(paths.home() / "tests" / "claims" / f"test_{claim.paper}.py")
    rerun = words.rerun(claim.id, case.reading)
    if not (folder := registry.folders()[claim.paper]).is_relative_to(paths.PACKAGE):
        test = _test_near(folder, Path(test).name) or test
        rerun = f"pytest {shlex.quote(test)} --claim '{claim.id}' --reading {case.reading}"
    print(f"  test  {test}::test_claim[{case.id}]")
    print(f"  rerun {rerun}")


def _place_of(function: Callable[..., Any]) -> str:
    """Return ``file:line, name`` of a function; the file from the checkout's root, if below it."""
    code = inspect.unwrap(function).__code__
    return f"{_shown(Path(code.co_filename))}:{code.co_firstlineno}, {code.co_name}"


def _shown(path: Path) -> str:
    """Write a path from the checkout's root, if it is below it."""
    root = paths.home()
    short = path.is_relative_to(root) and not paths.installed()
    return path.relative_to(root).as_posix() if short else str(path)


def _test_near(folder: Path, name: str) -> str:
    """Return the test module of a paper near its folder, outside the checkout; empty if none."""
    for near in (folder, folder.parent, folder.parent.parent):
        found = sorted([*near.glob(name), *near.glob(f"*/{name}"), *near.glob(f"*/*/{name}")])
        if found:
            return os.path.relpath(found[0])
    return ""


def docs(args: argparse.Namespace) -> int:
    """Bring the documents' generated parts and the populations' hashes up to date.

    With ``--check`` nothing is written; the status is 1 where a document is not up to date.

    Raises:
        ClaimsError: a document has a part that nothing makes.
        EvidenceError: a population is damaged or lacks a metric.
    """
    from repro.cli import documents

    stale = documents.outdated(paths.checkout(), paths.fixtures() / "populations")
    for path, text in stale.items():
        print(path.name)
        if not args.check:
            write_atomic(path, text.encode())
    print("out of date: repro docs" if args.check and stale else "up to date", file=sys.stderr)
    return int(args.check and bool(stale))


def data(args: argparse.Namespace) -> int:
    """Tell every place where MNIST is looked for, in order; 1 where no full MNIST verifies.

    Raises:
        DataError: the folder that is named is not MNIST, or a download came to nothing.
        UsageError: ``--fetch`` where downloading is switched off.
    """
    from repro.lab.mnist import data as mnist

    if args.fetch:
        if args.offline or os.environ.get("REPRO_OFFLINE", "") not in ("", "0"):
            raise UsageError(
                "--fetch, where downloading is switched off",
                expected="--fetch without --offline and REPRO_OFFLINE",
                do="drop one of them",
            )
        from repro.lab.mnist.download import fetch as download

        host = download(paths.cache() / "mnist")
        print(f"MNIST is in {paths.cache() / 'mnist'}" + (f", from {host}" if host else ""))
    places = mnist.describe(args.mnist_dir, offline=args.offline)
    for place in places:
        print(f"{place.name}: {place.where}" + ("" if place.exists else " (not there)"))
        for file in place.files:
            print(f"    {file.key}: {file.status}" + (f", {file.problem}" if file.problem else ""))
    named, cached, mirrors, _ = places
    whole = cached.files and all(file.status == "verified" for file in cached.files)
    if mirrors.exists and not named.files and not whole:
        print("\nwould be used: full, a download into the cache (repro data --fetch makes it now)")
        return 1
    found = mnist.find(args.mnist_dir, offline=True)
    print(f"\nwould be used: {found.kind}, {found.source}")
    return int(found.kind != "full")


def report(args: argparse.Namespace) -> int:
    """Make the page of a report.json again.

    Raises:
        UsageError: the page would replace the report.
        ReportError: the file is no complete report.
        StoreError: the page cannot be written.
    """
    from repro.report import outputs

    target = args.out or args.report.with_name("index.html")
    if target.resolve() == args.report.resolve():
        raise UsageError(
            f"--out {target}, which is the report itself",
            expected="another file, for the page",
            do="correct --out, or leave it out",
        )
    outputs.write_page(args.report, target)
    print(target)
    return 0


def diff(args: argparse.Namespace) -> int:
    """Tell what changed between two reports; 1 where a verdict did.

    Raises:
        ReportError: one of the files is no complete report.
    """
    from repro.report import diff as differences
    from repro.report import report_json

    found = differences.difference(report_json.read(args.before), report_json.read(args.after))
    if args.json:
        print(json.dumps(found, indent=1))
    else:
        print(differences.as_text(found).rstrip())
    return int(found["status"])
