"""The experiments of Lacok (2016) told a second time: one image at a time, nothing kept.

From the paper's text and appendix and docs/readings.md: no line is shared with ``repro/papers``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from plain_goodfellow import maxout_attacked, maxout_outputs
from plain_network import Array, against, gradient, outputs, softmax
from small_runs import SURE, draws, state, trained, untrained

from repro.lab.networks.mlp import MlpRecipe
from repro.papers.goodfellow2015 import networks

IMAGES = [image.reshape(784) / 255 for image in SURE.test.images]
LABELS = [int(label) for label in SURE.test.labels]

Measured = dict[str, float]


def slope(w: Array, x: Array, y: int, reading: str) -> Array:
    """The gradient of the cross-entropy along the pixels of one image."""
    if reading == "float32-gradient":
        w, x = w.astype(np.float32), x.astype(np.float32)
        # NumPy adds up in another order, which may move 1 - p_y by as much as itself.
        p = torch.softmax(torch.from_numpy(outputs(w, x)), dim=0).numpy()
        p[y] -= 1
        return gradient(w, x, p)
    return gradient(w, x, against(outputs(w, x), y))


def fgsm(source: Array, eps: float, reading: str) -> list[Array]:
    """x + eps sign(gradient), made for the network ``source``."""
    pairs = zip(IMAGES, LABELS, strict=True)
    return [x + eps * np.sign(slope(source, x, y, reading)) for x, y in pairs]


def noisy(seed: int, eps: float) -> list[Array]:
    """x + eps r with r of -1 and 1 at random."""
    draw = draws(seed, f"lacok2016/random-{eps:.2f}")
    signs = draw.integers(0, 2, size=(len(IMAGES), 784), dtype=np.int8)
    return [x + float(np.float32(eps)) * (2.0 * r - 1) for x, r in zip(IMAGES, signs, strict=True)]


def error(w: Array, images: list[Array]) -> float:
    """The share of images that are given another class than their own."""
    wrong = [int(outputs(w, x).argmax()) != y for x, y in zip(images, LABELS, strict=True)]
    return sum(wrong) / len(wrong)


def confidences(w: Array, images: list[Array]) -> list[float]:
    return [float(softmax(outputs(w, x)).max()) for x in images]


def confidence(w: Array, images: list[Array]) -> float:
    values = confidences(w, images)
    return sum(values) / len(values)


def table(w: Array, source: Array, start: Array, seed: int, reading: str) -> Measured:
    """Table 1 or 2: the network ``w`` on images made for ``source``; ``start`` is untrained."""
    small, large = fgsm(source, 0.10, reading), fgsm(source, 0.25, reading)
    random = noisy(seed, 0.25)
    exact = [
        np.sign(slope(source, x, y, "as-written")) for x, y in zip(IMAGES, LABELS, strict=True)
    ]
    taken = [np.sign(slope(source, x, y, reading)) for x, y in zip(IMAGES, LABELS, strict=True)]
    return {
        "original-error": error(w, IMAGES),
        "original-confidence": confidence(w, IMAGES),
        "fgsm-010-error": error(w, small),
        "fgsm-010-confidence": confidence(w, small),
        "fgsm-025-error": error(w, large),
        "fgsm-025-confidence": confidence(w, large),
        "random-025-error": error(w, random),
        "random-025-confidence": confidence(w, random),
        "random-010-error": error(w, noisy(seed, 0.10)),
        "random-010-confidence": confidence(w, noisy(seed, 0.10)),
        "untrained-error": error(start, IMAGES),
        "untrained-confidence": confidence(start, IMAGES),
        "fgsm-010-confidence-drop": confidence(w, IMAGES) - confidence(w, small),
        "fgsm-025-confidence-drop": confidence(w, IMAGES) - confidence(w, large),
        "random-025-confidence-drop": confidence(w, IMAGES) - confidence(w, random),
        "fgsm-010-error-increase": error(w, small) - error(w, IMAGES),
        "random-025-error-increase": error(w, random) - error(w, IMAGES),
        "zero-gradient-share": sum(not s.any() for s in taken) / len(taken),
        "sign-difference-share": float(
            np.mean([a != b for a, b in zip(taken, exact, strict=True)])
        ),
    }


def table1(seed: int, reading: str) -> Measured:
    plain = MlpRecipe(seed=seed)
    return table(trained(plain), trained(plain), untrained(plain), seed, reading)


def table2(seed: int, reading: str) -> Measured:
    """The penalised network; from the cache come the images made for the other."""
    plain, penalised = MlpRecipe(seed=seed), MlpRecipe(seed=seed, l1=0.0001, l2=0.0001)
    w, without = trained(penalised), trained(plain)
    source = without if reading == "cached-adversarials" else w
    found = table(w, source, untrained(plain), seed, reading)
    for gain, eps in (("gain-010", 0.10), ("gain-025", 0.25)):
        before = error(without, fgsm(without, eps, reading))
        found[gain] = before - error(w, fgsm(source, eps, reading))
    random = noisy(seed, 0.25)
    found["random-gain-025"] = error(without, random) - error(w, random)
    return found


def transfer(seed: int, reading: str) -> Measured:
    """A network of another seed on the images made for that of this one; neither penalised."""
    partner = seed + 1 if seed % 2 == 0 else seed - 1
    w, source = trained(MlpRecipe(seed=partner)), trained(MlpRecipe(seed=seed))
    small, large = fgsm(source, 0.10, reading), fgsm(source, 0.25, reading)
    return {
        "fgsm-010-error": error(w, small),
        "fgsm-010-confidence": confidence(w, small),
        "fgsm-025-error": error(w, large),
        "fgsm-025-confidence": confidence(w, large),
    }


def threshold(seed: int, reading: str) -> Measured:
    """The share that falls below the confidence which a share of clean images falls below."""
    w = trained(MlpRecipe(seed=seed))
    sets = {
        "fgsm-010": fgsm(w, 0.10, reading),
        "fgsm-025": fgsm(w, 0.25, reading),
        "random-025": noisy(seed, 0.25),
    }
    found = {}
    for thousandths in (5, 10, 20, 50, 100, 200):
        limit = float(np.quantile(confidences(w, IMAGES), thousandths / 1000))
        for name, images in sets.items():
            below = [value < limit for value in confidences(w, images)]
            found[f"{name}-rejected-at-{thousandths:03}"] = sum(below) / len(below)
    return found


def grid(seed: int, reading: str) -> Measured:
    """The nine pairs of penalties, and none, on the four sets of Table 2."""
    plain = trained(MlpRecipe(seed=seed))
    networks = {"unregularised": plain}
    for a in (3, 4, 5):
        for b in (3, 4, 5):
            recipe = MlpRecipe(seed=seed, l1=float(f"1e-{a}"), l2=float(f"1e-{b}"))
            networks[f"l1-{a}-l2-{b}"] = trained(recipe)
    found, means = {}, {}
    for name, w in networks.items():
        source = plain if reading == "cached-adversarials" else w
        errors = {
            "original": error(w, IMAGES),
            "fgsm-010": error(w, fgsm(source, 0.10, reading)),
            "fgsm-025": error(w, fgsm(source, 0.25, reading)),
            "random-025": error(w, noisy(seed, 0.25)),
        }
        found |= {f"{name}-{each}-error": value for each, value in errors.items()}
        means[name] = sum(errors.values()) / 4

    def effect(name: str) -> float:
        """How far the penalties move either error rate, in what the paper's text says of them."""
        small = found[f"{name}-fgsm-010-error"] - found["unregularised-fgsm-010-error"]
        large = found[f"{name}-fgsm-025-error"] - found["unregularised-fgsm-025-error"]
        return max(abs(small) / 0.40, abs(large) / 0.16)

    others = [means[name] for name in networks if name not in ("unregularised", "l1-4-l2-4")]
    return {
        **found,
        "unregularised-mean-error": means["unregularised"],
        "middle-mean-error": means["l1-4-l2-4"],
        "others-best-mean-error": min(others),
        "smaller-effect": effect("l1-5-l2-5"),
        "middle-effect": effect("l1-4-l2-4"),
    }


def caches(seed: int, _reading: str) -> Measured:
    """Table 2's network on images of either source, in either arithmetic."""
    w = trained(MlpRecipe(seed=seed, l1=0.0001, l2=0.0001))
    partner = seed + 1 if seed % 2 == 0 else seed - 1
    found = {}
    for form, reading in (("exact", "as-written"), ("float32", "float32-gradient")):
        for name, source in (("same", seed), ("other", partner)):
            for digits, eps in (("010", 0.10), ("025", 0.25)):
                images = fgsm(trained(MlpRecipe(seed=source)), eps, reading)
                found[f"{form}-{name}-fgsm-{digits}-error"] = error(w, images)
                found[f"{form}-{name}-fgsm-{digits}-confidence"] = confidence(w, images)
    return found


def epochs(seed: int, _reading: str) -> Measured:
    """Table 1's network after more and fewer epochs."""
    found = {}
    for n in (10, 25, 50, 75, 100):
        w = trained(MlpRecipe(seed=seed, epochs=n))
        found[f"{n}-original-error"] = error(w, IMAGES)
        found[f"{n}-original-confidence"] = confidence(w, IMAGES)
        for form, reading in (("exact", "as-written"), ("float32", "float32-gradient")):
            for digits, eps in (("010", 0.10), ("025", 0.25)):
                images = fgsm(w, eps, reading)
                found[f"{n}-{form}-fgsm-{digits}-error"] = error(w, images)
                found[f"{n}-{form}-fgsm-{digits}-confidence"] = confidence(w, images)
    return found


def compared(seed: int, _reading: str) -> Measured:
    """This paper's network, and two of Goodfellow et al.'s, each on its own images."""
    w = trained(MlpRecipe(seed=seed))
    maxout = state(networks.maxout(seed=seed))
    linear = state(networks.softmax_regression(seed, 1))
    pairs = list(zip(IMAGES, LABELS, strict=True))

    def of_linear(x: Array) -> Array:
        return x @ linear["weight"] + linear["bias"]

    logits: dict[str, Callable[[Array], Array]] = {
        "target": lambda x: outputs(w, x),
        "maxout": lambda x: maxout_outputs(maxout, x)[0],
        "softmax": of_linear,
    }
    up = [np.sign(linear["weight"] @ against(of_linear(x), y)) for x, y in pairs]
    attacked = {
        "target": fgsm(w, 0.25, "as-written"),
        "maxout": maxout_attacked(maxout, pairs),
        "softmax": [x + 0.25 * u for x, u in zip(IMAGES, up, strict=True)],
    }
    found: Measured = {}
    for name, given in logits.items():
        error, sure = {}, {}
        for kind, images in (
            ("", IMAGES), ("fgsm", attacked[name]), ("random", noisy(seed, 0.25))
        ):  # fmt: skip
            said = [given(x) for x in images]
            wrong = [int(each.argmax()) != y for each, y in zip(said, LABELS, strict=True)]
            error[kind] = sum(wrong) / len(wrong)
            sure[kind] = sum(float(softmax(each).max()) for each in said) / len(said)
        found[f"{name}-error"] = error["fgsm"]
        found[f"{name}-random-error"] = error["random"]
        found[f"{name}-drop"] = sure[""] - sure["fgsm"]
        found[f"{name}-random-drop"] = sure[""] - sure["random"]
    for name in ("maxout", "softmax"):
        for kind in ("error", "random-error"):
            found[f"{name}-{kind}-gap"] = abs(found[f"target-{kind}"] - found[f"{name}-error"])
    return found


PLAINLY: dict[str, Callable[[int, str], Measured]] = {
    "table1": table1,
    "table2": table2,
    "transfer": transfer,
    "threshold": threshold,
    "grid": grid,
    "caches": caches,
    "epochs": epochs,
    "compared": compared,
}
"""Each experiment: (seed, reading) to measurements."""
