"""What a trainer keeps from epoch to epoch, as named tensors and texts for its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from repro.lab import rng


class Kept:
    """The checkpoint of a trainer that has its weights in ``w``, by their names.

    Attributes:
        KEPT: the other attributes that the next epoch depends on. Each is a tensor, tensors by
            the weights' names, a generator or a whole number.
    """

    KEPT: ClassVar[tuple[str, ...]]
    w: dict[str, Tensor]

    def tensors(self) -> dict[str, Tensor]:
        """Give the weights and every other tensor that is kept."""
        named = {p + n: t.detach() for p, group in self._groups() for n, t in group.items()}
        return named | self._kept(Tensor)

    def texts(self) -> dict[str, str]:
        """Give the generators' states and the numbers."""
        states = {n: rng.get_state(g) for n, g in self._kept(np.random.Generator).items()}
        return states | {name: str(number) for name, number in self._kept(int).items()}

    def restore(self, tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> None:
        """Put back a checkpoint, all of it or none."""
        # First what may be refused: a trainer half put back would train on from there.
        new: dict[str, Any] = {name: int(texts[name]) for name in self._kept(int)}
        new |= {name: rng.restored(texts[name]) for name in self._kept(np.random.Generator)}
        new |= {name: tensors[name].to(t.device) for name, t in self._kept(Tensor).items()}
        for prefix, group in self._groups():
            group |= {name: tensors[prefix + name].to(t.device) for name, t in group.items()}
        vars(self).update(new)

    def weights(self) -> dict[str, Tensor]:
        """Give the weights, float32 on the CPU."""
        return {name: w.detach().cpu().contiguous() for name, w in self.w.items()}

    def _kept(self, kind: type) -> dict[str, Any]:
        return {n: v for n, v in vars(self).items() if n in self.KEPT and isinstance(v, kind)}

    def _groups(self) -> list[tuple[str, dict[str, Tensor]]]:
        return [("", self.w), *((f"{name}.", group) for name, group in self._kept(dict).items())]
