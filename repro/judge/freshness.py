"""The freshness gate: a live measurement against the population that is to speak for it."""

from __future__ import annotations

import numpy as np

from repro.errors import EvidenceError
from repro.judge.bands import Values
from repro.judge.verdicts import Judgement


def is_stale(measured: float | Values, judgement: Judgement) -> bool:
    """Whether a live measurement lies outside the judgement's freshness gate.

    For a curve ``measured`` has one value a point, and one outside its gate suffices. NaN and
    infinity are always stale. Without a gate (see ``Judgement.gate``) nothing else is.

    Raises:
        EvidenceError: another number of values than the judgement has.
    """
    x = np.atleast_1d(np.asarray(measured, dtype=np.float64))
    gates = [p.gate for p in judgement.points] or [judgement.gate]
    if x.shape != (len(gates),):
        raise EvidenceError(
            f"a live measurement of shape {x.shape}",
            expected=f"{len(gates)} value(s), as the population has",
            do="measure the claim's own metric, or calibrate again",
        )
    return not np.isfinite(x).all() or any(
        gate is not None and not gate.contains(float(v)) for v, gate in zip(x, gates, strict=True)
    )
