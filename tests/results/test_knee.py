from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from prunelab.results.knee import knee

COLUMNS = ("compression_ratio", "test_top1")


def frame(points) -> pd.DataFrame:
    return pd.DataFrame(points, columns=list(COLUMNS), dtype=float)


def test_the_knee_is_where_accuracy_begins_to_fall():
    rows = frame([(1, 0.95), (2, 0.95), (4, 0.94), (8, 0.93), (16, 0.8), (32, 0.5), (8, 0.2)])
    found = knee(rows, COLUMNS)
    assert found is not None
    # doublings 1 to 5 over the front, accuracy 0.5 to 0.95: 8 lies 2/4 + 43/45 - 1 beyond, 16 lies 3/4 + 30/45 - 1
    assert found["compression_ratio"] == 8


def test_doublings_count_not_ratios():
    rows = frame([(1, 1.0), (10, 0.8), (100, 0.0)])
    found = knee(rows, COLUMNS)
    assert found is not None
    assert found["compression_ratio"] == 10


@pytest.mark.parametrize(
    "points",
    [
        [(1, 0.9), (2, 0.8)],
        [(1, 0.9), (2, 0.8), (2, 0.8)],
        [(1, 0.9), (2, 0.8), (4, 0.7)],
        [(1, 0.9), (2, 0.5), (4, 0.4)],
        [(1, np.nan)],
    ],
)
def test_a_front_without_a_bend_has_no_knee(points):
    assert knee(frame(points), COLUMNS) is None


def test_a_tie_goes_to_accuracy():
    found = knee(frame([(1, 1.0), (2, 0.95), (8, 0.55), (16, 0.2)]), COLUMNS)
    assert found is not None
    assert found["compression_ratio"] == 2


def test_a_knee_is_of_two_measures():
    with pytest.raises(ValueError, match="not of 3"):
        knee(frame([(1, 1)]), (*COLUMNS, "sparsity"))
