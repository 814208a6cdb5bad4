"""The report as a file: what fits the schema, what is refused, and how it is ordered."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_reports import curve, image, make, picture
from tiny_paper import document

from repro.claims import records
from repro.claims.verdict import Verdict
from repro.errors import ReportError, StoreError
from repro.judge import cases
from repro.judge.populations import Archive
from repro.report import report_json, result_row

HEADER = {
    "commit": "0" * 40,
    "dirty": False,
    "versions": {"python": "3.11", "torch": "2.4", "numpy": "2.0"},
    "cpu": "a processor",
    "threads": 2,
    "device": "cpu",
    "data": {"kind": "full", "source": "cache", "hashes": {"train-images": "0" * 64}},
    "command": "pytest tests/claims",
    "start": "2024-01-01T00:00:00Z",
    "coverage": "4 of 5 published statements checked",
}

PIXELS, WHERE = image()["pixels"], "pictures/0/rows/0/images/0"


def of_images(*images):
    """A picture of one row."""
    return picture(rows=[{"label": "a row", "images": list(images)}])


@pytest.fixture
def complete(tiny):
    """A report of the tiny paper, as a run would write it."""
    tiny.measure()
    paper = records.parse(document(tiny.paper), name="tiny")
    rows = [result_row.new_row(case) for case in cases.judge(paper, Archive(tiny.populations))]
    for record in rows:
        record |= {"outcome": "passed", "verdict": record["evidence_verdict"], "seconds": 0.1}
    header = copy.deepcopy(HEADER)
    return report_json.new_report(header, rows, end="2024-01-01T00:01:00Z", seconds=60.04)


def test_a_complete_report_is_read_as_it_was_written(complete, tmp_path):
    path = tmp_path / "deep" / "report.json"
    report_json.write(path, complete, complete=True)
    assert report_json.read(path) == json.loads(json.dumps(complete))
    assert path.read_text(encoding="utf-8").endswith("}\n")
    assert complete["footer"] == {
        "verdicts": {"paper-inconsistent": 1, "reproduced": 4},
        "outcomes": {"passed": 5},
        "snapshots_failed": [],
        "snapshots_first": [],
        "end": "2024-01-01T00:01:00Z",
        "seconds": 60.0,
    }


def test_a_new_row_has_measured_nothing_and_passed_nothing(complete, tiny):
    paper = records.parse(document(tiny.paper), name="tiny")
    for case in cases.judge(paper, Archive(tiny.populations)):
        record = result_row.new_row(case)
        assert record["measured"] is None
        assert record["verdict"] == Verdict.NOT_RUN
        assert record["outcome"] == "deselected"
        assert record["expected"] == case.expected.verdict
        # A copy: what is written into it stays in it.
        record["seeds"].append(99)
        assert 99 not in result_row.new_row(case)["seeds"]
    assert len(complete["claims"]) == 5


def test_a_report_without_footer_is_of_a_run_that_was_cut_off(complete, tmp_path):
    del complete["footer"]
    path = tmp_path / "report.json"
    with pytest.raises(ReportError, match="no footer"):
        report_json.write(path, complete, complete=True)
    assert not path.exists()
    report_json.write(path, complete, complete=False)
    with pytest.raises(ReportError, match="no footer: its run did not come to the end") as caught:
        report_json.read(path)
    again = "give the command that made it again"
    kept = "or name the report of an earlier run, kept as report-1.json or the like"
    assert caught.value.do == f"{again}, {kept}"


@pytest.mark.parametrize(
    ("spot", "value", "named"),
    [
        (("schema",), 4, "schema"),
        (("schema",), True, "schema"),
        (("more",), 1, "top level"),
        (("header",), None, "header"),
        (("header", "start"), "yesterday", "header/start"),
        (("header", "start"), "2024-01-01T00:00:00+01:00", "header/start"),
        (("header", "threads"), 0, "header/threads"),
        (("header", "dirty"), "no", "header/dirty"),
        (("header", "data", "kind"), "half", "header/data/kind"),
        (("claims",), {}, "claims"),
        (("claims", 0, "verdict"), "passed", "claims/0/verdict"),
        (("claims", 0, "expected"), None, "claims/0/expected"),
        (("claims", 0, "outcome"), "green", "claims/0/outcome"),
        (("claims", 0, "measured"), "0.5", "claims/0/measured"),
        (("claims", 0, "n"), -1, "claims/0/n"),
        (("claims", 0, "n"), 2.5, "claims/0/n"),
        (("claims", 0, "seconds"), -1, "claims/0/seconds"),
        (("claims", 0, "id"), "Tiny Error", "claims/0/id"),
        (("claims", 0, "weights_sha256"), ["abc"], "claims/0/weights_sha256/0"),
        (("claims", 0, "band", "level"), 95, "claims/0/band/level"),
        (("claims", 0, "band", "low"), None, "claims/0/band/low"),
        (("claims", 0, "control", "more"), 1, "claims/0/control"),
        (("claims", 0, "indicative"), None, "claims/0/indicative"),
        (("claims", 0, "more"), 1, "claims/0"),
        (("claims", 0, "difference"), "0.1", "claims/0/difference"),
        (("pictures",), {}, "pictures"),
        (("pictures",), [picture()] * 41, "pictures"),
        (("pictures",), [picture(name="Fig. 1")], "pictures/0/name"),
        (("pictures",), [picture(rows=[])], "pictures/0/rows"),
        (("pictures",), [picture(rows=picture()["rows"] * 5)], "pictures/0/rows"),
        (("pictures",), [of_images()], "pictures/0/rows/0/images"),
        (("pictures",), [of_images(*[image()] * 13)], "pictures/0/rows/0/images"),
        (("pictures",), [of_images(image() | {"more": 1})], "pictures/0/rows/0/images/0"),
        *(
            (("pictures",), [of_images({"label": "", "pixels": bad})], f"{WHERE}/pixels")
            for bad in (
                "",
                PIXELS[:-4],
                PIXELS + "AAAA",
                PIXELS[:-2] + "A=",
                PIXELS + "\n",
                "é" * 1048,
            )
        ),
        (("footer",), None, "footer"),
        (("footer", "outcomes"), {"passed": -1}, "footer/outcomes/passed"),
    ],
)
def test_what_does_not_fit_the_schema_is_refused_by_both_doors(
    complete, tmp_path, spot, value, named
):
    inner = complete
    for key in spot[:-1]:
        inner = inner[key]
    inner[spot[-1]] = value
    path = tmp_path / "report.json"
    with pytest.raises(ReportError) as caught:
        report_json.write(path, complete, complete=True)
    assert f"report.json, {named}: " in caught.value.found
    assert not path.exists()
    path.write_text(json.dumps(complete))
    with pytest.raises(ReportError):
        report_json.read(path)


def test_a_row_that_is_there_twice_is_refused(complete, tmp_path):
    path = tmp_path / "report.json"
    path.write_text(json.dumps(complete | {"claims": complete["claims"] * 2}))
    first = complete["claims"][0]
    with pytest.raises(ReportError, match="second row") as caught:
        report_json.read(path)
    assert f"{first['id']} under {first['reading']}" in caught.value.found


@pytest.mark.parametrize("which", ["band", "gate"])
@pytest.mark.parametrize("of_point", [False, True])
def test_a_band_whose_ends_are_exchanged_is_refused(which, of_point):
    row = curve()
    turned = {**row["points"][0]["band"], "low": 0.6, "high": 0.4}
    (row["points"][0] if of_point else row)[which] = turned
    with pytest.raises(ReportError, match="exchanged"):
        report_json.validate(make(row), name="report.json")
    turned["high"] = turned["low"]  # where seeds do not spread
    report_json.validate(make(row), name="report.json")


def test_a_picture_of_28_by_28_bytes_fits(complete, tmp_path):
    complete["pictures"] = [picture(), of_images(*[image()] * 12)]
    report_json.write(tmp_path / "report.json", complete, complete=True)
    assert report_json.read(tmp_path / "report.json")["pictures"] == complete["pictures"]


def as_version_1(complete):
    """The report as this suite wrote it when it knew less."""
    older = copy.deepcopy(complete) | {"schema": 1}
    del older["pictures"]
    for record in older["claims"]:
        for name in ("difference", "ours", "question", "post_hoc", "axis", "standing", "ordering"):
            del record[name]
        for point in record["points"]:
            del point["gate"]
    return older


def test_a_report_of_version_1_is_read(complete, tmp_path):
    complete["claims"][0] |= {"kind": "curve", "points": curve()["points"]}
    older = as_version_1(complete)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(older))
    found = report_json.read(path)
    assert (found["schema"], found["pictures"]) == (3, [])
    assert {record["difference"] for record in found["claims"]} == {None}
    assert {point["gate"] for point in found["claims"][0]["points"]} == {None}
    assert as_version_1(found) == older
    with pytest.raises(ReportError):  # what is written is of today's version
        report_json.write(path, older, complete=True)


def test_a_report_of_today_s_version_from_before_there_were_questions_is_read(complete, tmp_path):
    older = copy.deepcopy(complete)
    for record in older["claims"]:
        for name in ("question", "axis", "standing", "ordering"):
            del record[name]
    path = tmp_path / "report.json"
    path.write_text(json.dumps(older))
    found = report_json.read(path)
    assert found["schema"] == older["schema"] == 3
    assert {record["question"] for record in found["claims"]} == {False}
    for record in complete["claims"]:  # of a number it is not known
        record["ordering"] = record["criterion"]
    assert found == complete


@pytest.mark.parametrize(
    "claims", [None, 1, "x", {}, [None, 1, []], [{"points": 1}], [{"points": [1]}]]
)
def test_a_damaged_report_of_version_1_is_refused(complete, tmp_path, claims):
    path = tmp_path / "report.json"
    path.write_text(json.dumps(as_version_1(complete) | {"claims": claims}))
    with pytest.raises(ReportError, match=r"report\.json, claims"):
        report_json.read(path)


def test_every_key_of_every_record_is_required(complete):
    for key in complete["claims"][0]:
        damaged = copy.deepcopy(complete)
        del damaged["claims"][0][key]
        with pytest.raises(ReportError, match="is a required property"):
            report_json.validate(damaged, name="report.json")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"header": {"threads": 0}}, "header/threads: 0 is less than the minimum of 1"),
        ({"header": {"threads": 1.5}}, "header/threads: 1.5 is not of type 'integer'"),
        ({"footer": {"seconds": -1}}, "footer/seconds: -1 is less than the minimum of 0"),
        ({"footer": {"seconds": 1e200}}, "footer/seconds: 1e+200 is greater than the maximum"),
    ],
)
def test_a_definition_holds_with_what_stands_beside_it(complete, changes, said):
    for part, values in changes.items():
        complete[part] |= values
    with pytest.raises(ReportError, match=re.escape(said)):
        report_json.validate(complete, name="report.json")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("done", [True, False])
def test_a_number_that_is_not_finite_is_refused(complete, tmp_path, value, done):
    complete["claims"][0]["measured"] = value
    path = tmp_path / "report.json"
    with pytest.raises(ReportError, match="finite"):
        report_json.write(path, complete, complete=done)
    assert not path.exists()
    path.write_text(json.dumps(complete))  # Python's own reader would take it
    with pytest.raises(ReportError, match="cannot be read"):
        report_json.read(path)
    path.write_text(json.dumps(complete).replace("Infinity", "1e999"))
    with pytest.raises(ReportError, match="cannot be read"):
        report_json.read(path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b"9" * 5_000]
)
def test_what_is_no_report_is_refused(tmp_path, content):
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(ReportError) as caught:
        report_json.read(path)
    assert caught.value.expected == "a report.json"


def test_a_report_that_is_not_there_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "gone.json"):
        with pytest.raises(ReportError, match="cannot be read"):
            report_json.read(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(["schema", "header", "claims", "footer"]), json_values))
def test_any_object_is_refused_with_one_clear_error(value):
    with pytest.raises(ReportError) as caught:
        report_json.validate(value, name="report.json")
    assert "report.json" in caught.value.found


def test_a_folder_that_cannot_be_written_is_a_clear_error(complete, tmp_path):
    (tmp_path / "reports").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        report_json.write(tmp_path / "reports" / "report.json", complete, complete=True)


def test_a_write_that_fails_leaves_the_earlier_report(complete, tmp_path):
    path = tmp_path / "report.json"
    report_json.write(path, complete, complete=True)
    before = path.read_bytes()
    with pytest.raises(ReportError):
        report_json.write(path, complete | {"schema": 4}, complete=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["report.json"]


def test_red_outcomes_then_the_worst_verdicts():
    rows = [{"outcome": "passed", "verdict": v, "id": str(v), "standing": None} for v in Verdict]
    red = [rows[-1] | {"outcome": o, "id": o} for o in result_row.BROKEN]
    assert [r["id"] for r in sorted([*rows, *red], key=result_row.rank)] == [
        *("failed", "error", "unfinished"),
        *("not-reproduced", "trend-only", "inconclusive", "paper-inconsistent"),
        *("equivalent", "consistent", "reproduced", "not-run"),
    ]


def test_coverage_counts_claims_against_all_that_was_published(tiny):
    paper = records.parse(document(tiny.paper), name="tiny")
    unmeasured = cases.judge(paper, Archive(tiny.populations))
    # The inconsistency needs no measurement; the rest is not checked before there is evidence.
    assert report_json.coverage([paper], unmeasured) == "1 of 5 published statements checked"
    for seeds, found in ((4, 1), (5, 4)):  # fewer than a verdict needs check nothing
        tiny.measure(n=seeds)
        measured = cases.judge(paper, Archive(tiny.populations))
        assert (
            report_json.coverage([paper], measured) == f"{found} of 5 published statements checked"
        )
    assert report_json.coverage([], []) == "0 of 0 published statements checked"
    # Background is not counted, a limitation is.
    assert paper.background
    bare = replace(paper, background=(), limitations=())
    assert report_json.coverage([bare], measured) == "4 of 4 published statements checked"


def test_a_question_is_no_statement(tiny):
    tiny.measure()
    tiny.claim("tiny-order")["criterion"] = "question"
    paper = records.parse(document(tiny.paper), name="tiny")
    measured = cases.judge(paper, Archive(tiny.populations))
    assert report_json.coverage([paper], measured) == "3 of 4 published statements checked"
    row = next(made for made in map(result_row.new_row, measured) if made["question"])
    assert (row["id"], row["ours"]) == ("tiny-order", True)
    # What has questions alone states nothing, whatever else stands in it.
    asks = replace(paper, claims=tuple(c for c in paper.claims if c.question))
    assert asks.limitations
    assert report_json.coverage([asks], measured) == "0 of 0 published statements checked"


def test_the_schema_knows_every_verdict():
    schema = json.loads(Path(report_json.__file__).with_name("report.schema.json").read_text())
    assert set(schema["$defs"]["verdict"]["enum"]) == set(Verdict)
    assert set(result_row.SYMBOLS) == set(Verdict)
