"""Train over a stretch of steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from prunelab import __version__
from prunelab.basics.component import Component
from prunelab.pruning import masks as masks_
from prunelab.store.artifact import Artifact
from prunelab.study.stages.base import MASK, Stage, state_in
from prunelab.study.workshop import Workshop
from prunelab.training.spec import TrainSpec

if TYPE_CHECKING:
    from prunelab.training.dynamic.callback import DynamicSparsity


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Train(Stage):
    """Weights after training `weights` under `masks`, with the validation curve.

    With no steps to take it is the masked network itself.

    Attributes:
        teacher: whose outputs are imitated, as far as `spec` says.
    """

    model: Component
    dataset: Component
    spec: TrainSpec
    weights: Stage
    masks: Stage | None
    teacher: Train | None = None

    @property
    def steps(self) -> int:
        """Optimizer steps it takes."""
        return self.spec.end_step - self.spec.start_step

    def until(self, end_step: int) -> Train:
        """The stage that is this training's beginning, up to `end_step`."""
        return dataclasses.replace(self, spec=dataclasses.replace(self.spec, end_step=end_step))

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """See `Stage`."""
        network = workshop.network(self.model, self.dataset, state_in(inputs["weights"]))
        masks = inputs["masks"].tensors if self.masks is not None else {}
        masks_.apply(network, masks)
        if not self.steps:
            state = {name: value.detach().clone() for name, value in network.state_dict().items()}
            return _artifact(state, {"curve": None, "diverged": False, "step_seconds": 0.0, "seconds": 0.0, "ended_step": 0})
        from prunelab.training.fit import Fitted, Observers, fit  # Lightning takes seconds to import, and may not be needed

        def keep_snapshot(step: int, fitted: Fitted) -> None:
            beginning = self.until(step)
            made = _artifact(fitted.state, fitted.data | {"seconds": fitted.data["step_seconds"]})
            workshop.store.write(beginning.key, made, description=beginning.description)

        partial = workshop.store.read_partial(self.key)
        observers = Observers(
            on_evaluation=workshop.on_evaluation,
            on_progress=workshop.on_progress,
            snapshot_steps=workshop.snapshots.get(self.key, ()),
            on_snapshot=keep_snapshot,
            on_partial=lambda state, position: workshop.store.write_partial(self.key, Artifact(tensors=state, data=position)),
            interrupted=workshop.interrupted,
        )
        fitted = fit(
            self.spec,
            model=network,
            masks=masks,
            splits=workshop.splits(self.dataset),
            hardware=workshop.hardware,
            dynamic=self._dynamic(network, workshop),
            teacher=self._teacher(inputs, workshop),
            observers=observers,
            resume=(partial.tensors, partial.data) if partial else None,
        )
        return _artifact(fitted.state | {f"{MASK}{name}": mask for name, mask in fitted.masks.items()}, fitted.data)

    def _dynamic(self, network: nn.Module, workshop: Workshop) -> DynamicSparsity | None:
        """What changes masks on the way."""
        return None

    def _teacher(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> nn.Module | None:
        if self.teacher is None:
            return None
        return workshop.network(self.teacher.model, self.teacher.dataset, state_in(inputs["teacher"]))


def _artifact(state: dict[str, torch.Tensor], data: dict[str, Any]) -> Artifact:
    environment = {
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "threads": torch.get_num_threads(),
        "torch_version": torch.__version__,
        "prunelab_version": __version__,
    }
    return Artifact(tensors=state, data={**data, "environment": environment})
