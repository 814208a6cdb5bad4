"""Make the text of a report that may come from anywhere bounded and printable."""

from __future__ import annotations

import re

# Control characters, the marks that reorder text on the screen, and halves of surrogate
# pairs, which no encoding takes.
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def line(text: object, limit: int = 1000) -> str:
    """Return a text on one line, at most ``limit`` characters; U+FFFD for what cannot be shown."""
    words = _UNSAFE.sub("\ufffd", str(text)[: limit + 1])
    return " ".join((words if len(words) <= limit else words[: limit - 1] + "…").split())
