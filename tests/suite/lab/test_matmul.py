from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from repro.lab import devices, matmul

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.fixture
def fresh(monkeypatch):
    """No kernel chosen yet, before and after."""
    monkeypatch.delenv("REPRO_KERNEL", raising=False)
    matmul.name.cache_clear()
    yield
    matmul.name.cache_clear()


def broken(error: Exception):
    def product(*_):
        raise error

    return product


def test_the_environment_turns_the_fast_product_off(monkeypatch):
    monkeypatch.setenv("REPRO_KERNEL", "aten")
    monkeypatch.setattr(matmul, "_onednn_product", broken(AssertionError("was called")))
    assert matmul.name() == "aten"
    matmul.matmul(torch.ones(2, 3), torch.ones(3, 2))


@pytest.mark.parametrize(
    "product",
    [
        broken(AttributeError("no such op")),
        broken(RuntimeError("not built in")),
        broken(NotImplementedError()),
        lambda a, b: a @ b + 1e-3,
    ],
)
def test_where_the_fast_product_is_missing_or_wrong_torch_s_own_serves(monkeypatch, product):
    monkeypatch.setattr(matmul, "_onednn_product", product)
    assert matmul.name() == "aten"
    a, b = torch.rand(4, 3), torch.rand(3, 5)
    assert torch.equal(matmul.matmul(a, b), a @ b)


@pytest.mark.parametrize("kernel", ["", "aten"])
def test_the_product_is_right_for_every_layout_of_the_training(monkeypatch, kernel):
    monkeypatch.setenv("REPRO_KERNEL", kernel)
    draw = torch.Generator().manual_seed(0)
    x, w, d = (torch.randn(s, generator=draw) for s in [(128, 784), (784, 625), (128, 625)])
    for a, b in [(x, w), (d, w.t()), (x.t(), d)]:
        product = matmul.matmul(a, b)
        assert product.dtype == torch.float32
        torch.testing.assert_close(product.double(), a.double() @ b.double(), rtol=0, atol=1e-3)
        assert torch.equal(product, matmul.matmul(a, b))


def test_what_was_freed_is_given_back_where_the_c_library_can(monkeypatch):
    asked = []
    library = SimpleNamespace(malloc_trim=lambda keep: asked.append(keep))
    monkeypatch.setattr(devices.ctypes, "CDLL", lambda _name: library)
    devices.release_memory()
    assert asked == [0]


@pytest.mark.parametrize("missing", [OSError, AttributeError, TypeError])
def test_another_c_library_keeps_what_was_freed(monkeypatch, missing):
    def load(_name):
        raise missing

    monkeypatch.setattr(devices.ctypes, "CDLL", load)
    devices.release_memory()
