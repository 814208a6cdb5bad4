"""Make the images of Figs. 1 and 6 of Popović & Mihajlović (2017)."""

from __future__ import annotations

import torch
from torch import Tensor

from repro.lab.attacks import iterative
from repro.papers.experiment import TARGET, Run
from repro.papers.picture import Picture, Row, outputs, shades
from repro.papers.popovic2017.common import READINGS, SWITCHES, images, logits
from repro.papers.popovic2017.per_class import class_noises

SEVEN, COUNT, EPS = 7, 5, 0.15
"""Fig. 1 shows a seven: here the first five of the test set, in the box of the 98.6 %."""

SHOWN = (2, 5, 9)
"""The classes of Fig. 6: three, as in the paper, which does not say which."""

BELOW = "Below each image, {} and its confidence. Pixels below 0 are drawn black, above 1 white."


def _of_class(run: Run, label: int, count: int) -> Tensor:
    """Return the first test images of a class, (count, 1, 28, 28)."""
    return images(run)[run.labels() == label][:count]


def _single(run: Run, reading: str) -> tuple[Row, ...]:
    """Make three lines: sevens, their adversarial examples by eq. (1), and the noise between."""
    switches, model = SWITCHES[reading], run.networks[TARGET]
    x = _of_class(run, SEVEN, COUNT)
    y = torch.full((len(x),), SEVEN)
    done = iterative.attack(model, x, y, switches=switches, eps=EPS)
    original = outputs(logits(model, x, torch.zeros(()), switches))
    fooled = outputs(logits(model, x, done.noise, switches))
    rms = tuple(f"RMS {value:.3f}" for value in done.rms)
    scale = f"its noise, black for −{EPS} and white for {EPS}"
    return (
        Row("original", shades(x), original),
        Row("adversarial example", shades(done.adversarial), fooled),
        Row(scale, shades(done.noise, -EPS, EPS), rms),
    )


def _common(run: Run, reading: str) -> tuple[Row, ...]:
    """Make two lines: images of three classes, and the same with the noise of their class.

    The paper calls all of the second line adversarial examples: its label counts those that the
    network still reads as their own class.
    """
    switches, model = SWITCHES[reading], run.networks[TARGET]
    x = torch.cat([_of_class(run, label, 1) for label in SHOWN])
    noise = class_noises(run, reading)[-1][list(SHOWN)]
    original = _read(logits(model, x, torch.zeros(()), switches))
    after = logits(model, x, noise, switches)
    still = int((after.argmax(dim=1) == torch.tensor(SHOWN)).sum())
    label = f"with the common noise of the class; {still} of {len(SHOWN)} still read as their own"
    return Row("original", shades(x), original), Row(label, shades(x + noise), _read(after))


def _read(said: Tensor) -> tuple[str, ...]:
    """Write of each class of ``SHOWN`` what the network reads, such as ``2 read as 8, 97 %``."""
    return tuple(f"{own} read as {read}" for own, read in zip(SHOWN, outputs(said), strict=True))


PICTURES = (
    Picture(
        name="popovic2017-fig1",
        place="Fig. 1",
        title="Adversarial examples of sevens",
        caption=BELOW.format("the class that the network gives it"),
        experiment="iterative",
        readings=READINGS,
        rows=_single,
    ),
    Picture(
        name="popovic2017-fig6",
        place="Fig. 6",
        title="Common noise of a class",
        caption=BELOW.format("its own class, the class that the network reads")
        + " The noise is that of Figs. 4 and 5 (ε = 0.24).",
        experiment="common-classes",
        readings=READINGS,
        rows=_common,
    ),
)
