"""Attention heads and feed-forward neurons, in one ladder."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from prunelab.pruning.granularities.ffn_neuron import FfnNeuron
from prunelab.pruning.granularities.head import Head
from prunelab.pruning.granularities.units import Group, Units
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeadsAndNeurons(Units):
    """Both kinds of units of a transformer (McCarley et al. 2019; Kwon et al. 2022).

    With `pruning/allocation=uniform` each block loses the same share of its heads and of its neurons; with `explicit`,
    patterns on the names of the output projections give heads and neurons shares of their own. With `global` a head
    and a neuron compete by their pooled scores, and count as one unit each however many weights they have.
    """

    kind: ClassVar[str] = "head or ffn neuron"

    def groups(self, scope: Scope) -> dict[str, Group]:
        """See `Units`."""
        return Head().groups(scope) | FfnNeuron().groups(scope)
