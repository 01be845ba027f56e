"""LeNet-300-100 and LeNet-5, the networks of the first pruning papers."""

from __future__ import annotations

import math
from collections import OrderedDict

from torch import nn

from prunelab.models.shapes import image_shape, positive_classes, scaled

_KERNEL = 5
_LENET_5_SMALLEST = 16  # (16 - 4) / 2 = 6, then (6 - 4) / 2 = 1


def lenet_300_100(*, input_shape: tuple[int, ...], num_classes: int, width: float = 1.0) -> nn.Sequential:
    """Fully connected network with hidden layers of 300 and 100 ReLU units (LeCun et al. 1998).

    As in Han et al. 2015 and Frankle & Carbin 2019: 266,610 parameters on 28x28 images of 10 classes.

    Args:
        input_shape: shape of one example, any; it is flattened.
        num_classes: number of logits.
        width: multiplies both hidden widths.
    """
    first, second = scaled(300, width), scaled(100, width)
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            fc1=nn.Linear(math.prod(input_shape), first),
            relu1=nn.ReLU(),
            fc2=nn.Linear(first, second),
            relu2=nn.ReLU(),
            output=nn.Linear(second, positive_classes(num_classes)),
        )
    )


def lenet_5(*, input_shape: tuple[int, ...], num_classes: int, width: float = 1.0) -> nn.Sequential:
    """LeNet-5 in the form of Caffe's examples, the one pruned by Han et al. 2015: 431,080 parameters on MNIST.

    Two 5x5 convolutions without padding (20 and 50 filters), 2x2 max pooling after each, 500 ReLU units, linear output.
    As in Caffe there is no nonlinearity between convolution and pooling. It is not the 1998 network
    (6 and 16 filters, 61,706 parameters).

    Args:
        input_shape: (channels, height, width), at least 16x16 pixels.
        num_classes: number of logits.
        width: multiplies the filters and the hidden width.

    Raises:
        ValueError: if the images are too small.
    """
    channels, height, breadth = image_shape("LeNet-5", input_shape, smallest=_LENET_5_SMALLEST)
    first, second, hidden = scaled(20, width), scaled(50, width), scaled(500, width)
    left = math.prod(_pooled(_pooled(size)) for size in (height, breadth))
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, first, _KERNEL),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(first, second, _KERNEL),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(second * left, hidden),
            relu1=nn.ReLU(),
            output=nn.Linear(hidden, positive_classes(num_classes)),
        )
    )


def _pooled(size: int) -> int:
    return (size - _KERNEL + 1) // 2
