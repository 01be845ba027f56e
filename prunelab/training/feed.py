"""The callback that gives a training its data and tells its observers."""

from __future__ import annotations

import atexit
import dataclasses
import hashlib
import json
import signal
import threading
import time
from pathlib import Path
from typing import Any

import lightning
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from prunelab.datasets.splits import Split, Splits
from prunelab.metrics.quality import evaluate, evaluate_loss_top1
from prunelab.training.batches import FolderBatches, MemoryBatches, Order, split_batches
from prunelab.training.dynamic.callback import DynamicSparsity
from prunelab.training.module import MaskedTraining, State, Validate
from prunelab.training.outcome import Fitted, Interrupted, Observers, outcome
from prunelab.training.spec import Hardware

_EVALUATION_BATCH = 1_000
_TEXT_BATCH = 100


class Feed(lightning.Callback):
    """Gives the module its data on its device, and tells the observers."""

    def __init__(
        self,
        *,
        splits: Splits,
        hardware: Hardware,
        observers: Observers,
        steps: range,
        folder: Path | None,
        dynamic: DynamicSparsity | None,
    ) -> None:
        self.splits, self.hardware, self.observers, self.steps, self.folder = splits, hardware, observers, steps, folder
        self.dynamic = dynamic
        self._saved = time.monotonic()
        self._on_terminate = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Where somebody listens for SIGTERM to interrupt: undo that Lightning ends the training, without a checkpoint, on it."""
        if self.observers.interrupted and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._on_terminate)

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Make the batches and the validation."""
        module = _ours(pl_module)
        trainer_spec, train, device = module.spec.trainer, self.splits.train, module.device
        lengths = train.lengths if isinstance(train, Split) else None
        order = Order(num_examples=len(train), batch_size=trainer_spec.batch_size, seed=module.spec.order_seed, lengths=lengths)
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
            here = dataclasses.replace(split, inputs=split.inputs.to(device), targets=split.targets.to(device))
            return lambda model: evaluate_loss_top1(model, split_batches(here, _EVALUATION_BATCH if split.padding is None else _TEXT_BATCH))

        def validate(model: nn.Module) -> tuple[float, float]:
            found = evaluate(model, split_batches(split, _EVALUATION_BATCH // 4, self.hardware.workers), device)
            return found.loss, found.top1

        return validate

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: range, batch_idx: int
    ) -> None:
        """Tell the observers of the chunk that ended."""
        module, observers = _ours(pl_module), self.observers
        step = module.reached
        if observers.on_progress:
            observers.on_progress(step)
        if observers.on_evaluation and module.curve["step"] and module.curve["step"][-1] == step:
            observers.on_evaluation(step, {name: values[-1] for name, values in module.curve.items() if name != "step"})
        if observers.on_snapshot and step in observers.snapshot_steps and step < module.spec.end_step:
            observers.on_snapshot(step, outcome(module))
        interrupted = bool(observers.interrupted and observers.interrupted()) and step < module.spec.end_step and not trainer.should_stop
        if observers.on_partial and (interrupted or time.monotonic() - self._saved > self.hardware.checkpoint_seconds):
            state = module.state() | (self.dynamic.state() if self.dynamic else {})
            observers.on_partial(state, module.position() | {"step": step})
            self._saved = time.monotonic()
        if interrupted:
            raise Interrupted

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """With several processes: check that all ended with the same bits, and hand the result to the one that asked."""
        if self.folder is None:
            return
        module = _ours(pl_module)
        fitted = outcome(module, self.dynamic)
        bits = _fingerprint(fitted.state | {f"mask of {name}": mask for name, mask in fitted.masks.items()})
        mine = torch.tensor(list(bits), dtype=torch.float32, device=module.device)
        everyone = module.all_gather(mine)
        assert isinstance(everyone, torch.Tensor)
        if not bool((everyone == mine).all()):
            raise RuntimeError("the processes of this training ended with different weights")
        # a process that ends with its group still open is aborted by torch
        atexit.register(_close_group)
        if trainer.is_global_zero:
            for part, tensors in {"state": fitted.state, "masks": fitted.masks}.items():
                save_file({name: value.contiguous() for name, value in tensors.items()}, self.folder / f"{part}.safetensors")
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


def collect(folder: Path) -> Fitted:
    """What the processes left in `folder`."""
    state, masks = (load_file(folder / f"{part}.safetensors") for part in ("state", "masks"))
    return Fitted(state=state, masks=masks, data=json.loads((folder / "data.json").read_text()))


def _ours(module: lightning.LightningModule) -> MaskedTraining:
    assert isinstance(module, MaskedTraining)
    return module
