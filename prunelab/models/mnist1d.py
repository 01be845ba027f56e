"""The networks that Greydanus 2020 ("Scaling down deep learning") trains on MNIST-1D."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from prunelab.models.shapes import positive_classes, scaled

_CONVOLUTIONS = ((5, 2, 1), (3, 2, 1), (3, 2, 1))  # kernel, stride, padding


class ResidualMLP(nn.Module):
    """h = relu(W1 x), h = h + relu(W2 h), logits W3 h."""

    def __init__(self, num_inputs: int, hidden: int, num_classes: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(num_inputs, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.output = nn.Linear(hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, ...) -> (batch, num_classes)."""
        first = F.relu(self.fc1(x.flatten(1)))
        return self.output(first + F.relu(self.fc2(first)))


class Conv1dNet(nn.Module):
    """Three strided convolutions along the signal, then a linear layer over all that is left."""

    def __init__(self, length: int, filters: int, num_classes: int) -> None:
        super().__init__()
        first, second, third = _CONVOLUTIONS
        self.conv1 = nn.Conv1d(1, filters, *first)
        self.conv2 = nn.Conv1d(filters, filters, *second)
        self.conv3 = nn.Conv1d(filters, filters, *third)
        for kernel, stride, padding in _CONVOLUTIONS:
            length = (length + 2 * padding - kernel) // stride + 1
        self.output = nn.Linear(filters * length, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, length) or (batch, 1, length) -> (batch, num_classes)."""
        hidden = F.relu(self.conv1(x.flatten(1).unsqueeze(1)))
        hidden = F.relu(self.conv3(F.relu(self.conv2(hidden))))
        return self.output(hidden.flatten(1))


def mlp(*, input_shape: tuple[int, ...], num_classes: int, width: float = 1.0, hidden: int = 100) -> ResidualMLP:
    """Two hidden layers with a skip connection over the second (Greydanus 2020): 15,210 parameters on 40 inputs.

    Args:
        input_shape: shape of one example, any; it is flattened.
        num_classes: number of logits.
        width: multiplies the hidden width.
        hidden: units in each hidden layer.
    """
    return ResidualMLP(math.prod(input_shape), scaled(hidden, width), positive_classes(num_classes))


def cnn(*, input_shape: tuple[int, ...], num_classes: int, width: float = 1.0, filters: int = 25) -> Conv1dNet:
    """Three 1-D convolutions of stride 2 (Greydanus 2020): 5,210 parameters on 40 inputs.

    Args:
        input_shape: (length,) or (1, length), at least 3 values long; the channel axis is added.
        num_classes: number of logits.
        width: multiplies the filters.
        filters: filters in each convolution.

    Raises:
        ValueError: if the input is not one signal, or too short.
    """
    length = math.prod(input_shape)
    if tuple(input_shape) not in ((length,), (1, length)):
        raise ValueError(f"the MNIST-1D CNN takes one signal, (length,), not an input of shape {tuple(input_shape)}")
    if length < 3:
        raise ValueError(f"the MNIST-1D CNN needs signals of at least 3 values, not {length}")
    return Conv1dNet(length, scaled(filters, width), positive_classes(num_classes))
