"""The download of MNIST: several mirrors, no trust in any of them, nothing half-written.

A download is held in memory until its content verifies, and only then written, so a wrong
or interrupted answer never reaches the disk: pooch alone would keep what it received, and
would hash the compressed file, of which several are in use.
"""

from __future__ import annotations

import io
import itertools
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pooch

from repro.atomic import locked, write_atomic
from repro.errors import DataError
from repro.lab.mnist import files, idx

# Plain http is enough where it is all that a mirror has: the pinned hashes decide.
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)

CONNECT_SECONDS = 3.0
READ_SECONDS = 8.0

# Longer than a slow line needs for 11.6 MB: who holds the lock is downloading.
LOCK_SECONDS = 900.0

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
    with locked(target / ".lock", seconds=LOCK_SECONDS):
        return _fill(target, itertools.chain([first], mirrors), failures)


def _answering(failures: dict[str, str]) -> Iterator[str]:
    """Give the mirrors that have the smallest file; note why another has not."""
    ask = pooch.HTTPDownloader(timeout=(CONNECT_SECONDS, READ_SECONDS))
    for mirror in MIRRORS:
        try:
            if ask(_url(mirror, "t10k-labels"), None, None, check_only=True):
                yield mirror
            else:
                failures[mirror] = "does not have the files"
        except (OSError, ValueError) as error:  # every error of requests is an OSError
            failures[mirror] = _short(error)


def _fill(target: Path, mirrors: Iterator[str], failures: dict[str, str]) -> str:
    """Download what is needed; a mirror that fails once is not asked again."""
    from rich.console import Console  # slow to import, and seldom needed
    from rich.progress import DownloadColumn, Progress, TextColumn

    needed = _needed(target)  # again: another process may have downloaded before the lock
    served: list[str] = []
    shown = sys.stderr.isatty()
    columns = TextColumn("{task.description}"), DownloadColumn()
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as bar:
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
    content = _Bounded(received)
    get = pooch.HTTPDownloader(chunk_size=2**16, timeout=(CONNECT_SECONDS, READ_SECONDS))
    try:
        get(url, content, None)
    except (OSError, ValueError) as error:
        raise DataError(_short(error), expected=_EXPECTED, do=_DO) from error
    return files.verify(content.getvalue(), key, name=url)


class _Bounded(io.BytesIO):
    """Memory that refuses more than an MNIST file can have, and tells what it receives."""

    def __init__(self, received: Callable[[int], None]) -> None:
        super().__init__()
        self.received = received

    def write(self, chunk: bytes, /) -> int:  # type: ignore[override]
        if self.tell() + len(chunk) > idx.MAX_BYTES:
            raise OSError(f"more than {idx.MAX_BYTES} bytes")
        self.received(len(chunk))
        return super().write(chunk)


def _url(mirror: str, key: str) -> str:
    return f"{mirror}{files.names(key)[0]}.gz"


def host(mirror: str) -> str:
    """Name a mirror's host."""
    return urlsplit(mirror).netloc


def _told(failures: dict[str, str]) -> str:
    return "; ".join(f"{host(mirror)}: {failure}" for mirror, failure in failures.items())


def _short(error: Exception) -> str:
    """Tell the cause in a few words; the client's own message repeats the address."""
    cause = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(cause, Exception):
        return type(cause).__name__  # NameResolutionError, ConnectTimeoutError, SSLError, ...
    return f"{type(error).__name__}: {error}".partition("\n")[0][:120]
