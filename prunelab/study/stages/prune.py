"""Prune: masks from a trained network."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch

from prunelab.basics.component import Component
from prunelab.basics.seeds import generator
from prunelab.pruning import controls, masks
from prunelab.pruning.criteria.base import Context
from prunelab.pruning.prune import prune
from prunelab.pruning.scope import scope_of
from prunelab.store.artifact import Artifact
from prunelab.study.stages.base import Stage
from prunelab.study.workshop import Workshop


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Prune(Stage):
    """Masks that keep `density` of the prunable weights, nested in `masks`."""

    model: Component
    dataset: Component
    criterion: Component
    allocation: Component
    granularity: Component
    exclude: tuple[str, ...]
    density: float
    seed: int
    weights: Stage
    masks: Stage | None

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """See `Stage`."""
        network = workshop.model(self.model, self.dataset)
        network.load_state_dict(inputs["weights"].tensors)
        scope = scope_of(network, exclude=self.exclude)
        before = inputs["masks"].tensors if self.masks is not None else masks.ones(scope)
        before = {name: before[name] for name in scope.shapes}  # files hold tensors by name, masks are in network order
        made = prune(
            network,
            scope=scope,
            criterion=self.criterion.build(),
            allocation=self.allocation.build(),
            granularity=self.granularity.build(),
            density=self.density,
            context=Context(generator=generator(self.seed), masks=before),
        )
        return Artifact(tensors=dict(made))


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Shuffle(Stage):
    """The masks, permuted within each tensor."""

    seed: int
    masks: Stage

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """See `Stage`."""
        return Artifact(tensors=controls.shuffle(_by_name(inputs["masks"]), generator(self.seed)))


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class RandomMasks(Stage):
    """As many weights a tensor as `masks` keeps, drawn at random within the last level's random masks."""

    seed: int
    masks: Stage
    within: Stage | None

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """See `Stage`."""
        wanted = _by_name(inputs["masks"])
        if self.within is None:
            within = {name: torch.ones_like(mask) for name, mask in wanted.items()}
        else:
            within = inputs["within"].tensors
        return Artifact(tensors=controls.random_like(wanted, within, generator(self.seed)))


def _by_name(artifact: Artifact) -> masks.Masks:
    return dict(sorted(artifact.tensors.items()))
