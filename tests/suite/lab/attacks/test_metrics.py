from __future__ import annotations

import math

import pytest
import torch

from repro.errors import ArgumentError
from repro.lab.attacks import metrics

LOGITS = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 3.0], [5.0, 0.0, 0.0]])


def test_the_error_rate_by_hand():
    assert metrics.error_rate(LOGITS, torch.tensor([0, 1, 2, 0])) == 0.0
    assert metrics.error_rate(LOGITS, torch.tensor([0, 2, 2, 1])) == 0.5
    assert metrics.error_rate(LOGITS, torch.tensor([1, 0, 0, 1])) == 1.0


def test_the_first_of_equal_logits_is_the_prediction():
    assert metrics.error_rate(torch.zeros(2, 10), torch.tensor([0, 9])) == 0.5


def test_the_error_rate_of_ten_thousand_images_has_every_digit():
    y = torch.zeros(10_000, dtype=torch.int64)
    y[:137] = 1
    assert metrics.error_rate(torch.eye(10)[torch.zeros_like(y)], y) == 0.0137


def test_the_confidence_by_hand():
    share = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    assert metrics.mean_confidence(share.log()) == pytest.approx(0.75, rel=1e-6)
    assert metrics.mean_confidence(torch.zeros(4, 10)) == pytest.approx(0.1, rel=1e-12)
    expected = sum(math.exp(a) / (math.exp(a) + 2) for a in (2, 1, 3, 5)) / 4
    assert metrics.mean_confidence(LOGITS) == pytest.approx(expected, rel=1e-12)


def test_the_confidence_is_that_of_the_prediction_right_or_wrong():
    assert metrics.mean_confidence(torch.tensor([[0.0, 1000.0], [1000.0, 0.0]])) == 1.0


def test_there_is_no_confidence_in_nan():
    with pytest.raises(ArgumentError, match="not finite"):
        metrics.mean_confidence(torch.tensor([[0.0, math.nan]]))


def test_predict_has_every_image_once_and_no_gradient():
    seen = []

    def network(x: torch.Tensor) -> torch.Tensor:
        seen.append(len(x))
        return x * weight

    weight = torch.tensor(2.0, requires_grad=True)
    x = torch.arange(20.0).reshape(10, 2)
    for batch, sizes in [(10, [10]), (4, [4, 4, 2]), (2000, [10])]:
        seen.clear()
        logits = metrics.predict(network, x, batch=batch)
        assert torch.equal(logits, 2 * x)
        assert not logits.requires_grad
        assert seen == sizes
