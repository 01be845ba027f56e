"""What a training is: data that becomes part of a stage's key. Imports no torch."""

from __future__ import annotations

import dataclasses

from prunelab.basics.choices import choose
from prunelab.basics.step import parse_step, resolve_step

OPTIMIZERS = ("sgd", "adam", "adamw")
LEARNING_RATE_SCHEDULES = ("constant", "step", "cosine", "one_cycle")
PRECISIONS = ("32-true", "bf16-mixed")
SELECTIONS = ("last", "best")


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} = {value} must be greater than 0")


def _fraction(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise ValueError(f"{name} = {value} must be in [0, 1)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizerSpec:
    """An optimizer and its learning rate over time.

    Attributes:
        name: sgd, adam or adamw.
        lr: base learning rate.
        momentum: of sgd.
        nesterov: of sgd.
        weight_decay: L2 term (decoupled in adamw).
        beta1: of adam, adamw.
        beta2: of adam, adamw.
        eps: of adam, adamw.
        schedule: constant, step (multiplied by gamma at each milestone), cosine (to 0) or one_cycle (up to lr at 30 % of
            training and down to lr / 10,000, Smith & Topin 2018).
        warmup: linear warm-up from 0, as a step ('500it', '2ep', '1%').
        milestones: steps at which `step` multiplies by gamma.
        gamma: factor of `step`.
    """

    name: str = "adam"
    lr: float = 1.2e-3
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    schedule: str = "constant"
    warmup: str = "0it"
    milestones: list[str] = dataclasses.field(default_factory=list)
    gamma: float = 0.1

    def __post_init__(self) -> None:
        choose("optimizer.name", self.name, OPTIMIZERS)
        choose("optimizer.schedule", self.schedule, LEARNING_RATE_SCHEDULES)
        _positive("optimizer.lr", self.lr)
        _positive("optimizer.eps", self.eps)
        for name in ("momentum", "beta1", "beta2"):
            _fraction(f"optimizer.{name}", getattr(self, name))
        if self.weight_decay < 0:
            raise ValueError(f"optimizer.weight_decay = {self.weight_decay} must not be negative")
        for step in [self.warmup, *self.milestones]:
            parse_step(step)
        if self.nesterov and not self.momentum:
            raise ValueError("optimizer.nesterov needs optimizer.momentum > 0")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainerSpec:
    """How long and how a network is trained.

    Attributes:
        length: of the whole training, as a step ('20ep', '1000it').
        batch_size: examples a step (over all devices).
        evaluate_every: validation interval, as a step.
        label_smoothing: of the training loss.
        batch_norm_l1: factor of the L1 norm of all BatchNorm scales in the training loss (network slimming); 0 is off.
        gradient_clip: largest norm of the gradient; 0 is off.
        ema: decay of an exponential moving average of the weights; 0 is off. Where on, the average is what is evaluated
            and kept.
        precision: 32-true or bf16-mixed.
        channels_last: memory format of images.
        select: last (the last step) or best (lowest validation loss).
        patience: validations without a lower loss after which training stops; 0 never stops.
    """

    length: str = "20ep"
    batch_size: int = 60
    evaluate_every: str = "1ep"
    label_smoothing: float = 0.0
    batch_norm_l1: float = 0.0
    gradient_clip: float = 0.0
    ema: float = 0.0
    precision: str = "32-true"
    channels_last: bool = False
    select: str = "last"
    patience: int = 0

    def __post_init__(self) -> None:
        choose("trainer.precision", self.precision, PRECISIONS)
        choose("trainer.select", self.select, SELECTIONS)
        _positive("trainer.batch_size", self.batch_size)
        _fraction("trainer.label_smoothing", self.label_smoothing)
        _fraction("trainer.ema", self.ema)
        for name in ("batch_norm_l1", "gradient_clip", "patience"):
            if getattr(self, name) < 0:
                raise ValueError(f"trainer.{name} = {getattr(self, name)} must not be negative")
        for name in ("length", "evaluate_every"):
            _positive(f"trainer.{name}", parse_step(getattr(self, name))[0])
        if parse_step(self.length)[1] == "%":
            raise ValueError("trainer.length is the whole; give epochs ('20ep') or steps ('1000it')")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hardware:
    """What a training runs on; not part of its key.

    Attributes:
        accelerator: auto, cpu, gpu, ... (Lightning's words).
        devices: number of processes or accelerators.
        strategy: auto or ddp.
        threads: torch's threads; 0 leaves torch's choice.
        workers: processes that load data from folders.
        checkpoint_seconds: a training longer than this keeps a checkpoint within the stage, this often.
    """

    accelerator: str = "auto"
    devices: int = 1
    strategy: str = "auto"
    threads: int = 0
    workers: int = 2
    checkpoint_seconds: float = 60.0

    def __post_init__(self) -> None:
        choose("hardware.strategy", self.strategy, ("auto", "ddp"))
        choose("hardware.accelerator", self.accelerator, ("auto", "cpu", "gpu", "cuda", "mps", "tpu"))
        _positive("hardware.devices", self.devices)
        _positive("hardware.checkpoint_seconds", self.checkpoint_seconds)
        if self.threads < 0 or self.workers < 0:
            raise ValueError("hardware.threads and hardware.workers must not be negative")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """One stretch of training, [start_step, end_step), of a training of `total_steps` steps.

    A stretch that starts at step r is exactly what a training that passed through r did after it, but for the state of the
    optimizer, which is fresh: learning rate and data order are functions of (seed, global step) alone.

    Attributes:
        optimizer: the optimizer.
        trainer: loss, batch, precision, validation.
        order_seed: of data order and augmentation.
        steps_per_epoch: optimizer steps an epoch of this data set.
        total_steps: the whole training, what the learning rate is a function of.
        start_step: first step.
        end_step: step at which it ends.
        constant_lr: whether the learning rate stays at its last value (fine-tuning).
        distillation: share of the loss that imitates a teacher; 0 without one.
        temperature: of the imitation.
    """

    optimizer: OptimizerSpec
    trainer: TrainerSpec
    order_seed: int
    steps_per_epoch: int
    total_steps: int
    start_step: int
    end_step: int
    constant_lr: bool = False
    distillation: float = 0.0
    temperature: float = 4.0

    def __post_init__(self) -> None:
        if not 0 <= self.start_step <= self.end_step <= self.total_steps:
            raise ValueError(f"training from step {self.start_step} to {self.end_step} does not lie within 0 to {self.total_steps}")

    def resolve(self, step: str | int) -> int:
        """The optimizer step that a configured step means in this training."""
        return resolve_step(step, steps_per_epoch=self.steps_per_epoch, total_steps=self.total_steps)
