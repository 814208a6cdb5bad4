from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def _threads() -> None:
    """One: networks this small lose time to a second, the more where other workers are busy."""
    torch.set_num_threads(1)
