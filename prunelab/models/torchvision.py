"""Any classification network of torchvision, by name."""

from __future__ import annotations

from typing import Any, Literal

import torchvision
from torch import nn

from prunelab.basics.choices import choose
from prunelab.models.initialization import mark_pretrained
from prunelab.models.published import check_takes, refuse_width
from prunelab.models.shapes import image_shape, positive_classes

Weights = Literal["DEFAULT"]
_IMAGENET_CLASSES = 1000


def torchvision_model(
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    name: str = "resnet18",
    weights: Weights | None = None,
    width: float = 1.0,
) -> nn.Module:
    """A torchvision classification network with its head, first convolution and image size fitted to the data.

    With pretrained weights and another number of classes the head is new and zero (as Kolesnikov et al. 2020
    fine-tune); `init` must then be "pretrained". Auxiliary classifiers are left out.

    Args:
        input_shape: (channels, height, width). Transformers are built for this size.
        num_classes: number of logits.
        name: as torchvision.models.list_models() has it.
        weights: "DEFAULT" for torchvision's best ImageNet weights, None for none.
        width: only 1.0; these networks have published widths.

    Raises:
        ValueError: for an unknown name, a width, pretrained weights with other than 3 channels, or an input that the
            network cannot take.
    """
    choose("torchvision model", name, torchvision.models.list_models(module=torchvision.models))
    channels, height, breadth = image_shape(name, input_shape, smallest=1)
    refuse_width(name, width)
    if weights is not None and channels != 3:
        raise ValueError(f"the pretrained {name} takes 3 channels, not {channels}; use weights: null")
    classes = _IMAGENET_CLASSES if weights else positive_classes(num_classes)
    model = torchvision.models.get_model(name, weights=weights, num_classes=classes, **_options(name, height, breadth))
    if classes != num_classes:
        _replace(model, _last_head(model, classes), num_classes)
    if channels != 3:
        _replace_stem(model, channels)
    check_takes(name, model, input_shape)
    return mark_pretrained(model) if weights else model


def _options(name: str, height: int, breadth: int) -> dict[str, object]:
    if name in ("googlenet", "inception_v3"):
        # torchvision's own initialisation of these takes minutes and is drawn again anyway
        return {"aux_logits": False, "init_weights": False}
    if name.startswith("vit_"):
        if height != breadth:
            raise ValueError(f"{name} takes square images, not {height}x{breadth}")
        return {"image_size": height}
    if name.startswith("maxvit"):
        return {"input_size": (height, breadth)}
    return {}


def _last_head(model: nn.Module, classes: int) -> str:
    heads = [
        name
        for name, part in model.named_modules()
        if classes in (getattr(part, "out_features", None), getattr(part, "out_channels", None))
    ]
    return heads[-1]


def _replace(model: Any, name: str, num_classes: int) -> None:
    """Put a zero classifier with `num_classes` outputs in the place of the module `name`."""
    old = model.get_submodule(name)
    if isinstance(old, nn.Linear):
        new: nn.Module = nn.Linear(old.in_features, num_classes)
    else:  # SqueezeNet classifies by a 1x1 convolution
        assert isinstance(old, nn.Conv2d)
        new = nn.Conv2d(old.in_channels, num_classes, 1)
    for parameter in new.parameters():
        nn.init.zeros_(parameter)
    model.set_submodule(name, new)
    if hasattr(model, "num_classes"):
        model.num_classes = num_classes


def _replace_stem(model: Any, channels: int) -> None:
    """Let the first convolution take `channels` instead of 3."""
    name, old = next((name, part) for name, part in model.named_modules() if isinstance(part, nn.Conv2d))
    shape: Any = {option: getattr(old, option) for option in ("kernel_size", "stride", "padding", "dilation")}
    new = nn.Conv2d(channels, old.out_channels, bias=old.bias is not None, **shape)
    model.set_submodule(name, new)
    if hasattr(model, "transform_input"):
        model.transform_input = False
