"""From a config's choice of model to a module, its parameter count, and the width that gives a wanted count."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn

from prunelab.basics.component import Component

_GRID = 10_000  # widths are multiples of 1 / _GRID: exact in a stage's key, finer than one unit of any layer here
_WIDEST = 100 * _GRID


def build_model(component: Component, *, input_shape: tuple[int, ...], num_classes: int) -> nn.Module:
    """Construct the model, leaving the global random state as it was.

    The weights it holds are arbitrary but always the same; `initialization.initialize` draws the ones to train.

    Raises:
        ValueError: if the model cannot take such inputs, or an argument is out of range.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return component.build(input_shape=tuple(input_shape), num_classes=num_classes)


def parameter_count(component: Component, input_shape: tuple[int, ...], num_classes: int) -> int:
    """All parameters, weights and biases, of the model; shared ones once. No memory is allocated for them.

    Raises:
        ValueError: as `build_model`.
    """
    try:
        with torch.device("meta"):
            model = build_model(component, input_shape=input_shape, num_classes=num_classes)
    except NotImplementedError:  # a constructor that computes with tensors (RegNet) cannot run without values
        model = build_model(component, input_shape=input_shape, num_classes=num_classes)
    return sum(parameter.numel() for parameter in model.parameters())


def width_for_parameters(component: Component, input_shape: tuple[int, ...], num_classes: int, target: int) -> float:
    """The largest width whose model has at most `target` parameters, by bisection over multiples of 1e-4.

    The small dense control of a pruned network: the same architecture, `width` times as wide. The result depends on the
    counts alone, so it can be part of a stage's key.

    Raises:
        ValueError: if even one unit a layer is more than `target`, if no width reaches it, or the model has no width.
    """
    if "width" not in component.arguments:
        raise ValueError(f"{component.name} has no option 'width', so it has no smaller version")

    def count(step: int) -> int:
        arguments = {**component.arguments, "width": _width(step)}
        return parameter_count(dataclasses.replace(component, arguments=arguments), input_shape, num_classes)

    def fits(step: int) -> bool:
        return count(step) <= target

    low, high = 1, _GRID
    if not fits(low):
        raise ValueError(f"{component.name} has at least {count(low):,} parameters; {target:,} cannot be reached")
    while fits(high):
        low, high = high, 2 * high
        if high > _WIDEST:
            raise ValueError(f"{component.name} does not reach {target:,} parameters at width {_width(low)}")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return _width(low)


def _width(step: int) -> float:
    return round(step / _GRID, 4)
