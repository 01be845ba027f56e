"""Write a model for other runtimes, and check there that it gives the same numbers."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_model
from torch import Tensor, nn
from torch.export import Dim

from prunelab.basics.choices import choose
from prunelab.compress.break_even import difference
from prunelab.metrics.masks import evaluating
from prunelab.metrics.quality import evaluate

TARGETS = ("torch", "onnx", "openvino", "safetensors")
INPUT, OUTPUT = "input", "logits"
TOLERANCE = 1e-4
OPENVINO_PROPERTIES = "openvino.json"
_SPARSE_RATE = 0.8
_INLINE_BYTES = 1_500_000_000  # a protobuf ends at 2 GB: larger weights go to a file beside it

Batches = Callable[[], Iterable[tuple[Tensor, Tensor]]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written.

    Attributes:
        files: name -> bytes.
        difference: largest difference to torch's logits, relative to the largest, of a batch of another size.
        quality: top-1 and loss on the test split before and after int8, by `float` and `int8`; None without int8.
    """

    files: Mapping[str, int]
    difference: float
    quality: Mapping[str, Mapping[str, float]] | None = None


def export(model: nn.Module, example: Tensor, to: str, folder: Path, *, int8: bool = False, test: Batches | None = None) -> Exported:
    """Write `model` below `folder` in the form of `to`, load it again there, and compare.

    Batches of any size can be given to it; token ids of any length too.

    Args:
        model: on the CPU, with logits as output; its mode does not change.
        example: a batch that it takes (batch, ...); int64 of two axes are token ids.
        to: torch (`torch.export`), onnx (with torch's dynamo exporter), openvino or safetensors (the weights alone).
        folder: that exists.
        int8: quantise linear layers dynamically (weights and inputs to int8, onnx only); with `test` its quality is measured.
        test: batches of the test split.

    Raises:
        ValueError: for an unknown target, a package that is not installed, int8 elsewhere than for onnx, or an exported
            model that gives other numbers than torch.
    """
    choose("export target", to, TARGETS)
    if int8 and to != "onnx":
        raise ValueError(
            f"int8 goes with --to onnx: torch's own dynamic quantisation is deprecated and can't be exported, and {to} has none here"
        )
    example = torch.cat([example, example]) if len(example) == 1 else example  # a batch of one would be taken for a constant
    quality = None
    with evaluating(model), torch.inference_mode(False), torch.no_grad(), _without_noise():
        run = _WRITERS[to](model, example, folder)
        other = _other_batch(example)
        with _as_error(f"{to} can't run the exported model"):
            apart = difference(run(other), model(other))
        if not apart <= TOLERANCE:
            raise ValueError(f"the exported model is not equal: {to} differs from torch by {apart:.2g} of the largest logit")
        if int8:
            quantised = _quantise(folder)
            quality = {} if test is None else {"float": _quality(run, test), "int8": _quality(quantised, test)}
    files = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    return Exported(files=files, difference=apart, quality=quality)


Run = Callable[[Tensor], Tensor]


def _torch(model: nn.Module, example: Tensor, folder: Path) -> Run:
    path = folder / "model.pt2"
    with _as_error("torch.export can't trace the model"):
        program = torch.export.export(model, (example,), dynamic_shapes=(_dynamic(example),))
    torch.export.save(program, path)
    return torch.export.load(path).module()


def _onnx(model: nn.Module, example: Tensor, folder: Path) -> Run:
    _package("onnx"), _package("onnxscript")
    path = folder / "model.onnx"
    size = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    with _as_error("torch's ONNX exporter can't export the model"):
        torch.onnx.export(
            model,
            (example,),
            path,
            dynamo=True,
            dynamic_shapes=(_dynamic(example),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            external_data=size > _INLINE_BYTES,
            verbose=False,
        )
    return _onnx_session(path)


def _onnx_session(path: Path) -> Run:
    session = _package("onnxruntime").InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda x: torch.from_numpy(session.run(None, {INPUT: x.numpy()})[0])


def _openvino(model: nn.Module, example: Tensor, folder: Path) -> Run:
    """By way of ONNX. float32 is asked for when it is compiled: by default OpenVINO computes in bfloat16 where it can."""
    openvino = _package("openvino")
    _onnx(model, example, folder)
    interim = folder / "model.onnx"
    with _as_error("OpenVINO can't convert the model"):
        openvino.save_model(openvino.convert_model(str(interim)), str(folder / "model.xml"), compress_to_fp16=False)
    for path in folder.glob("model.onnx*"):
        path.unlink()
    properties: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
    if _is_sparse(model):
        properties["CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE"] = _SPARSE_RATE
    (folder / OPENVINO_PROPERTIES).write_text(json.dumps(properties))
    compiled = openvino.Core().compile_model(str(folder / "model.xml"), "CPU", properties)
    return lambda x: torch.from_numpy(compiled(x.numpy())[0])


def _safetensors(model: nn.Module, example: Tensor, folder: Path) -> Run:
    path = folder / "model.safetensors"
    save_model(model, str(path))
    stored, state = load_file(path), model.state_dict()
    if any(not torch.equal(value, state[name]) for name, value in stored.items()):
        raise ValueError(f"{path.name} does not hold the model's weights")
    return model


_WRITERS: dict[str, Callable[[nn.Module, Tensor, Path], Run]] = {
    "torch": _torch,
    "onnx": _onnx,
    "openvino": _openvino,
    "safetensors": _safetensors,
}


def _quantise(folder: Path) -> Run:
    """model.int8.onnx beside model.onnx."""
    quantization = importlib.import_module("onnxruntime.quantization")
    path = folder / "model.int8.onnx"
    with _as_error("onnxruntime can't quantise the model"):
        quantization.quantize_dynamic(folder / "model.onnx", path, weight_type=quantization.QuantType.QInt8, op_types_to_quantize=_LINEAR)
    return _onnx_session(path)


_LINEAR = ["MatMul", "Gemm"]


def _quality(run: Run, test: Batches) -> dict[str, float]:
    class Wrapped(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return run(x)

    found = evaluate(Wrapped(), test())
    return {"top1": found.top1, "loss": found.loss}


def _dynamic(example: Tensor) -> dict[int, Any]:
    """The axes whose size may differ: the batch, and the length of token ids."""
    return {0: Dim.DYNAMIC, 1: Dim.DYNAMIC} if _is_text(example) else {0: Dim.DYNAMIC}


def _other_batch(example: Tensor) -> Tensor:
    """A batch of another size, and of texts another length."""
    larger = torch.cat([example, example[:1]])
    return larger[:, :-1] if _is_text(example) and example.shape[1] > 2 else larger


def _is_text(example: Tensor) -> bool:
    return example.dtype is torch.int64 and example.ndim == 2


def _is_sparse(model: nn.Module) -> bool:
    """Whether a linear layer's weights are sparse enough for OpenVINO's decompression."""
    weights = [module.weight for module in model.modules() if isinstance(module, nn.Linear)]
    return any(int(weight.count_nonzero()) <= (1 - _SPARSE_RATE) * weight.numel() for weight in weights)


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ValueError(f"this needs the package {name}: pip install 'prunelab[deploy]'") from error


@contextlib.contextmanager
def _as_error(what: str) -> Iterator[None]:
    """The exporters raise errors of their own: to the user they are one sentence, the rest is in the traceback."""
    try:
        yield
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"{what}: {type(error).__name__}: {' '.join(str(error).split())[:300]}") from error


@contextlib.contextmanager
def _without_noise() -> Iterator[None]:
    """The exporters warn of their own internals."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
