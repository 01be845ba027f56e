"""What a training leaves, and who is told of it on the way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

from prunelab.pruning.masks import Masks
from prunelab.training.dynamic.callback import DynamicSparsity
from prunelab.training.module import MaskedTraining, State, state_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fitted:
    """What a training leaves.

    Attributes:
        state: parameters and buffers.
        masks: what a method that prunes while training has left; empty without one.
        data: JSON: validation curve, whether it diverged, seconds, the step it ended at.
    """

    state: State
    masks: Masks = dataclasses.field(default_factory=dict)
    data: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Observers:
    """Who is told of a training while it runs (in one process; not with several devices).

    Attributes:
        on_evaluation: (step, metrics) after each validation.
        on_progress: (step) after each chunk.
        snapshot_steps: steps at which `on_snapshot` gets (step, `Fitted`): the same as a training that ended there.
        on_partial: (state, position) now and then, to continue a killed training from.
        interrupted: asked after every step; once it says yes, `on_partial` is told and `Interrupted` raised.
    """

    on_evaluation: Callable[[int, dict[str, float]], None] | None = None
    on_progress: Callable[[int], None] | None = None
    snapshot_steps: Collection[int] = ()
    on_snapshot: Callable[[int, Fitted], None] | None = None
    on_partial: Callable[[State, dict[str, Any]], None] | None = None
    interrupted: Callable[[], bool] | None = None


class Interrupted(BaseException):
    """A training stopped between two steps because it was asked to, its checkpoint kept."""


def outcome(module: MaskedTraining, dynamic: DynamicSparsity | None = None) -> Fitted:
    """What `module` has reached; with a method that prunes while training this ends it."""
    if dynamic is not None:
        dynamic.end(module.model)
    best = module.best if module.spec.trainer.select == "best" else None
    curve = {name: list(values) for name, values in module.curve.items()}
    ended = int(curve["step"][-1]) if curve["step"] else module.spec.start_step
    data = {"curve": curve, "diverged": module.diverged, "step_seconds": module.step_seconds, "ended_step": ended}
    if dynamic is None:
        return Fitted(state=best or state_of(module.evaluated), data=data)
    return Fitted(state=state_of(module.model), masks=dynamic.masks, data=data | {"mask_step": dynamic.mask_step})
