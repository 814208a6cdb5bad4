"""What cannot be measured on the images at hand is not measured on them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from own_papers import PAPERS
from small_runs import FULL, SAMPLE

from repro import paths
from repro.measure import live
from repro.measure.session import Measured

EACH_KIND = {type(c): c for paper in PAPERS.values() for c in paper.claims}.values()


@pytest.mark.parametrize("claim", EACH_KIND, ids=lambda claim: claim.kind)
def test_a_claim_on_clean_test_images_is_not_measurable_on_training_images(claim):
    clean, attacked = (replace(claim, clean_images=told) for told in (True, False))
    assert "training images" in live.not_measurable(clean, SAMPLE)
    for claim_, images in ((clean, FULL), (attacked, FULL), (attacked, SAMPLE)):
        assert live.not_measurable(claim_, images) == ""


def test_what_the_sample_s_rates_move_by_is_allowed_on_the_sample_alone(tmp_path, monkeypatch):
    """One tolerance is a drift of 1; the least is 0.001."""
    claim = next(c for c in PAPERS["lacok2016"].claims if c.id == "lacok2016-t1-fgsm-025-error")
    (tmp_path / "arithmetic.csv").write_text(
        "images,population,family,largest\n"
        "embedded,lacok2016-table1--as-written,fgsm-025-error,0.02\n"
    )
    monkeypatch.setattr(paths, "fixtures", lambda: tmp_path)
    record = Measured(dict.fromkeys(claim.metrics, 0.9), ["a+b"], ["recorded"], "full")
    for kind, times in (("full", 40.0), ("embedded", 1.0)):
        here = Measured({**record.values, claim.metric: 0.94}, ["a", "b"], ["shipped"], kind)
        found = live.drift(claim, "as-written", here, record)
        assert found[claim.metric] == pytest.approx(times)
