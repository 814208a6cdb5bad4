"""What every test may use: pytester, and the tiny paper of ``tiny_paper.py``."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_paper import Tiny
from warm import Warm

from repro.papers import registry

pytest_plugins = ["pytester"]


CLAIMS = Path(__file__).with_name("claims")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # With the pinned versions that tox installs no package has anything to warn of.
    for item in items:
        if not item.path.is_relative_to(CLAIMS):
            item.add_marker(pytest.mark.filterwarnings("error"))


def pytest_collection_finish() -> None:
    # Every run of pytester collects garbage ten times: nothing that is loaded now is any.
    gc.freeze()


SERVER = pytest.StashKey[Warm]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    # One for all workers: it takes as long as some twenty of its forks.
    if SERVER not in node.config.stash:
        node.config.stash[SERVER] = server = Warm()
        node.config.add_cleanup(server.close)
    node.workerinput["warm"] = node.config.stash[SERVER].folder


@pytest.fixture(scope="session")
def warm(pytestconfig: pytest.Config) -> Iterator[Warm]:
    """Forks of a process that has torch and the like loaded."""
    with Warm(folder=getattr(pytestconfig, "workerinput", {}).get("warm")) as server:
        yield server


@pytest.fixture
def warm_workers(warm: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-xdist's workers, which start ``sys.executable``, start at once."""
    monkeypatch.setattr(sys, "executable", str(warm.python()))


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Networks this small only lose time to a second thread, the more where cores are busy."""
    import torch  # which tests of the page alone do without

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tiny]:
    """The tiny paper, found through the environment; no network, nothing of the user's."""
    found = Tiny(tmp_path)
    (tmp_path / "papers").mkdir()
    for name in [name for name in os.environ if name.startswith("REPRO_")]:
        monkeypatch.delenv(name)
    # Under CI pytest repeats a failure's whole message in its summary; COLUMNS is its width.
    for name in ("CI", "BUILD_NUMBER", "NO_COLOR", "GITHUB_STEP_SUMMARY", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REPRO_EXTRA_PAPERS", str(tmp_path / "papers"))
    monkeypatch.setenv("REPRO_FIXTURES_DIR", str(tmp_path / "fixtures"))
    monkeypatch.setenv("REPRO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("REPRO_OFFLINE", "1")
    registry.experiments.cache_clear()
    yield found
    registry.experiments.cache_clear()
