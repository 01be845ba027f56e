"""What a criterion is, and what it may use."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import nn

from prunelab.pruning.granularities.units import Group
from prunelab.pruning.masks import Masks
from prunelab.pruning.scope import Scope

Batch = tuple[torch.Tensor, torch.Tensor]
Scores = dict[str, torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def _single_weights(values: Mapping[str, torch.Tensor]) -> Scores:
    return dict(values)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Context:
    """What a criterion may use besides the model.

    Attributes:
        generator: the only source of randomness.
        masks: what is left before this prune.
        batches: (inputs, targets) of training examples; empty unless the criterion needs them.
        loss: mean loss of (outputs, targets) over the examples of a batch.
        units: the structured units that compete, by the tensor they go by; empty for single weights, blocks and N:M.
        unit_sum: values a weight -> for each weight the sum over the unit it belongs to (itself, for single weights).
    """

    generator: torch.Generator
    masks: Masks
    batches: Sequence[Batch] = ()
    loss: Loss = F.cross_entropy
    units: Mapping[str, Group] = dataclasses.field(default_factory=dict)
    unit_sum: Callable[[Mapping[str, torch.Tensor]], Scores] = _single_weights


class Criterion(abc.ABC):
    """Scores weights; the highest scores are kept. Leaves the model as it was.

    Tensors of the scope that a criterion gives no scores for are not pruned.

    Attributes:
        needs_batches: whether it looks at data.
        granularities: kinds of units it can score; empty for all.
        scores_units: whether all weights of a unit have the unit's own score already, so that pooling takes one of them.
        default_rounds: in how many rounds of scoring and pruning a level is reached unless `pruning.rounds` says so.
    """

    needs_batches: ClassVar[bool] = False
    granularities: ClassVar[tuple[str, ...]] = ()
    scores_units: ClassVar[bool] = False
    default_rounds: ClassVar[int] = 1

    @abc.abstractmethod
    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """Parameter name -> scores of the parameter's shape."""


class Compensation(Protocol):
    """Scores, and how the weights that stay make up for those that go."""

    @property
    def scores(self) -> Scores:
        """As a criterion gives them."""
        ...

    def update(self, masks: Masks, *, free: bool) -> tuple[Masks, dict[str, torch.Tensor]]:
        """New weights by parameter name, exactly zero where pruned, and the masks they go with.

        Args:
            masks: what was decided.
            free: whether other weights of the same tensor may go instead, as many as before (single weights), if the
                method chooses on the way.
        """
        ...


@runtime_checkable
class Compensating(Protocol):
    """A criterion that also changes the weights that stay (OBS, SparseGPT)."""

    def solve(self, model: nn.Module, scope: Scope, context: Context) -> Compensation:
        """What both the scores and the update come from."""
        ...
