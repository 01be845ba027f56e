from __future__ import annotations

import pandas as pd
import pytest

from prunelab.results.frames import MissingData, checked
from prunelab.results.selection import dense, nearest_level, select, tickets


def test_selecting_by_control_and_weights_left(study):
    chosen = select(study, control="reinit", density=(0.10, 0.15))
    assert set(chosen["control"]) == {"reinit"}
    assert set(chosen["level"]) == {9, 10}
    assert set(chosen["seed"]) == {0, 1, 2}


def test_the_ends_of_a_density_range_are_included(study):
    density = 1 - study.loc[study["level"] == 9, "sparsity"].iloc[0]
    assert set(select(study, density=(density, density))["level"]) == {9}


def test_tickets_and_dense_part_the_methods_own_networks(study):
    own = select(study, control="none")
    assert set(dense(study)["level"]) == {0}
    assert len(dense(study)) + len(tickets(study)) == len(own) == 3 * 16


def test_barriers_are_not_points(study):
    assert set(select(study, kind="barrier")["kind"]) == {"barrier"}
    assert "barrier" not in set(select(study)["kind"])


def test_a_wrong_name_is_answered_with_the_nearest(study):
    with pytest.raises(ValueError, match="'reinit'"):
        select(study, control="reinnit")
    with pytest.raises(ValueError, match="'criterion'"):
        select(study, criterium="snip")
    with pytest.raises(ValueError, match="density"):
        select(study, density=(0.5, 0.1))


def test_nothing_selected_remembers_what_was_asked(study):
    chosen = select(study, control="reinit", criterion="snip", level=3)
    assert chosen.empty
    assert chosen.attrs["asked"] == "control reinit, level 3, criterion snip"


def test_the_nearest_level(study):
    assert nearest_level(study, 0.135) == 9
    assert nearest_level(study, 1.0) == 0
    with pytest.raises(MissingData):
        nearest_level(study[study["level"] == 99], 0.1)


def test_an_empty_or_foreign_frame_is_refused(study):
    with pytest.raises(ValueError, match="no rows"):
        checked(study.iloc[:0])
    with pytest.raises(ValueError, match="test_top1"):
        checked(study.drop(columns="test_top1"))


def test_a_point_that_is_there_twice_is_refused(study):
    with pytest.raises(ValueError, match="twice"):
        checked(pd.concat([study, study.iloc[:1]]))
