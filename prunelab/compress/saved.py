"""Compacted networks on disk: a JSON of their shape and safetensors, rebuilt without pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from prunelab.basics.component import Component
from prunelab.compress.compact import Compacted
from prunelab.compress.folder import whole_folder
from prunelab.compress.shapes import reshape
from prunelab.models.build import build_model

FORMAT = 1
_SHAPE, _TENSORS = "shape.json", "model.safetensors"


def save(folder: Path | str, compacted: Compacted, *, component: Component, input_shape: tuple[int, ...], num_classes: int) -> None:
    """Write `folder` with `shape.json` and `model.safetensors`, in one step: a reader sees all of it or nothing.

    Args:
        folder: to be made.
        compacted: the network.
        component: what the dense network was built from.
        input_shape: shape of one example.
        num_classes: number of logits.

    Raises:
        ValueError: if `folder` exists.
    """
    shape = {
        "format": FORMAT,
        "model": {"name": component.name, **component.identity()},
        "input_shape": list(input_shape),
        "num_classes": num_classes,
        "modules": compacted.shapes,
    }
    state = {name: tensor.detach().cpu().clone() for name, tensor in compacted.model.state_dict().items()}
    with whole_folder(Path(folder)) as made:
        (made / _SHAPE).write_text(json.dumps(shape, indent=1) + "\n")
        save_file(state, made / _TENSORS)


def load(folder: Path | str) -> nn.Module:
    """The network that `save` wrote to `folder`, on the CPU, in training mode like a new one.

    Raises:
        ValueError: for a file that is missing, unreadable or of a newer version, or tensors that do not fit the shape.
    """
    folder = Path(folder)
    shape, state = _read_shape(folder), _read_tensors(folder)
    component = Component(name=shape["model"]["name"], target=shape["model"]["target"], arguments=shape["model"]["arguments"])
    model = build_model(component, input_shape=tuple(shape["input_shape"]), num_classes=shape["num_classes"])
    reshape(model, shape["modules"])
    _check(folder, model.state_dict(), state)
    model.load_state_dict(state)
    return model


def _read_shape(folder: Path) -> dict[str, Any]:
    path = folder / _SHAPE
    try:
        shape = json.loads(path.read_text())
        found = shape["format"]
    except FileNotFoundError:
        raise ValueError(f"{folder} holds no compacted network: {_SHAPE} is missing") from None
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no shape of a compacted network: {error!r}") from None
    if found != FORMAT:
        raise ValueError(f"{path} has format {found}, and this version of prunelab reads {FORMAT}; use a newer one")
    missing = {"model", "input_shape", "num_classes", "modules"} - shape.keys()
    if missing:
        raise ValueError(f"{path} says nothing of {', '.join(sorted(missing))}")
    return shape


def _read_tensors(folder: Path) -> dict[str, Tensor]:
    path = folder / _TENSORS
    try:
        return load_file(path)
    except FileNotFoundError:
        raise ValueError(f"{folder} holds no compacted network: {_TENSORS} is missing") from None
    except SafetensorError as error:
        raise ValueError(f"{path} can't be read: {error}") from None


def _check(folder: Path, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    for name in sorted(wanted.keys() ^ found.keys()):
        where = "is missing" if name in wanted else "is more than the shape has"
        raise ValueError(f"{folder / _TENSORS}: tensor {name!r} {where}")
    for name, tensor in wanted.items():
        if tensor.shape != found[name].shape or tensor.dtype != found[name].dtype:
            what = [(tuple(it.shape), it.dtype) for it in (found[name], tensor)]
            raise ValueError(f"{folder / _TENSORS}: tensor {name!r} has shape and type {what[0]}, and the shape says {what[1]}")
