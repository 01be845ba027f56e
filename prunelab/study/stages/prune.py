"""Prune: masks from a network."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from prunelab.basics.component import Component
from prunelab.basics.seeds import generator
from prunelab.pruning import masks
from prunelab.pruning.criteria.base import Context
from prunelab.pruning.prune import prune
from prunelab.store.artifact import Artifact
from prunelab.study.calibration import calibration_batches
from prunelab.study.stages.base import MASK, Stage, state_in
from prunelab.study.study import Calibration
from prunelab.study.units import scope_for, with_companions
from prunelab.study.workshop import Workshop

WEIGHT = "weight/"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Prune(Stage):
    """Masks that keep `density` of the units, nested in `masks`, and new weights if the criterion gives some.

    Attributes:
        calibration: the examples that the criterion looks at; None if it looks at none.
        rounds: of scoring and pruning.
        inverted: keep the lowest scores.
    """

    model: Component
    dataset: Component
    criterion: Component
    allocation: Component
    granularity: Component
    exclude: tuple[str, ...]
    calibration: Calibration | None
    rounds: int
    inverted: bool
    density: float
    seed: int
    weights: Stage
    masks: Stage | None

    version = 2

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """See `Stage`."""
        network = workshop.network(self.model, self.dataset, state_in(inputs["weights"]))
        granularity, shape = self.granularity.build(), workshop.splits(self.dataset).input_shape
        scope = scope_for(network, granularity, exclude=self.exclude, input_shape=shape)
        before = inputs["masks"].tensors if self.masks is not None else masks.ones(scope)
        before = {name: before[name] for name in scope.shapes}  # files hold tensors by name, masks are in network order
        made = prune(
            network,
            scope=scope,
            criterion=self.criterion.build(),
            allocation=self.allocation.build(),
            granularity=granularity,
            density=self.density,
            context=Context(
                generator=generator(self.seed),
                masks=before,
                batches=calibration_batches(self.calibration, workshop.splits(self.dataset), self.seed),
            ),
            rounds=self.rounds,
            inverted=self.inverted,
        )
        tensors = {f"{MASK}{name}": mask for name, mask in with_companions(made.masks, scope).items()}
        return Artifact(tensors=tensors | {f"{WEIGHT}{name}": weight for name, weight in made.weights.items()})


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Kept(Stage):
    """The masks of a prune, or of a training that prunes."""

    prune: Stage

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """See `Stage`."""
        tensors = inputs["prune"].tensors
        return Artifact(tensors={name.removeprefix(MASK): mask for name, mask in tensors.items() if name.startswith(MASK)})


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Compensated(Stage):
    """A network's state, with the weights that a prune gave those that stay."""

    weights: Stage
    prune: Stage

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """See `Stage`."""
        changed = {name.removeprefix(WEIGHT): w for name, w in inputs["prune"].tensors.items() if name.startswith(WEIGHT)}
        return Artifact(tensors={**state_in(inputs["weights"]), **changed})
