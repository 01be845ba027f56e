"""Masks and weights that tickets are compared with."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch

from prunelab.basics.component import Component
from prunelab.basics.seeds import generator
from prunelab.models.structure import scope_with_structure
from prunelab.pruning import controls
from prunelab.store.artifact import Artifact
from prunelab.study.stages.base import Stage, state_in
from prunelab.study.units import scope_for, with_companions
from prunelab.study.workshop import Workshop


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Shuffle(Stage):
    """The masks, their units permuted within each tensor."""

    model: Component
    dataset: Component
    granularity: Component
    exclude: tuple[str, ...]
    seed: int
    masks: Stage

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """See `Stage`."""
        granularity, shape = self.granularity.build(), workshop.splits(self.dataset).input_shape
        scope = scope_for(workshop.model(self.model, self.dataset), granularity, exclude=self.exclude, input_shape=shape)
        held = {name: inputs["masks"].tensors[name] for name in scope.shapes}
        shuffled = controls.shuffle(held, scope, granularity, generator(self.seed))
        return Artifact(tensors=with_companions(shuffled, scope))


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class RandomMasks(Stage):
    """As many units a tensor as `masks` keeps, drawn at random within the last level's random masks."""

    model: Component
    dataset: Component
    granularity: Component
    exclude: tuple[str, ...]
    seed: int
    masks: Stage
    within: Stage | None

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """See `Stage`."""
        granularity, shape = self.granularity.build(), workshop.splits(self.dataset).input_shape
        scope = scope_for(workshop.model(self.model, self.dataset), granularity, exclude=self.exclude, input_shape=shape)
        wanted = {name: inputs["masks"].tensors[name] for name in scope.shapes}
        within = {name: torch.ones_like(mask) for name, mask in wanted.items()} if self.within is None else inputs["within"].tensors
        drawn = controls.random_like(wanted, within, scope, granularity, generator(self.seed))
        return Artifact(tensors=with_companions(drawn, scope))


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Signs(Stage):
    """Each prunable weight replaced by its sign times the deviation of its tensor (Zhou et al. 2019, section 4.1)."""

    model: Component
    dataset: Component
    exclude: tuple[str, ...]
    weights: Stage

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """See `Stage`."""
        scope = scope_with_structure(workshop.model(self.model, self.dataset), exclude=self.exclude)
        state = state_in(inputs["weights"])
        return Artifact(tensors=state | {name: state[name].sign() * state[name].std() for name in scope.shapes})
