"""A published number against the very network that gave it: no seed stands between the two.

On the authors' own weights a number comes out again or it does not. It may be off by its own
rounding, and by what float arithmetic changes: an image that is near a tie may fall either way,
and a chain of steps may end elsewhere. How far was measured on the suite's own networks
(:func:`repro.judge.freshness.other_arithmetic`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from repro.claims.records import PublishedClaim

TIE = 1e-4
"""Two largest logits that differ by less are near a tie."""

EDGE = 1e-9
"""What the difference of two decimal numbers may be off by in binary."""


def compare(
    claim: PublishedClaim,
    measured: Mapping[str, float],
    near_ties: Mapping[str, tuple[int, int]],
    arithmetic: Callable[[str], float],
) -> tuple[bool, str]:
    """Tell whether the numbers of a claim are the published ones, and say it in a sentence.

    Args:
        claim: of one or several published numbers.
        measured: metric to value.
        near_ties: metric to (images near a tie, all images), where it is a share of images.
        arithmetic: metric to what other arithmetic may change of it.
    """
    points = []
    for name, published in zip(claim.own_metrics(), claim.points, strict=True):
        near, images = near_ties.get(name, (0, 1))
        off, flips = abs(measured[name] - published), max(near / images, arithmetic(name))
        points.append((off - claim.unit / 2 - flips, off, name))
    beyond, off, farthest = max(points)
    held = sum(each <= EDGE for each, *_ in points)
    if len(points) == 1:
        said = f"{'' if held else 'not '}the published number, {off:.2g} from it"
    else:
        said = f"{held} of {len(points)} published numbers, {farthest} {off:.2g} from its own"
    allowed = f"rounding may be {claim.unit / 2:.2g}"
    if farthest in near_ties:
        near, images = near_ties[farthest]
        allowed += f", {near} of {images} images are within {TIE:g} of a tie"
    if arithmetic(farthest):
        allowed += f", other arithmetic may change {arithmetic(farthest):.2g}"
    return beyond <= EDGE, f"{said}; {allowed}"
