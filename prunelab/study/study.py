"""A study: what a researcher describes. Imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from prunelab.basics.canonical import digest
from prunelab.basics.choices import choose
from prunelab.basics.component import Component, resolve
from prunelab.basics.seeds import derive_seed
from prunelab.basics.step import parse_step
from prunelab.pruning.schedules import geometric
from prunelab.training.spec import Hardware, OptimizerSpec, TrainerSpec

SCHEDULES = ("iterative", "one_shot", "at_init", "during_training")
RETRAININGS = ("weight_rewinding", "lr_rewinding", "fine_tuning", "none")
CONTROLS = ("reinit", "shuffle", "random", "small_dense", "inverted", "signs", "supermask", "supermask_signs")
MODEL_RUNTIME = ("input_shape", "num_classes")  # what the data set decides of a model
RUNTIMES = ("masked", "compacted", "sparse", "deployed")
UNTRAINED_CONTROLS = ("supermask", "supermask_signs")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration:
    """The training examples that a criterion looks at, drawn by the replicate's mask seed, not augmented.

    Attributes:
        examples: how many; 0 for all.
        batch_size: in batches of so many.
    """

    examples: int = 1_000
    batch_size: int = 100

    def __post_init__(self) -> None:
        if self.examples < 0 or self.batch_size < 1:
            raise ValueError(
                f"pruning.calibration needs examples >= 0 (0 for all) and batch_size >= 1, not {self.examples} and {self.batch_size}"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SparsitySpec:
    """The ladder of sparsities: `values` where given, else geometric.

    Attributes:
        rate: fraction of the weights left that each level removes.
        levels: number of levels.
        values: explicit sparsities, fractions removed, increasing.
    """

    rate: float = 0.2
    levels: int = 12
    values: list[float] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        for value in self.values:
            if not 0 <= value < 1:
                raise ValueError(f"sparsity {value} must be in [0, 1): the fraction of prunable weights removed")
        if self.values != sorted(self.values):
            raise ValueError(f"sparsity.values {self.values} must increase: a level only removes")
        geometric(self.rate, self.levels)

    @property
    def densities(self) -> tuple[float, ...]:
        """Density of each level after the dense one."""
        return tuple(1.0 - value for value in self.values) if self.values else geometric(self.rate, self.levels)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScheduleSpec:
    """When pruning happens, what retraining starts from, and what a ticket is compared with.

    Attributes:
        name: iterative (each level prunes the last one's network), one_shot (each prunes the dense network), at_init (each
            prunes the network of `prune_at`, before it is trained) or during_training (each is a training from `prune_at` on
            in which `dynamics` prunes).
        retraining: weight_rewinding, lr_rewinding, fine_tuning or none.
        rewind_to: the rewind step k ('0', '500it', '2ep', '1%').
        prune_at: the step whose weights at_init prunes and during_training starts from; 0 are the initial ones.
        distillation: share of the loss of every pruned network's training that imitates the dense network's outputs; 0 is off.
        temperature: of the imitation.
        controls: comparison networks at each level: reinit, shuffle, random, small_dense, inverted (lowest scores kept),
            signs (weights are signs times a constant), supermask and supermask_signs (pruned, not trained).
        instability_steps: steps k at which two children of W_k are trained apart and their error barrier measured.
        instability_levels: levels at which that is done; 0 is the dense network.
        instability_points: points of the interpolation.
    """

    name: str = "iterative"
    retraining: str = "weight_rewinding"
    rewind_to: str = "0"
    prune_at: str = "0"
    distillation: float = 0.0
    temperature: float = 4.0
    controls: list[str] = dataclasses.field(default_factory=list)
    instability_steps: list[str] = dataclasses.field(default_factory=list)
    instability_levels: list[int] = dataclasses.field(default_factory=lambda: [0])
    instability_points: int = 30

    def __post_init__(self) -> None:
        choose("schedule.name", self.name, SCHEDULES)
        choose("schedule.retraining", self.retraining, RETRAININGS)
        for control in self.controls:
            choose("control", control, CONTROLS)
        for step in [self.rewind_to, self.prune_at, *self.instability_steps]:
            parse_step(step)
        if self.instability_points < 2:
            raise ValueError(f"schedule.instability_points = {self.instability_points} must be at least 2: both ends")
        trained = [control for control in self.controls if control not in UNTRAINED_CONTROLS]
        if trained and self.retraining == "none" and self.name != "during_training":
            raise ValueError(f"controls {', '.join(trained)} are networks trained again; with schedule.retraining=none nothing is")
        if not 0 <= self.distillation <= 1 or self.temperature <= 0:
            raise ValueError(
                f"schedule.distillation = {self.distillation} must be in [0, 1] and schedule.temperature = {self.temperature} above 0"
            )
        if self.distillation and self.retraining == "none" and self.name != "during_training":
            raise ValueError("schedule.distillation teaches networks that are trained again; with schedule.retraining=none nothing is")
        if self.name == "during_training" and self.retraining != "none":
            raise ValueError("schedule during_training prunes while it trains: it goes with retraining=none")
        if self.name == "at_init" and self.retraining != "weight_rewinding":
            raise ValueError("schedule at_init trains from the weights it pruned: it goes with retraining=weight_rewinding")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CountSpec:
    """What is counted, on any machine alike.

    Attributes:
        effective_sparsity: count weights on no input-output path as removed.
        multiply_adds: theoretical multiply-adds and speed-up.
    """

    effective_sparsity: bool
    multiply_adds: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatencySpec:
    """How latency is measured; attributes as in `MeasureSpec`.

    Attributes:
        runtime: masked, compacted, sparse or deployed.
    """

    runtime: str
    batch_sizes: list[int]
    lengths: list[int]
    repeats: int
    warmup: int
    threads: int
    reference: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeasureSpec:
    """What is measured besides quality.

    Attributes:
        effective_sparsity: count weights on no input-output path as removed.
        multiply_adds: theoretical multiply-adds and speed-up.
        latency: '' (not measured), masked (zeros in dense tensors), compacted (what masks remove whole is cut out), sparse
            (sparse formats where they are measured to be faster) or deployed (compacted where that is faster, and what is left of it
            sparse where that is faster); each beside the dense network.
        batch_sizes: examples a pass; the first is the one in a record's own columns.
        lengths: tokens of a text; [] for the data set's longest. Only for texts.
        repeats: timed passes.
        warmup: passes before them.
        threads: torch's threads while it is measured.
        reference: options of the model that is timed beside, where it is not the study's own dense network: {keep_layers: null}.
    """

    effective_sparsity: bool = True
    multiply_adds: bool = True
    latency: str = ""
    batch_sizes: list[int] = dataclasses.field(default_factory=lambda: [1])
    lengths: list[int] = dataclasses.field(default_factory=list)
    repeats: int = 50
    warmup: int = 5
    threads: int = 1
    reference: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.latency:
            choose("measure.latency", self.latency, RUNTIMES)
        for name, least in (("repeats", 1), ("warmup", 0), ("threads", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"measure.{name} = {getattr(self, name)} must be at least {least}")
        for name in ("batch_sizes", "lengths"):
            values = getattr(self, name)
            if any(value < 1 for value in values) or len(set(values)) != len(values):
                raise ValueError(f"measure.{name} = {values} must be different whole numbers of at least 1")
        if not self.batch_sizes:
            raise ValueError("measure.batch_sizes = [] measures nothing; give at least one, like [1]")

    @property
    def counts(self) -> CountSpec:
        """What is the same on every machine."""
        return CountSpec(effective_sparsity=self.effective_sparsity, multiply_adds=self.multiply_adds)

    @property
    def timing(self) -> LatencySpec | None:
        """How latency is measured, if it is."""
        if not self.latency:
            return None
        names = ("batch_sizes", "lengths", "repeats", "warmup", "threads", "reference")
        return LatencySpec(runtime=self.latency, **{name: getattr(self, name) for name in names})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hold:
    """Seeds held constant over the replicates; none follows the replicate's seed.

    Attributes:
        init: of the initial weights.
        order: of data order and augmentation.
        mask: of random masks and scores.
    """

    init: int | None = None
    order: int | None = None
    mask: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Study:
    """Model x data set x pruning method x schedule x sparsities x seeds.

    Attributes:
        calibration: the examples a criterion looks at.
        rounds: of scoring and pruning a level.
        dynamics: the method that prunes while networks train; None for every schedule but during_training.
        source: the data set that tickets are found on, if it is another than the one they are trained on.
    """

    name: str
    seeds: tuple[int, ...]
    hold: Hold
    model: Component
    init: str
    dataset: Component
    criterion: Component
    allocation: Component
    granularity: Component
    calibration: Calibration
    rounds: int
    exclude: tuple[str, ...]
    sparsity: SparsitySpec
    schedule: ScheduleSpec
    optimizer: OptimizerSpec
    trainer: TrainerSpec
    measure: MeasureSpec
    hardware: Hardware
    dynamics: Component | None = None
    source: Component | None = None
    overrides: str = ""

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ValueError(f"pruning.rounds = {self.rounds} must be at least 1, or null for what the criterion's paper uses")
        if (self.dynamics is None) == (self.schedule.name == "during_training"):
            raise ValueError("schedule.dynamics names a method that prunes while training: it goes with schedule.name=during_training")
        if self.source and (self.schedule.retraining != "weight_rewinding" or self.schedule.name == "at_init"):
            raise ValueError("source transfers tickets: it goes with retraining=weight_rewinding and masks of trained networks")
        if not self.seeds:
            raise ValueError("seeds = [] trains nothing; give at least one, like seeds=[0]")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {list(self.seeds)} repeat; a replicate needs a seed of its own")

    def seed_of(self, purpose: str, seed: int, *more: str | int) -> int:
        """The seed of a stream (`init`, `order`, `mask`) of the replicate `seed`."""
        held = getattr(self.hold, purpose)
        return derive_seed(seed if held is None else held, purpose, *more)

    @property
    def criterion_name(self) -> str:
        """What scores the weights, for people: the criterion, or `learned` where a method learns scores of its own."""
        uses = self.dynamics is None or resolve(self.dynamics.target).criterion_role != "nothing"  # pyright: ignore
        return self.criterion.name if uses else "learned"

    @property
    def variant(self) -> str:
        """Digest of every setting that no column of a record names; the length of the ladder and the seeds are no part."""
        components = (self.model, self.dataset, self.criterion, self.allocation, self.granularity)
        settings = [component.identity() for component in components]
        schedule = dataclasses.replace(self.schedule, controls=[], instability_steps=[], instability_levels=[], instability_points=2)
        source, dynamics = (part.identity() if part else None for part in (self.source, self.dynamics))
        pruning = [list(self.exclude), self.calibration, self.rounds, source, dynamics]
        return digest([settings, self.init, pruning, schedule, self.optimizer, self.trainer, self.hold])[:12]
