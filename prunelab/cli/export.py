"""`prunelab export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunelab.cli.errors import guarded
from prunelab.cli.networks import RUN_HELP, compacted, found_network, show, title
from prunelab.cli.options import debug_option, home_folder, home_option

if TYPE_CHECKING:
    from torch import nn

    from prunelab.compress.export import Exported
    from prunelab.study.rebuild import Rebuilt

_USAGE = {
    "torch": ["import torch", 'model = torch.export.load("{folder}/model.pt2").module()', "logits = model(inputs)"],
    "onnx": [
        "import onnxruntime",
        'session = onnxruntime.InferenceSession("{folder}/{onnx}")',
        'logits = session.run(None, {{"input": inputs}})[0]  # a numpy array',
    ],
    "openvino": [
        "import json, openvino, pathlib",
        'properties = json.loads(pathlib.Path("{folder}/openvino.json").read_text())  # float32, as it was checked',
        'logits = openvino.Core().compile_model("{folder}/model.xml", "CPU", properties)(inputs)[0]',
    ],
    "safetensors": [
        "from safetensors.torch import load_file",
        'state = load_file("{folder}/model.safetensors")',
        "model.load_state_dict(state)  # of a module of these shapes; `prunelab compress` writes one that is rebuilt for you",
    ],
}


@click.command(help=f"Write the network of RUN to the new folder DIR for another runtime, checked there, with a model card.\n\n{RUN_HELP}")
@click.argument("run")
@click.argument("directory", metavar="DIR")
@click.option("--to", "target", required=True, help="torch (torch.export), onnx, openvino or safetensors.")
@click.option("--int8", is_flag=True, help="Quantise linear layers to int8 as well (onnx), and measure what that costs on the test split.")
@click.option("--masked", is_flag=True, help="Export the masked network as it is, nothing cut out.")
@home_option
@debug_option
def export(run: str, directory: str, target: str, int8: bool, masked: bool, home: str | None, debug: bool) -> None:
    """See `help`."""
    guarded(debug, lambda: _export(run, Path(directory), target, int8, masked, home_folder(home)))


def _export(run: str, where: Path, to: str, int8: bool, masked: bool, home: Path) -> None:
    from prunelab.basics.choices import choose
    from prunelab.compress.card import Card, model_card
    from prunelab.compress.export import TARGETS
    from prunelab.compress.export import export as write
    from prunelab.compress.folder import whole_folder

    choose("export target", to, TARGETS)
    record, rebuilt = found_network(run, home)
    model = _model(rebuilt, masked)
    with whole_folder(where) as folder:
        made = write(model, rebuilt.example(), to, folder, int8=int8, test=rebuilt.test)
        onnx = "model.int8.onnx" if int8 else "model.onnx"
        card = Card(
            title=f"{title(record)}, for {to}",
            what=f"The {'trained' if model is rebuilt.network else 'compacted'} network as {to} runs it; batches may have any size.",
            files=made.files,
            check=_checks(made, to),
            usage=[line.format(folder=where.name, onnx=onnx) for line in _USAGE[to]],
        )
        (folder / "README.md").write_text(model_card(record, card))
    counts = [sum(parameter.numel() for parameter in one.parameters()) for one in (rebuilt.network, model)]
    rows = {"parameters": (f"{counts[0]:,}", f"{counts[1]:,}"), "largest difference": ("", f"{made.difference:.2g}")}
    rows |= {name: ("", f"{size:,} bytes") for name, size in made.files.items()}
    if made.quality:
        rows["test accuracy, int8"] = tuple(f"{100 * made.quality[kind]['top1']:.2f} %" for kind in ("float", "int8"))  # pyright: ignore[reportArgumentType]
    show(card.title, rows, where)


def _model(rebuilt: Rebuilt, masked: bool) -> nn.Module:
    """What is exported: compacted, where anything was pruned."""
    if masked or not rebuilt.masks:
        return rebuilt.network
    try:
        return compacted(rebuilt).model
    except ValueError as error:
        raise ValueError(f"the network can't be compacted: {error}; --masked exports it as it is") from error


def _checks(made: Exported, to: str) -> list[str]:
    sentences = [f"{to} and torch logits differ by at most {made.difference:.2g} of the largest, on a batch of another size"]
    if made.quality:
        before, after = (made.quality[kind] for kind in ("float", "int8"))
        sentences.append(
            f"int8 on the test split: accuracy {100 * after['top1']:.2f} % ({100 * before['top1']:.2f} % in float32), "
            f"cross-entropy {after['loss']:.4g} ({before['loss']:.4g})"
        )
    return sentences
