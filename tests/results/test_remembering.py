from __future__ import annotations

import pandas as pd

from prunelab.results.remembering import remembered, remembering

CALLS: list[str] = []


@remembered
def total(frame: pd.DataFrame, column: str) -> float:
    CALLS.append(column)
    return float(frame[column].sum())


def test_within_a_report_each_thing_is_computed_once():
    frame, other = pd.DataFrame({"a": [1, 2], "b": [5, 6]}), pd.DataFrame({"a": [3, 4]})
    CALLS.clear()
    with remembering():
        assert [total(frame, "a"), total(frame, "a"), total(frame, "b"), total(other, "a")] == [3, 3, 11, 7]
        with remembering():
            assert total(frame, "a") == 3
    assert CALLS == ["a", "b", "a"]


def test_outside_of_it_nothing_is_kept():
    frame = pd.DataFrame({"a": [1, 2]})
    CALLS.clear()
    assert total(frame, "a") == 3
    frame.loc[0, "a"] = 5
    assert total(frame, "a") == 7
    with remembering():
        assert total(frame, "a") == 7
    frame.loc[0, "a"] = 6
    with remembering():
        assert total(frame, "a") == 8


def test_a_frame_that_is_gone_does_not_lend_its_result_to_another():
    with remembering():
        assert [total(pd.DataFrame({"a": [number]}), "a") for number in range(50)] == list(range(50))
