"""Text and numbers of a report that may come from anywhere: bounded, printable, harmless."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

LONGEST = 1000
"""Characters that are shown of any one text of a report."""

_NOTHING = "–"
# Control characters, the marks that reorder text on the screen, and halves of surrogate
# pairs, which no encoding takes.
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_DRAWABLE = 1e150


def clean(text: object, limit: int = LONGEST) -> str:
    """Printable text of at most ``limit`` characters; U+FFFD stands for what cannot be shown."""
    words = _UNSAFE.sub("\ufffd", str(text)[: limit + 1])
    return words if len(words) <= limit else words[: limit - 1] + "…"


def line(text: object, limit: int = LONGEST) -> str:
    """As :func:`clean`, on one line."""
    return " ".join(clean(text, limit).split())


def finite(value: Any) -> float | None:
    """A number that can be computed with and drawn; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # A whole number of JSON may be too large for a float.
    if not -_DRAWABLE < value < _DRAWABLE:
        return None
    return float(value)


def number(value: Any) -> str:
    """Four decimals, or fewer digits where those would hide the number; ``–`` for none.

    Of several numbers, the first and the last.
    """
    return _show(value, _decimals)


def short(value: Any) -> str:
    """A number as it was typed: no digits added."""
    return _show(value, lambda x: f"{x:.6g}")


def interval(band: Mapping[str, Any] | None) -> str:
    """``[low, high]`` of a band; ``–`` for none."""
    return _NOTHING if band is None else f"[{number(band['low'])}, {number(band['high'])}]"


def ranges(numbers: Iterable[int], limit: int = 50) -> str:
    """``0-7, 9`` for 0 to 7 and 9."""
    spans: list[list[int]] = []
    for n in sorted(set(numbers)):
        if spans and n == spans[-1][1] + 1:
            spans[-1][1] = n
        else:
            spans.append([n, n])
    parts = [
        short_int(a) if a == b else f"{short_int(a)}-{short_int(b)}" for a, b in spans[:limit]
    ]
    return ", ".join([*parts, *(["…"] if len(spans) > limit else [])]) or _NOTHING


def short_int(value: int) -> str:
    """A whole number, or its size where it is absurdly large."""
    return str(value) if -(10**15) < value < 10**15 else "a number of more than 15 digits"


def _decimals(x: float) -> str:
    if x == 0 or 1e-3 <= abs(x) < 1e5:
        return f"{x:.4f}"
    return f"{x:.2g}" if abs(x) < 1 else f"{x:.4g}"


def _show(value: Any, form: Any) -> str:
    if isinstance(value, list) and value:
        ends = value if len(value) == 1 else [value[0], value[-1]]
        return " … ".join(_show(each, form) for each in ends if not isinstance(each, list))
    if value is None or value == []:
        return _NOTHING
    known = finite(value)
    if known is None or math.isnan(known):
        return "not a finite number"
    return str(form(known))
