"""Networks that differ from a pruned one in one thing: the controls."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from prunelab.models.build import width_for_parameters
from prunelab.pruning.allocations.base import Allocation
from prunelab.pruning.granularities.base import Granularity
from prunelab.pruning.scope import Scope
from prunelab.study.stages.base import Stage
from prunelab.study.stages.controls import RandomMasks, Shuffle, Signs
from prunelab.study.stages.init import Init
from prunelab.study.stages.train import Train
from prunelab.study.study import Study
from prunelab.training.spec import TrainSpec


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compared:
    """The pruned network that a control is compared with.

    Attributes:
        level: its number.
        masks: what it has left.
        rewound: the weights that it was trained from, or would have been.
        spec: its training, from the step of those weights on.
        whole: a training from the first step on.
    """

    study: Study
    seed: int
    level: int
    masks: Stage
    rewound: Stage
    spec: TrainSpec
    whole: TrainSpec

    def control(self, name: str, *, inverted: Stage, random_masks: Stage | None) -> Train:
        """The network that differs in what `name` says; small_dense is `small_dense` below.

        Args:
            name: one of `CONTROLS`.
            inverted: masks of the lowest scores.
            random_masks: those of the last level.
        """
        study = self.study
        what: dict[str, Any] = {"model": study.model, "dataset": study.dataset}
        units = {**what, "granularity": study.granularity, "exclude": study.exclude}
        weights, masks, spec = self.rewound, self.masks, self.spec
        if name == "reinit":
            # trained for as many steps, from the start of the learning-rate schedule: it has no earlier training to rewind to
            weights = Init(**what, init=study.init, seed=study.seed_of("init", self.seed, "reinit", self.level))
            spec = self.whole
        elif name in ("signs", "supermask", "supermask_signs"):
            weights = weights if name == "supermask" else Signs(**what, exclude=study.exclude, weights=weights)
            spec = spec if name == "signs" else dataclasses.replace(self.whole, start_step=self.whole.end_step)
        elif name == "inverted":
            masks = inverted
        elif name == "shuffle":
            masks = Shuffle(**units, seed=study.seed_of("mask", self.seed, "shuffle", self.level), masks=masks)
        else:
            seed = study.seed_of("mask", self.seed, "random", self.level)
            masks = RandomMasks(**units, seed=seed, masks=masks, within=random_masks)
        return Train(**what, spec=spec, weights=weights, masks=masks)


def small_dense(study: Study, whole: TrainSpec, *, seed: int, level: int, parameters: int, shape: tuple[int, ...], classes: int) -> Train:
    """The same architecture, narrower, with at most `parameters` parameters, trained as a dense network is."""
    width = width_for_parameters(study.model, shape, classes, parameters)
    narrow = dataclasses.replace(study.model, arguments={**study.model.arguments, "width": width})
    init = Init(model=narrow, dataset=study.dataset, init=study.init, seed=study.seed_of("init", seed, "small_dense", level))
    return Train(model=narrow, dataset=study.dataset, spec=whole, weights=init, masks=None)


def kept(density: float, scope: Scope, allocation: Allocation, granularity: Granularity) -> int:
    """Weights that a prune to `density` keeps: the allocation's count does not depend on the scores."""
    zeros = {name: torch.zeros(shape) for name, shape in scope.shapes.items()}
    return sum(int(mask.sum()) for mask in allocation(granularity.pool(zeros, scope), scope, density).values())
