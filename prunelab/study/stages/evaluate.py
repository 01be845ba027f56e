"""Quality on the test split: measured once, on the weights that training ended with."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from prunelab.basics.component import Component
from prunelab.metrics.quality import evaluate
from prunelab.store.artifact import Artifact
from prunelab.study.stages.base import Stage, state_in
from prunelab.study.workshop import Workshop
from prunelab.training.batches import split_batches

_BATCH = 500


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Evaluate(Stage):
    """Quality of `weights` on the test split."""

    model: Component
    dataset: Component
    weights: Stage

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """See `Stage`."""
        network = workshop.network(self.model, self.dataset, state_in(inputs["weights"]))
        batches = split_batches(workshop.splits(self.dataset).test, _BATCH, workshop.hardware.workers)
        found = {name: _finite(value) for name, value in dataclasses.asdict(evaluate(network, batches)).items()}
        return Artifact(data=found)


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None
