"""Size and theoretical work of a masked network."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from prunelab.basics.component import Component
from prunelab.metrics.effective import effective_sparsity
from prunelab.metrics.flops import TOTAL, multiply_adds
from prunelab.metrics.masks import collapsed_layers
from prunelab.metrics.size import compression_ratio, parameters_left, sparse_bytes, state_bytes
from prunelab.models.structure import scope_with_structure
from prunelab.pruning import masks as masks_
from prunelab.store.artifact import Artifact
from prunelab.study.stages.base import Stage
from prunelab.study.study import CountSpec
from prunelab.study.workshop import Workshop


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Measure(Stage):
    """What masks make of a model; the weights do not matter."""

    model: Component
    dataset: Component
    exclude: tuple[str, ...]
    spec: CountSpec
    masks: Stage | None

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """See `Stage`."""
        network = workshop.model(self.model, self.dataset)
        scope = scope_with_structure(network, exclude=self.exclude)
        stored = inputs["masks"].tensors if self.masks is not None else masks_.ones(scope)
        masks = {name: stored[name] for name in scope.shapes}
        shape = workshop.splits(self.dataset).input_shape
        found: dict[str, Any] = {
            "sparsity": masks_.sparsity(masks),
            "weights_left": masks_.kept(masks),
            "layer_density": masks_.layer_density(masks),
            "compression_ratio": compression_ratio(network, masks),
            "parameters": parameters_left(network, masks),
            "collapsed_layers": len(collapsed_layers(masks)),
            "size_bytes": state_bytes(network) if self.masks is None else sparse_bytes(network, masks),
        }
        if self.spec.effective_sparsity:
            found["effective_sparsity"] = effective_sparsity(network, shape, masks)
        if self.spec.multiply_adds:
            dense, left = multiply_adds(network, shape)[TOTAL], multiply_adds(network, shape, masks)[TOTAL]
            found |= {"multiply_adds": left, "theoretical_speedup": dense / left if left else None}
        return Artifact(data=found)
