"""Latency as a stage: only where it is asked for, beside the dense network, in the record."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from prunelab.config import to_study
from prunelab.datasets.splits import Split, Splits
from prunelab.records.frame import load
from prunelab.study.stages import latency as latency_
from prunelab.study.stages.latency import Latency, check_timing, timing_batches
from prunelab.study.study import LatencySpec, MeasureSpec
from tests.contract.test_configs import composed
from tests.study.conftest import SMALL, by_control

QUICK = ["measure.repeats=3", "measure.warmup=1", "measure.batch_sizes=[2,1]"]
SPEC = LatencySpec(runtime="masked", batch_sizes=[2], lengths=[], repeats=1, warmup=0, threads=1, reference={})


def _row(tmp_path, level=1, control="none"):
    return load(tmp_path / "records", "t").query(f"level == {level} and control == '{control}'").iloc[0]


def test_without_being_asked_for_a_plan_has_no_such_stage_and_the_same_keys(run, tmp_path):
    made, _, _ = run()
    assert all(point.latency is None and len(point.stages) == 3 for point in made.points)
    timed, _, watcher = run("measure=latency", "measure.latency=masked", *QUICK)
    for one, other in zip(made.points, timed.points, strict=True):
        assert [stage.key for stage in one.stages] == [stage.key for stage in other.stages[:3]]
    assert set(watcher.kinds) == {"latency"}  # all else was there
    assert one.measure.description["spec"] == {"effective_sparsity": True, "multiply_adds": True}


def test_the_record_has_what_was_measured(run, tmp_path):
    run("measure=latency", "measure.latency=masked", *QUICK)
    row = _row(tmp_path)
    assert (row["runtime"], row["latency_batch"], row["latency_threads"]) == ("masked", 2, 1)
    assert 0 < row["latency_low"] <= row["latency_seconds"] <= row["latency_high"]
    assert row["measured_speedup"] == pytest.approx(row["dense_latency_seconds"] / row["latency_seconds"])
    assert row["throughput"] == pytest.approx(2 / row["latency_seconds"])
    assert row["latencies"]["latency_batch"] == [2.0, 1.0]
    assert row["latencies"]["latency_seconds"][0] == row["latency_seconds"]
    assert row["executed_multiply_adds"] > row["multiply_adds"]  # zeros are multiplied
    assert 0 < row["zipped_bytes"] < row["size_bytes"] * 1.1
    assert row["peak_memory_bytes"] > 4 * row["parameters"]
    assert row["processor"]
    dense = _row(tmp_path, level=0)
    assert (dense["runtime"], dense["measured_speedup"]) == ("dense", 1.0)


def test_sparse_layers_execute_fewer_multiply_adds(run, tmp_path, monkeypatch):
    def fast(network, masks, example, *, threads):
        def measure(name, calls):
            return {kind: 1.0 if kind == "dense" else 0.5 for kind in calls}

        return latency_plan(network, masks, example, threads=threads, measure=measure)

    latency_plan = latency_.break_even_plan
    monkeypatch.setattr(latency_, "break_even_plan", fast)
    sparse = ["sparsity=list", "sparsity.values=[0.9]", "pruning/allocation=uniform"]
    made, workshop, _ = run("measure=sparse_latency", *QUICK, *sparse)
    row = _row(tmp_path)
    assert row["runtime"] == "sparse"
    assert row["executed_multiply_adds"] == row["multiply_adds"]
    plans = workshop.store.data(made.points[1].latency.key)["plans"]
    assert [plan["batch"] for plan in plans] == [2, 1]
    assert {layer["choice"] for layer in plans[0]["layers"]} == {"csr"}


def test_whole_neurons_are_cut_out_and_what_can_not_be_is_timed_masked_and_says_so(run, tmp_path, monkeypatch):
    units = ["pruning/granularity=neuron", "sparsity=list", "sparsity.values=[0.5]"]
    made, workshop, _ = run("measure=latency", *QUICK, *units)
    row = _row(tmp_path)
    assert row["runtime"] == "compacted"
    assert row["compact_difference"] <= 1e-5
    assert row["compact_parameters"] <= row["parameters"]
    assert 4 * row["compact_parameters"] < row["compact_size_bytes"] < 4 * row["compact_parameters"] + 1000
    assert row["executed_multiply_adds"] <= row["multiply_adds"]
    assert workshop.store.data(made.points[1].latency.key)["check"]["report"]["gone"] > 0

    def refused(*_, **__):
        raise ValueError("its channels can't be followed")

    monkeypatch.setattr("prunelab.compress.compact.compact", refused)
    run("measure=latency", *QUICK, "measure.repeats=4", *units)
    row = _row(tmp_path)
    assert (row["runtime"], row["runtime_note"]) == ("masked", "its channels can't be followed")
    assert row["latency_seconds"] > 0


@pytest.mark.parametrize(("cut_seconds", "runtime"), [(0.5, "deployed"), (2.0, "sparse")])
def test_what_is_deployed_is_cut_only_where_that_is_faster(run, tmp_path, monkeypatch, cut_seconds, runtime):
    measured = latency_.measure_latency

    def clock(models, example, **options):
        found = measured(models, example, **options)
        if "cut" not in found:
            return found
        return {name: dataclasses.replace(one, median=cut_seconds if name == "cut" else 1.0) for name, one in found.items()}

    monkeypatch.setattr(latency_, "measure_latency", clock)
    run("measure=deployed_latency", "pruning/granularity=neuron", "sparsity=list", "sparsity.values=[0.5]", *QUICK)
    row = _row(tmp_path)
    assert row["runtime"] == runtime
    if runtime == "sparse":
        assert "2e+03 ms: nothing is cut out" in row["runtime_note"]
        assert row["compact_parameters"] is None or row["compact_parameters"] != row["compact_parameters"]
    else:
        assert row["compact_parameters"] < row["parameters"] * 1.1


def test_controls_are_timed_beside_the_dense_network_of_the_study(run, tmp_path):
    made, _, _ = run("measure=latency", "measure.latency=masked", *QUICK, "schedule.controls=[small_dense,random]", "sparsity.levels=1")
    points = by_control(made, 1)
    dense = made.points[0]
    assert {point.latency.dense.key for point in points.values()} == {dense.train.key}
    assert points["small_dense"].latency.masks is None
    assert points["small_dense"].latency.dense_model == dense.train.model != points["small_dense"].latency.model
    assert _row(tmp_path, control="small_dense")["runtime"] == "dense"
    assert _row(tmp_path, control="random")["runtime"] == "masked"
    assert dense.latency.dense is None


def test_on_another_machine_it_is_measured_again(run):
    made, _, _ = run("measure=latency", "measure.latency=masked", *QUICK, "sparsity.levels=1")
    stage = made.points[1].latency
    assert isinstance(stage, Latency)
    assert dataclasses.replace(stage, machine="another").key != stage.key
    assert dataclasses.replace(stage, spec=dataclasses.replace(stage.spec, threads=2)).key != stage.key


def _texts():
    padded = torch.tensor([[5, 6, 0, 0], [7, 8, 9, 0]])
    split = Split(inputs=padded, targets=torch.zeros(2, dtype=torch.int64), padding=0)
    return Splits(train=split, validation=split, test=split, num_classes=2, input_shape=(4,), num_tokens=10)


def test_texts_are_cut_to_lengths_and_have_no_padding():
    spec = dataclasses.replace(SPEC, batch_sizes=[1, 2], lengths=[3, 2])
    found = timing_batches(spec, _texts())
    assert [batch.tolist() for batch in found] == [[[5, 6, 7]], [[5, 6]], [[5, 6, 7], [8, 9, 5]], [[5, 6], [7, 8]]]
    assert [tuple(batch.shape) for batch in timing_batches(SPEC, _texts())] == [(2, 4)]


def test_lengths_that_can_not_be_timed_are_said_before_training():
    network = torch.nn.Sequential(torch.nn.Embedding(10, 2), torch.nn.Flatten(), torch.nn.Linear(8, 2))
    check_timing(dataclasses.replace(SPEC, lengths=[4]), _texts(), network)
    with pytest.raises(ValueError, match="no texts of 5 tokens"):
        check_timing(dataclasses.replace(SPEC, lengths=[4, 5]), _texts(), network)
    images = dataclasses.replace(_texts(), num_tokens=0)
    with pytest.raises(ValueError, match=r"measure\.lengths = \[4\] is for texts"):
        check_timing(dataclasses.replace(SPEC, lengths=[4]), images, network)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("latency=compactd", "Did you mean 'compacted'"),
        ("batch_sizes=[]", "measures nothing"),
        ("batch_sizes=[1,1]", "different"),
        ("lengths=[0]", "at least 1"),
        ("repeats=0", "at least 1"),
        ("threads=0", "at least 1"),
    ],
)
def test_a_wrong_spec_is_said(option, said):
    with pytest.raises(ValueError, match=said):
        to_study(*composed(*SMALL, f"measure.{option}"))
    assert MeasureSpec().timing is None
