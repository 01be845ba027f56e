"""The callback that lets a method change masks between steps."""

from __future__ import annotations

import lightning
import torch
from torch import nn

from prunelab.pruning.masks import Masks
from prunelab.training.dynamic.base import Dynamics, Goal, Moment, Reparametrized
from prunelab.training.module import MaskedTraining, State
from prunelab.training.spec import TrainSpec

_MASK, _MEMORY = "dynamic/mask/", "dynamic/memory/"


class DynamicSparsity(lightning.Callback):
    """Asks `method` for masks before each of its steps, and puts them into force.

    Attributes:
        masks: in force, on the CPU.
        mask_step: the last step before which they changed; None before the first change.
    """

    def __init__(self, method: Dynamics, goal: Goal, spec: TrainSpec) -> None:
        self.method, self.goal, self.spec = method, goal, spec
        self.due = set(method.steps(spec))
        self.masks: Masks = {}
        self.mask_step: int | None = None
        self._memory: dict[str, torch.Tensor] = {}

    def begin(self, network: nn.Module) -> Masks:
        """Prepare `network`; the masks that training is to enforce on its weights (none, if the network does so itself)."""
        self.masks = self.method.start(network, self.goal)
        if not isinstance(self.method, Reparametrized):
            return self.masks
        self.method.attach(network, self.goal)
        self.method.hold(network, self.masks)
        return {}

    def on_train_batch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: range, batch_idx: int) -> None:
        """Change masks before the first step of a chunk, if it is the method's."""
        if batch.start not in self.due:
            return
        assert isinstance(pl_module, MaskedTraining)
        module, step = pl_module, batch.start
        moment = Moment(
            step=step,
            spec=self.spec,
            goal=self.goal,
            network=module.model,
            masks=self.masks,
            gradients=lambda: module.dense_gradients(step),
            memory=self._memory,
        )
        masks = self.method.update(moment)
        if any(not torch.equal(masks[name], self.masks[name]) for name in masks):
            self.masks, self.mask_step = masks, step
            self._hold(module, forget=True)

    def end(self, network: nn.Module) -> None:
        """Leave a plain network."""
        if isinstance(self.method, Reparametrized):
            self.method.detach(network, self.masks)

    def learning_rate_factor(self, parameter: str) -> float:
        """Learning rate of a parameter over the study's."""
        return self.method.learning_rate_factor(parameter) if isinstance(self.method, Reparametrized) else 1.0

    def state(self) -> State:
        """What a checkpoint needs besides the network."""
        kept = {f"{_MASK}{name}": mask.clone() for name, mask in self.masks.items()}
        kept |= {f"{_MEMORY}{name}": value.clone() for name, value in self._memory.items()}
        return kept | ({} if self.mask_step is None else {"dynamic/mask_step": torch.tensor(self.mask_step)})

    def restore(self, state: State, module: MaskedTraining) -> None:
        """Continue from `state`."""
        found = {name.removeprefix(_MASK): mask for name, mask in state.items() if name.startswith(_MASK)}
        self.masks = {name: found[name] for name in self.masks}
        self._memory = {name.removeprefix(_MEMORY): value for name, value in state.items() if name.startswith(_MEMORY)}
        self.mask_step = int(state["dynamic/mask_step"]) if "dynamic/mask_step" in state else None
        self._hold(module, forget=False)

    @torch.no_grad()
    def _hold(self, module: MaskedTraining, *, forget: bool) -> None:
        if isinstance(self.method, Reparametrized):
            self.method.hold(module.model, self.masks)
        else:
            module.set_masks(self.masks, forget=forget)
