"""The attacks against three libraries, the paper's loop, and one at a time.

The libraries get the same weights in PyTorch's own layers, and make the paper's 200 iterations
of their own basic iterative attack; none of them stops at the first success.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

import torch
from table import Row, best
from torch import Tensor, nn
from torch.nn import functional

from repro.lab.attacks import common_noise, fgsm, iterative
from repro.lab.attacks.iterative import AS_CODED, AS_WRITTEN
from repro.lab.networks.cnn import Cnn
from repro.lab.networks.cnn_training import CnnRecipe
from repro.lab.networks.mlp import Mlp, MlpRecipe

sys.path.append(str(Path(__file__).resolve().parents[1] / "oracle"))
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import foolbox
    import torchattacks
    from art.attacks.evasion import BasicIterativeMethod, FastGradientMethod
    from art.estimators.classification import PyTorchClassifier
    from plain_networks import digits, plain_cnn, plain_mlp, shipped

EPS, STEP, ITERATIONS = 0.15, 10 / 255, 200
IMAGES, PART, BATCH = 10_000, 100, 100
FGSM, ITERATIVE, COMMON = "FGSM", "The iterative attack", "Common noise"


def images(count: int) -> tuple[Tensor, Tensor]:
    """Digits of the embedded sample, (N, 1, 28, 28) in [0, 1]; from the start again if need be."""
    x, y = digits(1)
    times = -(-count // len(x))
    # In an order in which every part has all classes.
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    return x[order].repeat(times, 1, 1, 1)[:count], y[order].repeat(times)[:count]


def _in_parts(x: Tensor, y: Tensor, run: Callable[[Tensor, Tensor], object], size: int) -> None:
    for some, classes in zip(x.split(size), y.split(size), strict=True):
        run(some, classes)


def _art(network: nn.Module, shape: tuple[int, ...]) -> PyTorchClassifier:
    return PyTorchClassifier(
        network,
        loss=nn.CrossEntropyLoss(),
        input_shape=shape,
        nb_classes=10,
        clip_values=(0.0, 1.0),
        device_type="cpu",
    )


def fgsm_rows() -> Iterator[Row]:
    """FGSM at eps 0.25 on 10,000 images, on the network of Lacok (2016)."""
    weights = shipped(MlpRecipe(seed=0))
    # Nobody is to compute gradients of weights.
    ours, plain, size = Mlp(weights), plain_mlp(weights).requires_grad_(False), 1000
    x, y = images(IMAGES)
    flat = x.flatten(1)
    bounded = foolbox.PyTorchModel(plain, bounds=(0.0, 1.0))
    art = FastGradientMethod(_art(plain, (1, 28, 28)), eps=0.25, batch_size=size)
    other = torchattacks.FGSM(plain, eps=0.25)
    pixels, classes = x.numpy(), y.numpy()

    def by_form(form: fgsm.GradientForm) -> Callable[[], Tensor]:
        return lambda: fgsm.fgsm(
            flat, fgsm.loss_gradient(ours, flat, y, form=form, batch=size), eps=0.25
        )

    took = best(
        {
            "ours": by_form("float32"),
            "foolbox": lambda: _in_parts(
                x,
                y,
                lambda a, b: foolbox.attacks.LinfFastGradientAttack().run(
                    bounded, a, b, epsilon=0.25
                ),
                size,
            ),
            "ART": lambda: art.generate(pixels, classes),
            "torchattacks": lambda: _in_parts(x, y, other, size),
            "exact": by_form("exact"),
        }
    )
    yield Row(FGSM, "10,000 images in float32", took["ours"], "seconds")
    yield Row(FGSM, "with the gradient in float64", took["exact"], "seconds")
    others = {name: took[name] for name in ("foolbox", "ART", "torchattacks")}
    for name, seconds in others.items():
        how = "which also counts its successes" if name == "ART" else ""
        yield Row(FGSM, f"{name}, its time over ours", seconds / took["ours"], "times", how=how)
    fastest = min(others.values()) / took["ours"]
    yield Row(FGSM, "the fastest of the three over ours", fastest, "times", 1.0)


def _loop(network: nn.Module, x: Tensor, y: Tensor) -> None:
    """Eq. (1) image by image, as the paper's program goes about it."""
    for image, label in zip(x, y, strict=True):
        noisy, of = image[None].clone(), label[None]
        for _ in range(ITERATIONS):
            noisy.requires_grad_()
            cost = functional.cross_entropy(network(noisy), of)
            (gradient,) = torch.autograd.grad(cost, noisy)
            largest = gradient.abs().max()
            noisy = noisy.detach() + STEP * gradient / torch.where(largest == 0, 1.0, largest)
            noisy = torch.minimum(torch.maximum(noisy, image - EPS), image + EPS)
            with torch.no_grad():
                if network(noisy).argmax() != label:
                    break


def iterative_rows() -> Iterator[Row]:
    """Eq. (1) on 10,000 images, on the network of Popović & Mihajlović (2017)."""
    weights = shipped(CnnRecipe(seed=0))
    ours, plain = Cnn(weights), plain_cnn(weights).requires_grad_(False)
    x, y = images(IMAGES)
    few, of = x[:PART], y[:PART]
    bounded = foolbox.PyTorchModel(plain, bounds=(0.0, 1.0))
    theirs = foolbox.attacks.LinfBasicIterativeAttack(
        abs_stepsize=STEP, steps=ITERATIONS, random_start=False
    )
    art = BasicIterativeMethod(
        _art(plain, (1, 28, 28)),
        eps=EPS,
        eps_step=STEP,
        max_iter=ITERATIONS,
        batch_size=BATCH,
        verbose=False,
    )
    other = torchattacks.BIM(plain, eps=EPS, alpha=STEP, steps=ITERATIONS)
    pixels, classes = few.numpy(), of.numpy()
    scale = IMAGES / PART
    others = best(
        {
            "foolbox": lambda: theirs.run(bounded, few, of, epsilon=EPS),
            "ART": lambda: art.generate(pixels, classes),
            "torchattacks": lambda: other(few, of),
            "the loop": lambda: _loop(plain, few, of),
        },
        rounds=1,
        warm=False,  # seconds each
    )
    seconds = {name: value * scale for name, value in others.items()}
    how = f"timed on {PART} images and scaled"
    for name, value in seconds.items():
        yield Row(ITERATIVE, f"{name}, 10,000 images", value, "seconds", how=how)
    fastest = min(value for name, value in seconds.items() if name != "the loop")
    stops = "ours stops each image at its first success, as the paper does; theirs never stop"
    for name, switches in (("as-written", AS_WRITTEN), ("as-coded", AS_CODED)):
        start = perf_counter()
        done = iterative.attack(ours, x, y, switches=switches, batch=BATCH)
        took = perf_counter() - start
        yield Row(ITERATIVE, f"ours, {name}, 10,000 images", took, "seconds")
        what = f"the fastest library over ours, {name}"
        yield Row(ITERATIVE, what, fastest / took, "times", 12.0, how=stops)
        each = fastest / (IMAGES * ITERATIONS) / (took / int(done.iterations.sum()))
        what = f"the same for an image and iteration, {name}"
        yield Row(ITERATIVE, what, each, "times")
        if switches is AS_WRITTEN:
            what = "the paper's loop over ours, as-written"
            yield Row(ITERATIVE, what, seconds["the loop"] / took, "times", 20.0)


def common_rows() -> Iterator[Row]:
    """Alg. 1 for all ten classes and the sixteen eps of Fig. 2."""
    ours = Cnn(shipped(CnnRecipe(seed=0)))
    x, y = images(2000)
    pairs = [(c, round(0.15 + 0.01 * i, 2)) for c in range(10) for i in range(16)]
    sets = {c: x[y == c][:6] for c in range(10)}

    def craft(chosen: list[tuple[int, float]]) -> None:
        common_noise.craft(
            ours,
            [sets[c] for c, _ in chosen],
            [c for c, _ in chosen],
            eps=[eps for _, eps in chosen],
            switches=AS_WRITTEN,
            epochs=2,
        )

    took = best(
        {
            "together": lambda: craft(pairs),
            "alone": lambda: [craft([pair]) for pair in pairs],
        },
        rounds=1,
    )
    how = "160 noises, 6 images and 2 epochs each"
    what = "one noise at a time over all in one batch"
    yield Row(COMMON, what, took["alone"] / took["together"], "times", 6.0, how=how)
