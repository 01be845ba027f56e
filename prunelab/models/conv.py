"""Conv-2, Conv-4 and Conv-6 of Frankle & Carbin 2019: scaled-down VGGs without normalisation."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from prunelab.models.shapes import image_shape, positive_classes, scaled

_FILTERS = (64, 128, 256)


def conv(*, input_shape: tuple[int, ...], num_classes: int, width: float = 1.0, depth: int = 2) -> nn.Sequential:
    """`depth` 3x3 convolutions in pairs, 2x2 max pooling after each pair, then 256, 256 and `num_classes` units.

    Frankle & Carbin 2019, figure 2. With biases, on 32x32x3 images of 10 classes: Conv-2 has 4,301,642 parameters,
    Conv-4 2,425,930 and Conv-6 2,262,602.

    Args:
        input_shape: (channels, height, width), at least 2^(depth / 2) pixels a side.
        num_classes: number of logits.
        width: multiplies the filters and the hidden widths.
        depth: convolutions: 2, 4 or 6.

    Raises:
        ValueError: for another depth, or images that are too small.
    """
    if depth not in (2, 4, 6):
        raise ValueError(f"Conv-{depth} does not exist. Valid depths: 2, 4, 6")
    channels, height, breadth = image_shape(f"Conv-{depth}", input_shape, smallest=2 ** (depth // 2))
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for block, base in enumerate(_FILTERS[: depth // 2], start=1):
        filters = scaled(base, width)
        for index in (2 * block - 1, 2 * block):
            layers[f"conv{index}"] = nn.Conv2d(channels, filters, 3, padding=1)
            layers[f"relu{index}"] = nn.ReLU()
            channels = filters
        layers[f"pool{block}"] = nn.MaxPool2d(2)
        height, breadth = height // 2, breadth // 2
    hidden = scaled(256, width)
    layers["flatten"] = nn.Flatten()
    layers["fc1"] = nn.Linear(channels * height * breadth, hidden)
    layers["fc1_relu"] = nn.ReLU()
    layers["fc2"] = nn.Linear(hidden, hidden)
    layers["fc2_relu"] = nn.ReLU()
    layers["output"] = nn.Linear(hidden, positive_classes(num_classes))
    return nn.Sequential(layers)
