"""Magnitude, by hand."""

from __future__ import annotations

import pytest

from prunelab.pruning.criteria.magnitude import Magnitude
from tests.pruning.toys import linear, pruned


def _kept(weights, density):
    return set(pruned(Magnitude(), linear([weights]), density).masks["0.weight"].flatten().nonzero().flatten().tolist())


@pytest.mark.parametrize(("density", "kept"), [(0.5, {0, 1, 2, 3}), (0.25, {0, 3})])
def test_the_largest_stay_whatever_their_sign(density, kept):
    assert _kept([3, -1, 2, -4, 0.5, 0.5, 0.5, 0.5], density) == kept


def test_ties_keep_exactly_the_asked_number_the_same_each_time():
    assert _kept([1.0] * 6, 0.5) == {0, 1, 2} == _kept([1.0] * 6, 0.5)


def test_inverted_keeps_the_smallest_and_nothing_that_went_before():
    model = linear([[3.0, -1.0, 2.0, -4.0]])
    first = pruned(Magnitude(), model, 0.75)
    then = pruned(Magnitude(), model, 0.5, before=first.masks, inverted=True)
    assert first.masks["0.weight"].tolist() == [[True, False, True, True]]
    assert then.masks["0.weight"].tolist() == [[True, False, True, False]]
