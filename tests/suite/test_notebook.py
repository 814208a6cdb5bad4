"""The suite from a notebook; its examples are run with the other docstrings'."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import fakes
import pytest

from repro import notebook
from repro.errors import EvidenceError, UsageError

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "headline.py"


def test_what_is_imported_is_light():
    code = "import sys, repro; print(len(set(sys.modules) & {'torch', 'numpy', 'pandas'})); "
    code += "from repro import notebook; notebook.verdicts(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "False"]


def test_verdicts_are_those_of_the_judge():
    found = notebook.verdicts("lacok2016-*", reading="as-written")
    assert set(found.index.get_level_values("reading")) == {"as-written"}
    case = notebook.judge("lacok2016-t1-original-error", "as-written")
    row = found.loc["lacok2016-t1-original-error", "as-written"]
    judged = case.judgement
    assert (row["verdict"], row["n"]) == (judged.verdict, judged.n)
    assert (row["low"], row["high"]) == (judged.band.low, judged.band.high)
    seeds = notebook.population("lacok2016", "table1", "as-written")
    assert tuple(seeds.index) == case.seeds
    assert tuple(seeds["original-error"]) == case.values


def test_a_curve_has_its_points_by_their_labels():
    claim, spot = "popovic2017-fig3-rms", ("popovic2017", "common-fives", "as-coded")
    judged = notebook.judge(claim, "as-coded").judgement
    found = notebook.verdicts(claim, reading="as-coded").explode(notebook.POINTS)
    numbers = found[["mean", "sd", "low", "high"]].to_numpy().tolist()
    assert numbers == [[p.mean, p.sd, p.band.low, p.band.high] for p in judged.points]
    eps = found.set_index("labels")
    assert eps.loc["0.20", "published"] == 0.18673
    seeds = notebook.population(*spot)
    assert seeds["rms[5] eps 0.20"].mean() == pytest.approx(eps.loc["0.20", "mean"])
    assert "random-success[5] eps 0.20" in seeds.columns, "the control of another curve"
    assert "epochs-25-rms" in seeds.columns


def test_a_curve_without_evidence_has_points_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "populations").mkdir()
    monkeypatch.setenv("REPRO_FIXTURES_DIR", str(tmp_path))
    found = notebook.verdicts("popovic2017-fig4-rms", reading="as-coded").explode(notebook.POINTS)
    assert found["labels"].tolist() == list("0123456789")
    assert found["mean"].tolist() == [None] * 10


def test_a_population_that_is_not_there_has_near_names():
    with pytest.raises(EvidenceError) as caught:
        notebook.population("popovic2017", "common-five", "as-coded")
    assert "for example popovic2017-common-fives--as-coded, " in caught.value.expected


def test_a_population_of_a_paper_out_of_reach_is_read_all_the_same(tiny, monkeypatch):
    tiny.write()
    tiny.measure()
    assert len(notebook.population("tiny", "toy", "plain")) == 8
    monkeypatch.delenv("REPRO_EXTRA_PAPERS")
    assert len(notebook.population("tiny", "toy", "plain")) == 8


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda: notebook.claims("tinny"), UsageError),
        (lambda: notebook.verdicts(tag="nothing"), UsageError),
        (lambda: notebook.judge("lacok2016-t1-original-error", "as-coded"), UsageError),
        (lambda: notebook.judge("lacok2016-t1-*", "as-written"), UsageError),
        (lambda: notebook.judge("lacok2016-t1-original-error", ""), UsageError),
        (lambda: notebook.measure("lacok2016", "table3", "as-written"), UsageError),
        (lambda: notebook.measure("lacok2016", "table1", "as-coded"), UsageError),
        (lambda: notebook.population("lacok2016", "table1", "as-coded"), EvidenceError),
    ],
)
def test_a_mistake_is_a_clear_error(ask, error):
    with pytest.raises(error):
        ask()


def test_an_experiment_is_measured_here(tmp_path, monkeypatch):
    fakes.settle(tmp_path, monkeypatch)
    found = notebook.measure("small", "net", "plain", mnist_dir=tmp_path / "mnist")
    assert found.sources == ["trained"]
    assert set(found.values) == {"weights", "pixels", "draw"}


def test_the_folder_of_mnist_may_be_words_with_the_home_in_them(tmp_path, monkeypatch):
    fakes.settle(tmp_path, monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("REPRO_MNIST_DIR")
    assert notebook.measure("small", "bare", "plain", mnist_dir="~/mnist").values["label"] > 0


def test_the_example_runs():
    done = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, check=True)
    for claim in notebook.claims(tag="headline").index:
        assert claim in done.stdout


def test_the_readme_s_lines_run():
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    found = {}
    exec(code, found)  # noqa: S102 - our own
    assert found["case"].claim.id in found["claims"].index
    assert len(found["verdicts"]) >= 4
    assert len(found["seeds"]) == found["case"].judgement.n
