"""The authors' checkpoint, as its index (git's id 1ad0825a) says where each tensor lies."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from repro.lab.networks import cnn
from repro.papers.popovic2017 import authors

INDEX = {
    "conv1.w": (8, (5, 5, 1, 32)),
    "conv1.b": (9608, (32,)),
    "conv2.w": (9992, (5, 5, 32, 64)),
    "conv2.b": (624392, (64,)),
    "fc1.w": (625160, (3136, 1024)),
    "fc1.b": (39160328, (1024,)),
    "fc2.w": (39172616, (1024, 10)),
    "fc2.b": (39295496, (10,)),
}
GLOBAL_STEP = 39295616
BYTES = GLOBAL_STEP + 4


@pytest.fixture(scope="module")
def drawn():
    """Tensors as TensorFlow has them, and a file that has nothing but NaN beside them."""
    rng = np.random.default_rng(0)
    content = np.full(BYTES // 4, np.nan, dtype="<f4")
    tensors = {}
    for name, (start, shape) in INDEX.items():
        tensors[name] = rng.normal(size=shape).astype("<f4")
        content[start // 4 : start // 4 + tensors[name].size] = tensors[name].ravel()
    return tensors, content.tobytes()


def test_each_weight_is_read_from_its_place(drawn):
    tensors, content = drawn
    found = authors.read(content, units=1024)
    assert {name: tuple(w.shape) for name, w in found.items()} == cnn.shapes(1024)
    for name, w in found.items():
        assert w.dtype == torch.float32
        assert w.is_contiguous()
        as_tensorflow = w.permute(2, 3, 1, 0) if w.dim() == 4 else w
        assert np.array_equal(as_tensorflow.numpy(), tensors[name]), name


def test_the_network_computes_what_tensorflow_means_by_these_tensors(drawn):
    tensors, content = drawn
    image = np.random.default_rng(1).random((28, 28, 1))

    def layer(image: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        """SAME convolution, ReLU and 2 x 2 pooling of one image (row, column, channel)."""
        size = len(image)
        padded = np.pad(image, ((2, 2), (2, 2), (0, 0)))
        out = sum(
            padded[r : r + size, c : c + size] @ w[r, c].astype(float)
            for r in range(5)
            for c in range(5)
        )
        out = np.maximum(out + b, 0)
        return out.reshape(size // 2, 2, size // 2, 2, -1).max(axis=(1, 3))

    h = layer(image, tensors["conv1.w"], tensors["conv1.b"])
    h = layer(h, tensors["conv2.w"], tensors["conv2.b"])
    h = np.maximum(h.reshape(-1) @ tensors["fc1.w"].astype(float) + tensors["fc1.b"], 0)
    expected = h @ tensors["fc2.w"].astype(float) + tensors["fc2.b"]

    network = cnn.Cnn(authors.read(content, units=1024)).to(torch.float64)
    found = network(torch.from_numpy(image.reshape(1, 1, 28, 28)))[0].numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_what_is_pinned_is_one_file_of_one_commit():
    file = authors.CHECKPOINT
    assert len(file.blob) == 40
    assert file.most >= BYTES
    for address in file.addresses:
        assert address.startswith("https://")
        assert address.endswith("/src/tmp/model.ckpt.data-00000-of-00001")


def test_the_cache_holds_it(tmp_path, monkeypatch, drawn):
    monkeypatch.setenv("REPRO_CACHE_DIR", str(tmp_path))
    asked = {}

    def content(_, path, *, offline):
        asked.update(path=path, offline=offline)
        return drawn[1]

    monkeypatch.setattr(type(authors.CHECKPOINT), "content", content)
    given = authors.load(offline=True)
    assert isinstance(given.network, cnn.Cnn)
    assert torch.equal(given.network.weights["fc2.b"], torch.from_numpy(drawn[0]["fc2.b"]))
    assert authors.CHECKPOINT.blob in given.notes[0]
    assert asked["path"].is_relative_to(tmp_path)
    assert asked["offline"]
