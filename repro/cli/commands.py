"""Every command but ``train`` and ``calibrate``.

A command takes the parsed options and returns its exit status. It imports what it needs itself:
listing claims must not wait for torch or scipy.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from repro import paths
from repro.atomic import write_atomic
from repro.claims.records import Paper
from repro.claims.selection import Selection, list_claims, nothing
from repro.errors import UsageError
from repro.papers import registry

if TYPE_CHECKING:  # which needs scipy
    from rich.console import RenderableType

    from repro.judge.cases import Case


def run(words: list[str]) -> int:
    """Run the claims' tests, of papers outside as well; ``words`` are pytest's options.

    Where they name a file of tests, or tests of one, no others are run.
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
    # What pytest may list at the end stands above it, or in the report.
    settings = ["-c", os.path.relpath(paths.home() / "pyproject.toml"), "-W", quiet, "-r", "N"]
    if paths.installed():  # where reports and caches have no place
        settings += ["--rootdir", str(Path.cwd())]
    every = map(registry.tests_of, registry.folders())
    outside = [os.path.relpath(test) for test in every if not test.is_relative_to(paths.home())]
    named = any(_names_tests(before, word) for before, word in pairwise(["", *words]))
    folders = [] if named else [str(tests), *outside]
    return int(pytest.main([*settings, *folders, *words]))


def _names_tests(before: str, word: str) -> bool:
    """Whether a word is a file of tests or one of its tests, and no value of the option before."""
    file, _, test = word.partition("::")
    if not file.endswith(".py") or not Path(file).is_file():
        return False
    if re.fullmatch("(-[qvxsl]+|[^-].*)?", before):
        return True
    return bool(test) and before != "--deselect"


def window() -> int | None:
    """Return the columns of the terminal that standard output is; None for a file or a pipe."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def print_parts(parts: Iterable[RenderableType]) -> None:
    """Print what is laid out for the window; in a file or a pipe every line is whole."""
    from repro.report import layout

    width = window()
    plain = width is None or bool(os.environ.get("NO_COLOR"))
    print(layout.rendered(parts, width=width or layout.WHOLE, plain=plain), end="")


def _cases(chosen: Selection) -> list[Case]:
    """Judge the chosen claims under the chosen readings, from the committed populations."""
    from repro.judge import cases, populations

    return cases.judge_chosen(registry.load_all().values(), chosen, populations.Archive())


def _selection(args: argparse.Namespace) -> Selection:
    return Selection(*map(tuple, (args.claim, args.paper, args.tag, args.reading)))


def claims(args: argparse.Namespace) -> int:
    """List claims and their expected verdicts; or print CLAIMS.md, or the README's table."""
    papers, chosen = registry.load_all(), _selection(args)
    chosen.check(papers.values())
    if args.markdown and replace(chosen, papers=()):
        raise UsageError(
            "--markdown of some claims of a paper",
            expected="whole papers, which it counts",
            do="leave --claim, --tag and --reading out",
        )
    papers = {name: papers[name] for name in args.paper or papers}
    if args.markdown or args.findings:
        from repro.judge.populations import Archive
        from repro.report.claims_md import claims_page, findings

        cases = _cases(chosen)
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
                "readings": {name: claim.readings[name].verdict for name in readings},
            }
            for claim, readings in chosen.of(papers.values())
        ]
        print(json.dumps(rows, indent=1))
    else:
        _list(papers.values(), chosen, args.verbose)
    return 0


def _list(papers: Iterable[Paper], chosen: Selection, statements: bool) -> None:
    """Print the claims as a table, or with their statements."""
    from repro.report import listing

    listed = chosen.of(papers)
    if statements:
        print(list_claims(papers, chosen), end="")
    else:
        tags = ", ".join(sorted({tag for claim, _ in listed for tag in claim.tags}))
        more = ["", f"tags: {tags}", f"{len(listed)} claims"]
        print_parts([*listing.claims(listed, width=window()), *more])


def verdicts(args: argparse.Namespace) -> int:
    """Judge every claim from the populations; 1 where a verdict is not the one on record."""
    from repro.report import listing
    from repro.report.result_row import band_row

    args.claim = [*args.claim, *[args.id] * bool(args.id)]
    chosen = _selection(args)
    chosen.check(registry.load_all().values())
    cases = _cases(chosen)
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
    elif not (args.verbose or args.id):
        print_parts(listing.verdicts(cases, width=window()))
    else:
        for case in cases:
            mark = "" if case.as_expected else "  UNEXPECTED"
            print(f"{case.id}\n    {case.judgement.verdict}{mark}: {case.judgement.reason}")
    return int(not all(case.as_expected for case in cases))


def show(args: argparse.Namespace) -> int:
    """Tell one claim's whole story, from the answer to the line of code that judges it.

    Where several match a glob they are listed.
    """
    from repro.cli import story

    chosen, papers = Selection(claims=(args.id,)), registry.load_all().values()
    found = chosen.of(papers)
    if not found:
        raise nothing("the id", args.id, [claim.id for claim, _ in Selection().of(papers)])
    if len(found) > 1:
        _list(papers, chosen, args.verbose)
    else:
        print_parts(story.parts(_cases(chosen), width=window() or 80, in_full=args.verbose))
    return 0


def check(args: argparse.Namespace) -> int:
    """Tell what is wrong with a paper before anything is trained; 1 where something is."""
    from repro.papers import check as checks

    offered = registry.experiments(args.paper)
    paper = registry.load_all()[args.paper]
    faults = checks.faults(paper)
    for fault in faults:
        print(fault)
    told = f"claims: {len(paper.claims)}, experiments: {len(offered)}, faults: {len(faults)}"
    if checks.text_of(paper) is None:
        told += "; quotations were not looked for: REPRO_PAPERS_DIR names no folder of texts"
    print(told, file=sys.stderr)
    return int(bool(faults))


def docs(args: argparse.Namespace) -> int:
    """Bring the documents' generated parts and the populations' hashes up to date.

    With ``--check`` nothing is written; the status is 1 where a document is not up to date.
    """
    from repro.cli import documents

    others = ("REPRO_EXTRA_PAPERS", "REPRO_FIXTURES_DIR")
    if named := [name for name in others if os.environ.get(name)]:
        raise UsageError(
            f"{' and '.join(named)}, of which the project's own documents do not speak",
            expected="the project's own papers and evidence alone",
            do=f"env -u {' -u '.join(named)} repro docs; for a page of yours: "
            "repro claims --markdown --paper ID > CLAIMS.md",
        )

    stale = documents.outdated(paths.checkout(), paths.fixtures() / "populations")
    for path, text in stale.items():
        print(path.name)
        if not args.check:
            write_atomic(path, text.encode())
    print("out of date: repro docs" if args.check and stale else "up to date", file=sys.stderr)
    return int(args.check and bool(stale))


def data(args: argparse.Namespace) -> int:
    """Tell every place where MNIST is looked for, in order; 1 where no full MNIST verifies."""
    from repro.lab import http
    from repro.lab.mnist import data as mnist

    if args.fetch:
        if args.offline or http.offline():
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
    """Make the page of a report.json again, or a table; describe its folder with ``--crate``."""
    from repro.report import crate, outputs

    name = "index.html" if args.format == "html" else "results.csv"
    target = args.out or args.report.with_name(name)
    if target.resolve() == args.report.resolve():
        raise UsageError(
            f"--out {target}, which is the report itself",
            expected="another file",
            do="correct --out, or leave it out",
        )
    outputs.write(args.report, target, args.format)
    print(target)
    if args.crate is not None:
        print(crate.write(args.report, args.crate))
    return 0


def diff(args: argparse.Namespace) -> int:
    """Tell what changed between two reports; 1 where a verdict did."""
    from repro.report import diff as differences
    from repro.report import report_json

    found = differences.difference(report_json.read(args.before), report_json.read(args.after))
    if args.json:
        print(json.dumps(found, indent=1))
    else:
        print(differences.as_text(found).rstrip())
    return int(found["status"])
