from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prunelab.results.measures import MEASURES, measure_of, scaled
from prunelab.results.pareto import front, non_dominated

# Few distinct values, so that ties are common.
MEASURE = st.integers(0, 6)
POINTS = st.lists(st.tuples(MEASURE, MEASURE), max_size=40)
POINTS_3 = st.lists(st.tuples(MEASURE, MEASURE, MEASURE), max_size=40)
SIGNS = st.tuples(st.booleans(), st.booleans())
SIGNS_3 = st.tuples(st.booleans(), st.booleans(), st.booleans())


def brute_force(points, maximise) -> list[bool]:
    signed = [tuple(v if m else -v for v, m in zip(point, maximise, strict=True)) for point in points]
    return [not any(all(a >= b for a, b in zip(o, p, strict=True)) and o != p for o in signed) for p in signed]


@settings(deadline=None)  # the first call loads moocore
@given(POINTS, SIGNS)
def test_the_front_is_that_of_brute_force(points, maximise):
    found = non_dominated(np.asarray(points, dtype=float).reshape(-1, 2), maximise=maximise)
    assert found.tolist() == brute_force(points, maximise)


@settings(deadline=None)
@given(POINTS_3, SIGNS_3)
def test_the_front_in_three_measures_is_that_of_brute_force(points, maximise):
    found = non_dominated(np.asarray(points, dtype=float).reshape(-1, 3), maximise=maximise)
    assert found.tolist() == brute_force(points, maximise)


@pytest.mark.parametrize("measures", [2, 3])
def test_the_front_of_many_points_is_that_of_brute_force(measures):
    points = np.random.default_rng(measures).integers(0, 25, (700, measures)).astype(float)
    better = (points[:, None] >= points[None]).all(axis=2) & (points[:, None] > points[None]).any(axis=2)
    assert non_dominated(points).tolist() == (~better.any(axis=0)).tolist()


def test_a_front_by_hand():
    # compression, accuracy: (2, .9) is beaten by (3, .95); (5, .8) and (10, .7) trade off
    assert non_dominated([(1, 0.95), (2, 0.9), (3, 0.95), (5, 0.8), (10, 0.7), (10, 0.6)]).tolist() == [
        False, False, True, True, True, False
    ]  # fmt: skip


def test_equal_points_are_all_on_the_front():
    assert non_dominated([(1, 1), (1, 1), (0, 0)]).tolist() == [True, True, False]
    assert non_dominated([(1, 1, 1), (1, 1, 1), (1, 1, 0)]).tolist() == [True, True, False]


def test_points_with_a_missing_value_are_not():
    assert non_dominated([(1, np.nan), (np.nan, 9), (0, 0)]).tolist() == [False, False, True]
    assert non_dominated([(1, 1, np.nan), (0, 0, 0)]).tolist() == [False, True]
    assert non_dominated(np.full((2, 2), np.nan)).tolist() == [False, False]


@settings(deadline=None)
@given(POINTS.filter(bool))
def test_infinities_are_values_like_others(points):
    values = np.asarray(points, dtype=float)
    values[values == 0] = -np.inf
    values[values == 6] = np.inf
    assert non_dominated(values).tolist() == brute_force([tuple(v) for v in values.tolist()], (True, True))


@pytest.mark.parametrize("points", [[(1, 2, 3, 4)], [(1,)], [1, 2]])
def test_another_shape_is_refused(points):
    with pytest.raises(ValueError, match="two measures or three"):
        non_dominated(points)


def test_a_direction_for_each_measure():
    with pytest.raises(ValueError, match="for 2 measures"):
        non_dominated([(1, 2, 3)], maximise=(True, True))


def test_the_front_of_a_frame_knows_which_way_is_better():
    frame = pd.DataFrame({"test_top1": [0.9, 0.8, 0.7, 0.6], "latency_seconds": [4.0, 1.0, 2.0, np.nan]})
    assert front(frame, ("test_top1", "latency_seconds")).index.tolist() == [1, 0]


def test_an_unknown_measure_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'compression_ratio'"):
        measure_of("compresion_ratio")
    with pytest.raises(ValueError, match="no column search_steps"):
        front(pd.DataFrame({"test_top1": [0.9]}), ("test_top1", "search_steps"))


def test_ratios_and_costs_count_by_doublings():
    frame = pd.DataFrame({"compression_ratio": [1.0, 8.0, np.inf], "latency_seconds": [0.5, 0.25, 0.0], "test_top1": [0.1, 0.2, 0.3]})
    found = scaled(frame, ("compression_ratio", "latency_seconds", "test_top1"))
    np.testing.assert_allclose(found, [[0, 1, 0.1], [3, 2, 0.2], [np.nan, np.nan, 0.3]])


def test_measures_that_gain_have_a_floor_and_costs_have_none():
    assert all((measure.floor is None) != measure.maximise for measure in MEASURES.values())
