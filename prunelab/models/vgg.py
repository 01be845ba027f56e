"""VGG for small images: the convolutions of Simonyan & Zisserman 2015 with BatchNorm and a single linear classifier."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from prunelab.models.shapes import image_shape, positive_classes, scaled

_FILTERS = (64, 128, 256, 512, 512)
_CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def vgg(*, input_shape: tuple[int, ...], num_classes: int, width: float = 1.0, depth: int = 16) -> nn.Sequential:
    """VGG-`depth` with BatchNorm for CIFAR, as pruned by Liu et al. 2017, 2019 and Frankle et al. 2020.

    Five stages of 3x3 convolutions with 64, 128, 256, 512 and 512 filters; 2x2 max pooling after the first four, the
    mean over all positions after the last, so that images from 16x16 pixels on fit; one linear layer. Convolutions have
    no bias, BatchNorm's shift takes its place. VGG-16 has 14.7 M parameters on 10 classes, VGG-19 20.0 M.

    Args:
        input_shape: (channels, height, width), at least 16x16 pixels.
        num_classes: number of logits.
        width: multiplies all filters.
        depth: 11, 13, 16 or 19; the name counts the three fully connected layers of the ImageNet network.

    Raises:
        ValueError: for another depth, or images that are too small.
    """
    if depth not in _CONVOLUTIONS:
        raise ValueError(f"VGG-{depth} does not exist. Valid depths: {', '.join(map(str, _CONVOLUTIONS))}")
    channels, _, _ = image_shape(f"VGG-{depth}", input_shape, smallest=16)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for stage, (base, repeats) in enumerate(zip(_FILTERS, _CONVOLUTIONS[depth], strict=True), start=1):
        for repeat in range(1, repeats + 1):
            filters = scaled(base, width)
            layers[f"conv{stage}_{repeat}"] = nn.Conv2d(channels, filters, 3, padding=1, bias=False)
            layers[f"bn{stage}_{repeat}"] = nn.BatchNorm2d(filters)
            layers[f"relu{stage}_{repeat}"] = nn.ReLU()
            channels = filters
        layers[f"pool{stage}"] = nn.MaxPool2d(2) if stage < len(_FILTERS) else nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["output"] = nn.Linear(channels, positive_classes(num_classes))
    return nn.Sequential(layers)
