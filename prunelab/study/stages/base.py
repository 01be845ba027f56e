"""What a stage is."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from prunelab.basics.canonical import digest, plain
from prunelab.basics.component import Component
from prunelab.store.artifact import Artifact
from prunelab.study.workshop import Workshop

MASK = "mask/"  # before the names of masks in an artifact that holds other tensors too


def state_in(artifact: Artifact) -> dict[str, torch.Tensor]:
    """Parameters and buffers of a network, without the masks that may be kept beside them."""
    return {name: value for name, value in artifact.tensors.items() if not name.startswith(MASK)}


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """One step of a study: fields that are stages are its inputs, all others describe it.

    Attributes:
        version: raised when what the stage computes changes, so that older artifacts are not reused.
    """

    version: ClassVar[int] = 1

    @property
    def kind(self) -> str:
        """`train`, `prune`, ..."""
        return type(self).__name__.lower()

    @functools.cached_property
    def inputs(self) -> dict[str, Stage]:
        """The stages that this one reads, by field."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Stage)}

    @functools.cached_property
    def description(self) -> dict[str, Any]:
        """Everything that decides what is computed: kind, version, every value, and the keys of the inputs."""
        values: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Stage):
                value = value.key
            elif isinstance(value, Component):
                value = value.identity()
            values[field.name] = value
        return plain({"kind": self.kind, "version": self.version, **values})

    @functools.cached_property
    def key(self) -> str:
        """SHA-256 of the canonical JSON of the description."""
        return digest(self.description)

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """Compute what the stage leaves from what its inputs left."""
        raise NotImplementedError
