"""Whether a number is the published one, on made-up measurements."""

from __future__ import annotations

from dataclasses import replace

import pytest

from repro.judge.exact import compare
from repro.papers import registry

CLAIMS = {claim.id: claim for claim in registry.load_all()["popovic2017"].claims}
ACCURACY = CLAIMS["popovic2017-test-accuracy"]
RMS = CLAIMS["popovic2017-iterative-rms"]
FIG_2 = CLAIMS["popovic2017-fig2-success"]
COUNTS = [296, 380, 470, 558, 628, 703, 762, 797, 837, 865, 873, 884, 890]


def none(_: str) -> float:
    return 0.0


def accuracy(right: int, near: int = 0, arithmetic: float = 0.0) -> tuple[bool, str]:
    ties = {"test-accuracy": (near, 10_000)}
    return compare(ACCURACY, {"test-accuracy": right / 10_000}, ties, lambda _: arithmetic)


@pytest.mark.parametrize(
    ("right", "near", "held"),
    [
        (9919, 0, True),
        (9918, 0, False),
        (9920, 0, False),
        (9918, 1, True),
        (9920, 1, True),
        (9917, 1, False),
        (9916, 3, True),
    ],
)
def test_a_count_of_images_is_the_published_one_but_for_those_near_a_tie(right, near, held):
    assert accuracy(right, near)[0] is held


def test_what_arithmetic_changes_counts_as_well_but_not_twice():
    assert accuracy(9909, arithmetic=0.001)[0]
    assert not accuracy(9908, arithmetic=0.001)[0]
    assert not accuracy(9907, near=2, arithmetic=0.001)[0]
    assert accuracy(9907, near=12, arithmetic=0.001)[0]


def test_the_sentence_has_every_part():
    assert accuracy(9919, 2)[1] == (
        "the published number, 0 from it; rounding may be 5e-05, "
        "2 of 10000 images are within 0.0001 of a tie"
    )
    assert accuracy(9900, 2, 0.0004)[1] == (
        "not the published number, 0.0019 from it; rounding may be 5e-05, "
        "2 of 10000 images are within 0.0001 of a tie, "
        "other arithmetic may change 0.0004"
    )


@pytest.mark.parametrize(("rms", "held"), [(0.0635, True), (0.0625, True), (0.06351, False)])
def test_what_is_no_count_has_its_rounding_alone(rms, held):
    found, said = compare(RMS, {"rms": rms}, {}, none)
    assert found is held
    assert "tie" not in said


def fig_2(counts: list[int], near: int = 0) -> tuple[bool, str]:
    names = FIG_2.own_metrics()
    measured = {name: count / 892 for name, count in zip(names, counts, strict=True)}
    return compare(FIG_2, measured, dict.fromkeys(names, (near, 892)), none)


def test_a_curve_is_the_published_one_at_every_point():
    assert fig_2(COUNTS)[0]
    assert fig_2(COUNTS)[1].startswith("13 of 13 published numbers, ")
    for i in range(13):
        off = [count + 2 * (k == i) for k, count in enumerate(COUNTS)]
        assert not fig_2(off, 1)[0]
        assert fig_2(off, 2)[0]
        assert fig_2(off, 1)[1].startswith(f"12 of 13 published numbers, success[{i}] 0.002")


def test_the_point_that_is_told_is_the_one_farthest_beyond_what_it_may_be():
    names = FIG_2.own_metrics()
    measured = {name: count / 892 for name, count in zip(names, COUNTS, strict=True)}
    measured |= {names[3]: (COUNTS[3] + 9) / 892, names[5]: (COUNTS[5] + 4) / 892}
    ties = dict.fromkeys(names, (0, 892)) | {names[3]: (8, 892)}
    assert "success[5]" in compare(FIG_2, measured, ties, none)[1]


def test_a_number_that_is_no_share_of_these_images_never_comes_out():
    # 0.9919 of 892 images is no count: rounding to four digits does not reach the next one.
    claim = replace(ACCURACY, metric="share")
    assert not any(compare(claim, {"share": k / 892}, {}, none)[0] for k in range(893))
