"""Files over HTTP, held in memory: whoever asks for one verifies it before anything is stored."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pooch

from repro.lab.bars import is_terminal

if TYPE_CHECKING:
    from rich.progress import Progress

CONNECT_SECONDS = 3.0
READ_SECONDS = 8.0

LOCK_SECONDS = 900.0
"""How long to wait for another process that downloads: longer than a slow line needs for 40 MB."""


def offline() -> bool:
    """Tell whether ``REPRO_OFFLINE`` says that nothing may be downloaded."""
    return os.environ.get("REPRO_OFFLINE", "") not in ("", "0")


def has(url: str) -> bool:
    """Ask a server whether it has a file; the errors are those of :func:`get`."""
    ask = pooch.HTTPDownloader(timeout=(CONNECT_SECONDS, READ_SECONDS))
    return bool(ask(url, None, None, check_only=True))


def get(url: str, received: Callable[[int], None], *, most: int) -> bytes:
    """Download one file of at most ``most`` bytes; ``received`` is told of them as they come.

    Raises:
        OSError: no answer, a refusal, a broken line or too many bytes.
        ValueError: no address.
    """
    content = _Bounded(received, most)
    download = pooch.HTTPDownloader(chunk_size=2**16, timeout=(CONNECT_SECONDS, READ_SECONDS))
    download(url, content, None)
    return content.getvalue()


def bar() -> Progress:
    """Make a bar of the bytes received, where stderr can show one."""
    from rich.console import Console  # slow to import, and seldom needed
    from rich.progress import DownloadColumn, Progress, TextColumn

    columns = TextColumn("{task.description}"), DownloadColumn()
    return Progress(*columns, console=Console(stderr=True), disable=not is_terminal(sys.stderr))


def cause(error: Exception) -> str:
    """Tell the cause in a few words; the client's own message repeats the address."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, Exception):
        return type(reason).__name__  # NameResolutionError, ConnectTimeoutError, SSLError, ...
    return f"{type(error).__name__}: {error}".partition("\n")[0][:120]


class _Bounded(io.BytesIO):
    """Memory that refuses more than a file can have, and tells what it receives."""

    def __init__(self, received: Callable[[int], None], most: int) -> None:
        super().__init__()
        self.received, self.most = received, most

    def write(self, chunk: bytes, /) -> int:  # type: ignore[override]
        if self.tell() + len(chunk) > self.most:
            raise OSError(f"more than {self.most} bytes")
        self.received(len(chunk))
        return super().write(chunk)
