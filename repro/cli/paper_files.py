"""``repro new-paper`` and ``repro expect``: a paper's files, and its verdicts on record."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from pathlib import Path

from repro import paths
from repro.atomic import write_atomic
from repro.claims.expected import TO_WRITE, with_expected
from repro.claims.records import Expectation
from repro.claims.verdict import PASSING, Verdict
from repro.errors import UsageError
from repro.papers import registry

TEMPLATE = paths.PACKAGE / "papers" / "template.toml"
"""The records of a new paper; its experiments stand beside, in ``template.py``."""
EXAMPLE = "example2020"
"""The id of the paper in the template."""
UNMEASURED = "not measured yet"
"""The reason in the template, which no verdict on evidence may keep."""


def new_paper(args: argparse.Namespace) -> int:
    """Write the files of a new paper, and print the commands that come next."""
    root: Path | None = args.dir
    # A hyphen would make the ids of two papers' claims and populations look alike.
    if not re.fullmatch("[a-z0-9]+", args.id):
        raise UsageError(
            f"a paper's id {args.id!r}",
            expected="small letters and digits alone, such as doe2020",
            do="choose another id",
        )
    papers = root / "papers" if root else paths.checkout() / "repro" / "papers"
    tests = root / "claims" if root else paths.checkout() / "tests" / "claims"
    folder, test = papers / args.id, tests / f"test_{args.id}.py"
    files = _files(args.id, folder, test)
    module = folder.with_suffix(".py")  # which the folder would shadow
    there = [path for path in (folder, module, test) if path.exists()]
    if args.id in registry.folders() or there:
        raise UsageError(
            f"a paper {args.id} that is there already"
            + (f": {', '.join(map(str, there))}" if there else ""),
            expected="the id of a new one",
            do="choose another id, or another --dir",
        )
    for path, text in files.items():
        if not path.exists():  # a conftest.py serves several papers
            write_atomic(path, text.encode())
    print("\n".join([*map(str, files), "", *_next(args.id, root, test)]))
    return 0


def _files(name: str, folder: Path, test: Path) -> dict[Path, str]:
    """Make the files of a paper: records and experiments as in the template, tests as here."""
    schema = paths.PACKAGE / "claims" / "claims.schema.json"
    records = TEMPLATE.read_text(encoding="utf-8").replace(
        "../claims/claims.schema.json", Path(os.path.relpath(schema, folder)).as_posix()
    )
    claims = paths.home() / "tests" / "claims"
    other = min(claims.glob("test_*.py"))  # they differ in PAPER alone
    line = f'PAPER = "{other.stem.removeprefix("test_")}"'
    made = {
        folder / "claims.toml": records,
        folder / "experiments.py": TEMPLATE.with_suffix(".py").read_text(encoding="utf-8"),
        test: other.read_text(encoding="utf-8").replace(line, f'PAPER = "{name}"'),
        test.with_name("conftest.py"): (claims / "conftest.py").read_text(encoding="utf-8"),
    }
    if folder.parent == paths.PACKAGE / "papers":
        made[folder / "__init__.py"] = f'"""The paper {name}."""\n'
    return {path: text.replace(EXAMPLE, name) for path, text in made.items()}


def _next(name: str, root: Path | None, test: Path) -> list[str]:
    """Return the commands from a paper's files to its report."""
    measure = [f"repro check {name}", f"repro calibrate --paper {name} --seeds 0-9"]
    expected, ship = f"repro expect {name} --write", f"repro train {name} --ship"
    if root is None:
        # repro docs writes the hash of the new evidence, and then what the new record says.
        run = f"repro run --paper {name}"
        return [*measure, "repro docs", expected, ship, "repro docs", run]
    parts = {"REPRO_EXTRA_PAPERS": "papers", "REPRO_FIXTURES_DIR": "fixtures"}
    folders = [f"{key}={shlex.quote(str(root / part))}" for key, part in parts.items()]
    return [f"export {' '.join(folders)}", *measure, expected, f"pytest {shlex.quote(str(test))}"]


def expect(args: argparse.Namespace) -> int:
    """Hold the verdicts on record against the evidence; with ``--write`` put the new ones there.

    Why a claim does not hold is for a person to say: a placeholder stands there until then.
    The status is 1 where something is left to be written.
    """
    from repro.judge import cases
    from repro.judge.populations import Archive

    folders = registry.folders()
    if args.paper not in folders:
        raise UsageError(
            f"no paper {args.paper!r}", expected=", ".join(folders), do="correct its id"
        )
    changes = {}
    for case in cases.judge(registry.load_all()[args.paper], Archive()):
        old, found = case.expected, case.judgement
        if found.verdict == Verdict.NOT_RUN:
            print(f"{case.id}: {old.verdict} stays: {found.reason}")
        elif found.verdict != old.verdict or old.reason == UNMEASURED:
            reason = "" if found.verdict in PASSING else TO_WRITE
            changes[case.claim.id, case.reading] = Expectation(found.verdict, reason)
            said = f"{old.verdict} ({old.reason})" if old.reason else str(old.verdict)
            print(f"{case.id}: {said} -> {found.verdict}\n    {found.reason}")
    path = folders[args.paper] / "claims.toml"
    if changes and args.write:
        if path.is_relative_to(paths.PACKAGE):
            paths.checkout()  # of an installed package nothing is written
        text = with_expected(path.read_text(encoding="utf-8"), changes, name=str(path))
        write_atomic(path, text.encode())
        print(f"{len(changes)} written to {path}")
        if missing := sum(bool(new.reason) for new in changes.values()):
            print(f"{missing} without a reason: write one where it says {TO_WRITE!r}")
    elif changes:
        print(f"{len(changes)} to write: look at each, then repro expect {args.paper} --write")
    else:
        print("every verdict on record is that of the evidence")
    return int(bool(changes) and not args.write)
