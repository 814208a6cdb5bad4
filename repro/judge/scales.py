"""The scales on which a band is computed, and the limits of a value on each.

``linear`` is the value itself. ``logit`` is for rates: ``log(x / (1 - x))``, infinite at 0 and 1,
or, where the number of images is known that the rate was counted over, the *empirical* logit
(Haldane 1955, Anscombe 1956), which half an image on either side keeps finite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from repro.claims.schema import is_count
from repro.errors import ClaimsError

Scale = Literal["linear", "logit"]
Bounds = tuple[float, float]
Array = NDArray[np.float64]


def limits_of(scale: Scale, bounds: Bounds | None, images: int | None = None) -> Bounds | None:
    """What no value can leave: [0, 1] on the logit scale, else ``bounds``.

    Raises:
        ClaimsError: an unknown scale, bounds that make no interval, or ``images`` that are no
            number of images or stand on the linear scale.
    """
    if scale not in ("linear", "logit") or (scale == "logit" and bounds not in (None, (0, 1))):
        raise ClaimsError(
            f"scale {scale!r} with bounds {bounds}",
            expected="scale linear with any bounds, or logit, whose bounds are (0, 1)",
            do="correct the claim's record",
        )
    if bounds is not None and not bounds[0] < bounds[1]:
        raise ClaimsError(
            f"bounds {bounds}", expected="(low, high), low < high", do="correct the claim's record"
        )
    if images is not None and (scale != "logit" or not is_count(images)):
        raise ClaimsError(
            f"images {images!r} on the scale {scale}",
            expected="a whole number of images above 0, on the logit scale",
            do="correct the claim's record",
        )
    return (0.0, 1.0) if scale == "logit" else bounds


def images_of(images: Sequence[int], points: int) -> Sequence[int | None]:
    """The number of images of each of ``points`` rates; None for each where none are given.

    Raises:
        ClaimsError: another number of entries.
    """
    if images and len(images) != points:
        raise ClaimsError(
            f"{len(images)} numbers of images for {points} points",
            expected="one a point, or none",
            do="correct the claim's record",
        )
    return images or (None,) * points


def to_logit(x: Array, images: int | None = None) -> Array | None:
    """The logits of rates in [0, 1]; None where one is infinite.

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
    """The rate of a logit, the inverse of :func:`to_logit`; any real number, or infinity.

    With ``images``, n: ``((n + 1) expit(z) - 1/2) / n``, cut to [0, 1], because logits beyond
    those of 0 and n images belong to no rate.
    """
    from scipy.special import expit

    share = float(expit(z))
    if images is None:
        return share
    return min(max(((images + 1) * share - 0.5) / images, 0.0), 1.0)
