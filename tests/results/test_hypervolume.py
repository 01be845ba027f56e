from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prunelab.results.frames import MissingData
from prunelab.results.hypervolume import box, hypervolume, volume, volumes

COORDINATE = st.integers(-1, 5)
COLUMNS = ("compression_ratio", "test_top1")


def by_inclusion_and_exclusion(points: list[tuple[int, ...]], reference: tuple[int, ...]) -> float:
    """The volume of a union of boxes: what each set of them shares, added and taken away in turns."""
    total = 0.0
    for count in range(1, len(points) + 1):
        for chosen in itertools.combinations(points, count):
            shared = np.min(chosen, axis=0)
            total += (-1) ** (count + 1) * float(np.prod(np.maximum(shared - np.asarray(reference), 0)))
    return total


def by_counting_cells(points: list[tuple[int, ...]], best: tuple[int, ...]) -> int:
    """Unit cells above 0 whose upper corner a point reaches."""
    cells = itertools.product(*(range(1, edge + 1) for edge in best))
    return sum(any(all(p >= c for p, c in zip(point, cell, strict=True)) for point in points) for cell in cells)


@settings(deadline=None)  # the first call loads moocore
@given(st.lists(st.tuples(COORDINATE, COORDINATE), max_size=8))
def test_the_volume_in_two_measures_is_that_of_brute_force(points):
    found = volume(np.asarray(points, dtype=float).reshape(-1, 2), np.zeros(2), np.full(2, np.inf))
    assert found == pytest.approx(by_inclusion_and_exclusion(points, (0, 0)))
    assert found == by_counting_cells(points, (5, 5))


@settings(deadline=None)
@given(st.lists(st.tuples(COORDINATE, COORDINATE, COORDINATE), max_size=7))
def test_the_volume_in_three_measures_is_that_of_brute_force(points):
    found = volume(np.asarray(points, dtype=float).reshape(-1, 3), np.zeros(3), np.full(3, np.inf))
    assert found == pytest.approx(by_inclusion_and_exclusion(points, (0, 0, 0)))
    assert found == by_counting_cells(points, (5, 5, 5))


@settings(deadline=None)
@given(st.lists(st.tuples(COORDINATE, COORDINATE, COORDINATE), max_size=7), st.tuples(*[st.integers(1, 4)] * 3))
def test_what_lies_beyond_the_box_counts_as_if_on_its_edge(points, best):
    found = volume(np.asarray(points, dtype=float).reshape(-1, 3), np.zeros(3), np.asarray(best, dtype=float))
    assert found == by_counting_cells(points, best)


def frame(rows: list[tuple[int, float, float]], **columns) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["seed", *COLUMNS]).assign(**{"level": 1, **columns})


def test_a_volume_by_hand():
    # 0.9 up to 1 halving of the weights, 0.8 up to 3: 0.9 x 1 + 0.8 x 2
    rows = frame([(0, 1, 0.9), (0, 2, 0.9), (0, 8, 0.8), (0, 4, 0.5)])
    assert hypervolume(rows, box(rows, COLUMNS)) == pytest.approx(2.5)


def test_the_reference_of_a_gain_is_fixed_and_that_of_a_cost_the_largest():
    rows = frame([(0, 1, 0.9), (0, 8, 0.8)], latency_seconds=[4.0, 1.0])
    assert box(rows, COLUMNS).reference == (1.0, 0.0)
    within = box(rows, ("latency_seconds", "test_top1"))
    assert within.reference == (4.0, 0.0)
    assert hypervolume(rows, within) == pytest.approx(2 * 0.8)


def test_no_side_gains_by_being_pruned_further_than_the_other():
    rows = pd.concat([frame([(0, 1, 0.9), (0, 16, 0.9)], side="a"), frame([(0, 1, 0.9), (0, 4, 0.9)], side="b")])
    fair = box(rows, COLUMNS, common_to="side")
    assert fair.best == (4.0, np.inf)
    found = {side: hypervolume(own, fair) for side, own in rows.groupby("side")}
    assert found == pytest.approx({"a": 1.8, "b": 1.8})
    assert hypervolume(rows[rows["side"] == "a"], box(rows, COLUMNS)) == pytest.approx(3.6)


def test_a_side_with_the_dense_network_alone_leaves_the_others_their_box():
    rows = pd.concat([frame([(0, 1, 0.9), (0, 4, 0.9)], side="a"), frame([(0, 1, 0.9)], side="b", level=0)])
    assert box(rows, COLUMNS, common_to="side").best == (4.0, np.inf)
    with pytest.raises(MissingData, match="no pruned network has all of"):
        box(rows[rows["side"] == "b"], COLUMNS, common_to="side")


def test_a_cost_ends_at_the_cheapest_that_both_sides_reach():
    rows = pd.concat([frame([(0, 1, 0.9)] * 2, side=s, latency_seconds=[8.0, last]) for s, last in (("a", 1.0), ("b", 4.0))])
    within = box(rows, ("latency_seconds", "test_top1"), common_to="side")
    assert within.best == (4.0, np.inf)
    assert hypervolume(rows, within) == pytest.approx(0.9)


def test_each_seed_has_its_volume_and_the_mean_an_interval():
    rows = frame([(seed, 2, 0.7 + 0.1 * seed) for seed in (0, 1, 2)] + [(0, 4, np.nan), (0, np.inf, 0.5), (1, 2, 0.1)])
    found = volumes(rows, box(rows, COLUMNS))
    assert found.by_seed == pytest.approx({0: 0.7, 1: 0.8, 2: 0.9})
    assert found.interval.mean == pytest.approx(0.8)
    assert found.interval.half_width == pytest.approx(4.302652729911275 * 0.1 / np.sqrt(3))
    assert found.num_left_out == 2
    assert found.uneven == (0, 2)


def test_a_seed_that_has_only_the_dense_network_has_no_volume():
    rows = frame([(seed, ratio, 0.9) for seed in (0, 1, 2) for ratio in (1, 4)] + [(3, 1, 0.9), (4, 1, 0.9)])
    rows = rows.assign(level=(rows["compression_ratio"] > 1).astype(int))
    found = volumes(rows, box(rows, COLUMNS))
    assert found.by_seed == pytest.approx({0: 1.8, 1: 1.8, 2: 1.8})
    assert found.left_out == dict.fromkeys((3, 4), "no pruned network with compression_ratio and test_top1")
    assert found.notes == ("seeds 3, 4 left out: no pruned network with compression_ratio and test_top1",)
    with pytest.raises(MissingData, match="no pruned network has all of compression_ratio, test_top1"):
        volumes(rows[rows["level"] == 0], box(rows, COLUMNS))


def test_no_network_with_both_measures():
    with pytest.raises(MissingData, match="compression_ratio, test_top1"):
        box(frame([(0, np.nan, 0.9)]), COLUMNS)
