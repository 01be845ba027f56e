"""What the networks of other libraries have in common: published widths, and sizes of images that they cannot take."""

from __future__ import annotations

import torch
from torch import nn

from prunelab.models.example import example_input


def refuse_width(name: str, width: float) -> None:
    """Raise ValueError unless `width` is 1: networks built by another library have only their published widths."""
    if width != 1.0:
        raise ValueError(f"width = {width!r}: {name} has one width, 1.0; choose another network of its family instead")


def check_takes(name: str, model: nn.Module, input_shape: tuple[int, ...]) -> None:
    """Run one example of zeros through `model`.

    Raises:
        ValueError: if it fails, which for these networks means images too small for the strides.
    """
    was_training = model.training
    try:
        with torch.no_grad():
            model.eval()(example_input(model, input_shape))
    except NotImplementedError:
        raise  # an operation without a meta kernel, not a matter of shapes
    except (RuntimeError, AssertionError, ValueError) as error:
        raise ValueError(f"{name} cannot take inputs of shape {tuple(input_shape)}: {error}") from error
    model.train(was_training)
