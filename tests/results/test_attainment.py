from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prunelab.results.attainment import attainment, dominance
from prunelab.results.frames import MissingData
from prunelab.results.hypervolume import Box, box

COLUMNS = ("sparsity", "test_top1")
OPEN = Box(columns=COLUMNS, reference=(0.0, 0.0), best=(np.inf, np.inf))
FRONTS = st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=6), min_size=1, max_size=5)


def frame(fronts, seeds=None) -> pd.DataFrame:
    rows = [(seed, *point) for seed, points in zip(seeds or range(len(fronts)), fronts, strict=True) for point in points]
    return pd.DataFrame(rows, columns=["seed", *COLUMNS]).astype({"sparsity": float, "test_top1": float}).assign(level=1)


def reaches(points, cell) -> bool:
    return any(all(p >= c for p, c in zip(point, cell, strict=True)) for point in points)


@settings(deadline=None)
@given(FRONTS, st.sampled_from([0.25, 0.5, 0.75, 1.0]))
def test_a_surface_is_the_edge_of_what_that_share_of_the_seeds_reaches(fronts, share):
    found = attainment(frame(fronts), COLUMNS, (share,))
    corners = list(found[list(COLUMNS)].itertuples(index=False, name=None))
    for cell in np.ndindex(6, 6):
        reached = sum(reaches(points, cell) for points in fronts) / len(fronts) >= share - 1e-9
        assert reaches(corners, cell) == reached, cell


def test_the_median_of_three_fronts_by_hand():
    found = attainment(frame([[(1, 4)], [(2, 3)], [(3, 2)]]), COLUMNS)
    median = found[found["share"] == 0.5]
    assert median["num_seeds"].tolist() == [2, 2]
    assert median[list(COLUMNS)].to_numpy().tolist() == [[1, 3], [2, 2]]


def test_costs_and_ratios_come_back_in_their_own_units():
    rows = pd.DataFrame({"seed": [1, 0], "level": 1, "latency_seconds": [0.3, 0.2], "compression_ratio": [3.0, 5.0]})
    found = attainment(rows, ("latency_seconds", "compression_ratio"), (1.0,))
    np.testing.assert_allclose(found[["latency_seconds", "compression_ratio"]], [[0.3, 3.0]])


def test_seeds_may_come_in_any_order():
    rows = frame([[(1, 4), (4, 1)], [(2, 3), (3, 2)]])
    mixed = rows.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(attainment(mixed, COLUMNS), attainment(rows, COLUMNS))


def test_no_share_of_nothing():
    with pytest.raises(ValueError, match="share 0"):
        attainment(frame([[(1, 1)]]), COLUMNS, (0,))
    with pytest.raises(MissingData, match="no pruned network"):
        attainment(frame([[(1, np.nan)]]), COLUMNS)


def test_how_often_one_front_dominates_another():
    first = frame([[(1, 5), (5, 1)], [(3, 3)], [(2, 2)], [(1, 5)], [(1, 1)]], seeds=[0, 1, 2, 3, 4])
    second = frame([[(1, 4), (4, 1)], [(3, 3)], [(2, 3)], [(5, 1)], [(1, 1)]], seeds=[0, 1, 2, 3, 9])
    found = dominance(first, second, OPEN)
    assert (found.num_first, found.num_second, found.num_equal, found.num_neither) == (1, 1, 1, 1)
    assert found.unpaired == (4, 9)
    assert found.probability == 0.25
    # Clopper & Pearson, 1 of 4
    assert (found.low, found.high) == pytest.approx((0.00631, 0.80588), abs=1e-5)


def test_fronts_without_a_common_seed():
    with pytest.raises(MissingData, match="no seed in common"):
        dominance(frame([[(1, 1)]], seeds=[0]), frame([[(1, 1)]], seeds=[1]), OPEN)


def test_seeds_with_the_dense_network_alone_are_no_seeds_of_a_method():
    dense = pd.DataFrame({"seed": range(5), "sparsity": 0.0, "test_top1": 5.0, "level": 0})
    rows = pd.concat([dense, frame([[(3, 4)]] * 2)], ignore_index=True)
    found = attainment(rows, COLUMNS, (1.0,))
    assert found[["num_seeds", *COLUMNS]].to_numpy().tolist() == [[2, 0, 5], [2, 3, 4]]
    other = pd.concat([dense, frame([[(3, 4)]] * 3)], ignore_index=True)
    counted = dominance(other, rows, OPEN)
    assert (counted.num_first, counted.num_equal, counted.unpaired) == (0, 2, (2, 3, 4))


def test_no_front_is_spared_by_having_been_pruned_further():
    columns = ("compression_ratio", "test_top1")
    near = frame([[(1, 5), (8, 4)]]).rename(columns={"sparsity": "compression_ratio"}).assign(side="near")
    far = frame([[(1, 5), (8, 3), (32, 2)]]).rename(columns={"sparsity": "compression_ratio"}).assign(side="far")
    both = pd.concat([near, far])
    assert dominance(near, far, box(both, columns)).num_neither == 1
    assert dominance(near, far, box(both, columns, common_to="side")).num_first == 1
