from __future__ import annotations

import ast
import json
import pickle
from pathlib import Path

import pytest
import torch
from fakes import Bomb

import repro
from repro.errors import WeightsError
from repro.lab.networks import weights

TENSORS = {"w": torch.arange(6.0).reshape(3, 2), "b": torch.tensor([1, 2])}
SHAPES = {"w": (3, 2)}


def assert_helpful(error: WeightsError, path: Path) -> None:
    assert str(path) in error.found
    assert error.expected
    assert path.name in error.do


def test_a_file_gives_back_what_was_packed(tmp_path):
    path = tmp_path / "w.safetensors"
    # A transposed view and a slice are stored as what they show.
    tensors = {**TENSORS, "t": TENSORS["w"].t(), "s": TENSORS["w"][:, 1]}
    path.write_bytes(weights.pack(tensors, {"key": "k", "what": "ümlaut"}))
    found, texts = weights.unpack(path)
    assert texts == {"key": "k", "what": "ümlaut"}
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_the_same_weights_are_the_same_bytes():
    backwards = dict(reversed(TENSORS.items()))
    assert weights.pack(TENSORS, {"key": "k"}) == weights.pack(backwards, {"key": "k"})


def test_a_file_without_texts_has_none(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(weights.pack(TENSORS, {}))
    assert weights.unpack(path)[1] == {}


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(WeightsError, match="cannot be read") as caught:
        weights.unpack(tmp_path / "w.safetensors")
    assert_helpful(caught.value, tmp_path / "w.safetensors")


@pytest.mark.parametrize("content", [b"", b"{}", b"\0" * 8, b"\xff" * 64, b"PK\3\4" + b"\0" * 60])
def test_a_foreign_file_is_an_error(tmp_path, content):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read as safetensors") as caught:
        weights.unpack(path)
    assert_helpful(caught.value, path)


def test_a_folder_in_the_file_s_place_is_an_error(tmp_path):
    (tmp_path / "w.safetensors").mkdir()
    with pytest.raises(WeightsError):
        weights.unpack(tmp_path / "w.safetensors")


def test_every_truncation_is_an_error(tmp_path):
    path, content = tmp_path / "w.safetensors", weights.pack(TENSORS, {"key": "k"})
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(WeightsError):
            weights.unpack(path)


def test_a_flipped_bit_is_an_error_or_another_digest(tmp_path):
    path, content = tmp_path / "w.safetensors", weights.pack(TENSORS, {"key": "k"})
    digest = weights.digest(TENSORS, {"key": "k"})
    silent = []
    for at in range(len(content)):
        for bit in (0, 6):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
            try:
                found, texts = weights.unpack(path)
            except WeightsError:
                continue
            if weights.digest(found, texts) == digest:
                silent.append((at, bit))
    # Blanks that pad the header may change into other white space, and nothing else.
    assert all(content[at : at + 1] == b" " for at, _ in silent)


def test_a_pickle_is_never_loaded(tmp_path):
    path, mark = tmp_path / "w.safetensors", tmp_path / "mark"
    path.write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(WeightsError):
        weights.unpack(path)
    torch.save(Bomb(mark), path)
    with pytest.raises(WeightsError):
        weights.unpack(path)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Bomb(mark)))  # noqa: S301 - the bomb is shown to be live
    assert mark.exists()


def test_nothing_in_the_package_reads_pickle():
    risky = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    for source in Path(repro.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not {alias.name.split(".")[0] for alias in node.names} & risky, source
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in risky, source
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                assert name not in {"torch.load", "torch.hub.load", "np.load", "numpy.load"}, (
                    source
                )


@pytest.mark.parametrize(
    ("tensors", "fault"),
    [
        ({}, "holds {}"),
        ({"v": torch.ones(3, 2)}, "'v'"),
        ({"w": torch.ones(3, 2), "v": torch.ones(1)}, "'v'"),
        ({"w": torch.ones(2, 3)}, "(2, 3)"),
        ({"w": torch.ones(6)}, "(6,)"),
        ({"w": torch.ones(3, 2).double()}, "torch.float64"),
        ({"w": torch.ones(3, 2).half()}, "torch.float16"),
        ({"w": torch.ones(3, 2).int()}, "torch.int32"),
        ({"w": torch.ones(3, 2).index_fill(0, torch.tensor(1), torch.nan)}, "NaN or infinity"),
        ({"w": torch.ones(3, 2).index_fill(0, torch.tensor(1), torch.inf)}, "NaN or infinity"),
        ({"w": torch.ones(3, 2).index_fill(0, torch.tensor(1), -torch.inf)}, "NaN or infinity"),
    ],
)
def test_weights_that_do_not_fit_are_told(tensors, fault):
    found, expected = weights.misfit(tensors, SHAPES)
    assert fault in found
    assert expected


def test_weights_that_fit_are_not_at_fault():
    assert weights.misfit({"w": torch.ones(3, 2)}, SHAPES) is None


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "cannot be read as JSON"),
        (b'{"a": ', "cannot be read as JSON"),
        (b"\xff\xfe{}", "cannot be read as JSON"),
        (b"[]", "a JSON list"),
        (b"1", "a JSON int"),
        (b"null", "a JSON NoneType"),
    ],
)
def test_a_manifest_that_is_no_json_object_is_an_error(tmp_path, content, fault):
    path = tmp_path / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        weights.read_json(path)
    assert fault in caught.value.found
    assert_helpful(caught.value, path)


def test_a_manifest_is_read(tmp_path):
    (tmp_path / "m.json").write_text(json.dumps({"ü": 1}), encoding="utf-8")
    assert weights.read_json(tmp_path / "m.json") == {"ü": 1}
    with pytest.raises(WeightsError, match="cannot be read"):
        weights.read_json(tmp_path / "other.json")


def test_the_digest_sees_every_part():
    digest = weights.digest(TENSORS, {"a": "1"})
    changed = {**TENSORS, "w": TENSORS["w"].clone()}
    changed["w"][2, 1] += 1e-6
    others = [
        weights.digest(TENSORS, {"a": "2"}),
        weights.digest(TENSORS, {"b": "1"}),
        weights.digest(TENSORS, {}),
        weights.digest({"w": TENSORS["w"]}, {"a": "1"}),
        weights.digest({**TENSORS, "w": TENSORS["w"].t()}, {"a": "1"}),
        weights.digest({**TENSORS, "w": TENSORS["w"].view(torch.int32)}, {"a": "1"}),
        weights.digest(changed, {"a": "1"}),
    ]
    assert len({digest, *others}) == 1 + len(others)
    assert weights.digest(dict(reversed(TENSORS.items())), {"a": "1"}) == digest
