"""A user's network, found by the words that name it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from repro.errors import NetworkError, ReproError, UsageError, WeightsError
from repro.lab.networks.cnn_training import CnnRecipe
from repro.lab.networks.given import load
from repro.lab.networks.mlp import Mlp, MlpRecipe
from repro.papers.goodfellow2015.networks import logistic_regression

LAYOUTS = (MlpRecipe(0), CnnRecipe(0))
SOURCE = """
import torch
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10))

def make():
    torch.manual_seed(0)
    return Net()

net = make()
number = 3

def softmax():
    return nn.Sequential(Net(), nn.Softmax(dim=1))

def broken():
    raise RuntimeError("no such file")

def leaves():
    raise SystemExit(3)

class Extra(Net):
    def get_extra_state(self):
        return {"version": 1}

class zoo:
    small = net

__secret = 0
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])


@pytest.mark.parametrize("name", ["Net", "make", "net", "zoo.small", "Extra"])
def test_a_module_a_class_or_a_function_is_found(file: Path, name: str) -> None:
    found = load(f"{file}:{name}")
    assert found.notes == ("takes images of 784 pixels in [0, 1]",)
    assert found.network(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_a_package_s_module_is_found_from_where_the_command_is_given(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file.parent / "given_pkg").mkdir()
    file.rename(file.parent / "given_pkg" / "models.py")
    monkeypatch.chdir(file.parent)
    assert load("given_pkg.models:make").sha256 == load("given_pkg/models.py:make").sha256


def test_a_file_may_have_any_name_and_import_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "torch.py").write_text("from neighbour import make\n", encoding="utf-8")
    load(f"{tmp_path / 'torch.py'}:make")
    assert sys.modules["torch"] is torch


def test_weights_that_lie_apart_are_loaded(file: Path, tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10))
    save_file(module.state_dict(), tmp_path / "w.safetensors")
    found, other = load(f"{file}:Net", weights=tmp_path / "w.safetensors"), load(f"{file}:make")
    x = torch.rand(3, 784)
    assert torch.equal(found.network(x), module(x))
    assert found.sha256 != other.sha256
    assert load(f"{file}:make").sha256 == other.sha256


def test_a_file_in_the_suite_s_layout_is_the_suite_s_network(tmp_path: Path) -> None:
    weights = MlpRecipe(3).initial_weights()
    save_file(weights, tmp_path / "w.safetensors")
    found = load(str(tmp_path / "w.safetensors"), layouts=LAYOUTS)
    assert isinstance(found.network, Mlp)
    x = torch.rand(3, 784)
    assert torch.equal(found.network(x.reshape(3, 1, 28, 28)), Mlp(weights)(x))


def test_of_layouts_with_the_same_names_the_shapes_decide(tmp_path: Path) -> None:
    path, wide = tmp_path / "w.safetensors", CnnRecipe(0, units=20)
    save_file(wide.initial_weights(), path)
    assert load(str(path), layouts=[*LAYOUTS, wide]).notes == (
        "has the layout of popovic2017-cnn-20",
    )


def test_a_network_of_two_classes_is_for_its_own_paper_alone(tmp_path: Path) -> None:
    two = logistic_regression(0, 1)
    save_file(dict(two.initial_weights()), tmp_path / "w.safetensors")
    told = expect(NetworkError, str(tmp_path / "w.safetensors"), layouts=[*LAYOUTS, two])
    assert "2 outputs" in told


def test_what_looks_like_probabilities_is_noted(file: Path) -> None:
    assert "look like probabilities" in load(f"{file}:softmax").notes[1]


def expect(kind: type[ReproError], words: str, **settings: object) -> str:
    with pytest.raises(kind) as caught:
        load(words, **settings)
    error = caught.value
    assert error.expected
    assert error.do
    return f"{error.found}\n{error.expected}\n{error.do}"


@pytest.mark.parametrize("words", ["", "net", "net.py", ":make", "net.py:"])
def test_words_that_name_nothing_are_told_the_forms(words: str) -> None:
    assert "path/to/file.py:name" in expect(UsageError, words)


def test_what_cannot_be_imported_is_told_with_its_line(file: Path, tmp_path: Path) -> None:
    assert "no-such.py is not there" in expect(UsageError, f"{tmp_path}/no-such.py:make")
    assert "No module named 'no_such'" in expect(UsageError, "no_such:make")
    for line, said in (("1 / 0", "ZeroDivisionError"), ("raise SystemExit(2)", "SystemExit: 2")):
        file.write_text(f"\n{line}\n", encoding="utf-8")
        told = expect(UsageError, f"{file}:make")
        assert said in told
        assert f"({file}, line 2)" in told
    file.write_text("def (", encoding="utf-8")
    assert "SyntaxError" in expect(UsageError, f"{file}:make")


def test_a_name_that_is_not_there_is_told_those_that_are(file: Path) -> None:
    told = expect(UsageError, f"{file}:makes")
    assert "has no makes" in told
    assert "make" in told.splitlines()[1]
    assert "secret" not in told
    assert "has no number.real.most" in expect(UsageError, f"{file}:number.real.most")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("number", "gives a int"),
        ("broken", "RuntimeError: no such file"),
        ("leaves", "SystemExit: 3"),
        ("nn.Identity", "it makes (4, 784)"),
        ("nn.Linear", "TypeError"),
    ],
)
def test_what_makes_no_network_is_told(file: Path, name: str, said: str) -> None:
    assert said in expect(NetworkError, f"{file}:{name}")


def test_weights_that_do_not_fit_are_told(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    assert "is not there" in expect(WeightsError, f"{file}:Net", weights=path)
    path.write_bytes(b"not safetensors at all")
    assert "save_file" in expect(WeightsError, f"{file}:Net", weights=path)
    save_file({"0.weight": torch.zeros(16, 784)}, path)
    told = expect(WeightsError, f"{file}:Net", weights=path)
    assert "Missing key(s) in state_dict" in told
    save_file({**nn.Linear(3, 3).state_dict()}, path)
    assert "does not fit the module" in expect(WeightsError, f"{file}:Net", weights=path)


def test_a_file_in_no_layout_of_the_suite_is_told_them(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    assert "is not there" in expect(WeightsError, str(path), layouts=LAYOUTS)
    save_file(nn.Linear(3, 3).state_dict(), path)
    told = expect(WeightsError, str(path), layouts=LAYOUTS)
    assert "lacok2016-mlp: w_h, w_h2, w_o" in told
    assert "--weights" in told
    save_file({name: w[:, :5].clone() for name, w in MlpRecipe(0).initial_weights().items()}, path)
    assert "(784, 625)" in expect(WeightsError, str(path), layouts=LAYOUTS)
    assert "one file of weights" in expect(UsageError, str(path), weights=path)
