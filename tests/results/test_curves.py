from __future__ import annotations

import math

import numpy as np
import pytest

from prunelab.results import curves
from prunelab.results.frames import checked
from prunelab.results.matching import against_dense, matching
from prunelab.results.methods import with_methods


def test_means_intervals_and_each_seeds_value(to_frame, make_network):
    frame = to_frame([make_network(seed=s, level=1, test_top1=v) for s, v in ((2, 3.0), (0, 1.0), (1, 2.0))])
    (row,) = curves.accuracy(checked(frame)).to_dict("records")
    assert (row["mean"], row["num_seeds"], row["seeds"], row["values"]) == (2.0, 3, (0, 1, 2), (1.0, 2.0, 3.0))
    assert row["high"] - row["mean"] == pytest.approx(4.302652729911275 / math.sqrt(3))
    assert row["density"] == pytest.approx(1 - frame["sparsity"].iloc[0])


def test_controls_come_in_a_fixed_order_and_dense_is_level_zero(study):
    found = curves.accuracy(checked(study))
    assert list(dict.fromkeys(found["control"])) == ["none", "reinit", "shuffle", "random", "small_dense"]
    assert found.groupby("control")["level"].min().to_dict() == {
        "none": 0, "reinit": 1, "shuffle": 1, "random": 1, "small_dense": 1
    }  # fmt: skip


def test_a_seed_without_a_value_is_not_averaged_and_one_seed_has_no_interval(to_frame, make_network):
    frame = to_frame([make_network(seed=0, level=1, early_stop_step=100), make_network(seed=1, level=1, early_stop_step=None)])
    (row,) = curves.early_stop(checked(frame)).to_dict("records")
    assert (row["mean"], row["seeds"]) == (100, (0,))
    assert math.isnan(row["low"])


def test_diverged_runs_stay_in_the_mean_and_are_counted(to_frame, make_network):
    frame = to_frame([make_network(level=1, test_top1=0.9), make_network(seed=1, level=1, test_top1=0.1, diverged=True)])
    (row,) = curves.accuracy(checked(frame)).to_dict("records")
    assert (row["mean"], row["num_diverged"]) == (pytest.approx(0.5), 1)


def test_a_single_method_has_no_label_several_are_called_by_what_differs(study, to_frame, make_study):
    assert set(with_methods(study[study["kind"] == "point"])["method"]) == {""}
    several = make_study(levels=2, controls=()) + make_study(levels=2, controls=(), criterion="snip")
    assert set(with_methods(to_frame(several))["method"]) == {"magnitude", "snip"}


def test_methods_share_the_dense_network_of_their_study_but_not_of_another_data_set(to_frame, make_network):
    frame = to_frame([
        make_network(criterion="", test_top1=0.9), make_network(dataset="other", criterion="", test_top1=0.5),
        make_network(level=1, criterion="snip"), make_network(level=1, criterion="magnitude"),
        make_network(level=1, dataset="other", criterion="snip"),
    ])  # fmt: skip
    dense = curves.accuracy(checked(frame)).query("level == 0")
    assert dict(zip(dense["method"], dense["mean"], strict=True)) == {
        "mnist5k · snip": 0.9, "mnist5k · magnitude": 0.9, "other · snip": 0.5
    }  # fmt: skip


def test_a_dense_network_recorded_for_each_method_counts_once(to_frame, make_network):
    frame = to_frame([
        make_network(criterion=criterion, level=level, test_top1=0.9 if criterion == "snip" else 0.8)
        for criterion in ("snip", "magnitude") for level in (0, 1)
    ])  # fmt: skip
    dense = curves.accuracy(checked(frame)).query("level == 0")
    assert dict(zip(dense["method"], dense["values"], strict=True)) == {"snip": (0.9,), "magnitude": (0.8,)}


def test_variants_that_look_alike_keep_apart(to_frame, make_network):
    long = "optimizer.lr=" + "1" * 80
    frame = to_frame([make_network(level=1, variant=v, overrides=f"{long}{v}") for v in ("aa", "bb")])
    assert with_methods(frame)["method"].nunique() == 2


def test_layer_density_has_tensors_in_order_of_the_network(study):
    (matrix,) = curves.layer_density(checked(study)).values()
    assert list(matrix.index) == ["fc1.weight", "fc2.weight", "output.weight"]
    assert list(matrix.columns) == list(range(16))
    assert matrix.loc["output.weight", 2] == pytest.approx(0.81)
    assert matrix.loc["fc1.weight", 2] == pytest.approx(0.64)


def test_barriers_by_rewind_step(study):
    found = curves.barrier(checked(study))
    assert list(found.query("level == 0")["rewind_step"]) == [0, 20, 100, 500]
    assert (found["num_seeds"] == 3).all()
    first = found.iloc[0]
    assert first["mean"] == pytest.approx(np.mean(first["values"]))


def test_interpolation_averages_over_seeds(to_frame, make_barrier):
    records = [make_barrier(seed=seed, rewind_step=0) for seed in (0, 1)]
    found = curves.interpolation(checked(to_frame(records)))
    assert len(found) == 30
    middle = [record.barrier_curve["test_error"][14] for record in records]
    assert found["mean"].iloc[14] == pytest.approx(np.mean(middle))


def test_no_barriers_give_an_empty_frame(to_frame, make_network):
    frame = checked(to_frame([make_network()]))
    assert curves.barrier(frame).empty
    assert curves.interpolation(frame).empty


def test_matching_stops_at_the_first_level_that_is_worse(to_frame, make_network):
    values = {0: 0.950, 1: 0.955, 2: 0.946, 3: 0.940, 4: 0.950}
    frame = checked(to_frame([make_network(seed=s, level=n, test_top1=v) for n, v in values.items() for s in (0, 1)]))
    levels = against_dense(frame)
    assert [entry.level for entry in levels] == [1, 2, 3, 4]
    matched = matching(levels, margin=0.005)
    assert matched is not None
    assert matched.level == 2
    assert matched.difference.interval.mean == pytest.approx(-0.004)
    assert matching(levels[2:], margin=0.005) is None
