from __future__ import annotations

import numpy as np
import pytest

from prunelab.metrics.exemplars import TIED, disagreement, exemplars, mean_accuracy


def test_modes_by_hand():
    #                 same  other  tied, meets  tied, apart  both tied alike
    dense = np.array([[0, 1, 0, 0, 0], [0, 1, 0, 0, 0], [0, 2, 0, 0, 1], [1, 2, 0, 0, 1]])
    dense[3, 1] = 1
    pruned = np.array([[0, 2, 0, 1, 0], [0, 2, 0, 1, 0], [0, 2, 1, 2, 1], [0, 1, 1, 2, 1]])
    found = exemplars(dense, pruned)
    assert found.differ.tolist() == [False, True, False, True, False]
    assert found.undecided.tolist() == [False, False, True, False, True]
    assert found.alike.tolist() == [True, False, False, False, False]
    assert found.dense_mode.tolist() == [0, 1, 0, 0, TIED]
    assert found.pruned_mode.tolist() == [0, 2, TIED, TIED, TIED]
    assert found.dense_votes.tolist() == [3, 3, 4, 4, 2]
    assert found.pruned_votes.tolist() == [4, 3, 2, 2, 2]


def test_how_networks_are_ordered_does_not_matter():
    rng = np.random.default_rng(0)
    dense, pruned = rng.integers(0, 3, (5, 40)), rng.integers(0, 3, (4, 40))
    found, turned = exemplars(dense, pruned), exemplars(dense[::-1], pruned[::-1])
    assert (found.differ == turned.differ).all()
    assert (found.undecided == turned.undecided).all()
    assert found.differ.any()
    assert found.undecided.any()
    assert (found.differ == exemplars(pruned, dense).differ).all()


def test_populations_of_the_same_networks_have_none():
    same = np.random.default_rng(0).integers(0, 4, (3, 50))
    assert not exemplars(same, same).differ.any()


def test_accuracy_where_and_disagreement_by_hand():
    predictions, targets = np.array([[0, 1, 1], [0, 0, 1]]), np.array([0, 0, 1])
    assert mean_accuracy(predictions, targets, np.array([False, True, True])) == 3 / 4
    assert np.isnan(mean_accuracy(predictions, targets, np.zeros(3, bool)))
    assert disagreement(predictions) == 1 / 3
    assert np.isnan(disagreement(predictions[:1]))


def test_other_examples_are_refused():
    with pytest.raises(ValueError, match="same examples"):
        exemplars(np.zeros((2, 3), int), np.zeros((2, 4), int))
    with pytest.raises(ValueError, match="same examples"):
        exemplars(np.zeros((0, 3), int), np.zeros((2, 3), int))
