"""The float32 matrix product that training spends its time in.

On AMD processors PyTorch's own float32 product goes through MKL at less than half of the
rate that oneDNN reaches at these shapes, so the product is sent to oneDNN where PyTorch
offers it. ``REPRO_KERNEL=aten`` turns that off; the kernel used is part of every
artifact's provenance, because the two differ in the last bits.

oneDNN keeps what it compiles for a shape. An attack whose batch shrinks image by image has
hundreds of shapes, which would hold some hundred megabytes a process; it keeps the last few.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import torch
from torch import Tensor

os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")  # read at the first product


def _onednn_product(a: Tensor, b: Tensor) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(a, b.t(), None, "none", [], "")
    return product


@cache
def name() -> str:
    """Tell which product :func:`matmul` uses on the CPU: ``"onednn"`` or ``"aten"``."""
    if os.environ.get("REPRO_KERNEL") == "aten":
        return "aten"
    try:
        a, b = torch.randn(4, 3), torch.randn(3, 5)
        same = torch.allclose(_onednn_product(a, b), a @ b, atol=1e-5)
    except (RuntimeError, AttributeError, NotImplementedError):
        return "aten"
    return "onednn" if same else "aten"


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Multiply ``a`` (M, K) by ``b`` (K, N), dense or transposed; only float32 goes to oneDNN."""
    if a.dtype == torch.float32 and a.device.type == "cpu" and name() == "onednn":
        return _onednn_product(a, b)
    return a @ b


class _Product(torch.autograd.Function):
    """``x @ w`` through :func:`matmul`, forward and backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        return matmul(x, w)

    @staticmethod
    def backward(ctx: Any, *deltas: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (delta,) = deltas
        x, w = ctx.saved_tensors
        to_x, to_w = ctx.needs_input_grad
        into_x = matmul(delta, w.t()) if to_x else None
        return into_x, matmul(x.t(), delta) if to_w else None


def product(x: Tensor, w: Tensor) -> Tensor:
    """Multiply as :func:`matmul` does, with a gradient."""
    result: Tensor = _Product.apply(x, w)  # type: ignore[no-untyped-call]
    return result
