"""Draw the initial weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from prunelab.basics.component import Component
from prunelab.models.initialization import initialize
from prunelab.store.artifact import Artifact
from prunelab.study.stages.base import Stage
from prunelab.study.workshop import Workshop


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Init(Stage):
    """Parameters and buffers of a fresh network, drawn from `seed` by the rule `init`."""

    model: Component
    dataset: Component
    init: str
    seed: int

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """See `Stage`."""
        network = workshop.model(self.model, self.dataset)
        initialize(network, self.init, self.seed)
        return Artifact(tensors={name: value.detach().clone() for name, value in network.state_dict().items()})
