"""The scope that a granularity needs, and the masks that go with its units."""

from __future__ import annotations

from torch import nn

from prunelab.models.structure import scope_with_structure
from prunelab.pruning.granularities.base import Granularity
from prunelab.pruning.masks import Masks
from prunelab.pruning.scope import Scope


def scope_for(network: nn.Module, granularity: Granularity, *, exclude: tuple[str, ...], input_shape: tuple[int, ...]) -> Scope:
    """The scope of `network`, with its coupled channels only if they are the units: that takes a trace.

    Raises:
        ValueError: for a network whose channels can't be followed, if they are the units.
    """
    return scope_with_structure(network, exclude=exclude, coupled_for=input_shape if granularity.kind == "coupled" else None)


def with_companions(masks: Masks, scope: Scope) -> Masks:
    """`masks`, and beside them those of biases and BatchNorm of coupled units that have no weight left.

    They are no part of the scope, and so of no sparsity.
    """
    coupled = scope.structure.coupled
    return masks if coupled is None else {**masks, **coupled.companion_masks(masks)}
