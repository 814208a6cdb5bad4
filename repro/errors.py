"""Errors that a user can act on: what was found, what was expected, what to do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial


class ReproError(Exception):
    """A fault that the user can act on; printed without a traceback.

    Args:
        found: what is there, in one clause (``"magic number 0x00000801 in train-images"``).
        expected: what should be there instead.
        do: the next step for the user.
    """

    def __init__(self, found: str, *, expected: str, do: str) -> None:
        super().__init__(found, expected, do)
        self.found = found
        self.expected = expected
        self.do = do

    def __reduce__(self) -> tuple[Callable[..., ReproError], tuple[str]]:
        # The default cannot bring the keywords back when a worker process hands its error over.
        return partial(type(self), expected=self.expected, do=self.do), (self.found,)

    def __str__(self) -> str:
        return f"found: {self.found}\nexpected: {self.expected}\nwhat to do: {self.do}"

    @property
    def in_one_line(self) -> str:
        """The three on one line, for a result row."""
        return f"{self.found}; expected: {self.expected}; what to do: {self.do}"


class DataError(ReproError):
    """MNIST files that are missing, damaged or not MNIST."""


class WeightsError(ReproError):
    """A weights file that is missing, damaged, foreign or does not fit its network."""


class NetworkError(ReproError):
    """A module that is no network for MNIST's images, or that an attack cannot work on."""


class StoreError(ReproError):
    """The cache cannot be read or written."""


class ClaimsError(ReproError):
    """A claim record, or a selection of claims, that is not valid."""


class EvidenceError(ReproError):
    """A population that is missing, damaged or of another configuration."""


class ReportError(ReproError):
    """A report that is not valid."""


class UsageError(ReproError):
    """Options that do not fit together or name something unknown."""


class ArgumentError(ReproError, ValueError):
    """An argument that an attack cannot take: a message of one line, for whoever calls it."""

    def __init__(self, found: str, *, expected: str, do: str = "correct the argument") -> None:
        super().__init__(found, expected=expected, do=do)

    def __str__(self) -> str:
        return f"{self.found}; expected {self.expected}"


class WorkerError(ReproError):
    """A process that was to measure seeds died, or the cluster it belonged to is gone."""
