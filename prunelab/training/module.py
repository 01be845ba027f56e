"""The LightningModule: masked optimizer steps, in chunks.

Lightning hands over chunks of steps (up to the next validation or snapshot) instead of single batches, so that its
bookkeeping is paid once a chunk and small networks train as fast as in a hand-written loop.
"""

from __future__ import annotations

import copy
import itertools
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import lightning
import torch
from torch import nn

from prunelab.basics.seeds import derive_seed
from prunelab.pruning.masks import Masks
from prunelab.training.batches import Batches
from prunelab.training.learning_rate import LearningRate
from prunelab.training.objective import Objective
from prunelab.training.optimizers import build_optimizer
from prunelab.training.spec import TrainSpec

Validate = Callable[[nn.Module], tuple[float, float]]
State = dict[str, torch.Tensor]


class MaskedTraining(lightning.LightningModule):
    """Trains `model` over a stretch of steps; pruned weights stay exactly zero.

    Gradients are masked before each optimizer step (so momentum and second moments of pruned weights stay zero) and weights
    after it (so weight decay or rounding cannot revive one).

    Attributes:
        objective: the training loss.
        curve: validation curve, lists by name, one entry a validation.
        step_seconds: time spent in optimizer steps.
        diverged: whether a loss was not finite; training stopped there.
        interrupted: asked after every step whether to stop before the chunk ends.
        reached: steps done.
    """

    def __init__(
        self,
        spec: TrainSpec,
        model: nn.Module,
        masks: Masks,
        objective: Objective | None = None,
        learning_rate_factor: Callable[[str], float] | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.spec, self.model = spec, model
        self.objective = objective or Objective(label_smoothing=spec.trainer.label_smoothing)
        parameters = dict(model.named_parameters())
        self._names = list(masks)
        self._masked = [parameters[name] for name in masks]
        # of the weight's type and memory format, without which the fused kernels fall back to slow ones
        self._masks = [torch.empty_like(parameters[name].detach()).copy_(masks[name]) for name in masks]
        trained = {name: parameter for name, parameter in parameters.items() if parameter.requires_grad}
        self._trained = list(trained.values())
        self._rate = LearningRate(spec)
        self._reseeds = draws_randomly(model)
        self.averaged = copy.deepcopy(model).requires_grad_(False) if spec.trainer.ema else None
        self.optimizer = build_optimizer(spec.optimizer, trained, learning_rate_factor)
        self.curve: dict[str, list[float]] = {"step": [], "validation_loss": [], "validation_top1": [], "train_loss": []}
        self.best: State | None = None
        self.step_seconds = 0.0
        self.diverged = False
        self.interrupted: Callable[[], bool] | None = None
        self.reached = spec.start_step
        self.batches: Batches
        self.validate: Validate
        self._loss_sum, self._loss_count = torch.zeros(()), 0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimizer; its learning rate is set here step by step."""
        return self.optimizer

    def transfer_batch_to_device(self, batch: range, device: torch.device, dataloader_idx: int) -> range:
        """A chunk is step numbers; the batches themselves are made on the device."""
        return batch

    @property
    def evaluated(self) -> nn.Module:
        """The network that is validated and kept: the moving average if there is one."""
        return self.averaged if self.averaged is not None else self.model

    def on_fit_start(self) -> None:
        """Move masks to the device and zero what is pruned."""
        self._masks = [mask.to(self.device) for mask in self._masks]
        self.objective.to(self.device)
        self._loss_sum = self._loss_sum.to(self.device)
        self._mask_weights()

    def training_step(self, chunk: range) -> None:
        """Take the optimizer steps of `chunk`; validate if a validation is due at its end."""
        self.model.train()
        started = time.perf_counter()
        for step in chunk:
            self._step(step)
            self.reached = step + 1
            if self.interrupted is not None and self.interrupted():
                break
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.step_seconds += time.perf_counter() - started
        if self.reached == chunk.stop and self.is_validation(chunk.stop):
            self._evaluate(chunk.stop)

    def is_validation(self, step: int) -> bool:
        """Whether the network is validated after `step` steps."""
        return step % self.spec.resolve(self.spec.trainer.evaluate_every) == 0 or step == self.spec.end_step

    def _step(self, step: int) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(step) * group.get("factor", 1.0)
        loss = self._loss(step)
        self.optimizer.zero_grad(set_to_none=True)
        if self.trainer.world_size > 1:
            self.manual_backward(loss)
        else:
            loss.backward()
        if self._masked:
            # a layer that was passed by has no gradient
            pairs = [(weight.grad, mask) for weight, mask in zip(self._masked, self._masks, strict=True) if weight.grad is not None]
            if pairs:
                torch._foreach_mul_([gradient for gradient, _ in pairs], [mask for _, mask in pairs])
        if self.spec.trainer.gradient_clip:
            nn.utils.clip_grad_norm_(self._trained, self.spec.trainer.gradient_clip)
        self.optimizer.step()
        self._mask_weights()
        if self.averaged is not None:
            self._average(self.averaged)
        self._loss_sum += loss.detach()
        self._loss_count += 1

    def _loss(self, step: int) -> torch.Tensor:
        if self._reseeds:
            torch.manual_seed(derive_seed(self.spec.order_seed, "dropout", step))
        inputs, targets = self.batches(step)
        return self.objective(self.model, inputs, targets)

    def dense_gradients(self, step: int) -> dict[str, torch.Tensor]:
        """Gradients of the loss of step `step` by masked parameter, those of pruned weights too; changes nothing."""
        buffers = [buffer.clone() for buffer in self.model.buffers()]
        self.model.train()
        found = torch.autograd.grad(self._loss(step), self._masked, materialize_grads=True)
        with torch.no_grad():
            for buffer, before in zip(self.model.buffers(), buffers, strict=True):
                buffer.copy_(before)
        if self.trainer.world_size > 1:
            for gradient in found:
                torch.distributed.all_reduce(gradient)
                gradient /= self.trainer.world_size
        return dict(zip(self._names, found, strict=True))

    @torch.no_grad()
    def set_masks(self, masks: Masks, *, forget: bool = True) -> None:
        """Train on under other masks of the same tensors.

        Args:
            masks: from now on.
            forget: whether weights that come start at zero, with nothing in the optimizer's memory.
        """
        for name, weight, mask in zip(self._names, self._masked, self._masks, strict=True):
            new = torch.empty_like(mask).copy_(masks[name])
            if forget:
                slots = [slot for slot in self.optimizer.state[weight].values() if isinstance(slot, torch.Tensor)]
                for remembered in [weight, *(slot for slot in slots if slot.shape == mask.shape)]:
                    remembered.mul_(mask * new)
            mask.copy_(new)
        self._mask_weights()

    @torch.no_grad()
    def _mask_weights(self) -> None:
        if self._masked:
            torch._foreach_mul_(self._masked, self._masks)  # pyright: ignore

    @torch.no_grad()
    def _average(self, averaged: nn.Module) -> None:
        torch._foreach_lerp_(list(averaged.parameters()), list(self.model.parameters()), 1 - self.spec.trainer.ema)
        for buffer, live in zip(averaged.buffers(), self.model.buffers(), strict=True):
            buffer.copy_(live)

    def _evaluate(self, step: int) -> None:
        loss, top1 = self.validate(self.evaluated)
        train_loss = float(self._loss_sum) / max(self._loss_count, 1)
        self._loss_sum.zero_()
        self._loss_count = 0
        self.diverged = not (math.isfinite(loss) and math.isfinite(train_loss))
        if self.diverged:
            self.trainer.should_stop = True
            return
        if self.spec.trainer.select == "best" and loss < min(self.curve["validation_loss"], default=math.inf):
            self.best = state_of(self.evaluated)
        found = {"step": float(step), "validation_loss": loss, "validation_top1": top1, "train_loss": train_loss}
        for name, value in found.items():  # by name: a restored curve has the order of its JSON
            self.curve[name].append(value)
        if self._out_of_patience():
            self.trainer.should_stop = True

    def _out_of_patience(self) -> bool:
        losses, patience = self.curve["validation_loss"], self.spec.trainer.patience
        return bool(patience) and len(losses) - 1 - losses.index(min(losses)) >= patience

    def position(self) -> dict[str, Any]:
        """What besides the tensors a resumed training needs: JSON."""
        return {"curve": self.curve, "step_seconds": self.step_seconds, "loss_count": self._loss_count}

    def state(self) -> State:
        """All tensors that a training continues from, bit for bit: network, average, best, optimizer, running loss."""
        state = {f"model/{name}": value for name, value in state_of(self.model).items()}
        if self.averaged is not None:
            state |= {f"averaged/{name}": value for name, value in state_of(self.averaged).items()}
        state |= {f"best/{name}": value for name, value in (self.best or {}).items()}
        for index, slots in self.optimizer.state_dict()["state"].items():
            state |= {f"optimizer/{index}/{slot}": value.clone() for slot, value in slots.items() if value is not None}
        return state | {"loss_sum": self._loss_sum.clone()}

    def restore(self, state: State, position: dict[str, Any]) -> None:
        """Continue from what `state` and `position` gave."""
        self.model.load_state_dict(_below(state, "model/"))
        if self.averaged is not None:
            self.averaged.load_state_dict(_below(state, "averaged/"))
        self.best = _below(state, "best/") or None
        slots: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in _below(state, "optimizer/").items():
            index, slot = name.split("/", 1)
            slots.setdefault(int(index), {})[slot] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": slots, "param_groups": groups})
        self.curve, self.step_seconds = position["curve"], position["step_seconds"]
        self._loss_sum, self._loss_count = state["loss_sum"], position["loss_count"]


class Chunks:
    """The stretch of steps cut at validations and snapshots: what Lightning iterates over."""

    def __init__(self, steps: range, stops: set[int]) -> None:
        edges = sorted({steps.start, steps.stop, *(stop for stop in stops if steps.start < stop < steps.stop)})
        self._chunks = [range(low, high) for low, high in itertools.pairwise(edges)]

    def __iter__(self) -> Iterator[range]:
        return iter(self._chunks)

    def __len__(self) -> int:
        return len(self._chunks)


def state_of(model: nn.Module) -> State:
    """Parameters and buffers, cloned to the CPU: training on never changes them."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def draws_randomly(model: nn.Module) -> bool:
    """Whether a forward pass in training draws random numbers (dropout, stochastic depth)."""
    names = (type(module).__name__.lower() for module in model.modules())
    return any("drop" in name or "stochastic" in name for name in names) or any(
        isinstance(rate := getattr(module, "dropout", None), float) and rate > 0 for module in model.modules()
    )


def _below(state: State, prefix: str) -> State:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
