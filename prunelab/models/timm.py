"""Any classification network of timm (PyTorch Image Models, Wightman 2019), by name."""

from __future__ import annotations

from typing import Any, Literal

from torch import nn

from prunelab.basics.choices import choose
from prunelab.models.initialization import mark_pretrained
from prunelab.models.published import check_takes, refuse_width
from prunelab.models.shapes import image_shape, positive_classes

Weights = Literal["DEFAULT"]


def timm_model(
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    name: str = "resnet18",
    weights: Weights | None = None,
    width: float = 1.0,
) -> nn.Module:
    """A timm network with its head, first convolution and image size fitted to the data.

    With pretrained weights the head is new and zero; `init` must then be "pretrained".

    Args:
        input_shape: (channels, height, width). Networks of a fixed image size are built for this one.
        num_classes: number of logits.
        name: as timm.list_models() has it.
        weights: "DEFAULT" for timm's pretrained weights, None for none.
        width: only 1.0; these networks have published widths.

    Raises:
        ValueError: if timm is not installed, for an unknown name, a width, or an input that the network cannot take.
    """
    try:
        import timm
    except ImportError as error:
        raise ValueError('the model "timm" needs the package timm: pip install "prunelab[timm]"') from error
    choose("timm model", name, timm.list_models())
    channels, height, breadth = image_shape(name, input_shape, smallest=1)
    refuse_width(name, width)
    config: Any = timm.get_pretrained_cfg(name)
    size: dict[str, Any] = {"img_size": (height, breadth)} if config is not None and config.fixed_input_size else {}
    model: Any = timm.create_model(
        name, pretrained=weights is not None, num_classes=positive_classes(num_classes), in_chans=channels, **size
    )
    check_takes(name, model, input_shape)
    if weights is None:
        return model
    for parameter in model.get_classifier().parameters():
        nn.init.zeros_(parameter)
    return mark_pretrained(model)
