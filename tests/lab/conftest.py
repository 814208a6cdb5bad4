from __future__ import annotations

import fakes
import pytest
import torch


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with tiny data and an empty cache, which the environment names."""
    fakes.settle(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def one_thread():
    """The thread count of the children that `fakes` starts."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
