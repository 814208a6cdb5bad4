"""The small paper, made once for all tests of a process."""

from __future__ import annotations

from pathlib import Path

import house
import pytest


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small paper, its MNIST and its evidence; what tests share is only read."""
    return house.build(tmp_path_factory.mktemp("small"))
