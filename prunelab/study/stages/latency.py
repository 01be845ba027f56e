"""How long a pruned network takes, measured beside the dense one on this machine."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from prunelab.basics.component import Component
from prunelab.compress.break_even import apply, break_even_plan
from prunelab.datasets.splits import Split, Splits
from prunelab.metrics.energy import counts_energy, energy_of_block
from prunelab.metrics.flops import executed_multiply_adds
from prunelab.metrics.latency import measure_latency, pinned_threads
from prunelab.metrics.machine import fingerprint, machine
from prunelab.metrics.masks import evaluating
from prunelab.metrics.memory import peak_memory_bytes
from prunelab.metrics.size import state_bytes, zipped_bytes
from prunelab.models.structure import scope_with_structure, structure_of
from prunelab.pruning.scope import scope_of
from prunelab.store.artifact import Artifact
from prunelab.study.stages.base import Stage, state_in
from prunelab.study.stages.train import Train
from prunelab.study.study import LatencySpec
from prunelab.study.workshop import Workshop
from prunelab.training.batches import examples

DENSE, TIMED = "dense", "timed"
_FEWEST = 15  # passes of each that a choice is made by


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Latency(Stage):
    """Latency, memory and executed work of a network, and the latency of the dense one in turns with it.

    Attributes:
        spec: what runs, on which batches.
        machine: fingerprint of the machine: on another one it is measured again.
        masks: of a network that is not masked None: it runs as it is.
        dense_model: what `dense` is of.
        dense: the network to compare with; None if `weights` are it, or if the spec names another model.
    """

    model: Component
    dataset: Component
    exclude: tuple[str, ...]
    spec: LatencySpec
    machine: str
    weights: Stage
    masks: Stage | None
    dense_model: Component
    dense: Stage | None

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """See `Stage`."""
        device = timing_device(workshop)
        network = workshop.network(self.model, self.dataset, state_in(inputs["weights"])).to(device)
        dense = None
        if self.dense is not None:
            dense = workshop.network(self.dense_model, self.dataset, state_in(inputs["dense"])).to(device)
        elif self.spec.reference:  # how long it takes does not depend on its weights
            dense = workshop.model(self.dense_model, self.dataset).to(device)
        masks = self._masks(network, inputs, device)
        batches = [example.to(device) for example in timing_batches(self.spec, workshop.splits(self.dataset))]
        prepared = _prepare(network, masks, self.spec, batches[0])
        rows, plans = [], []
        first = prepared.model
        for index, example in enumerate(batches):
            timed = prepared.model
            if prepared.zeros:
                plan = break_even_plan(prepared.model, prepared.zeros, example, threads=self.spec.threads)
                timed = apply(plan, prepared.model)
                plans.append(plan.to_json())
            first = timed if not index else first
            rows.append(self._row(timed, dense, example, is_text=workshop.splits(self.dataset).num_tokens > 0))
        columns = {
            **rows[0],
            **prepared.columns,
            "runtime": prepared.runtime,
            "runtime_note": prepared.note,
            "latencies": {name: [row[name] for row in rows] for name in _LISTED},
            "latency_threads": self.spec.threads,
            "zipped_bytes": zipped_bytes(network, masks),
            "peak_memory_bytes": peak_memory_bytes(first, batches[0]),
            "executed_multiply_adds": executed_multiply_adds(first, batches[0]),
            "energy_joules": _energy(first, batches[0], self.spec),
            "processor": machine()["accelerator" if device == "cuda" else "processor"],
        }
        return Artifact(data={"columns": columns, "check": prepared.check, "plans": plans, "environment": machine()})

    def _masks(self, network: nn.Module, inputs: Mapping[str, Artifact], device: str) -> dict[str, Tensor]:
        if self.masks is None:
            return {}
        scope = scope_with_structure(network, exclude=self.exclude)
        return {name: inputs["masks"].tensors[name].to(device) for name in scope.shapes}

    def _row(self, timed: nn.Module, dense: nn.Module | None, example: Tensor, *, is_text: bool) -> dict[str, Any]:
        """The columns of one batch; a dense network is its own reference."""
        models = {TIMED: timed} if dense is None else {TIMED: timed, DENSE: dense}
        found = measure_latency(models, example, repeats=self.spec.repeats, warmup=self.spec.warmup, threads=self.spec.threads)
        own, reference = found[TIMED], found.get(DENSE, found[TIMED])
        return {
            "latency_batch": len(example),
            "latency_length": example.shape[1] if is_text else None,
            "latency_seconds": own.median,
            "latency_low": own.low,
            "latency_high": own.high,
            "dense_latency_seconds": reference.median,
            "measured_speedup": reference.median / own.median,
            "throughput": own.throughput,
        }


_LISTED = ("latency_batch", "latency_length", "latency_seconds", "latency_low", "latency_high", "dense_latency_seconds", "measured_speedup")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Prepared:
    """What is timed.

    Attributes:
        runtime: what it is, in the words of the record.
        note: why it is not what was asked for.
        columns: of the record, of a compacted network.
        check: of compaction.
        zeros: masks of what may run on sparse kernels; empty if nothing may.
    """

    model: nn.Module
    runtime: str
    zeros: Mapping[str, Tensor] = dataclasses.field(default_factory=dict)
    note: str | None = None
    columns: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    check: Mapping[str, Any] | None = None


def _prepare(network: nn.Module, masks: Mapping[str, Tensor], spec: LatencySpec, example: Tensor) -> _Prepared:
    """The network as the spec has it; where it can't be compacted, the masked one, and why."""
    if not masks:
        return _Prepared(model=network, runtime="dense")
    if spec.runtime not in ("compacted", "deployed"):
        return _Prepared(model=network, runtime=spec.runtime, zeros=masks if spec.runtime == "sparse" else {})
    from prunelab.compress.compact import compact

    try:
        made = compact(network, dict(masks), structure=structure_of(network), example=example)
    except ValueError as error:
        if spec.runtime == "deployed":
            return _Prepared(model=network, runtime="sparse", note=str(error), zeros=masks)
        return _Prepared(model=network, runtime="masked", note=str(error))
    if spec.runtime == "deployed" and (slower := _slower(made.model, network, spec, example)):
        return _Prepared(model=network, runtime="sparse", note=slower, zeros=masks)
    columns = {
        "compact_parameters": sum(parameter.numel() for parameter in made.model.parameters()),
        "compact_size_bytes": state_bytes(made.model),
        "compact_difference": made.check.difference,
    }
    zeros = _zeros(made.model) if spec.runtime == "deployed" else {}
    return _Prepared(model=made.model, runtime=spec.runtime, columns=columns, check=dataclasses.asdict(made.check), zeros=zeros)


def _slower(cut: nn.Module, whole: nn.Module, spec: LatencySpec, example: Tensor) -> str:
    """Why nothing is cut out of what is deployed; empty if that makes it faster.

    Without the few channels that single weights leave dead, a layer of 32 has 31, and vector units take as long for them or longer.
    """
    models = {"cut": cut, "whole": whole}
    found = measure_latency(models, example, repeats=max(_FEWEST, spec.repeats), warmup=spec.warmup, threads=spec.threads)
    cut_seconds, whole_seconds = found["cut"].median, found["whole"].median
    if cut_seconds < whole_seconds:
        return ""
    return f"whole it takes {1000 * whole_seconds:.3g} ms, without the removed units {1000 * cut_seconds:.3g} ms: nothing is cut out"


def _zeros(model: nn.Module) -> dict[str, Tensor]:
    """Masks of the weights that are not zero, of the tensors that have zeros."""
    weights = scope_of(model).weights(model)
    return {name: weight != 0 for name, weight in weights.items() if int(weight.count_nonzero()) < weight.numel()}


def latency_beside(
    dense: Train, train: Train, masks: Stage | None, *, exclude: tuple[str, ...], spec: LatencySpec, workshop: Workshop
) -> Latency:
    """The stage that times what `train` ends with, on this machine, beside `dense`.

    Raises:
        ValueError: for a reference that the model has no such options for.
    """
    itself = bool(spec.reference) or train.key == dense.key
    return Latency(
        model=train.model,
        dataset=train.dataset,
        exclude=exclude,
        spec=spec,
        machine=fingerprint(timing_device(workshop)),
        weights=train,
        masks=masks,
        dense_model=dense.model.replace(**spec.reference),
        dense=None if itself else dense,
    )


def _energy(model: nn.Module, example: Tensor, spec: LatencySpec) -> float | None:
    """Joules of one pass, from as many in a row as are timed."""
    if example.is_cuda or not counts_energy():
        return None
    with evaluating(model), torch.inference_mode(), pinned_threads(spec.threads), energy_of_block() as spent:
        for _ in range(spec.repeats):
            model(example)
    return None if spent.joules is None else spent.joules / spec.repeats


def timing_device(workshop: Workshop) -> str:
    """Where latency is measured: on CUDA if it is there and the study's hardware is not the CPU."""
    on_gpu = workshop.hardware.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
    return "cuda" if on_gpu else "cpu"


def timing_batches(spec: LatencySpec, splits: Splits) -> list[Tensor]:
    """The batches that are timed: each size with each length, of test examples, which begin again if they are too few.

    Texts are of exactly so many tokens without padding: the test split's tokens in a row, cut into lengths.
    """
    test, sizes = splits.test, spec.batch_sizes
    if not splits.num_tokens:
        return [examples(test, torch.arange(size) % len(test))[0] for size in sizes]
    assert isinstance(test, Split)
    tokens = test.inputs[test.inputs != test.padding]
    lengths = spec.lengths or [splits.input_shape[0]]
    return [tokens[torch.arange(size * length) % len(tokens)].view(size, length) for size, length in itertools.product(sizes, lengths)]


def check_timing(spec: LatencySpec | None, splits: Splits, network: nn.Module) -> None:
    """Check, before anything is trained, that there is what is to be timed.

    Raises:
        ValueError: for lengths of a data set that is not of texts, or longer than the network takes.
    """
    if spec is None or not spec.lengths:
        return
    if not splits.num_tokens:
        raise ValueError(f"measure.lengths = {spec.lengths} is for texts; this data set's examples have the shape {splits.input_shape}")
    longest = timing_batches(dataclasses.replace(spec, batch_sizes=[1], lengths=[max(spec.lengths)]), splits)[0]
    try:
        with evaluating(network), torch.inference_mode():
            network(longest)
    except (IndexError, RuntimeError) as error:
        raise ValueError(f"the network takes no texts of {max(spec.lengths)} tokens (measure.lengths): {error}") from error
