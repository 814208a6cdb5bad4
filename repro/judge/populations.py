"""Populations: the measurements of one experiment over independent trainings, as plain CSV.

One file an experiment, reading and data set; one row a seed. A row says what was measured
(the configuration's content address, the weights' hash) and by what (versions, device,
date), then one column a metric.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from repro import paths
from repro.atomic import locked, write_atomic
from repro.errors import EvidenceError

Kind = Literal["full", "embedded"]
"""Which images: the full test set, or the embedded sample of training images."""

PROVENANCE = (
    "configuration",
    "weights_sha256",
    "torch",
    "numpy",
    "cpu",
    "device",
    "kernel",
    "threads",
    "date",
    "seconds",
)
"""The text columns behind ``seed``; every other column is a metric."""

Spot = tuple[str, str, str]
"""Paper, experiment and reading: what one population is of."""

SUMS = "SHA256SUMS"
"""The file beside the populations that lists their SHA-256."""


@dataclass(frozen=True)
class Row:
    """One seed of a population."""

    seed: int
    provenance: Mapping[str, str]
    measurements: Mapping[str, float]


@dataclass(frozen=True)
class Population:
    """All rows of one file, by rising seed."""

    path: Path
    rows: tuple[Row, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds measured, rising."""
        return tuple(row.seed for row in self.rows)

    @property
    def independent(self) -> bool:
        """Whether each row was measured on weights of its own."""
        weights = [row.provenance["weights_sha256"] for row in self.rows]
        return all(weights) and len(set(weights)) == len(weights)

    def seconds(self) -> float:
        """Return how long measuring took on a CPU in the middle of the seeds; 0 without any."""
        about = [row.provenance for row in self.rows]
        texts = [each["seconds"] for each in about if each["device"] == "cpu"]
        # Provenance is text; only what is a plain number counts.
        found = sorted(float(text) for text in texts if text.replace(".", "", 1).isdecimal())
        return found[len(found) // 2] if found else 0.0

    def values(self, metric: str) -> list[float]:
        """Return the metric's measurements, by rising seed.

        Raises:
            EvidenceError: the population has no such metric.
        """
        if self.rows and metric not in self.rows[0].measurements:
            known = ", ".join(self.rows[0].measurements)
            raise EvidenceError(
                f"{_name(self.path)} has no metric {metric!r}",
                expected=f"one of {known}",
                do="correct the claim's metric, or measure the population again (repro calibrate)",
            )
        return [row.measurements[metric] for row in self.rows]


class Archive:
    """The populations below one folder, each read and checked once.

    Where the folder has a ``SHA256SUMS``, every file that is read must stand there as it is:
    evidence in which a digit was edited, or from which a seed was deleted, is no evidence.
    ``repro docs`` writes it, after ``repro calibrate`` added seeds.

    >>> archive = Archive()
    >>> archive.population("full", "lacok2016", "table1", "as-written").seeds[:3]
    (0, 1, 2)

    Args:
        root: the folder (default: that of the fixtures).
        check_sums: False takes the files as they are.

    Raises:
        EvidenceError: there is no such folder, or its ``SHA256SUMS`` cannot be read.
    """

    def __init__(self, root: Path | None = None, *, check_sums: bool = True) -> None:
        self.root = paths.fixtures() / "populations" if root is None else root
        try:
            problem = "" if self.root.is_dir() else "there is none"
        except OSError as error:
            problem = f"cannot be read: {error.strerror}"
        if problem:
            raise EvidenceError(
                f"no folder of populations at {self.root}: {problem}",
                expected="the evidence that the verdicts are computed from",
                do="correct REPRO_FIXTURES_DIR, or make populations (repro calibrate)",
            )
        self._known: dict[Path, Population] = {}
        self._sums = _read_sums(self.root / SUMS) if check_sums else {}

    def population(self, kind: Kind, paper: str, experiment: str, reading: str) -> Population:
        """Return one population; it has no rows where there is no file.

        Raises:
            EvidenceError: the file is damaged, or not as ``SHA256SUMS`` says.
        """
        path = path_of(self.root, kind, paper, experiment, reading)
        if path not in self._known:
            expected = self._sums.get(name := path.relative_to(self.root).as_posix())
            if self._sums and expected is None and path.exists():
                raise _unnamed(f"{name} is not named in {SUMS}", "the hash of every population")
            self._known[path] = load(path, sha256=expected)
        return self._known[path]


def _read_sums(path: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that a list as of ``sha256sum`` names."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, f"cannot be read: {error}", "the list that repro docs writes") from error
    return {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}


def name_of(paper: str, experiment: str, reading: str) -> str:
    """Name a population, and whatever else is of one experiment under one reading.

    >>> name_of("lacok2016", "table1", "as-written")
    'lacok2016-table1--as-written'
    """
    return f"{paper}-{experiment}--{reading}"


def path_of(root: Path, kind: Kind, paper: str, experiment: str, reading: str) -> Path:
    """Return where a population is kept below ``root`` (``fixtures/populations``).

    >>> path_of(Path("root"), "full", "lacok2016", "table1", "as-written").as_posix()
    'root/full/lacok2016-table1--as-written.csv'
    """
    return root / kind / f"{name_of(paper, experiment, reading)}.csv"


def _name(path: Path) -> str:
    """Name a population's file, ``full/...`` or ``embedded/...``: both have files of each name."""
    return "/".join(path.parts[-2:])


def _bad(path: Path, found: str, expected: str) -> EvidenceError:
    return EvidenceError(
        f"{_name(path)}: {found}",
        expected=expected,
        do="restore the file (git checkout), or measure it again (repro calibrate)",
    )


def _unnamed(found: str, expected: str) -> EvidenceError:
    do = "restore it (git checkout); if repro calibrate wrote it, run repro docs"
    return EvidenceError(found, expected=expected, do=do)


def parse(text: str, path: Path) -> Population:
    """Read the population in a CSV text; ``path`` names it in errors.

    >>> row = Row(0, dict.fromkeys(PROVENANCE, "x"), {"error": 0.25})
    >>> parse(dump([row]), Path("some.csv")).values("error")
    [0.25]

    Raises:
        EvidenceError: missing or doubled columns or seeds, cells that are not finite numbers.
    """
    if not text.strip():
        raise _bad(path, "empty", "a header and one row a seed")
    try:
        header, *lines = csv.reader(io.StringIO(text), strict=True)
    except (csv.Error, ValueError) as error:
        raise _bad(path, f"not a CSV table ({error})", "a header and one row a seed") from error
    if not text.endswith("\n"):
        # A number that lost its last digits is still a number; the missing line end tells.
        raise _bad(path, "cut off within its last row", "a line end after every row")
    fixed = ("seed", *PROVENANCE)
    if tuple(header[: len(fixed)]) != fixed:
        raise _bad(path, f"columns {header[: len(fixed)]}", f"columns that begin {list(fixed)}")
    if len(set(header)) != len(header) or not all(header):
        raise _bad(path, "a column that is doubled or has no name", "each column once")
    rows = [_parse_row(line, header, path) for line in lines]
    seeds = [row.seed for row in rows]
    if seeds != sorted(set(seeds)):
        raise _bad(path, f"seeds {seeds}", "each seed once, rising")
    return Population(path, tuple(rows))


def _parse_row(line: Sequence[str], header: Sequence[str], path: Path) -> Row:
    cells = dict(zip(header, line, strict=False))
    if len(line) != len(header):
        raise _bad(path, f"a row of {len(line)} cells", f"{len(header)} cells, as the header has")
    try:
        seed = int(_plain(cells["seed"]))
        measured = {name: float(_plain(cells[name])) for name in header[1 + len(PROVENANCE) :]}
    except ValueError as error:
        raise _bad(path, str(error), "a whole seed and numbers in the metric columns") from error
    wrong = [name for name, value in measured.items() if not math.isfinite(value)]
    if seed < 0 or wrong:
        raise _bad(path, f"seed {seed} with values not finite in {wrong}", "finite measurements")
    return Row(seed, {name: cells[name] for name in PROVENANCE}, measured)


def _plain(cell: str) -> str:
    """Return the cell; raise ValueError where only Python reads it as a number (``1_0``)."""
    if not cell.isascii() or "_" in cell or cell != cell.strip():
        raise ValueError(f"{cell[:40]!r} is no plain number")
    return cell


def load(path: Path, *, sha256: str | None = None) -> Population:
    """Read the population in a file, with that SHA-256 if one is given; no file has no rows.

    >>> load(Path("no such file")).seeds
    ()

    Raises:
        EvidenceError: the file is damaged, or has another SHA-256.
    """
    try:
        content = path.read_bytes()
        population = parse(content.decode(), path)
        found = hashlib.sha256(content).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        population, found = Population(path, ()), "missing"
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, f"cannot be read: {error}", "a CSV table in UTF-8") from error
    if sha256 not in (None, found):
        raise _unnamed(
            f"{_name(path)} is not the file that {SUMS} names: {found[:16]}…",
            f"SHA-256 {sha256[:16]}…",
        )
    return population


def dump(rows: Sequence[Row]) -> str:
    """Return the CSV text of ``rows`` (at least one); numbers keep every digit.

    >>> text = dump([Row(7, dict.fromkeys(PROVENANCE, "x"), {"error": 0.1 + 0.2})])
    >>> text.splitlines()[1]
    '7,x,x,x,x,x,x,x,x,x,x,0.30000000000000004'
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    metrics = list(rows[0].measurements)
    writer.writerow(["seed", *PROVENANCE, *metrics])
    for row in sorted(rows, key=lambda r: r.seed):
        texts = [row.provenance[name] for name in PROVENANCE]
        # NumPy's own numbers would be written by the name of their type.
        numbers = [repr(float(row.measurements[m])) for m in metrics]
        writer.writerow([row.seed, *texts, *numbers])
    return out.getvalue()


def add(path: Path, row: Row) -> bool:
    """Add one seed's row to a population, atomically; several processes may do so at once.

    >>> row = Row(0, dict.fromkeys(PROVENANCE, "x"), {"error": 0.25})
    >>> path = getfixture("tmp_path") / "some.csv"
    >>> getfixture("monkeypatch").setenv("REPRO_CACHE_DIR", str(path.parent))
    >>> add(path, row), add(path, row)
    (True, False)

    Returns:
        Whether the row was added: False where the seed was already there.

    Raises:
        EvidenceError: the seed is there with another configuration (evidence is never
            overwritten), the population has other metrics or is damaged, or the row holds
            what could not be read again.
        StoreError: the file cannot be written.
    """
    # The lock is in the cache, apart from the evidence.
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]
    with locked(paths.cache() / "locks" / f"{name}.lock"):
        rows = load(path).rows
        for old in rows:
            if old.seed == row.seed:
                if old.provenance["configuration"] == row.provenance["configuration"]:
                    return False
                raise EvidenceError(
                    f"{_name(path)} has seed {row.seed} of configuration "
                    f"{old.provenance['configuration'][:16]}…",
                    expected=f"configuration {row.provenance['configuration'][:16]}…",
                    do="move the old file away if it is obsolete: evidence is never overwritten",
                )
            if set(old.measurements) != set(row.measurements):
                raise EvidenceError(
                    f"{_name(path)} has metrics {sorted(old.measurements)}",
                    expected=f"{sorted(row.measurements)}",
                    do="move the old file away and measure all its seeds again",
                )
        text = dump([*rows, row])
        parse(text, path)
        write_atomic(path, text.encode())
    return True
