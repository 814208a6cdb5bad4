"""The download of MNIST: several mirrors, no trust in any of them, nothing half-written.

A download is held in memory until its content verifies, and only then written, so a wrong
or interrupted answer never reaches the disk: pooch alone would keep what it received, and
would hash the compressed file, of which several are in use.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from repro.atomic import locked, write_atomic
from repro.errors import DataError
from repro.lab import http
from repro.lab.mnist import files, idx

# Plain http is enough where it is all that a mirror has: the pinned hashes decide.
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)

_EXPECTED = "a mirror that serves the four canonical MNIST files"
_DO = "check the network, or set REPRO_MNIST_DIR to a folder with the four MNIST files"


def fetch(target: Path) -> str:
    """Download into ``target`` whichever of the four files do not verify there.

    The files are stored decompressed, under their usual names. The mirrors are asked one after
    the other, with a bar where stderr is a terminal. Processes that share ``target`` download
    once.

    Returns:
        The host that served (several, joined by " and ", where one failed halfway); empty
        where nothing was left to download.

    Raises:
        DataError: no mirror answers, or none serves the canonical files; it names all that
            were tried.
        StoreError: ``target`` cannot be written, or its lock is held for too long.
    """
    if not _needed(target):
        return ""
    failures: dict[str, str] = {}
    mirrors = _answering(failures)
    # Before the lock is taken: without a network, parallel workers wait side by side
    # instead of one after the other, and no folder is made for nothing.
    first = next(mirrors, None)
    if first is None:
        raise DataError(f"no MNIST mirror answers ({_told(failures)})", expected=_EXPECTED, do=_DO)
    with locked(target / ".lock", seconds=http.LOCK_SECONDS):
        return _fill(target, itertools.chain([first], mirrors), failures)


def _answering(failures: dict[str, str]) -> Iterator[str]:
    """Give the mirrors that have the smallest file; note why another has not."""
    for mirror in MIRRORS:
        try:
            if http.has(_url(mirror, "t10k-labels")):
                yield mirror
            else:
                failures[mirror] = "does not have the files"
        except (OSError, ValueError) as error:  # every error of requests is an OSError
            failures[mirror] = http.cause(error)


def _fill(target: Path, mirrors: Iterator[str], failures: dict[str, str]) -> str:
    """Download what is needed; a mirror that fails once is not asked again."""
    needed = _needed(target)  # again: another process may have downloaded before the lock
    served: list[str] = []
    with http.bar() as bar:
        for mirror in mirrors:
            while needed:
                task = bar.add_task(needed[0], total=None)
                try:
                    content = _download(mirror, needed[0], partial(bar.advance, task))
                except DataError as error:
                    failures[mirror] = error.found
                    break
                write_atomic(target / files.names(needed[0])[0], content)
                needed.pop(0)
                if host(mirror) not in served:
                    served.append(host(mirror))
            if not needed:
                return " and ".join(served)
    raise DataError(
        f"no MNIST mirror serves {', '.join(needed)} ({_told(failures)})",
        expected=_EXPECTED,
        do=_DO,
    )


def _needed(target: Path) -> list[str]:
    return [key for key in files.SHA256 if files.inspect(target, key).content is None]


def _download(mirror: str, key: str, received: Callable[[int], None]) -> bytes:
    """Download, decompress and verify one file; DataError whatever goes wrong on the way."""
    url = _url(mirror, key)
    try:
        content = http.get(url, received, most=idx.MAX_BYTES)
    except (OSError, ValueError) as error:
        raise DataError(http.cause(error), expected=_EXPECTED, do=_DO) from error
    return files.verify(content, key, name=url)


def _url(mirror: str, key: str) -> str:
    return f"{mirror}{files.names(key)[0]}.gz"


def host(mirror: str) -> str:
    """Name a mirror's host."""
    return urlsplit(mirror).netloc


def _told(failures: dict[str, str]) -> str:
    return "; ".join(f"{host(mirror)}: {failure}" for mirror, failure in failures.items())
