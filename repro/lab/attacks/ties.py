"""Decisions that rounding may turn: images whose two largest logits are nearly the same."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from repro.lab.networks.network import Network


def near_a_tie(logits: Tensor, within: float) -> int:
    """Count the rows of ``logits`` (N, C) whose two largest differ by less than ``within``.

    >>> near_a_tie(torch.tensor([[1.0, 0.0], [1.0, 1.0]]), 0.5)
    1
    """
    largest = logits.topk(2, dim=1).values
    return int((largest[:, 0] - largest[:, 1] < within).sum())


@dataclass
class Watched:
    """A network that counts how many images it was given that are ``within`` of a tie.

    An attack decides after each step whether to stop, so its images are counted at every one.

    >>> network = Watched(lambda x: x, within=0.5)
    >>> _ = network(torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
    >>> network.near
    1
    """

    network: Network
    within: float
    _counts: list[int] = field(default_factory=list)

    @property
    def near(self) -> int:
        """Images near a tie so far, in every dtype."""
        return sum(self._counts)

    def __call__(self, x: Tensor) -> Tensor:
        """Compute the logits (N, 10) of images ``x`` (N, ...), and count."""
        logits = self.network(x)
        self._counts.append(near_a_tie(logits.detach(), self.within))
        return logits

    def to(self, dtype: torch.dtype) -> Watched:
        """Give the same network with weights of another dtype, which counts on."""
        return Watched(self.network.to(dtype), self.within, self._counts)
