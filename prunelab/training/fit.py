"""Fit a masked network with Lightning's Trainer."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import hashlib
import json
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.strategies import DDPStrategy, Strategy
from safetensors.torch import load_file, save_file
from torch import nn

from prunelab.datasets.splits import Split, Splits
from prunelab.metrics.quality import evaluate
from prunelab.pruning.masks import Masks
from prunelab.training.batches import FolderBatches, MemoryBatches, Order, split_batches
from prunelab.training.module import Chunks, MaskedTraining, State, Validate, state_of, validation_in_memory
from prunelab.training.spec import Hardware, TrainSpec

_EVALUATION_BATCH = 1_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fitted:
    """What a training leaves.

    Attributes:
        state: parameters and buffers.
        data: JSON: validation curve, whether it diverged, seconds, the step it ended at.
    """

    state: State
    data: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Observers:
    """Who is told of a training while it runs (in one process; not with several devices).

    Attributes:
        on_evaluation: (step, metrics) after each validation.
        on_progress: (step) after each chunk.
        snapshot_steps: steps at which `on_snapshot` gets (step, `Fitted`): the same as a training that ended there.
        on_partial: (state, position, step) now and then, to continue a killed training from.
    """

    on_evaluation: Callable[[int, dict[str, float]], None] | None = None
    on_progress: Callable[[int], None] | None = None
    snapshot_steps: Collection[int] = ()
    on_snapshot: Callable[[int, Fitted], None] | None = None
    on_partial: Callable[[State, dict[str, Any]], None] | None = None


def fit(
    spec: TrainSpec,
    *,
    model: nn.Module,
    masks: Masks,
    splits: Splits,
    hardware: Hardware,
    observers: Observers | None = None,
    resume: tuple[State, dict[str, Any]] | None = None,
) -> Fitted:
    """Train `model` in place over the stretch of steps that `spec` describes.

    Args:
        spec: the stretch, the optimizer, the data order.
        model: the network at `spec.start_step`.
        masks: kept weights; empty for a dense training.
        splits: data.
        hardware: devices and how often a checkpoint is offered.
        observers: who is told.
        resume: state and position that `on_partial` was given, to continue from.

    Raises:
        ValueError: if the data set is smaller than a batch, or the batch does not divide over the devices.
    """
    started = time.perf_counter()
    if spec.trainer.batch_size % hardware.devices:
        raise ValueError(f"trainer.batch_size = {spec.trainer.batch_size} does not divide over {hardware.devices} devices")
    if spec.trainer.channels_last:
        model = model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    module = MaskedTraining(spec, model, masks)
    first_step = spec.start_step
    if resume is not None:
        module.restore(*resume)
        first_step = int(resume[1]["step"])
    several = hardware.devices > 1
    observers = Observers() if several or observers is None else observers
    stops = {s for s in range(first_step, spec.end_step + 1) if module.is_validation(s)} | set(observers.snapshot_steps)
    chunks = Chunks(range(first_step, spec.end_step), stops)
    with _quiet(), torch.random.fork_rng(), tempfile.TemporaryDirectory() as folder:
        callback = _Feed(splits, hardware, observers, range(first_step, spec.end_step), Path(folder) if several else None)
        trainer = lightning.Trainer(
            accelerator=hardware.accelerator,
            devices=hardware.devices,
            strategy=_strategy(hardware),
            precision=spec.trainer.precision,  # pyright: ignore[reportArgumentType]
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            callbacks=[callback],
        )
        if first_step < spec.end_step:
            trainer.fit(module, train_dataloaders=chunks)
        else:
            module.on_fit_start()
        fitted = _collect(Path(folder)) if several else _fitted(module)
    fitted.data["seconds"] = time.perf_counter() - started
    return fitted


def _fitted(module: MaskedTraining) -> Fitted:
    best = module.best if module.spec.trainer.select == "best" else None
    curve = {name: list(values) for name, values in module.curve.items()}
    ended = int(curve["step"][-1]) if curve["step"] else module.spec.start_step
    data = {"curve": curve, "diverged": module.diverged, "step_seconds": module.step_seconds, "ended_step": ended}
    return Fitted(state=best or state_of(module.evaluated), data=data)


class _Feed(lightning.Callback):
    """Gives the module its data on its device, and tells the observers."""

    def __init__(self, splits: Splits, hardware: Hardware, observers: Observers, steps: range, folder: Path | None) -> None:
        self.splits, self.hardware, self.observers, self.steps, self.folder = splits, hardware, observers, steps, folder
        self._saved = time.monotonic()

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Make the batches and the validation."""
        module = _ours(pl_module)
        trainer_spec, train, device = module.spec.trainer, self.splits.train, module.device
        order = Order(num_examples=len(train), batch_size=trainer_spec.batch_size, seed=module.spec.order_seed)
        share = trainer_spec.batch_size // trainer.world_size
        rank = slice(trainer.global_rank * share, (trainer.global_rank + 1) * share)
        if isinstance(train, Split):
            module.batches = MemoryBatches(train, order, self.splits.augment, device, rank)
        else:
            module.batches = FolderBatches(train, order, device, rank, steps=self.steps, workers=self.hardware.workers)
        module.validate = self._validation(device)
        if module.averaged is not None:
            module.averaged.to(device)

    def _validation(self, device: torch.device) -> Validate:
        split = self.splits.validation
        if isinstance(split, Split):
            return validation_in_memory(split.inputs.to(device), split.targets.to(device), _EVALUATION_BATCH)

        def validate(model: nn.Module) -> tuple[float, float]:
            found = evaluate(model, split_batches(split, _EVALUATION_BATCH // 4, self.hardware.workers), device)
            return found.loss, found.top1

        return validate

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: range, batch_idx: int
    ) -> None:
        """Tell the observers of the chunk that ended."""
        module, step, observers = _ours(pl_module), batch.stop, self.observers
        if observers.on_progress:
            observers.on_progress(step)
        if observers.on_evaluation and module.curve["step"] and module.curve["step"][-1] == step:
            observers.on_evaluation(step, {name: values[-1] for name, values in module.curve.items() if name != "step"})
        if observers.on_snapshot and step in observers.snapshot_steps and step < module.spec.end_step:
            observers.on_snapshot(step, _fitted(module))
        if observers.on_partial and time.monotonic() - self._saved > self.hardware.checkpoint_seconds:
            observers.on_partial(module.state(), module.position() | {"step": step})
            self._saved = time.monotonic()

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """With several processes: check that all ended with the same bits, and hand the result to the one that asked."""
        if self.folder is None:
            return
        module = _ours(pl_module)
        fitted = _fitted(module)
        mine = torch.tensor(list(_fingerprint(fitted.state)), dtype=torch.float32, device=module.device)
        everyone = module.all_gather(mine)
        assert isinstance(everyone, torch.Tensor)
        if not bool((everyone == mine).all()):
            raise RuntimeError("the processes of this training ended with different weights")
        # a process that ends with its group still open is aborted by torch
        atexit.register(_close_group)
        if trainer.is_global_zero:
            save_file({name: value.contiguous() for name, value in fitted.state.items()}, self.folder / "state.safetensors")
            (self.folder / "data.json").write_text(json.dumps(fitted.data))


def _close_group() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _fingerprint(state: State) -> bytes:
    running = hashlib.sha256()
    for name, value in state.items():
        if "running_" not in name:  # BatchNorm statistics are of each process's own share of the batch
            running.update(value.contiguous().numpy().tobytes())
    return running.digest()


def _collect(folder: Path) -> Fitted:
    return Fitted(state=load_file(folder / "state.safetensors"), data=json.loads((folder / "data.json").read_text()))


def _ours(module: lightning.LightningModule) -> MaskedTraining:
    assert isinstance(module, MaskedTraining)
    return module


def _strategy(hardware: Hardware) -> str | Strategy:
    if hardware.devices == 1:
        return "auto"
    # spawned, not re-run from the command line: a stage is one training of many in this process
    on_cpu = hardware.accelerator == "cpu" or not torch.cuda.is_available()
    return DDPStrategy(start_method="spawn", process_group_backend="gloo" if on_cpu else "nccl")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's advice on loaders, loggers and hardware is for people who wrote the loop themselves."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"lightning\..*")
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
