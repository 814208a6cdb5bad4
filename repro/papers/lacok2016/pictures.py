"""Make the images of Figure 1 of Lacok (2016)."""

from __future__ import annotations

from repro.lab.attacks import metrics
from repro.papers.experiment import TARGET, Run
from repro.papers.lacok2016.fgsm_tables import EPS, GRADIENT_OF, attacked, noisy
from repro.papers.picture import Picture, Row, outputs, stretched

COUNT = 10
"""Test images in file order: the appendix's program draws the first ten."""


def _sets(run: Run, reading: str) -> tuple[Row, ...]:
    """Make the four lines: original, both attacked sets and random noise."""
    network, x = run.networks[TARGET], run.images()
    lines = {"original": x}
    for name, eps in EPS.items():
        made = attacked(run, network, GRADIENT_OF[reading], name)
        lines[f"adversarial, ε = {eps:.2f}"] = made
    lines["random noise, ε = 0.25"] = noisy(run, 0.25)
    return tuple(
        Row(label, stretched(made[:COUNT]), outputs(metrics.predict(network, made[:COUNT])))
        for label, made in lines.items()
    )


PICTURES = (
    Picture(
        name="lacok2016-fig1",
        place="Figure 1",
        title="Images of the test sets",
        caption=(
            "Below each image, the class that the network gives it and its confidence. As in the "
            "appendix's program, each image is stretched from its darkest to its brightest pixel."
        ),
        experiment="table1",
        readings=("as-written",),
        rows=_sets,
    ),
)
