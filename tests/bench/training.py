"""Training steps against the machine's own rate of products and convolutions at their shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from table import Row, best
from torch import Tensor
from torch.nn import functional

from repro.lab import rng
from repro.lab.matmul import matmul
from repro.lab.mnist import sample
from repro.lab.networks import cnn, cnn_training, mlp
from repro.lab.networks.cnn_training import CnnRecipe, CnnTrainer
from repro.lab.networks.mlp import MlpRecipe, MlpTrainer

STEPS = 20
"""Training steps in one timing."""

GOAL = 0.75
MLP, CNN = "Training the MLP, one thread", "Training the CNN, one thread"


def _mlp_trainer() -> MlpTrainer:
    digits = sample.load()
    images = digits.images.reshape(len(digits.images), -1)
    return MlpTrainer(MlpRecipe(seed=0), images, digits.labels, device="cpu")


def _mlp_steps(trainer: MlpTrainer) -> Callable[[], None]:
    size = trainer.recipe.batch

    def run() -> None:
        for i in range(STEPS):
            trainer.step(
                trainer.x[i * size : (i + 1) * size], trainer.y[i * size : (i + 1) * size]
            )

    return run


def _mlp_products(batch: int) -> list[tuple[Tensor, Tensor]]:
    """The matrices that one step multiplies: forward, to the weights, to the layer before."""
    sizes = list(mlp.LAYERS.values())
    found = []
    for place, (rows, columns) in enumerate(sizes):
        x, delta = torch.randn(batch, rows), torch.randn(batch, columns)
        w = torch.randn(rows, columns)
        found += [(x, w), (x.t(), delta)] + ([(delta, w.t())] if place else [])
    return found


def _fastest(products: list[tuple[Tensor, Tensor]]) -> float:
    """Seconds of these products, each by the faster of the two kernels."""
    return sum(
        min(
            best(
                {
                    "aten": lambda a=a, b=b: [a @ b for _ in range(STEPS)],
                    "onednn": lambda a=a, b=b: [matmul(a, b) for _ in range(STEPS)],
                }
            ).values()
        )
        / STEPS
        for a, b in products
    )


def _flops(products: list[tuple[Tensor, Tensor]]) -> float:
    return float(sum(2 * a.shape[0] * a.shape[1] * b.shape[1] for a, b in products))


def _shares(
    section: str, step: float, limit: float, flops: float, rest: Mapping[str, float]
) -> Iterator[Row]:
    how = "every product and convolution of a step at its own shape, by the fastest kernel"
    yield Row(section, "the machine's rate", flops / limit / 1e9, "rate", how=how)
    yield Row(section, "achieved in training", flops / step / 1e9, "rate")
    yield Row(section, "achieved over the machine's", limit / step, "share", GOAL)
    for what, seconds in rest.items():
        yield Row(section, f"of a step goes into {what}", seconds / step, "share")


def _variants(
    section: str,
    run: Callable[[], None],
    variants: Mapping[str, Callable[[], AbstractContextManager[object]]],
) -> Iterator[Row]:
    """How much longer a step takes with each way that was not taken."""

    def within(change: Callable[[], AbstractContextManager[object]]) -> Callable[[], None]:
        def call() -> None:
            with change():
                run()

        return call

    took = best({"ours": run} | {name: within(change) for name, change in variants.items()})
    for name in variants:
        yield Row(
            section, f"tried: {name}, its time over ours", took[name] / took["ours"], "times"
        )


def _aten(module: Any) -> Callable[[], AbstractContextManager[object]]:
    return lambda: patch.object(module, "matmul", lambda a, b: a @ b)


def _float_masks(trainer: Any, shape: tuple[int, int]) -> AbstractContextManager[object]:
    draw = rng.generator(0, "bench")

    def mask(rows: int, columns: int = shape[1], drop: float = 0.5) -> Tensor:
        keep = (draw.random((rows, columns), dtype=np.float32) >= drop).astype(np.float32)
        return torch.from_numpy(keep / np.float32(1 - drop))

    return patch.object(trainer, "keep_mask", mask)


def _by_blocks() -> AbstractContextManager[object]:
    whole = mlp.rmsprop_step

    def step(w: Tensor, acc: Tensor, grad: Tensor, **rates: float) -> None:
        for part in zip(w.split(100), acc.split(100), grad.split(100), strict=True):
            whole(*part, **rates)

    return patch.object(mlp, "rmsprop_step", step)


def _flushed() -> AbstractContextManager[object]:
    stack = ExitStack()
    torch.set_flush_denormal(True)
    stack.callback(torch.set_flush_denormal, False)
    return stack


def mlp_rows() -> Iterator[Row]:
    """The network of Lacok (2016), batch 128."""
    trainer = _mlp_trainer()
    r, run = trainer.recipe, _mlp_steps(trainer)
    products = _mlp_products(r.batch)
    w = {name: torch.randn(shape) for name, shape in mlp.LAYERS.items()}
    took = best(
        {
            "step": run,
            "masks": lambda: [
                trainer.keep_mask(r.batch, n, drop)
                for _ in range(STEPS)
                for n, drop in ((784, r.drop_input), (625, r.drop_hidden), (625, r.drop_hidden))
            ],
            "update": lambda: [
                mlp.rmsprop_step(one, one.abs(), one, lr=0.0, rho=r.rho, eps=r.epsilon)
                for _ in range(STEPS)
                for one in w.values()
            ],
        }
    )
    seconds = {name: value / STEPS for name, value in took.items()}
    rest = {"dropout masks": seconds["masks"], "RMSprop": seconds["update"]}
    yield from _shares(MLP, seconds["step"], _fastest(products), _flops(products), rest)
    yield from _variants(
        MLP,
        run,
        {
            "PyTorch's own product (MKL)": _aten(mlp),
            "masks from floats throughout": lambda: _float_masks(trainer, (r.batch, 625)),
            "RMSprop by blocks that fit the cache": _by_blocks,
            "denormals flushed to zero": _flushed,
        },
    )


def _cnn_work(batch: int, units: int) -> tuple[float, float]:
    """(seconds, FLOP) of a step's products and convolutions, each in the fastest way."""
    products, convolutions, flops = [], 0.0, 0.0
    for rows, columns in ((cnn.FLAT, units), (units, 10)):
        x, delta, w = (
            torch.randn(batch, rows),
            torch.randn(batch, columns),
            torch.randn(rows, columns),
        )
        products += [(x, w), (x.t(), delta), (delta, w.t())]
    for channels, out, side, to_images in ((1, 32, 28, False), (32, 64, 14, True)):
        x, w = torch.randn(batch, channels, side, side), torch.randn(out, channels, 5, 5)
        delta = torch.randn(batch, out, side, side)
        ways: dict[str, Callable[[], object]] = {}
        for name, layout in (("rows", torch.contiguous_format), ("last", torch.channels_last)):
            a, d = x.contiguous(memory_format=layout), delta.contiguous(memory_format=layout)
            ways[f"forward {name}"] = lambda a=a, w=w: functional.conv2d(a, w, padding=2)
            ways[f"back {name}"] = lambda a=a, d=d, w=w, to=to_images: (
                torch.ops.aten.convolution_backward(
                    d, a, w, None, [1, 1], [2, 2], [1, 1], False, [0, 0], 1, [to, True, False]
                )
            )
        took = best(ways, rounds=20)
        convolutions += min(took["forward rows"], took["forward last"])
        convolutions += min(took["back rows"], took["back last"])
        flops += (3 if to_images else 2) * 2 * batch * side * side * 25 * channels * out
    return _fastest(products) + convolutions, _flops(products) + flops


def cnn_rows() -> Iterator[Row]:
    """The network of Popović & Mihajlović (2017), batch 50."""
    digits, r = sample.load(), CnnRecipe(seed=0)
    trainer = CnnTrainer(r, digits.images, digits.labels, device="cpu")

    def run() -> None:
        for _ in range(STEPS):
            trainer.step()

    zeros = [[torch.zeros_like(w) for w in trainer.w.values()] for _ in range(4)]
    rates = CnnRecipe(seed=0, learning_rate=0.0)
    took = best(
        {
            "step": run,
            "masks": lambda: [trainer.keep_mask(r.batch) for _ in range(STEPS)],
            "update": lambda: [
                cnn_training.adam_step(*zeros, step=1, rates=rates) for _ in range(STEPS)
            ],
        }
    )
    seconds = {name: value / STEPS for name, value in took.items()}
    limit, flops = _cnn_work(r.batch, r.units)
    rest = {"dropout masks": seconds["masks"], "Adam": seconds["update"]}
    yield from _shares(CNN, seconds["step"], limit, flops, rest)
    adam = cnn_training.adam
    yield from _variants(
        CNN,
        run,
        {
            "PyTorch's own product (MKL)": _aten(cnn),
            "Adam by PyTorch's foreach": lambda: patch.object(
                cnn_training,
                "adam",
                lambda *a, **o: adam(*a, **(o | {"fused": False, "foreach": True})),
            ),
            "pooling with channels first in memory": lambda: patch.object(
                functional,
                "max_pool2d",
                lambda h, n, pool=functional.max_pool2d: pool(h.contiguous(), n),
            ),
            "masks from floats": lambda: _float_masks(trainer, (r.batch, r.units)),
            "denormals flushed to zero": _flushed,
        },
    )
