"""A mirror on this machine, and the ways in which it answers."""

from __future__ import annotations

import gzip
import http.server
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from idx_files import build

CONTENTS = {
    "train-images": build(np.arange(4 * 784, dtype=np.int64).astype(np.uint8).reshape(4, 28, 28)),
    "train-labels": build(np.array([5, 0, 4, 1], dtype=np.uint8)),
    "t10k-images": build(np.ones((2, 28, 28), dtype=np.uint8)),
    "t10k-labels": build(np.array([7, 2], dtype=np.uint8)),
}
FILES = {
    f"{key}-{'idx3' if 'images' in key else 'idx1'}-ubyte": content
    for key, content in CONTENTS.items()
}

Answer = Callable[[http.server.BaseHTTPRequestHandler, bytes], None]


def send(handler: http.server.BaseHTTPRequestHandler, body: bytes, *, length: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()
    if handler.command == "GET":
        handler.wfile.write(body)


def well(handler, content):
    body = gzip.compress(content)
    send(handler, body, length=len(body))


def unpacked(handler, content):
    send(handler, content, length=len(content))


def wrong(handler, content):
    body = gzip.compress(content[:-1] + b"\x00")
    send(handler, body, length=len(body))


def a_login_page(handler, _):
    body = b"<html>Welcome to the hotel</html>"
    send(handler, body, length=len(body))


def interrupted(handler, content):
    body = gzip.compress(content)
    send(handler, body[: len(body) // 2], length=len(body))


def absent(handler, _):
    handler.send_error(404)


def absent_on_get(handler, content):
    if handler.command == "GET":
        handler.send_error(404)
    else:
        well(handler, content)


def oversized(handler, _):
    send(handler, bytes(5000), length=5000)


def silent(handler, _):
    handler.server.released.wait(10)


def silent_on_get(handler, content):
    if handler.command == "GET":
        handler.server.released.wait(10)
    else:
        well(handler, content)


def interrupted_from_the_second_file_on(handler, content):
    if handler.command == "HEAD" or content == CONTENTS["train-images"]:
        well(handler, content)
    else:
        interrupted(handler, content)


class Mirror(http.server.ThreadingHTTPServer):
    """A mirror on this machine that answers every request in one way."""

    def __init__(self, answer: Answer) -> None:
        self.gets: list[str] = []
        self.released = threading.Event()
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2].removesuffix(".gz")
                if self.command == "GET":
                    mirror.gets.append(name)
                answer(self, FILES[name])

            do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/mnist/"


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
