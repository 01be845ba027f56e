from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunelab.results.pareto import non_dominated

# Few distinct values, so that ties are common.
POINTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=40)
SIGNS = st.tuples(st.booleans(), st.booleans())


def brute_force(points, maximise) -> list[bool]:
    signed = [tuple(v if m else -v for v, m in zip(point, maximise, strict=True)) for point in points]
    return [not any(o[0] >= p[0] and o[1] >= p[1] and o != p for o in signed) for p in signed]


@given(POINTS, SIGNS)
def test_the_front_is_that_of_brute_force(points, maximise):
    found = non_dominated(np.asarray(points, dtype=float).reshape(-1, 2), maximise=maximise)
    assert found.tolist() == brute_force(points, maximise)


def test_a_front_by_hand():
    # compression, accuracy: (2, .9) is beaten by (3, .95); (5, .8) and (10, .7) trade off
    assert non_dominated([(1, 0.95), (2, 0.9), (3, 0.95), (5, 0.8), (10, 0.7), (10, 0.6)]).tolist() == [
        False, False, True, True, True, False
    ]  # fmt: skip


def test_equal_points_are_all_on_the_front():
    assert non_dominated([(1, 1), (1, 1), (0, 0)]).tolist() == [True, True, False]


def test_points_with_a_missing_value_are_not():
    assert non_dominated([(1, np.nan), (np.nan, 9), (0, 0)]).tolist() == [False, False, True]


@given(POINTS.filter(bool))
def test_infinities_are_values_like_others(points):
    values = np.asarray(points, dtype=float)
    values[values == 0] = -np.inf
    values[values == 6] = np.inf
    assert non_dominated(values).tolist() == brute_force([tuple(v) for v in values.tolist()], (True, True))


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match="two measures"):
        non_dominated([(1, 2, 3)])
