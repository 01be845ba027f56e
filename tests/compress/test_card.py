"""The page of a model says what is known and nothing else."""

from __future__ import annotations

import dataclasses

import pytest

from prunelab.compress.card import Card, model_card
from prunelab.records.schema import Record

CARD = Card(title="t", what="What.", files={"model.onnx": 1234}, check=["equal to 1e-7"], usage=["import x", "y"], facts={"fact": "7"})


def _record(**more):
    return dataclasses.asdict(Record(study="s", model="m", dataset="d", criterion="magnitude", stage_key="abc", **more))


def test_what_is_known_is_there():
    page = model_card(
        _record(
            test_top1=0.9512, sparsity=0.9, compression_ratio=9.5, parameters=1000, runtime="compacted", latency_seconds=0.002,
            latency_low=0.001, latency_high=0.003, measured_speedup=1.7, latency_batch=32.0, latency_length=128.0, latency_threads=1.0,
            processor="Abacus", torch_version="2.14",
        ),
        CARD,
    )  # fmt: skip
    for text in ("# t", "95.12 %", "90.00 %", "9.50x", "1,000", "| `model.onnx` | 1,234 bytes |", "| fact | 7 |", "- equal to 1e-7",
                 "2 ms a pass (quartiles 1 to 3) in batches of 32 texts of 128 tokens, 1.70x", "Abacus", "import x\ny", "torch 2.14",
                 "criterion magnitude"):  # fmt: skip
        assert text in page


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_what_was_not_measured_is_left_out(nothing):
    page = model_card(_record(test_top1=nothing, latency_seconds=nothing, sparsity=nothing), CARD)
    for word in ("nan", "None", "latency", "accuracy", "sparsity of"):
        assert word not in page
