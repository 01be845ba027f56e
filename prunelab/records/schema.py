"""The Record: one flat row a measured point.

Every column is declared here once, with its meaning. `None` means "not measured". Sparsity is the fraction of prunable
weights removed; steps are optimizer steps; sizes are bytes; times are seconds; accuracies are fractions in [0, 1].
"""

from __future__ import annotations

import dataclasses
from typing import Any

from prunelab.basics.canonical import digest

SCHEMA_VERSION = 4  # raised when a column is added or changes its meaning: older rows are then written again


def _column(meaning: str, *, default: Any = None, volatile: bool = False, axis: bool = False) -> Any:
    """A column. `volatile` ones may differ between two runs of the same study; `axis` ones say which point it is."""
    metadata = {"meaning": meaning, "volatile": volatile, "axis": axis}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """One measured point of a study."""

    study: str = _column("name of the study", default="", axis=True)
    kind: str = _column("'point' (a trained network) or 'barrier' (instability analysis)", default="point", axis=True)
    stage_key: str = _column("key of the stage that trained the network", default="")

    model: str = _column("model, as named in conf/model", default="", axis=True)
    dataset: str = _column("data set, as named in conf/dataset", default="", axis=True)
    criterion: str = _column("what scored the weights", default="", axis=True)
    allocation: str = _column("how the target was divided over tensors", default="", axis=True)
    granularity: str = _column("what is removed as one unit", default="", axis=True)
    schedule: str = _column("'iterative', 'one_shot', 'at_init', or the method that pruned during training", default="", axis=True)
    retraining: str = _column("'weight_rewinding', 'lr_rewinding', 'fine_tuning' or 'none'", default="", axis=True)
    rewind_step: int = _column("optimizer step that retraining starts from", default=0, axis=True)
    control: str = _column("'none' for the method itself, else 'reinit', 'shuffle', 'random' or 'small_dense'", default="none", axis=True)
    seed: int = _column("the replicate's seed", default=0, axis=True)
    level: int = _column("prune of an iterative schedule; 0 is dense", default=0, axis=True)
    variant: str = _column("digest of every setting not named by a column; tells sweeps over them apart", default="", axis=True)
    overrides: str = _column("the command-line overrides of the job, for telling variants apart by eye", default="")

    sparsity_requested: float | None = _column("fraction of prunable weights asked to be removed")
    sparsity: float | None = _column("fraction of prunable weights removed")
    effective_sparsity: float | None = _column("the same, counting weights on no input-output path as removed")
    compression_ratio: float | None = _column("all weights of the dense model / all weights left")
    theoretical_speedup: float | None = _column("dense multiply-adds / multiply-adds left")
    multiply_adds: int | None = _column("multiply-adds left for one example")
    parameters: int | None = _column("all parameters left, biases and normalisation included")
    weights_left: int | None = _column("prunable weights left")
    collapsed_layers: int | None = _column("prunable tensors with no weight left")
    layer_density: dict[str, float] | None = _column("density of each prunable tensor, in order of the network")
    size_bytes: int | None = _column("size of the weights on disk")
    zipped_bytes: int | None = _column("size of the weights left and one bit a position, deflated")

    runtime: str | None = _column("what was timed: 'dense', 'masked', 'compacted', 'sparse' or 'deployed' (both)")
    runtime_note: str | None = _column("why the runtime that was asked for could not be had")
    latency_seconds: float | None = _column("median measured latency of a batch", volatile=True)
    latency_low: float | None = _column("lower quartile of the latency", volatile=True)
    latency_high: float | None = _column("upper quartile of the latency", volatile=True)
    dense_latency_seconds: float | None = _column("median latency of the dense network, in turns with this one", volatile=True)
    measured_speedup: float | None = _column("dense latency / latency", volatile=True)
    throughput: float | None = _column("examples a second, by the median latency", volatile=True)
    latency_batch: int | None = _column("examples of the batch that was timed")
    latency_length: int | None = _column("tokens of its texts")
    latency_threads: int | None = _column("threads used while it was timed")
    latencies: dict[str, list[float]] | None = _column(
        "all batches that were timed: 'batch', 'length', 'latency_seconds', 'latency_low', 'latency_high', 'dense_latency_seconds', "
        "'measured_speedup'",
        volatile=True,
    )
    peak_memory_bytes: int | None = _column("weights and the peak of live activations of a forward pass", volatile=True)
    executed_multiply_adds: int | None = _column("multiply-adds that the timed network executes for one example", volatile=True)
    compact_parameters: int | None = _column("parameters of the compacted network")
    compact_size_bytes: int | None = _column("size of the compacted network on disk, dense")
    compact_difference: float | None = _column("largest difference of compacted and masked outputs, relative", volatile=True)
    energy_joules: float | None = _column("processor energy of a forward pass of the batch, where the platform counts it", volatile=True)
    processor: str | None = _column("processor or accelerator that latency was measured on", volatile=True)

    test_top1: float | None = _column("test accuracy at the last step")
    test_top5: float | None = _column("test top-5 accuracy at the last step")
    test_loss: float | None = _column("mean test cross-entropy at the last step")
    test_f1: float | None = _column("macro F1 on test")
    test_ece: float | None = _column("expected calibration error on test, 15 bins")
    validation_top1: float | None = _column("validation accuracy at the last step")
    validation_loss: float | None = _column("validation cross-entropy at the last step")
    early_stop_step: int | None = _column("optimizer step with the lowest validation loss")
    early_stop_loss: float | None = _column("that validation loss")
    early_stop_top1: float | None = _column("validation accuracy at that step")
    train_loss: float | None = _column("mean training loss since the last evaluation, at the last step")
    mask_step: int | None = _column("of a network pruned while it trained: the last step before which its mask changed")
    total_steps: int | None = _column("optimizer step at which training ended")
    curve: dict[str, list[float]] | None = _column("validation curve: 'step', 'validation_loss', 'validation_top1', 'train_loss'")
    diverged: bool = _column("training met a loss that is not finite", default=False)

    barrier: float | None = _column("error barrier of linear interpolation between two children, as an error fraction")
    barrier_curve: dict[str, list[float]] | None = _column("'alpha', 'test_error' along the interpolation")

    train_seconds: float | None = _column("seconds in optimizer steps", volatile=True)
    stage_seconds: float | None = _column("seconds of the training stage, everything included", volatile=True)
    device: str | None = _column("processor or accelerator the network was trained on", volatile=True)
    threads: int | None = _column("threads used by torch", volatile=True)
    torch_version: str | None = _column("torch that trained it", volatile=True)
    prunelab_version: str | None = _column("prunelab that trained it", volatile=True)
    git_commit: str | None = _column("commit of the checkout prunelab ran from", volatile=True)
    wandb_id: str | None = _column("W&B run that mirrors this record", volatile=True)
    created_at: str | None = _column("UTC time of writing, ISO 8601", volatile=True)

    @property
    def record_id(self) -> str:
        """Identity of the point: the digest of its axes. The same point measured again replaces the record."""
        return digest({name: getattr(self, name) for name in AXES})[:32]


COLUMNS: tuple[str, ...] = tuple(field.name for field in dataclasses.fields(Record))
AXES: tuple[str, ...] = tuple(field.name for field in dataclasses.fields(Record) if field.metadata["axis"])
CURVE = "curve"  # of training: losses and accuracies by step
NESTED: tuple[str, ...] = tuple(field.name for field in dataclasses.fields(Record) if str(field.type).startswith("dict"))
VOLATILE: tuple[str, ...] = tuple(field.name for field in dataclasses.fields(Record) if field.metadata["volatile"])
MEANING: dict[str, str] = {field.name: field.metadata["meaning"] for field in dataclasses.fields(Record)}
