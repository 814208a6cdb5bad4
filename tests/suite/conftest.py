from __future__ import annotations

import pytest
import torch
from hypothesis import settings

# An example may take as long as it needs: machines differ, and so does what else runs on them.
settings.register_profile("any-machine", settings(), deadline=None)
settings.load_profile("any-machine")


@pytest.fixture(scope="session", autouse=True)
def _threads() -> None:
    """One: networks this small lose time to a second, the more where other workers are busy."""
    torch.set_num_threads(1)
