"""A report may come from anywhere: whatever it says, the page stays a page."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from parsed_page import Parsed, assert_harmless
from sample_reports import curve, make, mixed, not_run, ordering, record, write

from repro.errors import ReportError
from repro.report import report_json
from repro.report.page import html

EVIL = (
    "\"'><script>alert(1)</script><img src=https://a.example onerror=alert(2)>{{ 7*7 }}\u202e\x00"
)


def everywhere(value: Any, evil: str, keep: tuple[str, ...]) -> Any:
    """The report with ``evil`` in every text that the schema leaves free."""
    if isinstance(value, dict):
        return {
            (evil if path_free else k): (v if k in keep else everywhere(v, evil, keep))
            for k, v in value.items()
            for path_free in [k.startswith("free-")]
        }
    if isinstance(value, list):
        return [everywhere(item, evil, keep) for item in value]
    return evil if isinstance(value, str) else value


FIXED = (
    *("id", "verdict", "evidence_verdict", "expected", "outcome", "weights_sha256", "kind"),
    *("start", "end", "footer"),
)


@pytest.mark.parametrize(
    "evil",
    [
        EVIL,
        "</style></script></title></textarea>--><script>alert(1)</script>",
        "javascript:alert(1)",
        "'; rm -rf ~; echo '",
        "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
        "\ud800\udfff",
        "\n" * 10_000,
        "x" * 100_000,
    ],
)
def test_a_hostile_report_renders_harmlessly(tmp_path, evil):
    made = mixed()
    made["header"] |= {"versions": {"free-1": "x"}, "subject": "x", "evidence": "x"}
    made["header"]["data"]["hashes"] = {"free-1": "x"}
    for each in made["claims"]:
        each["health"] = {"free-1": 1.0}
        each |= {"drift": {"free-1": 2.0}, "stale": True}
        each["tags"] = ["headline"]
    hostile = everywhere(made, evil, FIXED)
    for i, each in enumerate(hostile["claims"]):
        each["id"] = f"tiny-{i}"  # two readings of one claim are now of one name
    hostile["header"]["data"]["kind"] = "full"
    page = html.render(report_json.read(write(tmp_path / "report.json", hostile)))
    assert_harmless(page)
    page.encode()
    assert len(page) < 400_000
    assert not re.search("[\x00-\x08\u202e\ud800-\udfff]", page)
    if evil == EVIL:
        assert "{{ 7*7 }}" in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    # Nothing of it may be pasted into a shell.
    assert "repro run --claim" not in page


NUMBERS = (
    (r'("(?:published|measured|mean|sd|margin|unit|low|high)": )[-\d.e]+', r"\g<1>{}"),
    (r'"values": \[[^]]*\]', '"values": [{}, 0.5]'),
    (r'"seconds": [\d.]+', '"seconds": {}'),
)
WHOLE = ((r'"(n|threads)": \d+', r'"\1": {}'), (r'"seeds": \[[^]]*\]', '"seeds": [{}, 3]'))


def replaced(pattern, number, path):
    """A report with another number wherever the pattern finds one."""
    made = make(record(tags=["headline"]), ordering(), not_run("tiny-none"), curve())
    found, how = pattern
    path.write_text(re.sub(found, how.format(number), json.dumps(made)))
    return path


@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        *((each, number) for each in NUMBERS for number in ("1" + "0" * 149, "1e150", "1e-320")),
        *((each, number) for each in NUMBERS[:2] for number in ("-1e150", "-1e-320", "-0.0")),
        *((each, "1" + "0" * 20) for each in WHOLE),
    ],
)
def test_the_most_extreme_numbers_of_a_report_render(tmp_path, pattern, number):
    path = replaced(pattern, number, tmp_path / "report.json")
    page = html.render(report_json.read(path))
    assert_harmless(page)
    assert len(page) < 100_000
    assert not re.search(r"\b(nan|inf)\b", Parsed(page).words)
    for shape in re.findall(r"<(?:circle|rect|path) [^>]+>", page):
        assert "nan" not in shape
        assert "inf" not in shape


@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        *((each, number) for each in NUMBERS for number in ("1" + "0" * 400, "1e308", "-1e308")),
        *((each, number) for each in WHOLE for number in ("1" + "0" * 21, "-1")),
    ],
)
def test_a_number_that_nothing_could_draw_is_no_report(tmp_path, pattern, number):
    with pytest.raises(ReportError, match=r"report\.json, (claims|header|footer)/"):
        report_json.read(replaced(pattern, number, tmp_path / "report.json"))


@pytest.mark.parametrize("word", ["NaN", "Infinity", "1e400"])
def test_what_is_no_json_number_is_no_report(tmp_path, word):
    (tmp_path / "report.json").write_text(json.dumps(make(record())).replace("1.5", word))
    with pytest.raises(ReportError, match=word):
        report_json.read(tmp_path / "report.json")
