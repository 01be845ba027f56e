from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunelab.metrics.calibration import calibration, equal_count, equal_width, reliability
from prunelab.metrics.quality import quality


def logits_of(*rows: tuple[float, ...]) -> np.ndarray:
    return np.log(np.array(rows))


def test_by_hand():
    # confidences .9 (right), .9 (wrong), .6 (right): bins (.8667, .9333] and (.5333, .6]
    found = calibration(logits_of((0.9, 0.1), (0.9, 0.1), (0.4, 0.6)), np.array([0, 1, 1]))
    assert found.ece == pytest.approx((2 * abs(0.5 - 0.9) + abs(1 - 0.6)) / 3)
    assert found.brier == pytest.approx((2 * 0.1**2 + 2 * 0.9**2 + 2 * 0.4**2) / 3)
    assert found.nll == pytest.approx(-(np.log(0.9) + np.log(0.1) + np.log(0.6)) / 3)
    assert found.reliability.count.tolist() == [1, 2]
    assert found.reliability.confidence == pytest.approx([0.6, 0.9])
    assert found.reliability.accuracy == pytest.approx([1.0, 0.5])
    assert (found.reliability.low < found.reliability.confidence).all()


def test_bins_hold_their_upper_end():
    found = reliability(np.array([0.0, 0.5, 0.5001, 1.0]), np.array([True] * 4), np.array([0.0, 0.5, 1.0]))
    assert found.count.tolist() == [2, 2]


def test_perfect_and_worst():
    sure = logits_of((1 - 1e-12, 1e-12), (1e-12, 1 - 1e-12))
    perfect, worst = calibration(sure, np.array([0, 1])), calibration(sure, np.array([1, 0]))
    assert perfect.ece == pytest.approx(0, abs=1e-9)
    assert worst.ece == pytest.approx(1)
    assert worst.adaptive_ece == pytest.approx(1)
    assert worst.brier == pytest.approx(2)


def test_equal_counts_by_hand():
    confidence = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert equal_count(confidence, 3).tolist() == [0.0, 0.2, 0.4, 1.0]
    assert reliability(confidence, np.ones(6, bool), equal_count(confidence, 3)).count.tolist() == [2, 2, 2]


def test_equal_confidences_are_never_parted():
    confidence = np.array([0.3, 0.5, 0.5, 0.5, 0.5, 0.9])
    found = reliability(confidence, np.ones(6, bool), equal_count(confidence, 3))
    assert found.count.tolist() == [5, 1]
    shuffled = confidence[[5, 3, 1, 0, 2, 4]]
    assert reliability(shuffled, np.ones(6, bool), equal_count(shuffled, 3)).count.tolist() == [5, 1]


def test_the_bins_are_a_records():
    rng = np.random.default_rng(1)
    logits, targets = rng.normal(size=(500, 7)) * 2, rng.integers(0, 7, 500)
    assert calibration(logits, targets).ece == pytest.approx(quality(torch.tensor(logits), torch.tensor(targets)).ece, abs=1e-6)


def test_what_has_no_confidence_is_said():
    with pytest.raises(ValueError, match="not all finite"):
        calibration(np.array([[np.nan, 1.0]]), np.array([0]))
    with pytest.raises(ValueError, match="as many targets"):
        calibration(np.zeros((2, 3)), np.array([0]))
    with pytest.raises(ValueError, match="as many targets"):
        calibration(np.zeros((0, 3)), np.zeros(0, int))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60), st.integers(1, 20))
def test_error_is_bounded_and_no_example_is_lost(examples, num_bins):
    confidence, right = np.array([c for c, _ in examples]), np.array([r for _, r in examples])
    for edges in (equal_width(num_bins), equal_count(confidence, num_bins)):
        found = reliability(confidence, right, edges)
        assert found.count.sum() == len(examples)
        assert found.error <= 1 + 1e-12
        # never below what one bin of all examples has (Kumar et al. 2019)
        assert found.error >= abs(right.mean() - confidence.mean()) - 1e-9
