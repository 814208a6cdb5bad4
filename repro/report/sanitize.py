"""Make text and numbers of a report that may come from anywhere bounded and printable."""

from __future__ import annotations

import re
from typing import Any

LONGEST = 1000
"""Characters that are shown of any one text of a report."""

# Control characters, the marks that reorder text on the screen, and halves of surrogate
# pairs, which no encoding takes.
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_DRAWABLE = 1e150


def clean(text: object, limit: int = LONGEST) -> str:
    """Return printable text of at most ``limit`` characters; U+FFFD replaces the others."""
    words = _UNSAFE.sub("\ufffd", str(text)[: limit + 1])
    return words if len(words) <= limit else words[: limit - 1] + "…"


def line(text: object, limit: int = LONGEST) -> str:
    """Return what :func:`clean` does, on one line."""
    return " ".join(clean(text, limit).split())


def finite(value: Any) -> float | None:
    """Return a number that can be computed with and drawn; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # A whole number of JSON may be too large for a float.
    if not -_DRAWABLE < value < _DRAWABLE:
        return None
    return float(value)
