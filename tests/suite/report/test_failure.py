"""The lines of a failure: few, and none too long to read."""

from __future__ import annotations

from repro.report.failure import labelled


def test_only_a_command_has_no_end_of_a_line():
    long = "some words-and-more " * 20
    *said, rerun = labelled({"why": long, "claim": "a\nb", "rerun": long}).splitlines()
    assert [line[:11] for line in said] == ["why:       ", " " * 11, " " * 11, "claim:     "]
    assert max(map(len, said)) <= 160
    assert " ".join(line[11:] for line in said) == f"{long}a b"
    assert rerun == f"rerun:     {long.strip()}"
