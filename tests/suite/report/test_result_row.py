"""What a result row is asked, whoever renders it."""

from __future__ import annotations

from itertools import product

import pytest

from repro.claims.verdict import Verdict
from repro.report.result_row import unexpected


@pytest.mark.parametrize(("evidence", "verdict"), [*product(Verdict, repeat=2)])
def test_another_verdict_than_the_one_on_record_is_unexpected_once_it_was_run(evidence, verdict):
    row = {"evidence_verdict": evidence, "verdict": verdict, "expected": Verdict.REPRODUCED}
    ran = evidence != Verdict.NOT_RUN and verdict != Verdict.NOT_RUN
    assert unexpected(row) is (ran and evidence != Verdict.REPRODUCED)  # type: ignore[arg-type]
