"""The scales on which a band is computed, and the limits of a value on each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Bounds = tuple[float, float]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """A scale, and what is known of the numbers that are judged on it.

    Attributes:
        name: ``linear`` is the value itself. ``logit`` is for rates: ``log(x / (1 - x))``,
            infinite at 0 and 1, or with ``images`` the *empirical* logit (Haldane 1955, Anscombe
            1956), which half an image on either side keeps finite.
        bounds: what no value can leave, such as (0, 1) for a rate on the linear scale.
        images: how many images each rate on the logit scale was counted over, or none.
    """

    name: Literal["linear", "logit"] = "linear"
    bounds: Bounds | None = None
    images: tuple[int, ...] = ()

    @property
    def limits(self) -> Bounds | None:
        """What no value can leave: [0, 1] on the logit scale, else ``bounds``."""
        return (0.0, 1.0) if self.name == "logit" else self.bounds

    def of(self, k: int) -> Scale:
        """Return the scale of the k-th number alone."""
        return replace(self, images=self.images[k : k + 1])

    def apply(self, x: Array) -> tuple[Array, Callable[[float], float], Literal["t", "t-logit"]]:
        """Return one number's values on the scale, the way back, and the method of a band.

        Linear where a logit is infinite.
        """
        images = self.images[0] if self.images else None
        z = to_logit(x, images) if self.name == "logit" else None
        if z is None:
            return x, float, "t"
        return z, partial(from_logit, images=images), "t-logit"


LINEAR = Scale()


def to_logit(x: Array, images: int | None = None) -> Array | None:
    """Return the logits of rates in [0, 1]; None where one is infinite.

    With ``images``, n: ``log((n x + 1/2) / (n - n x + 1/2))``, which is always finite.
    """
    if images is not None:
        return np.log((images * x + 0.5) / (images - images * x + 0.5))
    if x.min() == 0 or x.max() == 1:
        return None
    from scipy.special import logit

    z: Array = logit(x)
    return z


def from_logit(z: float, images: int | None = None) -> float:
    """Return the rate of a logit, any real number or infinity: the inverse of :func:`to_logit`.

    With ``images``, n: ``((n + 1) expit(z) - 1/2) / n``, cut to [0, 1], because logits beyond
    those of 0 and n images belong to no rate.
    """
    from scipy.special import expit

    share = float(expit(z))
    if images is None:
        return share
    return min(max(((images + 1) * share - 0.5) / images, 0.0), 1.0)
