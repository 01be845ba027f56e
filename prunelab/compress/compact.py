"""From a masked network to a smaller one that computes the same."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping

from torch import Tensor, nn

from prunelab.compress.channels import remove_channels
from prunelab.compress.report import Check, check
from prunelab.compress.shapes import Shapes, differences
from prunelab.compress.transformers import remove_units
from prunelab.pruning import masks as masks_
from prunelab.pruning.structure import Structure


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compacted:
    """A network without what its masks made useless.

    Attributes:
        model: a module of its own.
        shapes: what differs from the dense network, see `shapes.differences`.
        check: how it compares with the masked network.
    """

    model: nn.Module
    shapes: Shapes
    check: Check


def compact(model: nn.Module, masks: Mapping[str, Tensor], *, structure: Structure, example: Tensor) -> Compacted:
    """A physically smaller copy of `model` with the outputs of the masked one in evaluation mode.

    Of a transformer heads, feed-forward neurons and layers are removed, of other networks channels and neurons (also those
    that single-weight masks happen to leave dead): what nobody reads goes, and what is the same whatever comes in, if it can
    be folded exactly into the bias of its readers. The rest stays dense and is told in `check.report.stays`. In training
    mode, BatchNorm and dropout see other statistics where constants were folded.

    Args:
        model: left as it is; the copy keeps its training mode and which parameters are trained.
        masks: parameter name -> True where kept; need not be applied yet.
        structure: heads and perceptrons of the model; channels are found by a trace.
        example: inputs, shape (batch, ...).

    Raises:
        ValueError: for masks that do not fit, a network whose channels can't be followed, or if outputs differ by more than
            1e-5 of the largest.
    """
    masked = copy.deepcopy(model)
    masks_.apply(masked, dict(masks))
    smaller = copy.deepcopy(masked)
    if structure.heads or structure.perceptrons:
        report = remove_units(smaller, structure, example)
    else:
        report = remove_channels(smaller, example)
    made = check(masked, smaller, example=example, report=report)
    return Compacted(model=smaller, shapes=differences(model, smaller), check=made)
