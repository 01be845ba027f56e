"""What a stage leaves."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch


@dataclasses.dataclass(frozen=True, kw_only=True)
class Artifact:
    """Tensors and JSON.

    Attributes:
        tensors: by name; stored as safetensors.
        data: JSON.
    """

    tensors: dict[str, torch.Tensor] = dataclasses.field(default_factory=dict)
    data: dict[str, Any] = dataclasses.field(default_factory=dict)


class DamagedArtifact(ValueError):  # noqa: N818 - it names what was found
    """An artifact whose files are not what was written; it has been set aside."""


class Held(Exception):  # noqa: N818 - it names what was found
    """Another process computes what was asked for."""


class StoreError(OSError):
    """The store could not be written: nothing else that a study does can succeed either."""
