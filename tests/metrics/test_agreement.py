from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from prunelab.metrics.agreement import MOST_FOR_KENDALL, kendall, ranks, removed_alike, spearman


def test_ranks_share_ties():
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]
    with pytest.raises(ValueError, match="1 of 2 scores are NaN"):
        ranks(np.array([1.0, np.nan]))


def test_spearman_by_hand():
    # without ties 1 - 6 sum d^2 / (n (n^2 - 1)): d = 1, 1, 0, 0 of four
    one, other = ranks(np.array([1.0, 2, 3, 4])), ranks(np.array([20.0, 10, 30, 40]))
    assert spearman(one, other) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert spearman(one, one) == pytest.approx(1)
    assert spearman(one, -one) == pytest.approx(-1)


def test_spearman_with_ties_by_hand():
    # ranks 1.5 1.5 3 and 1 2 3: deviations -.5 -.5 1 and -1 0 1, so 1.5 / sqrt(1.5 * 2)
    assert spearman(ranks(np.array([0.0, 0, 1])), ranks(np.array([1.0, 2, 3]))) == pytest.approx(1.5 / np.sqrt(3))


def test_spearman_is_scipys():
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 5, 200).astype(float), rng.integers(0, 4, 200).astype(float)
    assert spearman(ranks(one), ranks(other)) == pytest.approx(spearmanr(one, other).statistic)


def test_equal_scores_have_no_correlation():
    constant, other = np.ones(4), np.arange(4.0)
    assert np.isnan(spearman(ranks(constant), ranks(other)))
    assert np.isnan(kendall(constant, other))


def test_kendall_by_hand_and_its_limit():
    # of the six pairs five agree and one does not
    assert kendall(np.array([1.0, 2, 3, 4]), np.array([2.0, 1, 3, 4])) == pytest.approx(4 / 6)
    assert np.isnan(kendall(np.arange(MOST_FOR_KENDALL + 1.0), np.arange(MOST_FOR_KENDALL + 1.0)))


def test_removed_alike_by_hand():
    # the lowest two: places 0, 1 and places 1, 2
    found = removed_alike(np.array([0.0, 1, 2, 3]), np.array([3.0, 0, 1, 2]), 0.5)
    assert found.observed == 1 / 3
    assert found.tied == 0
    # random pairs of four: one in common 4 times of 6, both once: (4 / 3 + 1) / 6
    assert found.chance == pytest.approx((4 / 3 + 1) / 6, abs=0.01)


def test_ties_at_the_edge_are_told():
    found = removed_alike(np.array([0.0, 0, 0, 1]), np.array([3.0, 0, 1, 2]), 0.5)
    assert found.tied == 3 / 4
    # ties at the edge: those that come first stay, as in pruning
    assert found.observed == 1.0


@pytest.mark.parametrize("fraction", [0.0, 1.0, 0.1])
def test_a_fraction_must_remove_something(fraction):
    with pytest.raises(ValueError, match="at least one"):
        removed_alike(np.arange(4.0), np.arange(4.0), fraction)
