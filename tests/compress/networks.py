"""Small networks with BatchNorm and biases that are not as new, and masks for them."""

from __future__ import annotations

import copy
import functools

import torch
from torch import nn

from prunelab.models.build import build_model
from prunelab.models.structure import scope_with_structure
from prunelab.models.torchvision import torchvision_model
from prunelab.pruning import masks as masks_
from prunelab.pruning.granularities.coupled import CoupledChannels
from tests.conftest import configured

SHAPES = {
    "lenet_300_100": (1, 12, 12),
    "lenet_5": (1, 20, 20),
    "conv_6": (3, 16, 16),
    "resnet_20": (3, 16, 16),
    "vgg_16": (3, 16, 16),
    "wide_resnet_16_8": (3, 8, 8),
    "mnist1d_cnn": (40,),
    "mnist1d_mlp": (40,),
    "resnet18": (3, 32, 32),
    "mobilenet_v2": (3, 32, 32),
    "regnet_y_400mf": (3, 32, 32),
    "efficientnet_b0": (3, 32, 32),
    "densenet121": (3, 32, 32),
}
_NARROW = {"vgg_16": 0.25, "wide_resnet_16_8": 0.25, "conv_6": 0.5}
_TORCHVISION = ("resnet18", "mobilenet_v2", "regnet_y_400mf", "efficientnet_b0", "densenet121")


@functools.cache
def network(name: str) -> nn.Module:
    """To be copied before it is changed."""
    if name in _TORCHVISION:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = torchvision_model(input_shape=SHAPES[name], num_classes=4, name=name)
    else:
        component = configured("model", name)
        component = component.replace(width=_NARROW[name]) if name in _NARROW else component
        model = build_model(component, input_shape=SHAPES[name], num_classes=4)
    return randomised(model)


@torch.no_grad()
def randomised(model: nn.Module) -> nn.Module:
    """With statistics, scales, shifts and biases that are neither zero nor one, which hide mistakes, and weights that keep a signal."""
    stream = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d)):
            weight = module.weight
            weight.copy_(torch.randn(weight.shape, generator=stream) * (2 / weight[0].numel()) ** 0.5)
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.copy_(torch.randn(module.num_features, generator=stream) * 0.3)
            module.running_var.copy_(torch.rand(module.num_features, generator=stream) + 0.5)
            module.weight.copy_(torch.rand(module.num_features, generator=stream) + 0.7)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.copy_(torch.randn(parameter.shape, generator=stream) * 0.2)
    return model.eval()


@torch.no_grad()
def calibrated(model: nn.Module, masks: masks_.Masks, inputs: torch.Tensor) -> nn.Module:
    """A copy with statistics near those of the masked network: with others, the signal fades on the way through a deep one."""
    masked, made = copy.deepcopy(model), copy.deepcopy(model)
    masks_.apply(masked, masks)
    for module in masked.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        masked.train()(inputs)
    found = dict(masked.named_buffers())
    for name, buffer in made.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(found[name] * 1.1 + 0.05)
        elif name.endswith("running_var"):
            buffer.copy_(found[name] * 1.3 + 0.01)
    return made.eval()


@functools.cache
def scope(name: str):
    """With coupled channels."""
    return scope_with_structure(network(name), coupled_for=SHAPES[name])


def masks_of(found, kind: str, density: float, seed: int = 0):
    """Random masks, of coupled units with their companions or of single weights."""
    stream = torch.Generator().manual_seed(seed)
    if kind == "weight":
        return {name: torch.rand(shape, generator=stream) < density for name, shape in found.shapes.items()}
    units = CoupledChannels()
    keep = {name: torch.rand(group.num_units, generator=stream) < density for name, group in units.groups(found).items()}
    masks = units.expand(keep, found)
    return masks | found.structure.coupled.companion_masks(masks)


def example(name: str, batch: int = 2) -> torch.Tensor:
    """Random inputs."""
    return torch.randn(batch, *SHAPES[name], generator=torch.Generator().manual_seed(3))
