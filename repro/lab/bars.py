"""Where a progress bar is drawn: one rule for every bar."""

from __future__ import annotations

import os
from typing import TextIO


def is_terminal(stream: TextIO) -> bool:
    """Whether a bar can be drawn there: on a terminal, and not in the log of a CI."""
    return stream.isatty() and not os.environ.get("CI")
