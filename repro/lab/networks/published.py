"""A file that others published with git, which git's id of it tells from every other."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from repro.atomic import locked, write_atomic
from repro.errors import WeightsError
from repro.lab import http

_log = logging.getLogger(__name__)


def git_id(content: bytes) -> str:
    """Compute the id that git gives a file's content: hexadecimal, 40 digits.

    >>> git_id(b"")
    'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
    """
    header = f"blob {len(content)}\0".encode()
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class PublishedFile:
    """A file in somebody's git repository.

    Args:
        what: it is, in a few words.
        addresses: where it is served, to be asked one after the other.
        blob: git's id of it.
        most: bytes that it has at most.
    """

    what: str
    addresses: tuple[str, ...]
    blob: str
    most: int

    def content(self, path: Path, *, offline: bool = False) -> bytes:
        """Return the file's content from ``path``, where it is downloaded to if it is not there.

        A download reaches the disk only once git's id of it is right.

        Args:
            path: where the file is kept.
            offline: download nothing (``REPRO_OFFLINE=1`` says the same).

        Raises:
            WeightsError: it is not at ``path``, or damaged there, and cannot be downloaded.
            StoreError: ``path`` cannot be written, or another process has it locked for long.
        """
        kept, problem = self._kept(path)
        if kept is not None:
            return kept
        if offline or http.offline():
            raise self._not_had(f"{problem}, and downloading is switched off")
        with locked(path.with_name(f".{path.name}.lock"), seconds=http.LOCK_SECONDS):
            kept, problem = self._kept(path)  # by another process, before the lock
            if kept is not None:
                return kept
            if path.exists():
                _log.warning("%s, to be downloaded again", problem)
            content = self._downloaded(problem)
            write_atomic(path, content)
        return content

    def _kept(self, path: Path) -> tuple[bytes | None, str]:
        """Return what is kept at ``path``, or None and why not."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None, f"{self.what} is not at {path}"
        except OSError as error:
            return None, f"{self.what} at {path} cannot be read: {error.strerror or error}"
        if (found := git_id(content)) != self.blob:
            return None, f"{path} is not {self.what}: git's id of it is {found}"
        return content, ""

    def _downloaded(self, problem: str) -> bytes:
        failures = []
        with http.bar() as bar:
            for address in self.addresses:
                task = bar.add_task(self.what, total=None)
                try:
                    content = http.get(address, partial(bar.advance, task), most=self.most)
                except (OSError, ValueError) as error:  # every error of requests is an OSError
                    failures.append(f"{urlsplit(address).netloc}: {http.cause(error)}")
                    continue
                if (found := git_id(content)) == self.blob:
                    return content
                failures.append(f"{urlsplit(address).netloc}: another file, of git's id {found}")
        told = "; ".join(dict.fromkeys(failures))  # two addresses may be of one host
        raise self._not_had(f"{problem}, and nobody serves it ({told})")

    def _not_had(self, found: str) -> WeightsError:
        return WeightsError(
            found,
            expected=f"the file of git's id {self.blob}",
            do=f"allow the download, or put {self.addresses[0]} there",
        )
