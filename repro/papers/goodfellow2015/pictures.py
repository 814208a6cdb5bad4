"""Make the images of Fig. 2 and Fig. 4 of Goodfellow et al. (2015)."""

from __future__ import annotations

import torch
from torch import Tensor

from repro.lab.attacks import fgsm, metrics
from repro.papers.experiment import TARGET, Run
from repro.papers.goodfellow2015.networks import THREE_SEVEN
from repro.papers.goodfellow2015.shallow import EPS, LOGISTIC, slope, threes_and_sevens
from repro.papers.picture import Picture, Row, shades, stretched

COUNT = 10
"""Test images of 3 and 7, in file order."""


def _logistic(run: Run, _reading: str) -> tuple[Row, ...]:
    """Make the four parts: weights, their signs, 3s and 7s, and the same under FGSM."""
    network, (x, y) = run.networks[LOGISTIC], threes_and_sevens(run)
    x, y, w = x[:COUNT], y[:COUNT], slope(network)
    attacked = fgsm.fgsm(x, fgsm.loss_gradient(network, x, y), eps=EPS)

    def classes(images: Tensor) -> tuple[str, ...]:
        found = metrics.predict(network, images).argmax(dim=1)
        return tuple(str(THREE_SEVEN[i]) for i in found.tolist())

    return (
        Row("a) weights", stretched(w)),
        Row("b) signs of the weights", shades(w.sign(), -1.0, 1.0)),
        Row("c) 3s and 7s", shades(x), classes(x)),
        Row("d) FGSM, eps 0.25", shades(attacked, -EPS, 1.0 + EPS), classes(attacked)),
    )


SHOWN = (-10.0, -5.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
"""The eps of Fig. 4's images; its axis has more."""


def _line(run: Run, _reading: str) -> tuple[Row, ...]:
    """Make the right half: the first 4 among the test images, moved by each of ``SHOWN``."""
    network, (i, *_) = run.networks[TARGET], (run.labels() == 4).nonzero()[:, 0].tolist()
    x, y = run.images()[i : i + 1], run.labels()[i : i + 1]
    direction = fgsm.loss_gradient(network, x, y).sign().to(x.dtype)
    moved = torch.cat([x + eps * direction for eps in SHOWN])
    classes = metrics.predict(network, moved).argmax(dim=1).tolist()
    labels = tuple(f"{eps:g}: {given}" for eps, given in zip(SHOWN, classes, strict=True))
    return (Row("x + ε sign(∇J)", stretched(moved), labels),)


PICTURES = (
    Picture(
        name="goodfellow2015-fig2",
        place="Figure 2",
        title="Logistic regression, 3 against 7",
        caption=(
            "Below each digit, the class that it is given. White weights speak for a 7. The "
            "attacked digits are shown from -0.25 in black to 1.25 in white."
        ),
        experiment="logistic",
        readings=("hundred-epochs",),
        rows=_logistic,
    ),
    Picture(
        name="goodfellow2015-fig4",
        place="Figure 4",
        title="A 4 along the line of the gradient's signs",
        caption=(
            "Below each image, ε and the class that the maxout network gives it. Each image is "
            "shown from its own lowest value in black to its own highest in white. How straight "
            "the logits run along such lines is measured on 1,000 images."
        ),
        experiment="line",
        readings=("thirty-epochs",),
        rows=_line,
    ),
)
