"""What cannot be measured on the images at hand is not measured on them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from own_papers import PAPERS
from small_runs import FULL, SAMPLE

from repro.measure import live

EACH_KIND = {type(c): c for paper in PAPERS.values() for c in paper.claims}.values()


@pytest.mark.parametrize("claim", EACH_KIND, ids=lambda claim: claim.kind)
def test_a_claim_on_clean_test_images_is_not_measurable_on_training_images(claim):
    clean, attacked = (replace(claim, clean_images=told) for told in (True, False))
    assert "training images" in live.not_measurable(clean, SAMPLE)
    for claim_, images in ((clean, FULL), (attacked, FULL), (attacked, SAMPLE)):
        assert live.not_measurable(claim_, images) == ""
