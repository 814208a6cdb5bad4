"""Ask of other networks: finer and coloured images, halves of the training set, penalties."""

from __future__ import annotations

import torch
from torch import Tensor

from repro.lab.attacks import fgsm, iterative, metrics
from repro.lab.attacks.iterative import AS_WRITTEN
from repro.lab.networks.network import Network
from repro.papers.experiment import TARGET, Measurements, Run, named
from repro.papers.popovic2017.per_class import CLASSES
from repro.papers.popovic2017.per_image import EPS
from repro.papers.questions.networks import (
    OTHER,
    behind_pixels,
    colour,
    fine,
    first_half,
    network,
    other,
    regularised,
    second_half,
)
from repro.papers.questions.noise import (
    class_noise,
    class_sets,
    given,
    on_narrow,
    random_like,
    share_fooled,
)

IMAGES = 200
"""Test images, the first in file order, that are attacked one by one."""

SMALL_EPS = 0.15
"""Of common noise on other images: the smallest of Fig. 2, where not every image is fooled."""

FGSM_EPS = 0.25
"""Lacok's, and Goodfellow's."""

SURE = 0.9
"""Where eq. (1) stops, so that its images lie well within the wrong class."""


def _resolution(run: Run, _reading: str) -> Measurements:
    """Attack the same digits as 28 x 28 grey, 56 x 56 grey, and 28 x 28 coloured images."""
    y = run.labels()[:IMAGES]
    result: Measurements = {}
    for role in ("grey", "fine", "colour"):
        model, pixels = behind_pixels(run.networks[role])
        x = pixels(run.images()[:IMAGES]).contiguous()
        done = iterative.attack(model, x, y, switches=AS_WRITTEN, eps=EPS)
        corner = iterative.attack(
            model, x, y, switches=AS_WRITTEN, eps=EPS, step=EPS, sign=True, max_iterations=1
        )
        of_classes = [class_sets(run, c) for c in CLASSES]
        noise = class_noise(model, [pixels(x) for x, _ in of_classes], SMALL_EPS)
        sets = [pixels(x) for _, x in of_classes]
        random = random_like(run, noise, f"{role}-resolution")
        result |= {
            f"{role}-error": metrics.error_rate(metrics.predict(model, x, batch=100), y),
            f"{role}-success": done.success_rate,
            f"{role}-rms": float(done.rms.mean()),
            f"{role}-corner-rms": float(corner.rms.mean()),
            f"{role}-common-success": share_fooled(model, sets, noise),
            f"{role}-common-rms": float(iterative.rms(noise).mean()),
            f"{role}-random-common-success": share_fooled(model, sets, random),
        }
    return result


def agreement(run: Run, name: str, y: Tensor, one: Tensor, two: Tensor) -> Measurements:
    """Compare the classes (N,) that two networks give images of classes ``y``, both being wrong.

    By chance: the second one's classes in another order, among the images of the same true class.
    """
    wrong = (one != y) & (two != y)
    y, one, two = y[wrong], one[wrong], two[wrong]
    draw, mixed = run.rng(f"questions/{name}"), two.clone()
    for c in CLASSES:
        mine = (y == c).nonzero().flatten()
        mixed[mine] = two[mine[torch.from_numpy(draw.permutation(len(mine)))]]
    return {
        f"{name}-second-errs": float(wrong.double().mean()),
        f"{name}-agree": float((one == two).double().mean()),
        f"{name}-agree-by-chance": float((one == mixed).double().mean()),
    }


def _halves(run: Run, _reading: str) -> Measurements:
    """Attack the network of the first half, and ask that of the second half."""
    first, second = run.networks["first"], run.networks["second"]
    untrained = run.untrained(second_half(seed=run.seed + OTHER))
    x, y = run.images(), run.labels()
    fast = fgsm.fgsm(x, fgsm.loss_gradient(first, x, y), eps=FGSM_EPS)
    some, of_some = x[:IMAGES], y[:IMAGES]
    slow = iterative.attack(
        first, some, of_some, switches=AS_WRITTEN, eps=FGSM_EPS, confidence=SURE
    ).adversarial
    noise = class_noise(first, [class_sets(run, c)[0] for c in CLASSES])
    sets = [class_sets(run, c)[1] for c in CLASSES]
    random = random_like(run, noise, "halves")
    noisy = torch.cat([each + noise[c] for c, each in enumerate(sets)])
    of_noisy = torch.cat([torch.full((len(each),), c) for c, each in enumerate(sets)])
    result: Measurements = {}
    for name, images, classes in (
        ("fgsm", fast, y),
        ("eq1", slow, of_some),
        ("common", noisy, of_noisy),
    ):
        said = given(first, images)
        result |= agreement(run, name, classes, said, given(second, images))
        result |= agreement(run, f"{name}-untrained", classes, said, given(untrained, images))
    result["common-success"] = share_fooled(second, sets, noise)
    result["random-success"] = share_fooled(second, sets, random)
    return result


def _penalties(run: Run, _reading: str) -> Measurements:
    """Attack the regularised network by its own gradient, and with others' images."""
    x, y = run.images(), run.labels()
    plain, mine = run.networks[TARGET], run.networks["regularised"]

    def attacked(source: Network, victim: Network, eps: float = FGSM_EPS) -> float:
        gradient = run.once(("gradient", source), lambda: fgsm.loss_gradient(source, x, y))
        return metrics.error_rate(metrics.predict(victim, fgsm.fgsm(x, gradient, eps=eps)), y)

    return {
        "clean-error": metrics.error_rate(metrics.predict(plain, x), y),
        "regularised-clean-error": metrics.error_rate(metrics.predict(mine, x), y),
        "error": attacked(plain, plain),
        "regularised-error": attacked(mine, mine),
        "regularised-doubled-error": attacked(mine, mine, 2 * FGSM_EPS),
        "cached-error": attacked(plain, mine),
        "cached-doubled-error": attacked(plain, mine, 2 * FGSM_EPS),
        # What a penalty adds to being another network.
        "transferred-error": attacked(plain, run.networks["other"]),
    }


EXPERIMENTS = (
    on_narrow(
        name="resolution",
        networks=lambda seed, _: {
            "grey": network(seed=seed),
            "fine": fine(seed=seed),
            "colour": colour(seed=seed),
        },
        measure=_resolution,
        metrics=named(
            ("grey", "fine", "colour"),
            (
                *("error", "success", "rms", "corner-rms"),
                *named(("common",), ("success", "rms")),
                "random-common-success",
            ),
        ),
    ),
    on_narrow(
        name="halves",
        networks=lambda seed, _: {
            "first": first_half(seed=seed),
            "second": second_half(seed=seed + OTHER),
        },
        measure=_halves,
        metrics=(
            *named(
                ("fgsm", "fgsm-untrained", "eq1", "eq1-untrained", "common", "common-untrained"),
                ("second-errs", "agree", "agree-by-chance"),
            ),
            "common-success",
            "random-success",
        ),
    ),
    on_narrow(
        name="penalties",
        networks=lambda seed, _: {
            TARGET: network(seed=seed),
            "regularised": regularised(seed=seed),
            "other": other(seed=seed + OTHER),
        },
        measure=_penalties,
        metrics=(
            *("clean-error", "regularised-clean-error", "error", "regularised-error"),
            *("regularised-doubled-error", "cached-error", "cached-doubled-error"),
            "transferred-error",
        ),
    ),
)
