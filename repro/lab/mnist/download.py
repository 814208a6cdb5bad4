"""The download of MNIST: several mirrors, no trust in any of them, nothing half-written.

A download is held in memory until its content verifies, and only then written, so a wrong
or interrupted answer never reaches the disk.
"""

from __future__ import annotations

import io
import itertools
import queue
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import filelock
import pooch
from tqdm import tqdm

from repro.atomic import write_atomic
from repro.errors import DataError, StoreError
from repro.lab.mnist import data, files, idx

# Plain http is enough where it is all that a mirror has: the pinned hashes decide.
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)

CONNECT_SECONDS = 3.0
READ_SECONDS = 8.0

# A resolver without a network can hang for half a minute, and no timeout of the HTTP client
# reaches it; this one bounds the search over all mirrors.
PROBE_SECONDS = 8.0

# Longer than a slow line needs for 11.6 MB: who holds the lock is downloading.
LOCK_SECONDS = 900.0

_EXPECTED = "a mirror that serves the four canonical MNIST files"
_DO = "check the network, or set REPRO_MNIST_DIR to a folder with the four MNIST files"


def hosts() -> tuple[str, ...]:
    """The mirrors' hosts."""
    return tuple(_host(mirror) for mirror in MIRRORS)


def fetch(target: Path, *, progress: bool = True) -> str:
    """Download into ``target`` whichever of the four files do not verify there.

    The files are stored decompressed, under their usual names. Without a network this ends
    within 15 s. Processes that share ``target`` download once.

    Args:
        target: the folder to fill; made if need be.
        progress: show a bar a file, where stderr is a terminal.

    Returns:
        The host that served (several, joined by " and ", where one failed halfway); empty
        where nothing was left to download.

    Raises:
        DataError: no mirror answers, or none serves the canonical files.
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
    try:
        target.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(target / ".lock", timeout=LOCK_SECONDS):
            return _fill(target, itertools.chain([first], mirrors), failures, progress)
    except filelock.Timeout as error:
        raise StoreError(
            f"the lock {error.lock_file} was held for {LOCK_SECONDS:.0f} s",
            expected="another process's download to end",
            do="end the process that hangs, and run again",
        ) from error
    except OSError as error:
        raise StoreError(
            f"{target} cannot be written: {error.strerror or error}",
            expected="a writable folder with 60 MB free",
            do="make room or set its permissions, set REPRO_CACHE_DIR to another folder, "
            "or set REPRO_MNIST_DIR to a folder with the four MNIST files",
        ) from error


def _fill(target: Path, mirrors: Iterator[str], failures: dict[str, str], progress: bool) -> str:
    """Download what is needed; a mirror that fails once is not asked again."""
    needed = _needed(target)  # again: another process may have downloaded before the lock
    served: list[str] = []
    for mirror in mirrors:
        while needed:
            try:
                content = _download(mirror, needed[0], progress)
            except DataError as error:
                failures[mirror] = error.found
                break
            write_atomic(target / files.names(needed[0])[0], content)
            needed.pop(0)
            if _host(mirror) not in served:
                served.append(_host(mirror))
        if not needed:
            return " and ".join(served)
    raise DataError(
        f"no MNIST mirror serves {', '.join(needed)} ({_told(failures)})",
        expected=_EXPECTED,
        do=_DO,
    )


def _needed(target: Path) -> list[str]:
    return [
        key
        for key, sha256 in data.SHA256.items()
        if files.inspect(target, key, sha256)[0].status != "verified"
    ]


def _answering(failures: dict[str, str]) -> Iterator[str]:
    """The mirrors that have the files, the quickest first, until `PROBE_SECONDS` are over."""
    answers: queue.SimpleQueue[tuple[str, str | None]] = queue.SimpleQueue()
    waiting = list(MIRRORS)
    for mirror in MIRRORS:
        # Daemons, not a pool: a pool would wait at exit for a resolver that hangs.
        threading.Thread(target=_probe, args=(mirror, answers), daemon=True).start()
    deadline = time.monotonic() + PROBE_SECONDS
    while waiting:
        try:
            mirror, failure = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            failures.update(dict.fromkeys(waiting, "no answer in time"))
            return
        waiting.remove(mirror)
        if failure is None:
            yield mirror
        else:
            failures[mirror] = failure


def _probe(mirror: str, answers: queue.SimpleQueue[tuple[str, str | None]]) -> None:
    """Ask for the header of the smallest file."""
    failure = None
    try:
        ask = pooch.HTTPDownloader(timeout=(CONNECT_SECONDS, READ_SECONDS))
        if not ask(_url(mirror, "t10k-labels"), None, None, check_only=True):
            failure = "does not have the files"
    except Exception as error:  # whatever it is, it must reach the thread that waits
        failure = _short(error)
    answers.put((mirror, failure))


def _download(mirror: str, key: str, progress: bool) -> bytes:
    """One file, decompressed and verified; DataError whatever goes wrong on the way."""
    url = _url(mirror, key)
    shown = progress and sys.stderr.isatty()
    received = _Bounded()
    # pooch sets the total from the answer; 1 makes the bar true, as pooch tests it.
    with tqdm(total=1, unit="B", unit_scale=True, desc=key, disable=not shown) as bar:
        get = pooch.HTTPDownloader(
            progressbar=bar, chunk_size=2**16, timeout=(CONNECT_SECONDS, READ_SECONDS)
        )
        try:
            get(url, received, None)
        except (OSError, ValueError) as error:  # every error of requests is an OSError
            raise DataError(_short(error), expected=_EXPECTED, do=_DO) from error
    return files.verify(received.getvalue(), data.SHA256[key], name=url)


class _Bounded(io.BytesIO):
    """Memory that refuses more than an MNIST file can have."""

    def write(self, chunk: bytes, /) -> int:  # type: ignore[override]
        if self.tell() + len(chunk) > idx.MAX_BYTES:
            raise OSError(f"more than {idx.MAX_BYTES} bytes")
        return super().write(chunk)


def _url(mirror: str, key: str) -> str:
    return f"{mirror}{files.names(key)[0]}.gz"


def _host(mirror: str) -> str:
    return urlsplit(mirror).netloc


def _told(failures: dict[str, str]) -> str:
    return "; ".join(f"{_host(mirror)}: {failure}" for mirror, failure in failures.items())


def _short(error: Exception) -> str:
    """The cause in a few words: the client's own message repeats the address and its stack."""
    cause = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(cause, Exception):
        return type(cause).__name__  # NameResolutionError, ConnectTimeoutError, SSLError, ...
    return f"{type(error).__name__}: {error}".partition("\n")[0][:120]
