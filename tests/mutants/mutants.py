"""Defects made on purpose, one at a time, each of which the test it names must notice.

``mutants.toml`` says what is changed where, and which test must notice. A mutant is *killed*
where that test fails, and a *survivor* where it passes. The same tests are run on the sound code
first: where they fail there, a kill would say nothing. The working tree is never touched: what is
changed is a copy. Each run is a fork of a process that has torch and the like loaded.

    tox -e mutants                 all of them; what a stopped run found out is kept
    tox -e mutants -- fresh        all of them anew
    tox -e mutants -- write        docs/mutants.md, without a run
    tox -e mutants -- fgsm-sign    this one alone
"""

from __future__ import annotations

import ast
import compileall
import hashlib
import json
import os
import py_compile
import queue
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "helpers"))
import warm  # noqa: E402 - found by the line above

TABLE = Path(__file__).with_name("mutants.toml")
PAGE = "docs/mutants.md"
COPIED = ("repro", "tests", "pyproject.toml")
"""What a run may load from; the rest of the project is only read, through links."""

WRITTEN = ("reports", "build", "dist")
"""What a run may write to; a sandbox begins without."""

LIBRARIES = ("hypothesis", "mlxtend", "pooch", "requests", *warm.LIBRARIES)
"""torch loads its compiler, for a second, where the first optimiser is made."""

TIMEOUT_S = 900
PLAIN = ("--assert=plain",)
FAILED = 1
"""pytest's exit code for tests that failed; a mutant that does not even load is another."""

State = Literal["killed", "SURVIVED", "broken", "stale", "sound"]


@dataclass(frozen=True)
class Mutant:
    """One defect.

    Args:
        id: its name.
        what: the defect in words.
        file: the file it is made in.
        old: the sound text, which occurs exactly once in the symbol.
        new: what takes its place.
        test: the test that must turn red, as pytest names it.
        symbol: the function, method, class or constant it is made in; empty for the whole file.
    """

    id: str
    what: str
    file: str
    old: str
    new: str
    test: str
    symbol: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of one mutant, or (``sound``) of tests on the sound code."""

    id: str
    state: State
    by: str

    @property
    def good(self) -> bool:
        return self.state in ("killed", "sound")


def load(path: Path) -> list[Mutant]:
    """The table; a key that is missing or unknown is a TypeError, a doubled id a ValueError."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    mutants = [Mutant(**row) for row in rows]
    doubled = {m.id for m in mutants if sum(m.id == n.id for n in mutants) > 1}
    if doubled:
        raise ValueError(f"{path.name} has {', '.join(sorted(doubled))} twice")
    return mutants


def span(source: str, symbol: str) -> tuple[int, int]:
    """Where a symbol's text starts and ends in a file's; (0, 0) where there is no such symbol.

    Args:
        source: the file's text.
        symbol: a name, with the names of what it stands in before it (``MlpTrainer.run_epoch``);
            empty for the whole file.
    """
    body = ast.parse(source).body
    found: ast.stmt | None = None
    for name in symbol.split(".") if symbol else ():
        found = next((node for node in body if name in _names(node)), None)
        if found is None:
            return 0, 0
        body = getattr(found, "body", [])
    if found is None:
        return 0, len(source)
    lines = source.splitlines(keepends=True)
    first = min([found.lineno, *(d.lineno for d in getattr(found, "decorator_list", ()))])
    return len("".join(lines[: first - 1])), len("".join(lines[: found.end_lineno]))


def _names(node: ast.stmt) -> set[str]:
    """What a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def stale(mutant: Mutant, root: Path) -> str:
    """Why the mutant cannot be made of this code; empty where it can."""
    path = root / mutant.file
    if not path.exists():
        return f"no {mutant.file}"
    source = path.read_text(encoding="utf-8")
    start, end = span(source, mutant.symbol)
    if not end:
        return f"no {mutant.symbol} in {mutant.file}"
    count = source[start:end].count(mutant.old)
    if count != 1:
        where = f"{mutant.symbol or 'all'} of {mutant.file}"
        return f"its old text occurs {count} times in {where}, expected once"
    file, _, name = mutant.test.partition("[")[0].partition("::")
    if not (root / file).exists() or f"def {name}(" not in (root / file).read_text("utf-8"):
        return f"no {mutant.test}"
    return ""


def changed(mutant: Mutant, source: str) -> str:
    """A file's text with the defect made."""
    start, end = span(source, mutant.symbol)
    return source[:start] + source[start:end].replace(mutant.old, mutant.new) + source[end:]


@contextmanager
def sandbox(root: Path) -> Iterator[Path]:
    """A copy of the project: the package and its tests copied, everything else linked.

    Both are compiled once for all runs; a changed file is known by its content.
    """
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        place = Path(folder).resolve()
        skipped = shutil.ignore_patterns("__pycache__", "*.egg-info")
        for path in root.iterdir():
            target = place / path.name
            if path.name in WRITTEN:
                continue
            if path.name not in COPIED:
                target.symlink_to(path)
            elif path.is_dir():
                shutil.copytree(path, target, ignore=skipped)
            else:
                shutil.copy(path, target)
        known_by = py_compile.PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(place / "repro", quiet=2, invalidation_mode=known_by)
        compileall.compile_dir(place / "tests", quiet=2, invalidation_mode=known_by)
        yield place


@dataclass(frozen=True)
class Bench:
    """A copy of the project, and the process whose forks run its tests."""

    place: Path
    warm: warm.Warm

    def run(self, tests: Sequence[str]) -> tuple[int, str]:
        """(pytest's exit code, the first test that failed or pytest's last line)."""
        output = self.place / "output.txt"
        environment = {n: v for n, v in os.environ.items() if not n.startswith("REPRO_")}
        environment |= {
            "PYTHONPATH": str(self.place),
            # A run's would be known by its source's time and size, which mutants may share.
            "PYTHONDONTWRITEBYTECODE": "1",
            "REPRO_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            # Otherwise pytest folds the summary of a failure to the width of a terminal.
            "COLUMNS": "500",
        }
        code = self.warm.run(
            # Plain: under CI pytest would work out a failure's whole difference, for minutes.
            ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *PLAIN, *warm.PYTEST, *tests),
            folder=self.place,
            environment=environment,
            output=output,
            seconds=TIMEOUT_S,
        )
        said = output.read_text(encoding="utf-8", errors="replace")
        # The last: what a failed test printed may look like pytest's own summary.
        found = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", said, re.M)
        lines = said.strip().splitlines()
        return code, [*lines, *found][-1] if lines else "no output"

    def judge(self, mutant: Mutant) -> Outcome:
        """Make the mutant, run its tests, and put the sound text back."""
        why = stale(mutant, self.place)
        if why:
            return Outcome(mutant.id, "stale", why)
        path = self.place / mutant.file
        sound = path.read_text(encoding="utf-8")
        path.write_text(changed(mutant, sound), encoding="utf-8")
        try:
            code, by = self.run([mutant.test])
        finally:
            path.write_text(sound, encoding="utf-8")
        states: dict[int, State] = {0: "SURVIVED", FAILED: "killed"}
        return Outcome(mutant.id, states.get(code, "broken"), by)

    def check_sound(self, tests: Sequence[str]) -> Outcome:
        """Run tests of one file on the sound code, where they must pass."""
        code, by = self.run(tests)
        return Outcome(sound_name(tests), "sound" if code == 0 else "broken", by)


def sound_name(tests: Sequence[str]) -> str:
    """Under which name it is kept that tests of one file pass on the sound code."""
    return f"sound code: {tests[0].partition('::')[0]}"


class Memory:
    """Outcomes of this very code, kept so that a stopped run goes on where it was.

    Args:
        root: the project; what it is kept under is the content of its package and tests.
        folder: where it is kept.
        fresh: forget what is there.
    """

    def __init__(self, root: Path, folder: Path, *, fresh: bool) -> None:
        digest = hashlib.sha256(sys.version.encode())
        read = (*COPIED, "fixtures")
        for path in sorted(p for name in read for p in [root / name, *(root / name).rglob("*")]):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
        self.path = folder / f"mutants-{digest.hexdigest()[:16]}.jsonl"
        if fresh:
            self.path.unlink(missing_ok=True)

    def load(self) -> dict[str, Outcome]:
        """By id, what went well; anything else is tried again."""
        if not self.path.exists():
            return {}
        known = {}
        for line in self.path.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, TypeError):  # cut off when the run was killed
                outcome = Outcome(**json.loads(line))
                known[outcome.id] = outcome
        return {name: outcome for name, outcome in known.items() if outcome.good}

    def keep(self, outcome: Outcome) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")


def run_all(
    mutants: list[Mutant], root: Path, memory: Memory, console: Console, *, jobs: int
) -> list[Outcome]:
    """Every mutant, and before them their tests on the sound code, on ``jobs`` sandboxes."""
    known = memory.load()
    named = sorted({mutant.test for mutant in mutants})
    files = [list(tests) for _, tests in groupby(named, key=lambda test: test.partition("::")[0])]
    sound = [tests for tests in files if sound_name(tests) not in known]
    left = [mutant for mutant in mutants if mutant.id not in known]
    benches: queue.SimpleQueue[Bench] = queue.SimpleQueue()

    def one(task: list[str] | Mutant) -> Outcome:
        mine = benches.get()
        try:
            return mine.judge(task) if isinstance(task, Mutant) else mine.check_sound(task)
        finally:
            benches.put(mine)

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )  # fmt: skip
    with (
        Progress(*columns, console=console, transient=True) as progress,
        warm.Warm(LIBRARIES) as server,
        ExitStack() as stack,
        ThreadPoolExecutor(jobs) as pool,
    ):
        for _ in range(jobs):
            benches.put(Bench(stack.enter_context(sandbox(root)), server))
        futures = [pool.submit(one, task) for task in [*sound, *left]]
        bar = progress.add_task("mutants", total=len(futures))
        try:
            for future in as_completed(futures):
                outcome = future.result()
                known[outcome.id] = outcome
                memory.keep(outcome)
                progress.update(bar, advance=1, description=outcome.id)
                if not outcome.good:
                    console.print(f"{outcome.state}: {outcome.id}: {outcome.by}", markup=False)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [known[name] for name in [*map(sound_name, files), *(mutant.id for mutant in mutants)]]


def page(mutants: Iterable[Mutant]) -> str:
    """docs/mutants.md, from the table."""
    lines = [
        "# Mutants",
        "",
        "Defects made on purpose, one at a time. `tox -e mutants` makes each in a copy of the",
        "package and runs the test that is named for it, which must fail. A defect that goes",
        "unnoticed fails that run, and so does one that the code has outgrown. Generated from",
        "`tests/mutants/mutants.toml`.",
        "",
        "| defect | in | noticed by |",
        "| --- | --- | --- |",
    ]
    for mutant in mutants:
        test = mutant.test.partition("[")[0]
        lines.append(f"| {mutant.what} | `{mutant.file}` | `{test}` |")
    return "\n".join(lines) + "\n"


def main(words: list[str], *, root: Path = ROOT, table: Path = TABLE) -> int:
    """Run, print the table, and return 1 where any mutant was not killed.

    Args:
        words: ``fresh``, and the ids of mutants to run alone; or ``write``, the page and no run.
        root: the project.
        table: the mutants.
    """
    # A file or a CI log keeps whole lines, however narrow the terminal of whoever reads it.
    console = Console(width=None if sys.stdout.isatty() else 160)
    mutants = load(table)
    if words == ["write"]:
        (root / PAGE).write_text(page(mutants), encoding="utf-8")
        return 0
    chosen = set(words) - {"fresh"}
    unknown = chosen - {mutant.id for mutant in mutants}
    if unknown:
        console.print(f"no mutant {', '.join(sorted(unknown))}", markup=False)
        return 2
    mutants = [mutant for mutant in mutants if not chosen or mutant.id in chosen]
    memory = Memory(root, root / "reports", fresh="fresh" in words)
    try:
        outcomes = run_all(mutants, root, memory, console, jobs=min(2, os.cpu_count() or 1))
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
        return 130

    shown = Table("mutant", "")
    shown.add_column("by", overflow="fold")
    for outcome in outcomes:
        if outcome.state != "sound":
            shown.add_row(outcome.id, outcome.state, escape(outcome.by))
    console.print(shown)
    bad = [outcome for outcome in outcomes if not outcome.good]
    killed = sum(outcome.state == "killed" for outcome in outcomes)
    for outcome in bad:  # again, at the end, which is what a reader of a long log sees
        console.print(f"{outcome.state}: {outcome.id}: {outcome.by}", markup=False)
    console.print(f"{killed} passed, {len(bad)} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
