"""Fresh seeds against the committed populations: honest ones pass, changed ones do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from repro import paths
from repro.claims.records import CurveClaim, PublishedClaim
from repro.judge.bands import Band
from repro.judge.curves import simultaneous_bands
from repro.judge.freshness import FLOOR, all_beyond, tolerance
from repro.judge.populations import Archive
from repro.judge.scales import Scale
from repro.papers import registry

Published = tuple[PublishedClaim, str, np.ndarray]


def published() -> Iterator[Published]:
    """Every claim of printed numbers, each of its readings, and the measured values (N, K)."""
    archive = Archive()
    for paper in registry.load_all().values():
        for claim in paper.claims:
            if isinstance(claim, PublishedClaim):
                for reading in claim.readings:
                    spot = (paper.id, claim.experiment, reading)
                    population = archive.population("full", *spot)
                    columns = [population.values(name) for name in claim.own_metrics()]
                    yield claim, reading, np.array(columns).T


def gates(claim: PublishedClaim, values: np.ndarray) -> list[Band]:
    scale = Scale(claim.scale, claim.bounds, claim.images)
    return simultaneous_bands(values, level=0.999, scale=scale)


def alarms(claim: PublishedClaim, known: np.ndarray, fresh: np.ndarray) -> int:
    return sum(
        all_beyond(column.tolist(), gate)
        for column, gate in zip(fresh.T, gates(claim, known), strict=True)
    )


def test_no_two_committed_seeds_alarm_when_they_are_left_out():
    """Leave-two-out: seeds 2i and 2i + 1 against all others, for every claim and reading."""
    checked = 0
    for claim, _, values in published():
        if len(values) < 10:  # too few to leave two out
            continue
        for first in range(0, len(values) - 1, 2):
            pair = [first, first + 1]
            checked += 1
            assert not alarms(claim, np.delete(values, pair, axis=0), values[pair]), claim.id
    assert checked > 300


def test_honest_seeds_alarm_in_one_check_in_a_hundred():
    """A check of 270 metrics, N = 10 and normal: the rate is that of both seeds on one side."""
    rng, checks, metrics = np.random.default_rng(0), 200, 270
    found = 0
    for _ in range(checks):
        known, fresh = rng.normal(size=(10, metrics)), rng.normal(size=(2, metrics))
        half = 4.7809 * known.std(axis=0, ddof=1) * np.sqrt(1.1)  # t(0.9995, 9)
        z = (fresh - known.mean(axis=0)) / half
        found += bool(((z > 1).all(axis=0) | (z < -1).all(axis=0)).any())
    assert found <= 7  # 0.9 % were measured over many more; 8 of 200 has p < 0.001


@pytest.mark.parametrize("side", [1, -1])
def test_two_seeds_of_other_code_alarm_everywhere(side: int):
    """Moved by ten standard deviations, every number of every population alarms."""
    for claim, _, values in published():
        if claim.scale == "logit" or isinstance(claim, CurveClaim):
            continue
        moved = values.mean(axis=0) + side * 10 * values.std(axis=0, ddof=1)
        assert alarms(claim, values, np.array([moved, moved])) == values.shape[1], claim.id


def test_fresh_seeds_may_miss_a_band_without_width_by_what_other_bits_change():
    gate = Band(0.01, 0.01, 0.999, "exact")
    assert not all_beyond([0.01 - FLOOR, 0.01 - FLOOR / 2], gate)
    assert all_beyond([0.01 - 1.01 * FLOOR] * 2, gate)


def test_what_the_sample_s_coarse_rates_move_by_is_not_allowed_on_full_mnist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "arithmetic.csv").write_text(
        "images,population,family,largest\n"
        "full,p,error,0.01\nembedded,p,error,0.04\nfull,p,rms,0.02\nembedded,p,success,0.03\n"
    )
    monkeypatch.setattr(paths, "fixtures", lambda: tmp_path)
    found = [
        [tolerance("p", m, k) for m in ("error", "rms", "success")] for k in ("full", "embedded")
    ]
    assert found == [[0.02, 0.04, 0.001], [0.08, 0.04, 0.06]]
