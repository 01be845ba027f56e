"""What a compaction did, and the check that it changed nothing."""

from __future__ import annotations

import copy
import dataclasses

import torch
from torch import Tensor, nn

TOLERANCE = 1e-5
_BATCHES = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stays:
    """Units that the masks left nothing of and that are still there.

    Attributes:
        layer: path of the layer that needs them.
        units: how many.
        reason: why they can't go.
    """

    layer: str
    units: int
    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """What a removal was asked to do and did.

    Attributes:
        asked: dead units: coupled channels and neurons, or heads, feed-forward neurons and layers.
        gone: those that were removed.
        stays: the others.
    """

    asked: int
    gone: int
    stays: tuple[Stays, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check:
    """A compacted network compared with the masked one.

    Attributes:
        difference: largest difference of their outputs in float32, over the largest output of the masked one.
        examples: how many were compared, random ones and those given.
        report: what was asked and done.
        parameters_before: of the dense network.
        parameters_after: of the compacted one.
    """

    difference: float
    examples: int
    report: Report
    parameters_before: int
    parameters_after: int


@torch.no_grad()
def check(masked: nn.Module, compacted: nn.Module, *, example: Tensor, report: Report) -> Check:
    """Compare two networks on `example` and on random inputs of its shape and type.

    Raises:
        ValueError: if outputs differ by more than 1e-5 of the largest.
    """
    one, other = (copy.deepcopy(network).float().eval() for network in (masked, compacted))
    generator = torch.Generator().manual_seed(0)
    batches = [example, *(_random_like(example, masked, generator) for _ in range(_BATCHES))]
    largest = different = 0.0
    for batch in batches:
        given = batch.float() if batch.is_floating_point() else batch
        wanted, found = one(given), other(given)
        largest, different = max(largest, float(wanted.abs().max())), max(different, float((wanted - found).abs().max()))
        if not bool(torch.isfinite(found).all()):
            different = float("inf")
    relative = different / largest if largest else different
    if not relative <= TOLERANCE:
        raise ValueError(
            f"the compacted network's outputs differ from the masked one's by {relative:.1e} of the largest, more than {TOLERANCE:g}: "
            "it is not the same network"
        )
    return Check(
        difference=relative,
        examples=sum(len(batch) for batch in batches),
        report=report,
        parameters_before=sum(parameter.numel() for parameter in masked.parameters()),
        parameters_after=sum(parameter.numel() for parameter in compacted.parameters()),
    )


def _random_like(example: Tensor, model: nn.Module, generator: torch.Generator) -> Tensor:
    if example.is_floating_point():
        return torch.randn(example.shape, generator=generator).to(example)
    tokens = int(getattr(model, "num_tokens", 0)) or int(example.max()) + 1
    return torch.randint(0, tokens, example.shape, generator=generator).to(example)
