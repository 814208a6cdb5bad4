"""Make the images of Fig. 2 of Goodfellow et al. (2015)."""

from __future__ import annotations

from torch import Tensor

from repro.lab.attacks import fgsm, metrics
from repro.papers.experiment import Run
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
)
