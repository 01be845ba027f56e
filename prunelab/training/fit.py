"""Fit a masked network with Lightning's Trainer."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy, Strategy
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from prunelab.datasets.splits import Splits
from prunelab.pruning.masks import Masks
from prunelab.training.dynamic.callback import DynamicSparsity
from prunelab.training.feed import Feed, collect
from prunelab.training.module import Chunks, MaskedTraining, State
from prunelab.training.objective import Objective
from prunelab.training.outcome import Fitted, Observers, outcome
from prunelab.training.spec import Hardware, TrainSpec

__all__ = ["Fitted", "Observers", "fit"]


def fit(
    spec: TrainSpec,
    *,
    model: nn.Module,
    masks: Masks,
    splits: Splits,
    hardware: Hardware,
    dynamic: DynamicSparsity | None = None,
    teacher: nn.Module | None = None,
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
        dynamic: a method that prunes while training; it makes the masks, so `masks` is empty.
        teacher: the network that is imitated, if `spec` says how much.
        observers: who is told.
        resume: state and position that `on_partial` was given, to continue from.

    Raises:
        ValueError: if the data set is smaller than a batch, the batch does not divide over the devices, or the options do not
            go with the network or with pruning while training.
        Interrupted: if the observers asked for it.
    """
    started = time.perf_counter()
    _check(spec, model, hardware, dynamic)
    if spec.trainer.channels_last:
        model = model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    module = _module(spec, model, masks, teacher, dynamic, resume)
    first_step = int(resume[1]["step"]) if resume else spec.start_step
    several = hardware.devices > 1
    observers = Observers() if several or observers is None else observers
    module.interrupted = observers.interrupted
    stops = {s for s in range(first_step, spec.end_step + 1) if module.is_validation(s)} | set(observers.snapshot_steps)
    stops |= dynamic.due if dynamic else set()
    chunks = Chunks(range(first_step, spec.end_step), stops)
    with _quiet(), torch.random.fork_rng(), tempfile.TemporaryDirectory() as folder:
        feed = Feed(
            splits=splits,
            hardware=hardware,
            observers=observers,
            steps=range(first_step, spec.end_step),
            folder=Path(folder) if several else None,
            dynamic=dynamic,
        )
        trainer = _trainer(spec, hardware, [feed, dynamic] if dynamic else [feed])
        if first_step < spec.end_step:
            trainer.fit(module, train_dataloaders=chunks)
        else:
            module.on_fit_start()
        fitted = collect(Path(folder)) if several else outcome(module, dynamic)
    fitted.data["seconds"] = time.perf_counter() - started
    return fitted


def _module(
    spec: TrainSpec,
    model: nn.Module,
    masks: Masks,
    teacher: nn.Module | None,
    dynamic: DynamicSparsity | None,
    resume: tuple[State, dict[str, Any]] | None,
) -> MaskedTraining:
    """The module, as far as an earlier training got."""
    held, factor = (dynamic.begin(model), dynamic.learning_rate_factor) if dynamic else (masks, None)
    module = MaskedTraining(spec, model, held, _objective(spec, teacher, dynamic), factor)
    if resume:
        module.restore(*resume)
    if resume and dynamic:
        dynamic.restore(resume[0], module)
    return module


def _trainer(spec: TrainSpec, hardware: Hardware, callbacks: list[lightning.Callback]) -> lightning.Trainer:
    return lightning.Trainer(
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
        callbacks=callbacks,
        plugins=[LightningEnvironment()],  # a job of a batch system is one process here: no look at SLURM_NTASKS and the like
    )


def _check(spec: TrainSpec, model: nn.Module, hardware: Hardware, dynamic: DynamicSparsity | None) -> None:
    trainer = spec.trainer
    if trainer.batch_size % hardware.devices:
        raise ValueError(f"trainer.batch_size = {trainer.batch_size} does not divide over {hardware.devices} devices")
    if trainer.batch_norm_l1 and not any(isinstance(module, _BatchNorm) for module in model.modules()):
        raise ValueError(f"trainer.batch_norm_l1 = {trainer.batch_norm_l1} shrinks BatchNorm scales, and this network has none")
    if dynamic is None:
        return
    for option, neutral in {"ema": 0.0, "patience": 0, "select": "last"}.items():
        if getattr(trainer, option) != neutral:
            raise ValueError(
                f"trainer.{option} = {getattr(trainer, option)} does not go with pruning while training, whose masks are final at the "
                f"last step only; set trainer.{option}={neutral}"
            )


def _objective(spec: TrainSpec, teacher: nn.Module | None, dynamic: DynamicSparsity | None) -> Objective:
    if teacher is not None:
        teacher.eval().requires_grad_(False)
    return Objective(
        label_smoothing=spec.trainer.label_smoothing,
        teacher=teacher,
        distillation=spec.distillation,
        temperature=spec.temperature,
        batch_norm_l1=spec.trainer.batch_norm_l1,
        penalties=dynamic.method.penalties(spec, dynamic.goal) if dynamic else (),
    )


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
