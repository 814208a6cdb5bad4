"""The verdicts: what evidence can say of a claim."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What the evidence says of a claim under a reading.

    The judge gives the first six. ``paper-inconsistent`` comes from the claim's record, and
    ``not-run`` from whoever finds no data or no evidence.
    """

    REPRODUCED = "reproduced"
    CONSISTENT = "consistent"
    EQUIVALENT = "equivalent"
    TREND_ONLY = "trend-only"
    NOT_REPRODUCED = "not-reproduced"
    INCONCLUSIVE = "inconclusive"
    PAPER_INCONSISTENT = "paper-inconsistent"
    NOT_RUN = "not-run"


PASSING = frozenset({Verdict.REPRODUCED, Verdict.CONSISTENT, Verdict.EQUIVALENT})
