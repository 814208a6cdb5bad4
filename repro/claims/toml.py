"""Tables of a claims.toml, read key by key: what is missing, wrong or unknown is an error."""

from __future__ import annotations

import math
import re
from typing import Any

from repro.errors import ClaimsError

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


# A float64 counts every image up to here.
_MOST_IMAGES = 2**53


def is_count(images: Any) -> bool:
    """Whether ``images`` is a whole number of images above 0."""
    return isinstance(images, int) and not isinstance(images, bool) and 0 < images <= _MOST_IMAGES


def shown(value: object) -> str:
    """A value for an error's text: short, and whatever it is."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "a number too long to print"
    return text if len(text) <= 80 else f"{text[:79]}…"


class Table:
    """A TOML table that is read key by key and complains about what was not asked for."""

    def __init__(self, values: Any, where: str) -> None:
        self.where = where
        if not isinstance(values, dict):
            raise self.fail(f"{shown(values)} in the place of a table", "a table of keys")
        self.values = dict(values)

    def fail(self, found: str, expected: str) -> ClaimsError:
        """An error that names this table."""
        return ClaimsError(f"{self.where}: {found}", expected=expected, do="correct claims.toml")

    def take(self, key: str, kind: type | tuple[type, ...], default: Any = ...) -> Any:
        """The value of ``key``, removed from what is left to read."""
        if key not in self.values:
            if default is ...:
                raise self.fail(f"no key {key!r}", f"{key} = …")
            return default
        value = self.values.pop(key)
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            names = " or ".join(k.__name__ for k in kinds)
            raise self.fail(f"{key} = {shown(value)}", f"{key} of type {names}")
        if isinstance(value, str) and not value.strip():
            raise self.fail(f"{key} is empty", f"some text for {key}")
        return value

    def number(self, key: str, default: Any = ...) -> float:
        """A finite number."""
        value = self.take(key, (int, float), default)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.fail(f"{key} = {shown(value)}", "a finite number")
        return number

    def numbers(self, key: str, default: Any = ...) -> tuple[float, ...]:
        """A list of finite numbers."""
        values = self.take(key, list, default)
        return tuple(Table({key: value}, self.where).number(key) for value in values)

    def counts(self, key: str) -> tuple[int, ...]:
        """One whole number above 0, or a list of them; none where the key is absent."""
        if key not in self.values:
            return ()
        value = self.take(key, (int, list))
        counts = value if isinstance(value, list) else [value]
        if not counts or not all(map(is_count, counts)):
            raise self.fail(f"{key} = {shown(value)}", "whole numbers above 0")
        return tuple(counts)

    def texts(self, key: str, default: Any = ...) -> tuple[str, ...]:
        """A list of texts."""
        values = self.take(key, list, default)
        if not all(isinstance(value, str) for value in values):
            raise self.fail(f"{key} = {shown(values)}", "a list of texts")
        return tuple(values)

    def slug(self, key: str, default: Any = ...) -> str:
        """Lower-case words joined by hyphens."""
        value: str = self.take(key, str, default)
        if value and not SLUG.fullmatch(value):
            raise self.fail(f"{key} = {shown(value)}", "lower-case words joined by hyphens")
        return value

    def choice(self, key: str, options: tuple[str, ...], default: Any = ...) -> Any:
        """One of ``options``."""
        value = self.take(key, str, default)
        if value not in options:
            raise self.fail(f"{key} = {shown(value)}", " or ".join(options))
        return value

    def table(self, key: str) -> Table | None:
        """A table below this one; None where there is none."""
        value = self.take(key, dict, None)
        return None if value is None else Table(value, f"{self.where}, {key}")

    def done(self) -> None:
        """Complain about every key that nobody asked for."""
        if self.values:
            raise self.fail(f"unknown key {', '.join(map(repr, self.values))}", "only known keys")
