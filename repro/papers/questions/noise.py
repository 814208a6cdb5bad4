"""Ask of noise: its step, its target, and what is left of it when the image is moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from repro.lab.attacks import common_noise, fgsm, iterative, metrics
from repro.lab.attacks.iterative import AS_WRITTEN, Attacked
from repro.lab.networks.network import Network
from repro.papers.experiment import TARGET, Experiment, Measurements, Run, named
from repro.papers.popovic2017.per_class import CLASSES, class_images
from repro.papers.popovic2017.per_image import EPS, PAIRS, STEP
from repro.papers.questions.networks import network

READING = "narrow"
IMAGES = 500
"""Test images, the first in file order, that are attacked one by one."""

COMMON_EPS, CRAFTED_ON, EPOCHS = 0.24, 100, 10
"""Of common noise: Fig. 5's eps; 1,000 steps, over the first validation images of a class."""

MEASURED_ON = 200
"""Test images of a class, the first in file order, that a common noise is measured on."""

TURN, SHIFT, SCALES = 15.0, 2, (0.9, 1.1)
"""Degrees, pixels and factors by which an image is moved."""


@dataclass(frozen=True)
class Motion:
    """A rotation in degrees, a shift in pixels (right, down), and a factor of size."""

    turn: float = 0.0
    right: float = 0.0
    down: float = 0.0
    scale: float = 1.0

    def of(self, x: Tensor) -> Tensor:
        """Move images (N, 784); what comes in from outside is black."""
        angle, half = np.deg2rad(self.turn), 14
        cos, sin = np.cos(angle) / self.scale, np.sin(angle) / self.scale
        back = [[cos, sin, 0.0], [-sin, cos, 0.0]]
        for row in back:  # from where a pixel goes to where it comes from
            row[2] = -(row[0] * self.right + row[1] * self.down) / half
        theta = torch.tensor([back], dtype=x.dtype).expand(len(x), 2, 3)
        square = x.reshape(-1, 1, 28, 28)
        grid = affine_grid(theta, list(square.shape), align_corners=False)
        return grid_sample(square, grid, align_corners=False).flatten(1)


MOTIONS = (
    *(Motion(turn=t) for t in (-TURN, TURN)),
    *(Motion(right=r) for r in (-SHIFT, SHIFT)),
    *(Motion(down=d) for d in (-SHIFT, SHIFT)),
    *(Motion(scale=s) for s in SCALES),
)


@dataclass(frozen=True)
class Moving:
    """A network that sees every batch moved, by another one of ``MOTIONS`` each time."""

    inner: Network
    draw: np.random.Generator

    def __call__(self, x: Tensor) -> Tensor:
        """Compute the logits (N, 10) of the moved images (N, 784)."""
        return self.inner(MOTIONS[self.draw.integers(len(MOTIONS))].of(x))

    def to(self, dtype: torch.dtype) -> Moving:
        """Give the same, with weights of ``dtype``."""
        return Moving(self.inner.to(dtype), self.draw)


def class_sets(run: Run, label: int) -> tuple[Tensor, Tensor]:
    """Return (images to craft a class's noise on, images to measure it on), (N, 784) each."""
    crafted, measured = class_images(run, label)
    return crafted[:CRAFTED_ON].flatten(1), measured[:MEASURED_ON].flatten(1)


def random_like(run: Run, noise: Tensor, name: str) -> Tensor:
    """Draw random signs (K, ...), each of the RMS of its noise."""
    signs = run.rng(f"questions/{name}").integers(0, 2, size=tuple(noise.shape)) * 2 - 1
    size = iterative.rms(noise).to(noise.dtype).reshape(-1, *[1] * (noise.dim() - 1))
    return torch.from_numpy(signs).to(noise.dtype) * size


def given(model: Network, x: Tensor) -> Tensor:
    """Return the classes (N,) that a network gives images."""
    return metrics.predict(model, x, batch=500).argmax(dim=1)


def share_fooled(
    model: Network, sets: Sequence[Tensor], noise: Tensor, motion: Motion | None = None
) -> float:
    """Return the mean over the classes of the share that is not given its class with its noise."""
    shares = []
    for c, x in enumerate(sets):
        noisy = x + noise[c]
        shares.append((given(model, motion.of(noisy) if motion else noisy) != c).double().mean())
    return float(torch.stack(shares).mean())


def class_noise(
    model: Network, sets: Sequence[Tensor], eps: float = COMMON_EPS, **options: float | bool
) -> Tensor:
    """Craft the noise of each class on its images of ``sets``, (10, ...)."""
    return common_noise.craft(
        model,
        sets,
        CLASSES,
        eps=[eps] * len(CLASSES),
        switches=AS_WRITTEN,
        epochs=EPOCHS,
        **options,  # type: ignore[arg-type] # the keyword options of craft
    )[-1]


def common(run: Run, model: Network, name: str, **options: float | bool) -> Tensor:
    """Craft the noise of each class, (10, 784); once a run for a ``name``."""

    def make() -> Tensor:
        return class_noise(model, [class_sets(run, c)[0] for c in CLASSES], **options)

    return run.once(("common", name), make)


def _steps(run: Run, _reading: str) -> Measurements:
    """Hold value steps to sign steps of the same largest change, and of the same RMS."""
    model = run.networks[TARGET]
    x, y = run.images()[:IMAGES], run.labels()[:IMAGES]
    wanted = (y + torch.from_numpy(run.rng("questions/wanted").integers(1, 10, len(y)))) % 10
    direction, _ = iterative.unit_direction(fgsm.loss_gradient(model, x, y))
    share = float(iterative.rms(direction).mean())
    kinds: dict[str, dict[str, float | bool]] = {
        "value": {"step": STEP},
        "sign": {"step": STEP, "sign": True},
        "small-sign": {"step": STEP * share, "sign": True},
        # One step to a corner of the box.
        "corner": {"step": EPS, "sign": True, "max_iterations": 1},
    }
    result: Measurements = {"value-step-share": share}
    attack: Callable[..., Attacked] = partial(
        iterative.attack, model, x, y, switches=AS_WRITTEN, eps=EPS
    )
    for name, options in kinds.items():
        for equation, target in (("eq1", None), ("eq3", wanted)):
            done = attack(target=target, **options)
            result |= {
                f"{name}-{equation}-success": done.success_rate,
                f"{name}-{equation}-rms": float(done.rms.mean()),
                f"{name}-{equation}-iterations": float(done.iterations.double().mean()),
            }
    sets = [class_sets(run, c)[1] for c in CLASSES]
    for name, options in list(kinds.items())[:3]:
        noise = common(run, model, name, **{**options, "step": float(options["step"]) / 10})
        result[f"{name}-common-success"] = share_fooled(model, sets, noise)
        result[f"{name}-common-rms"] = float(iterative.rms(noise).mean())
    random = random_like(run, common(run, model, "value"), "steps")
    result["random-common-success"] = share_fooled(model, sets, random)
    return result


def _targeted(run: Run, _reading: str) -> Measurements:
    """Craft one noise for each pair of classes, that makes the one be read as the other."""
    model = run.networks[TARGET]
    made = common_noise.craft(
        model,
        [class_sets(run, source)[0] for source, _ in PAIRS],
        [target for _, target in PAIRS],
        eps=[COMMON_EPS] * len(PAIRS),
        switches=AS_WRITTEN,
        epochs=EPOCHS,
        targeted=True,
    )[-1]
    random = random_like(run, made, "targeted")
    read: dict[str, list[float]] = {"success": [], "random": [], "clean": []}
    for i, (source, target) in enumerate(PAIRS):
        x = class_sets(run, source)[1]
        for name, noisy in (("success", made[i]), ("random", random[i]), ("clean", 0.0)):
            read[name].append(float((given(model, x + noisy) == target).double().mean()))
    return {
        **{f"success-{s}-{t}": v for (s, t), v in zip(PAIRS, read["success"], strict=True)},
        **{f"{name}-mean": float(np.mean(values)) for name, values in read.items()},
        "success-min": min(read["success"]),
        "pairs-above-half": float(sum(value > 0.5 for value in read["success"])),
        "rms": float(iterative.rms(made).mean()),
    }


def _moved(run: Run, _reading: str) -> Measurements:
    """Measure what is left of each class's noise when the noisy image is moved."""
    model = run.networks[TARGET]
    sets = [class_sets(run, c)[1] for c in CLASSES]
    plain = common(run, model, "value", step=STEP / 10)
    moving = Moving(model, run.rng("questions/motions"))
    noises = {
        "plain": plain,
        "moving": common(run, moving, "moving", step=STEP / 10),
        "random": random_like(run, plain, "moved"),
        "no": torch.zeros_like(plain),
    }
    result: Measurements = {}
    for name, noise in noises.items():
        still = share_fooled(model, sets, noise)
        moved = [share_fooled(model, sets, noise, motion) for motion in MOTIONS]
        result[f"{name}-noise-still"] = still
        result[f"{name}-noise-moved"] = float(np.mean(moved))
        for kind, part in (("turned", moved[:2]), ("shifted", moved[2:6]), ("scaled", moved[6:])):
            result[f"{name}-noise-{kind}"] = float(np.mean(part))
    result["half-of-still"] = result["plain-noise-still"] / 2
    return result


on_narrow = partial(
    Experiment,
    readings=(READING,),
    networks=lambda seed, _: {TARGET: network(seed=seed)},
    on_demand=True,
)
EXPERIMENTS = (
    on_narrow(
        name="steps",
        measure=_steps,
        metrics=(
            "value-step-share",
            *named(
                ("value", "sign", "small-sign", "corner"),
                named(("eq1", "eq3"), ("success", "rms", "iterations")),
            ),
            *named(("value", "sign", "small-sign"), ("common-success", "common-rms")),
            "random-common-success",
        ),
    ),
    on_narrow(
        name="targeted",
        measure=_targeted,
        metrics=(
            *(f"success-{source}-{target}" for source, target in PAIRS),
            *named(("success", "random", "clean"), ("mean",)),
            "success-min",
            "pairs-above-half",
            "rms",
        ),
    ),
    on_narrow(
        name="moved",
        measure=_moved,
        metrics=(
            *named(
                ("plain", "moving", "random", "no"),
                named(("noise",), ("still", "moved", "turned", "shifted", "scaled")),
            ),
            "half-of-still",
        ),
    ),
)
