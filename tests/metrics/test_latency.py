"""Taking turns, quartiles, and a machine that is left as it was."""

from __future__ import annotations

import gc

import pytest
import torch
from torch import nn

from prunelab.metrics.latency import latency_of, measure_latency, take_turns


def test_calls_take_turns_and_each_begins_a_round_in_turn():
    order: list[str] = []
    calls = {name: (lambda name=name: order.append(name)) for name in "abc"}
    seconds = take_turns(calls, repeats=4, warmup=1, threads=1)
    assert "".join(order) == "abc" + "abc" + "bca" + "cab" + "abc"
    assert {name: len(times) for name, times in seconds.items()} == {"a": 4, "b": 4, "c": 4}


def test_warmup_is_not_timed_and_a_time_belongs_to_its_call():
    def timer(call):
        return call()

    seconds = take_turns({"one": lambda: 1.0, "two": lambda: 2.0}, repeats=3, warmup=2, threads=1, timer=timer)
    assert seconds == {"one": [1.0] * 3, "two": [2.0] * 3}


def test_median_quartiles_and_throughput():
    found = latency_of([5.0, 1.0, 2.0, 3.0, 4.0], batch=6)
    assert (found.low, found.median, found.high, found.runs, found.throughput) == (2.0, 3.0, 4.0, 5, 2.0)
    once = latency_of([3.0], batch=1)
    assert (once.low, once.median, once.high) == (3.0, 3.0, 3.0)
    assert found.to_json()["throughput"] == 2.0


class _Watched(nn.Linear):
    def forward(self, input):
        self.seen = (self.training, torch.is_inference_mode_enabled(), torch.get_num_threads(), gc.isenabled())
        return super().forward(input)


def test_it_measures_in_eval_and_inference_mode_and_leaves_all_as_it_was():
    model, frozen = _Watched(4, 4), nn.Dropout()
    model.add_module("frozen", frozen.eval())
    torch.set_num_threads(1)
    found = measure_latency({"model": model}, torch.zeros(3, 4), repeats=2, warmup=0, threads=2)["model"]
    assert model.seen == (False, True, 2, False)
    assert (model.training, frozen.training, torch.get_num_threads(), gc.isenabled()) == (True, False, 1, True)
    assert (found.batch, found.runs) == (3, 2)
    assert found.median > 0


def test_an_error_leaves_all_as_it_was_too():
    model = nn.Linear(4, 4)
    with pytest.raises(RuntimeError):
        measure_latency({"model": model}, torch.zeros(3, 5), threads=2)
    assert (model.training, torch.get_num_threads(), gc.isenabled()) == (True, 1, True)


def test_more_work_takes_longer():
    small, large = nn.Linear(16, 16), nn.Sequential(*(nn.Linear(512, 512) for _ in range(4)))
    pad = nn.Sequential(nn.Linear(16, 512), large)
    found = measure_latency({"small": small, "large": pad}, torch.zeros(64, 16), repeats=9)
    assert found["large"].median > 3 * found["small"].median  # 8,000 times the work


@pytest.mark.parametrize(("option", "value"), [("repeats", 0), ("warmup", -1), ("threads", 0)])
def test_counts_that_measure_nothing_are_refused(option, value):
    with pytest.raises(ValueError, match=f"{option} = {value}"):
        measure_latency({"model": nn.Linear(2, 2)}, torch.zeros(1, 2), **{option: value})
    with pytest.raises(ValueError, match="no model"):
        measure_latency({}, torch.zeros(1, 2))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_is_timed_by_its_events():
    model = nn.Linear(512, 512).cuda()
    assert measure_latency({"model": model}, torch.zeros(64, 512, device="cuda"), repeats=3)["model"].median > 0
