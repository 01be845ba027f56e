"""Residual networks for small images: ResNet-20 to 56 (He et al. 2016) and wide ones (Zagoruyko & Komodakis 2016)."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from prunelab.basics.choices import choose
from prunelab.models.shapes import image_shape, positive_classes, scaled

Shortcut = Literal["padding", "projection"]


class PaddingShortcut(nn.Module):
    """Option A of He et al. 2016, section 4.2: every `stride`-th pixel, missing channels filled with zeros."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.missing = filters - channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, h, w) -> (batch, filters, ceil(h / stride), ceil(w / stride))."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.missing))


def _projection(channels: int, filters: int, stride: int) -> nn.Module:
    """Option B: a 1x1 convolution and BatchNorm."""
    return nn.Sequential(nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))


class BasicBlock(nn.Module):
    """relu(shortcut(x) + BN(conv(relu(BN(conv(x)))))), He et al. 2016."""

    def __init__(self, channels: int, filters: int, stride: int, shortcut: Shortcut) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != filters:
            make = PaddingShortcut if shortcut == "padding" else _projection
            self.shortcut = make(channels, filters, stride)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, h, w) -> (batch, filters, ceil(h / stride), ceil(w / stride))."""
        out = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        return self.relu2(out + self.shortcut(x))


class PreactivationBlock(nn.Module):
    """x + conv(relu(BN(dropout(conv(relu(BN(x))))))), He et al. 2016b, as widened by Zagoruyko & Komodakis 2016.

    Where the shape changes the shortcut is a 1x1 convolution of the first activation.
    """

    def __init__(self, channels: int, filters: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.relu2 = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        changes = stride != 1 or channels != filters
        self.shortcut = nn.Conv2d(channels, filters, 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, h, w) -> (batch, filters, ceil(h / stride), ceil(w / stride))."""
        active = self.relu1(self.bn1(x))
        out = self.conv2(self.dropout(self.relu2(self.bn2(self.conv1(active)))))
        return out + (x if self.shortcut is None else self.shortcut(active))


def resnet(
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    width: float = 1.0,
    depth: int = 20,
    shortcut: Shortcut = "padding",
) -> nn.Sequential:
    """ResNet-(6n+2) for CIFAR (He et al. 2016, section 4.2): stages of n blocks with 16, 32 and 64 filters.

    With padding shortcuts, on 10 classes: 0.27 M (ResNet-20), 0.46 M (32), 0.66 M (44), 0.85 M (56) parameters.

    Args:
        input_shape: (channels, height, width); strides halve it twice.
        num_classes: number of logits.
        width: multiplies all filters.
        depth: weighted layers, 6n + 2.
        shortcut: "padding" (option A, as in the paper's CIFAR networks) or "projection" (option B).

    Raises:
        ValueError: for a depth that is not 6n + 2, an unknown shortcut, or an input that is not an image.
    """
    if depth < 8 or (depth - 2) % 6:
        raise ValueError(f"ResNet-{depth} does not exist for small images: the depth is 6n + 2 (20, 32, 44, 56, 110, ...)")
    choose("shortcut", shortcut, ("padding", "projection"))
    channels, _, _ = image_shape(f"ResNet-{depth}", input_shape, smallest=4)
    filters = scaled(16, width)
    net = nn.Sequential()
    net.add_module("conv1", nn.Conv2d(channels, filters, 3, padding=1, bias=False))
    net.add_module("bn1", nn.BatchNorm2d(filters))
    net.add_module("relu1", nn.ReLU())
    channels = filters
    for stage, base in enumerate((16, 32, 64), start=1):
        blocks = nn.Sequential()
        for block in range((depth - 2) // 6):
            stride = 2 if stage > 1 and block == 0 else 1
            filters = scaled(base, width)
            blocks.append(BasicBlock(channels, filters, stride, shortcut))
            channels = filters
        net.add_module(f"stage{stage}", blocks)
    return _classifier(net, channels, num_classes)


def wide_resnet(
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    width: float = 1.0,
    depth: int = 16,
    factor: int = 8,
    dropout: float = 0.0,
) -> nn.Sequential:
    """WRN-depth-factor (Zagoruyko & Komodakis 2016): pre-activation stages of (16, 32, 64) x factor filters.

    On 10 classes: WRN-16-8 has 11.0 M parameters, WRN-28-10 36.5 M.

    Args:
        input_shape: (channels, height, width); strides halve it twice.
        num_classes: number of logits.
        width: multiplies all filters, the 16 of the first convolution too.
        depth: weighted layers, 6n + 4.
        factor: the paper's widening factor k.
        dropout: probability of dropping an activation between a block's convolutions.

    Raises:
        ValueError: for a depth that is not 6n + 4, a factor below 1, or an input that is not an image.
    """
    if depth < 10 or (depth - 4) % 6:
        raise ValueError(f"WRN-{depth}-{factor} does not exist: the depth is 6n + 4 (10, 16, 22, 28, 40, ...)")
    if factor < 1:
        raise ValueError(f"factor = {factor} must be at least 1")
    channels, _, _ = image_shape(f"WRN-{depth}-{factor}", input_shape, smallest=4)
    net = nn.Sequential()
    filters = scaled(16, width)
    net.add_module("conv1", nn.Conv2d(channels, filters, 3, padding=1, bias=False))
    channels = filters
    for stage, base in enumerate((16, 32, 64), start=1):
        blocks = nn.Sequential()
        for block in range((depth - 4) // 6):
            stride = 2 if stage > 1 and block == 0 else 1
            filters = scaled(base * factor, width)
            blocks.append(PreactivationBlock(channels, filters, stride, dropout))
            channels = filters
        net.add_module(f"stage{stage}", blocks)
    net.add_module("bn", nn.BatchNorm2d(channels))
    net.add_module("relu", nn.ReLU())
    return _classifier(net, channels, num_classes)


def _classifier(net: nn.Sequential, channels: int, num_classes: int) -> nn.Sequential:
    net.add_module("pool", nn.AdaptiveAvgPool2d(1))
    net.add_module("flatten", nn.Flatten())
    net.add_module("output", nn.Linear(channels, positive_classes(num_classes)))
    return net
