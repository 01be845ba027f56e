"""Coupled channels and neurons: what can be taken out of a network physically."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import torch

from prunelab.pruning.granularities.units import Group, Units
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class CoupledChannels(Units):
    """The filters or neurons that make one channel, wherever residual sums, groups and gates carry it (Fang et al. 2023).

    A channel that is summed up in a stage of residual blocks is made by a filter of each block, which are one unit; so are
    the channels of a group of a grouped convolution and the filters that read them. With a unit, its biases and the scales
    and shifts of each BatchNorm on its way are masked too, so that the channel is exactly zero and the network without it
    the same. They count for nothing in the sparsity, which is of weights. Units with a filter outside the scope stay.
    """

    kind: ClassVar[str] = "coupled"

    def check(self, scope: Scope) -> None:
        """See `Granularity`."""
        if scope.structure.coupled is None:
            raise ValueError("coupled channels are found by tracing the network: make the scope with coupled_for=input_shape")
        super().check(scope)

    def groups(self, scope: Scope) -> dict[str, Group]:
        """See `Units`. Tensors whose units overlap compete, as those of a stage of residual blocks."""
        coupled = scope.structure.coupled
        if coupled is None:
            return {}
        groups: dict[str, Group] = {}
        for names in _sharing(coupled.outputs):
            if all(name in scope.shapes for name in names):
                units, position = torch.unique(torch.cat([coupled.outputs[name] for name in names]), return_inverse=True)
                parts = position.split([len(coupled.outputs[name]) for name in names])
                index = {name: part.reshape(-1, *[1] * (len(scope.shapes[name]) - 1)) for name, part in zip(names, parts, strict=True)}
                groups[names[0]] = Group(num_units=len(units), members=index)
        return groups


def _sharing(outputs: Mapping[str, torch.Tensor]) -> list[list[str]]:
    """Parameters in bundles: two are in one if they, or others between them, have a unit in common."""
    bundles: list[tuple[list[str], set[int]]] = []
    for name, rows in outputs.items():
        names, units = [name], set(rows.tolist())
        apart = []
        for bundle in bundles:
            if bundle[1] & units:
                names, units = bundle[0] + names, bundle[1] | units
            else:
                apart.append(bundle)
        bundles = [*apart, (names, units)]
    return [names for names, _ in bundles]
