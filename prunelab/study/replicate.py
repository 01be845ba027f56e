"""One replicate of a study: its ladder of networks and what they are compared with."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from prunelab.basics.step import resolve_step
from prunelab.models.build import build_model
from prunelab.pruning import compatibility
from prunelab.pruning.allocations.base import Allocation
from prunelab.pruning.compatibility import SINGLE_WEIGHTS
from prunelab.pruning.criteria.base import Compensating, Criterion
from prunelab.pruning.granularities.base import KINDS, Granularity
from prunelab.study.comparisons import Compared, kept, small_dense
from prunelab.study.points import BarrierPoint, Counterpart, Point
from prunelab.study.stages.barrier import Barrier
from prunelab.study.stages.base import Stage
from prunelab.study.stages.evaluate import Evaluate
from prunelab.study.stages.init import Init
from prunelab.study.stages.latency import check_timing, latency_beside
from prunelab.study.stages.measure import Measure
from prunelab.study.stages.prune import Compensated, Kept, Prune
from prunelab.study.stages.sparse_train import SparseTrain
from prunelab.study.stages.train import Train
from prunelab.study.study import Study
from prunelab.study.units import scope_for
from prunelab.study.workshop import Workshop
from prunelab.training.batches import steps_per_epoch
from prunelab.training.dynamic.base import Reparametrized
from prunelab.training.spec import TrainSpec


@dataclasses.dataclass(frozen=True, kw_only=True)
class Level:
    """A level of the ladder.

    Attributes:
        number: 1 for the first that is pruned.
        density: of units, as asked for.
        masks: what is left.
        trained: the network that the next level may go on from.
    """

    number: int
    density: float
    masks: Stage
    trained: Train


class Replicate:
    """The plan of one seed."""

    def __init__(self, study: Study, workshop: Workshop, seed: int) -> None:
        self.study, self.seed, self.workshop = study, seed, workshop
        self.splits = workshop.splits(study.dataset)
        self.network = build_model(study.model, input_shape=self.splits.input_shape, num_classes=self.splits.num_classes)
        self.criterion, self.allocation, self.granularity = self._method()
        self.scope = scope_for(self.network, self.granularity, exclude=study.exclude, input_shape=self.splits.input_shape)
        self.granularity.check(self.scope)
        epoch = steps_per_epoch(len(self.splits.train), study.trainer.batch_size)
        whole = TrainSpec(
            optimizer=study.optimizer,
            trainer=study.trainer,
            order_seed=study.seed_of("order", seed),
            steps_per_epoch=epoch,
            total_steps=_length(study.trainer.length, epoch),
            start_step=0,
            end_step=_length(study.trainer.length, epoch),
        )
        self.whole, self.total_steps = whole, whole.total_steps
        self.rewind_step = whole.resolve(study.schedule.rewind_to)
        self.prune_step = whole.resolve(study.schedule.prune_at)
        self._check_dynamics()
        check_timing(study.measure.timing, self.splits, self.network)
        self.what: dict[str, Any] = {"model": study.model, "dataset": study.dataset}
        self.method: dict[str, Any] = {
            "criterion": study.criterion,
            "allocation": study.allocation,
            "granularity": study.granularity,
            "exclude": study.exclude,
            "calibration": study.calibration if self.criterion.needs_batches else None,
            "rounds": study.rounds,
        }
        self.init = Init(**self.what, init=study.init, seed=study.seed_of("init", seed))
        self.dense = Train(**self.what, spec=whole, weights=self.init, masks=None)

    def points(self) -> Iterator[Point | BarrierPoint]:
        """Dense first, then level by level with its controls."""
        yield self._point(self.dense, level=0, requested=0.0)
        yield from self._barriers(0, None)
        random_masks = None
        for level in self._levels():
            requested = 1.0 - level.density
            yield self._point(level.trained, level=level.number, requested=requested)
            for control in self.study.schedule.controls:
                network = self._control(control, level, random_masks)
                if control == "random":
                    random_masks = network.masks
                yield self._point(network, level=level.number, requested=requested, control=control)
            yield from self._barriers(level.number, level.masks)

    def _levels(self) -> Iterator[Level]:
        """The ladder; tickets of another data set keep their masks and are trained on this one."""
        if self.study.source is not None:
            finder = Replicate(dataclasses.replace(self.study, dataset=self.study.source, source=None), self.workshop, self.seed)
            if finder.splits.input_shape != self.splits.input_shape or finder.splits.num_classes != self.splits.num_classes:
                shapes = [(r.splits.input_shape, r.splits.num_classes) for r in (finder, self)]
                raise ValueError(f"tickets of {self.study.source.name} don't fit {self.study.dataset.name}: shape and classes {shapes}")
            for level in finder._levels():
                yield dataclasses.replace(level, trained=self._retrain(level.masks, None, self.dense))
            return
        if self.study.dynamics is not None:
            yield from (self._trained_sparse(number, density) for number, density in enumerate(self.study.sparsity.densities, start=1))
            return
        iterative = self.study.schedule.name == "iterative"
        masks, last = None, self.dense
        for number, density in enumerate(self.study.sparsity.densities, start=1):
            start = self._rewound(self.prune_step) if self.study.schedule.name == "at_init" else last if iterative else self.dense
            pruned = self._prune(density, number, start, masks if iterative else None)
            masks = Kept(prune=pruned)
            last = self._retrain(masks, pruned, start)
            yield Level(number=number, density=density, masks=masks, trained=last)

    def _trained_sparse(self, number: int, density: float) -> Level:
        """A network that is pruned while it trains."""
        study = self.study
        assert study.dynamics is not None
        untaught = SparseTrain(
            **self.what,
            spec=dataclasses.replace(self.whole, start_step=self.prune_step),
            weights=self._rewound(self.prune_step),
            masks=None,
            dynamics=study.dynamics,
            **self.method,
            density=density,
            seed=study.seed_of("mask", self.seed, "dynamic", number),
        )
        trained = self._taught(untaught)
        return Level(number=number, density=density, masks=Kept(prune=trained), trained=trained)

    def _method(self) -> tuple[Criterion, Allocation, Granularity]:
        """The method, built, and its parts checked against each other."""
        study = self.study
        criterion, allocation, granularity = study.criterion.build(), study.allocation.build(), study.granularity.build()
        compatibility.check(criterion, allocation, granularity, study.sparsity.densities)
        for control, kinds in {"small_dense": SINGLE_WEIGHTS, "shuffle": tuple(k for k in KINDS if k != "n:m")}.items():
            if control in study.schedule.controls and granularity.kind not in kinds:
                raise ValueError(f"control {control} goes with granularities {', '.join(kinds)}, not {granularity.kind}; use random")
        return criterion, allocation, granularity

    def _check_dynamics(self) -> None:
        study, granularity = self.study, self.granularity
        if study.dynamics is None:
            return
        method = study.dynamics.build()
        if method.granularities and granularity.kind not in method.granularities:
            kinds = " or ".join(method.granularities)
            raise ValueError(f"schedule {study.dynamics.name} goes with granularity {kinds}, not {granularity.kind}")
        if granularity.kind == "coupled":
            raise ValueError(
                f"schedule {study.dynamics.name} changes masks of weights alone, and with a coupled channel its BatchNorm goes too; "
                "prune before or after training, as with schedule=fine_tuning, or use pruning/granularity=filter"
            )
        if study.hardware.devices > 1 and isinstance(method, Reparametrized):
            raise ValueError(
                f"schedule {study.dynamics.name} computes masks within the network, which torch can't send to several processes; "
                f"hardware.devices = {study.hardware.devices} must be 1"
            )
        method.steps(dataclasses.replace(self.whole, start_step=self.prune_step))  # says what does not fit the training

    def _prune(self, density: float, level: int, network: Stage, masks: Stage | None, *, inverted: bool = False) -> Prune:
        study = self.study
        return Prune(
            **self.what,
            **self.method,
            inverted=inverted,
            density=density,
            seed=study.seed_of("mask", self.seed, "prune", level),
            weights=network,
            masks=masks,
        )

    def _retrain(self, masks: Stage, pruned: Prune | None, network: Stage) -> Train:
        """Weight rewinding, LR rewinding and fine-tuning differ in what they start from and in the learning rate alone."""
        mode = self.study.schedule.retraining
        at_init = self.study.schedule.name == "at_init"
        start = self.total_steps if mode == "none" else self.prune_step if at_init else self.rewind_step
        spec = dataclasses.replace(self.whole, start_step=start, constant_lr=mode == "fine_tuning")
        if mode == "weight_rewinding" and not at_init:
            weights = self._rewound(self.rewind_step)
        elif pruned is not None and isinstance(self.criterion, Compensating):
            weights = Compensated(weights=network, prune=pruned)
        else:
            weights = network
        return self._taught(Train(**self.what, spec=spec, weights=weights, masks=masks))

    def _taught(self, train: Train) -> Train:
        """The training, with the dense network as its teacher if the study distils."""
        share = self.study.schedule.distillation
        if not share or not train.steps:
            return train
        spec = dataclasses.replace(train.spec, distillation=share, temperature=self.study.schedule.temperature)
        return dataclasses.replace(train, spec=spec, teacher=self.dense)

    def _rewound(self, step: int) -> Stage:
        """The dense network's weights at `step`."""
        if step == 0:
            return self.init
        spec = dataclasses.replace(self.whole, end_step=step)
        return Train(**self.what, spec=spec, weights=self.init, masks=None)

    def _control(self, control: str, level: Level, random_masks: Stage | None) -> Train:
        """A network like that of `level`, but for one thing."""
        study, early = self.study, self.study.schedule.name in ("at_init", "during_training")
        if control == "small_dense":
            total = sum(parameter.numel() for parameter in self.network.parameters())
            left = total - self.scope.total + self._kept(level.density)
            shape, classes = self.splits.input_shape, self.splits.num_classes
            return self._taught(
                small_dense(study, self.whole, seed=self.seed, level=level.number, parameters=left, shape=shape, classes=classes)
            )
        start = self.prune_step if early else self.rewind_step
        compared = Compared(
            study=study,
            seed=self.seed,
            level=level.number,
            masks=level.masks,
            rewound=self._rewound(start),
            spec=dataclasses.replace(self.whole, start_step=start),
            whole=self.whole,
        )
        inverted = self._prune(level.density, level.number, self._rewound(start) if early else self.dense, None, inverted=True)
        return self._taught(compared.control(control, inverted=Kept(prune=inverted), random_masks=random_masks))

    def _kept(self, density: float) -> int:
        return kept(density, self.scope, self.allocation, self.granularity)

    def _barriers(self, level: int, masks: Stage | None) -> Iterator[BarrierPoint]:
        schedule = self.study.schedule
        if level not in schedule.instability_levels:
            return
        for text in schedule.instability_steps:
            step = self.whole.resolve(text)
            children = [self._child(step, masks, child) for child in (1, 2)]
            barrier = Barrier(**self.what, points=schedule.instability_points, first=children[0], second=children[1])
            requested = 1.0 - self.study.sparsity.densities[level - 1] if level else 0.0
            axes = self._axes(level, requested) | {"kind": "barrier", "rewind_step": step}
            yield BarrierPoint(axes=axes, barrier=barrier)

    def _child(self, step: int, masks: Stage | None, child: int) -> Train:
        """A child of W_step that sees the data in an order of its own."""
        order = self.study.seed_of("order", self.seed, "child", child)
        spec = dataclasses.replace(self.whole, start_step=step, order_seed=order)
        return Train(**self.what, spec=spec, weights=self._rewound(step), masks=masks)

    def _point(self, train: Train, *, level: int, requested: float, control: str = "none") -> Point:
        study = self.study
        exclude = study.exclude if control != "small_dense" else ()
        masks = Kept(prune=train) if isinstance(train, SparseTrain) else train.masks
        measured = Measure(model=train.model, dataset=study.dataset, exclude=exclude, spec=study.measure.counts, masks=masks)
        axes = self._axes(level, requested) | {"control": control}
        evaluate = Evaluate(model=train.model, dataset=study.dataset, weights=train)
        counterpart = None
        if control == "small_dense":
            dense = sum(parameter.numel() for parameter in self.network.parameters())
            counterpart = Counterpart(sparsity=1.0 - self._kept(1.0 - requested) / self.scope.total, dense_parameters=dense)
        timing = study.measure.timing
        timed = timing and latency_beside(self.dense, train, masks, exclude=exclude, spec=timing, workshop=self.workshop)
        return Point(axes=axes, train=train, counterpart=counterpart, evaluate=evaluate, measure=measured, latency=timed)

    def _axes(self, level: int, requested: float) -> dict[str, Any]:
        study = self.study
        return {
            "study": study.name,
            "model": study.model.name,
            "dataset": study.dataset.name,
            "criterion": study.criterion_name,
            "allocation": study.allocation.name,
            "granularity": study.granularity.name,
            "schedule": study.dynamics.name if study.dynamics else study.schedule.name,
            "retraining": study.schedule.retraining,
            "rewind_step": self.rewind_step,
            "seed": self.seed,
            "level": level,
            "variant": study.variant,
            "overrides": study.overrides,
            "sparsity_requested": requested,
            "total_steps": self.total_steps,
        }


def _length(text: str, epoch: int) -> int:
    return resolve_step(text, steps_per_epoch=epoch)
