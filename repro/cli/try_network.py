"""``repro try``: a paper's claims, asked of the user's own network."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from repro.claims.selection import Selection
from repro.cli.commands import print_parts, window
from repro.errors import UsageError, WeightsError
from repro.judge.populations import Archive
from repro.papers import registry

if TYPE_CHECKING:  # torch is slow to import, and the command line does without until it must
    from repro.lab.networks.given import Given

ABOUT = """\
Measure a paper's claims on a network of yours, and say where it stands: in the band
that independent trainings of the paper's own network make, or outside; whether the
orderings hold; whether the controls fail, as they must. One network gives no verdict
on the paper.

NETWORK is one of
  path/to/file.py:name, package.module:name
      name is a torch.nn.Module, its class, or a function without arguments that
      makes one
  weights.safetensors
      weights in the suite's own layout (repro train, fixtures/weights)
  authors
      what the paper's authors trained, where they published it: it is downloaded
      into the cache, and must give the published numbers

The module takes pixels in [0, 1], as (N, 1, 28, 28) or (N, 784), and gives logits
(N, 10). It is copied, set to eval() and never changed; normalisation belongs in its
forward.
"""

EXAMPLES = """\
examples:
  repro try net.py:Net --paper popovic2017 --weights net.safetensors
  repro try net.py:Net --paper lacok2016 --claim '*fgsm-025*' --reading as-written
  repro try authors --paper popovic2017
  repro try fixtures/weights/popovic2017-cnn-seed0.safetensors --paper popovic2017

writes report.json and its page, index.html, into --report-dir; `repro diff` compares two.
The status is 0; with --strict 1 where a number lies outside its band, one of the authors'
network differs from the published one, that network cannot be had, or an ordering fails;
1 also where a measurement broke, and 2 for a network of yours that cannot be loaded.
"""
PIPE = 100
"""Columns of the table in a file or a pipe."""


def run(args: argparse.Namespace) -> int:
    """Ask the chosen claims of one network; write the report, its page and a table."""
    from repro.lab import provenance
    from repro.lab.networks import given
    from repro.measure import run_progress, trial
    from repro.measure.progress import duration
    from repro.measure.session import Session
    from repro.papers import picture
    from repro.papers.experiment import SEED
    from repro.report import outputs, report_json, terminal

    papers, start = registry.load_all(), time.monotonic()
    selection = Selection(tuple(args.claim), (args.paper,), tuple(args.tag), tuple(args.reading))
    selection.check(papers.values())
    layouts = [
        recipe
        for paper in papers
        for experiment in registry.experiments(paper).values()
        for recipe in experiment.recipes(SEED)
    ]
    network, near_ties, missing = None, None, ""
    if args.network == "authors":
        near_ties = registry.offered_by(args.paper, "near_ties", "count")
        try:
            network = _authors(args)
        except WeightsError as error:
            missing = f"{error.found}; what to do: {error.do}"
    else:
        network = given.load(args.network, weights=args.weights, layouts=layouts)
    notes = list(network.notes) if network else [missing]
    print(f"{args.network}: {'; '.join(notes)}", file=sys.stderr)
    archive = Archive()

    def on_start(wanted: Mapping[str, list[str]]) -> None:
        if not wanted:
            return
        spots = [(args.paper, name, r) for name, readings in wanted.items() for r in readings]
        known = [archive.population("full", *spot).seconds() for spot in spots]
        names = "; ".join(f"{name} ({', '.join(readings)})" for name, readings in wanted.items())
        took = f"about {duration(sum(known))} where the evidence was made"
        print(f"measuring {names}: {took}", file=sys.stderr, flush=True)
        pairs = zip(spots, known, strict=True)
        parts = [run_progress.Part(spot, seconds=seconds or 1.0) for spot, seconds in pairs]
        if stream := run_progress.own_stream():
            shown = run_progress.RunProgress(Path(shared), parts, stream=stream)
            ended.callback(shown.stop)
            shown.start()

    paper, path = papers[args.paper], args.report_dir / "report.json"
    with tempfile.TemporaryDirectory(prefix="repro-try-") as shared, ExitStack() as ended:
        session = Session(
            Path(shared), directory=args.mnist_dir, offline=args.offline, given=network
        )
        command = shlex.join(["repro", *sys.argv[1:]])
        header = provenance.header(session.data, "cpu", command) | {
            "kind": "try",
            "network": {
                "name": args.network,
                "sha256": network.sha256 if network else "",
                "notes": notes,
            },
            "papers": {paper.id: paper.citation},
        }
        # Before minutes of measuring: a folder that cannot be written, or a run that is killed.
        outputs.keep(path)
        report_json.write(path, report_json.unfinished_report(header, []), complete=False)
        outputs.remove(path.parent)
        ask = partial(trial.rows, near_ties=near_ties, missing=missing)
        rows = list(ask(paper, selection, session, archive, on_start))
        pictures, problems = picture.collect(Path(shared))
    notes += (stand_ins := trial.stand_ins(paper, rows))  # the page has them as well
    asked = sum(row["standing"] != "not-asked" for row in rows)
    header["coverage"] = f"{asked} of {len(rows)} rows asked"
    seconds = time.monotonic() - start
    report = report_json.new_report(
        header, rows, pictures=pictures, end=provenance.now(), seconds=seconds
    )
    outputs.keep(path)  # of a run that ended there meanwhile
    report_json.write(path, report, complete=True)
    outputs.write(path, path.with_name("index.html"))
    problems += outputs.earlier(path)
    if network:
        print(*stand_ins, sep="\n", end="\n\n" * bool(stand_ins))
        print_parts(terminal.standings(rows, width=window() or PIPE))
        print("One network gives no verdict on a paper: it says where this one stands.")
    else:
        print(f"{len(rows)} rows not-run: {missing}")
    print(f"report: {path}", f"page: {path.with_name('index.html')}", *problems, sep="\n")
    if any(row["reason"] == trial.INTERRUPTED for row in rows):
        print("interrupted: given again, the command measures all anew", file=sys.stderr)
        return 130
    broke = any(row["outcome"] == "error" for row in rows)
    beyond = any(row["standing"] in ("outside", "differs", "fails") for row in rows)
    return int(broke or (args.strict and (beyond or bool(missing))))


def _authors(args: argparse.Namespace) -> Given:
    """Load what the paper's authors trained.

    Raises:
        WeightsError: it is not in the cache and cannot be downloaded.
    """
    load = registry.offered_by(args.paper, "authors", "load")
    if load is None or args.weights is not None:
        known = [p for p in registry.folders() if registry.offered_by(p, "authors", "load")]
        raise UsageError(
            f"authors with --weights {args.weights}"
            if load
            else f"no network of the authors of {args.paper}",
            expected=f"a paper whose authors published theirs: {', '.join(known)}",
            do="drop --weights" if load else "name another paper, or a network of your own",
        )
    found: Given = load(offline=args.offline)
    return found
