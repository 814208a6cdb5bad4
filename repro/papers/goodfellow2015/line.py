"""Walk along the line of the gradient's signs, far beyond an attack (section 8, Fig. 4)."""

from __future__ import annotations

import torch
from torch import Tensor

from repro.lab.attacks import fgsm, metrics
from repro.papers.experiment import TARGET, Experiment, Measurements, Run
from repro.papers.goodfellow2015.networks import maxout

ON_THE_LINE = 1_000
"""Test images, in file order."""

STEPS = torch.arange(0.0, 15.5, 0.5)
"""The sizes of eps: the figure's axis ends at 15."""

LARGE = STEPS >= 1
"""Large enough, four times the attack's."""


def along(run: Run, x: Tensor, direction: Tensor, *, sign: int = 1) -> Tensor:
    """Return the logits (E, N, C), float64, of images that are moved by each of ``STEPS``."""
    network = run.networks[TARGET]
    moved = (x + sign * eps * direction for eps in STEPS)
    return torch.stack([metrics.predict(network, each).double() for each in moved])


def straightness(values: Tensor) -> float:
    """Return the mean share of each image's variance that a straight line a class explains.

    ``values`` (E, N, C) have a value at each of ``STEPS``; an image whose values never change
    counts as explained.
    """
    t = (STEPS - STEPS.mean()).double()[:, None, None]
    centred = values - values.mean(dim=0)
    line = (t * centred).sum(dim=0) / t.square().sum() * t
    rest, whole = ((centred - each).square().sum(dim=(0, 2)) for each in (line, 0 * line))
    return float((1 - rest / whole.clamp(min=1e-300)).mean())


def longest_stay(classes: Tensor, y: Tensor) -> float:
    """Return the mean over images of the longest run of one wrong class, as a share of E.

    ``classes`` (E, N) and ``y`` (N,) are int64.
    """
    longest = run = torch.zeros(classes.shape[1], dtype=torch.float64)
    before = torch.full_like(y, -1)
    for each in classes:
        run = torch.where(each == before, run + 1, 1.0) * (each != y)
        longest, before = torch.maximum(longest, run), each
    return float((longest / len(classes)).mean())


def _line(run: Run, _reading: str) -> Measurements:
    """Measure how steadily images are misread along the line, and how straight the logits are."""
    x, y = run.images()[:ON_THE_LINE], run.labels()[:ON_THE_LINE]
    network, draw = run.networks[TARGET], run.rng("goodfellow2015/line")
    direction = fgsm.loss_gradient(network, x, y).sign().to(x.dtype)
    random = fgsm.random_sign(torch.zeros_like(x), eps=1.0, rng=draw)
    up, down = along(run, x, direction), along(run, x, direction, sign=-1)
    classes, at_random = (z[LARGE].argmax(dim=2) for z in (up, along(run, x, random)))
    # Of one image after another, so that nothing holds along any line.
    mixed = torch.stack([each[torch.from_numpy(draw.permutation(len(y)))] for each in classes])
    return {
        "wrong-share": float((classes != y).double().mean()),
        "random-wrong-share": float((at_random != y).double().mean()),
        "longest-stay": longest_stay(classes, y),
        "mixed-longest-stay": longest_stay(mixed, y),
        "logits-straightness": (straightness(up) + straightness(down)) / 2,
        "outputs-straightness": (
            straightness(up.softmax(dim=2)) + straightness(down.softmax(dim=2))
        )
        / 2,
    }


EXPERIMENTS = (
    Experiment(
        name="line",
        readings=("thirty-epochs",),
        networks=lambda seed, _: {TARGET: maxout(seed=seed)},
        measure=_line,
        metrics=(
            "wrong-share",
            "random-wrong-share",
            "longest-stay",
            "mixed-longest-stay",
            "logits-straightness",
            "outputs-straightness",
        ),
        alone=True,
    ),
)
