"""Early-bird tickets."""

from __future__ import annotations

import dataclasses

import torch

from prunelab.pruning.masks import Masks, hamming_distance
from prunelab.training.dynamic.base import Dynamics, Moment
from prunelab.training.dynamic.window import Window
from prunelab.training.spec import TrainSpec

_DRAWN = "drawn"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EarlyBird(Window, Dynamics):
    """The ticket is drawn as soon as its mask stops changing (You et al. 2020, section 3.2 and algorithm 1).

    Every `every` steps (an epoch) the mask that pruning now would give is compared with the last `patience` - 1 ones. Once the
    largest of their Hamming distances is below `threshold`, or at `end` at the latest, the network is pruned and trains on
    sparse, from its weights of that step to the same last step as any other.

    Attributes:
        threshold: of the distance, as a fraction of all weights in scope.
        patience: masks that must agree.
    """

    end: str = "50%"
    every: str = "1ep"
    threshold: float = 0.1
    patience: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.threshold <= 1 or self.patience < 2:
            raise ValueError(
                f"schedule.dynamics needs a threshold in (0, 1] and patience >= 2 masks, not {self.threshold} and {self.patience}"
            )

    def steps(self, spec: TrainSpec) -> list[int]:
        """See `Dynamics`."""
        return self.ticks(spec).steps

    def update(self, moment: Moment) -> Masks:
        """See `Dynamics`."""
        memory, goal = moment.memory, moment.goal
        if _DRAWN in memory:
            return moment.masks
        made = goal.prune(moment.network, goal.density, step=moment.step, within=goal.dense())
        past = [_take(memory, age, made.masks) for age in range(1, self.patience) if any(n.startswith(f"{age}/") for n in memory)]
        settled = len(past) == self.patience - 1 and max(hamming_distance(made.masks, other) for other in past) < self.threshold
        if settled or moment.step == self.ticks(moment.spec).end:
            memory.clear()
            memory[_DRAWN] = torch.tensor(moment.step)
            if made.weights:
                moment.network.load_state_dict(made.weights, strict=False)
            return made.masks
        memory.clear()
        for age, masks in enumerate([made.masks, *past[: self.patience - 2]], start=1):
            memory.update({f"{age}/{name}": mask for name, mask in masks.items()})
        return moment.masks


def _take(memory: dict[str, torch.Tensor], age: int, like: Masks) -> Masks:
    return {name: memory[f"{age}/{name}"] for name in like}
