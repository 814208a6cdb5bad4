"""Freshness: do code and evidence still agree? It says nothing of a paper."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from repro.errors import EvidenceError
from repro.judge.bands import Band, Values
from repro.judge.verdicts import Judgement


def gates(judgement: Judgement) -> list[Band | None]:
    """Return the 99.9 % bands of a judgement: one, or one a point of a curve."""
    return [point.gate for point in judgement.points] or [judgement.gate]


def is_stale(measured: float | Values, judgement: Judgement) -> bool:
    """Return whether a live measurement lies outside the judgement's 99.9 % band.

    For a curve ``measured`` has one value a point, and one outside its band suffices. NaN and
    infinity are always stale. Without a band nothing else is.

    Raises:
        EvidenceError: another number of values than the judgement has.
    """
    x = np.atleast_1d(np.asarray(measured, dtype=np.float64))
    bands = gates(judgement)
    if x.shape != (len(bands),):
        raise EvidenceError(
            f"a live measurement of shape {x.shape}",
            expected=f"{len(bands)} value(s), as the population has",
            do="measure the claim's own metric, or calibrate again",
        )
    return not np.isfinite(x).all() or any(
        gate is not None and not gate.contains(float(v)) for v, gate in zip(x, bands, strict=True)
    )


def all_beyond(measured: Sequence[float], gate: Band) -> bool:
    """Return whether all fresh seeds lie outside the band, on one side of it.

    One honest seed in a thousand lies outside, and more where a population is skewed; two that do
    so on the same side are no chance. A value that is not finite is always beyond.

    >>> gate = Band(0.1, 0.2, 0.999, "t")
    >>> all_beyond([0.25, 0.3], gate), all_beyond([0.25, 0.05], gate)
    (True, False)
    """
    if not all(map(math.isfinite, measured)):
        return True
    distances = [gate.distance(value) for value in measured]
    return min(distances) > 0 or max(distances) < 0
