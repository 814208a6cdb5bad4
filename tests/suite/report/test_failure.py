"""The lines of a failure: few, and none too long to read."""

from __future__ import annotations

from sample_reports import record

from repro.report.failure import failure_text, labelled


def test_only_a_command_has_no_end_of_a_line():
    long = "some words-and-more " * 20
    *said, rerun = labelled({"why": long, "claim": "a\nb", "rerun": long}).splitlines()
    assert [line[:11] for line in said] == ["why:       ", " " * 11, " " * 11, "claim:     "]
    assert max(map(len, said)) <= 160
    assert " ".join(line[11:] for line in said) == f"{long}a b"
    assert rerun == f"rerun:     {long.strip()}"


def test_a_number_at_the_very_edge_of_its_band_is_inside_as_the_judge_has_it():
    edge = 0.9705 - 0.0005
    assert edge > 0.97  # by what float64 makes of the difference
    band = {"low": edge, "high": 0.98, "level": 0.95, "method": "t"}
    assert "published is inside" in failure_text(record(published=0.97, band=band), "why")
    assert "published is 0.01 below" in failure_text(record(published=0.96, band=band), "why")
    assert "published is 0.02 above" in failure_text(record(published=1.0, band=band), "why")
