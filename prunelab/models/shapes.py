"""What every model family asks of its arguments: scaled widths and input shapes it can take."""

from __future__ import annotations

import math


def scaled(base: int, width: float) -> int:
    """`base` hidden units times `width`, rounded to the nearest whole number, at least 1.

    Raises:
        ValueError: if `width` is not a positive finite number.
    """
    if not (math.isfinite(width) and width > 0):
        raise ValueError(f"width = {width!r} must be a positive number; 1.0 is the published network")
    return max(1, round(base * width))


def positive_classes(num_classes: int) -> int:
    """`num_classes`, checked.

    Raises:
        ValueError: if there is no class at all.
    """
    if num_classes < 1:
        raise ValueError(f"num_classes = {num_classes} must be at least 1")
    return num_classes


def image_shape(model: str, input_shape: tuple[int, ...], *, smallest: int) -> tuple[int, int, int]:
    """`input_shape` as (channels, height, width), checked.

    Args:
        model: what a person calls the network, for the message.
        input_shape: shape of one example.
        smallest: least height and width the network can take.

    Raises:
        ValueError: if it is not an image, or smaller than the network's poolings and strides allow.
    """
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise ValueError(f"{model} takes images (channels, height, width), not an input of shape {tuple(input_shape)}")
    channels, height, width = input_shape
    if min(height, width) < smallest:
        raise ValueError(f"{model} needs images of at least {smallest}x{smallest} pixels, not {height}x{width}")
    return channels, height, width
