"""A saved network is the same to the bit in another process; what is wrong with a file is said."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from prunelab.compress.compact import compact
from prunelab.compress.saved import load, save
from prunelab.models.build import build_model
from prunelab.models.structure import scope_with_structure, structure_of
from prunelab.pruning import masks as masks_
from prunelab.pruning.granularities.heads_and_neurons import HeadsAndNeurons
from prunelab.pruning.granularities.layer import Layer
from tests.compress.networks import masks_of, randomised
from tests.conftest import configured

SHAPE = (3, 16, 16)
ELSEWHERE = """
import sys
import torch
from safetensors.torch import load_file, save_file
from prunelab.compress.saved import load
torch.set_num_threads(1)
model = load(sys.argv[1]).eval()
assert "torch_pruning" not in sys.modules
with torch.no_grad():
    save_file({"outputs": model(load_file(sys.argv[2])["inputs"])}, sys.argv[3])
"""


def _component():
    return configured("model", "resnet_20").replace(depth=8)


def _compacted(kind="coupled", density=0.4):
    model = randomised(build_model(_component(), input_shape=SHAPE, num_classes=4))
    masks = masks_of(scope_with_structure(model, coupled_for=SHAPE), kind, density)
    return compact(model, masks, structure=structure_of(model), example=torch.randn(2, *SHAPE))


def _save(folder, made):
    save(folder, made, component=_component(), input_shape=SHAPE, num_classes=4)


@pytest.mark.parametrize(("kind", "density"), [("coupled", 0.4), ("weight", 0.01)])
def test_another_process_has_the_same_outputs_to_the_bit(tmp_path, kind, density):
    made = _compacted(kind, density)
    _save(tmp_path / "network", made)
    inputs = torch.randn(3, *SHAPE)
    save_file({"inputs": inputs}, tmp_path / "inputs")
    subprocess.run([sys.executable, "-c", ELSEWHERE, *(str(tmp_path / name) for name in ("network", "inputs", "outputs"))], check=True)
    with torch.no_grad():
        assert torch.equal(load_file(tmp_path / "outputs")["outputs"], made.model.eval()(inputs))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inputs", "network", "outputs"]


def test_only_what_differs_is_in_the_shape(tmp_path):
    made = _compacted("coupled", 1.0)
    _save(tmp_path / "network", made)
    shape = json.loads((tmp_path / "network" / "shape.json").read_text())
    assert shape["modules"] == {}
    assert shape["model"]["target"] == "prunelab.models.resnet.resnet"
    assert shape["model"]["arguments"]["depth"] == 8
    assert (shape["input_shape"], shape["num_classes"]) == ([3, 16, 16], 4)


def test_what_is_there_already_is_not_written_over(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    with pytest.raises(ValueError, match="choose another folder"):
        _save(tmp_path / "mine", _compacted())
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "precious"


def test_when_writing_fails_nothing_is_left_behind(tmp_path, monkeypatch):
    made = _compacted()
    monkeypatch.setattr("prunelab.compress.saved.save_file", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        _save(tmp_path / "network", made)
    assert list(tmp_path.iterdir()) == []


def _edit(folder, change):
    path = folder / "shape.json"
    shape = json.loads(path.read_text())
    change(shape)
    path.write_text(json.dumps(shape))


def _narrow(folder):
    tensors = load_file(folder / "model.safetensors")
    tensors["output.bias"] = tensors["output.bias"][:2].clone()
    save_file(tensors, folder / "model.safetensors")


WRONG = {
    "has format 2.*use a newer": lambda folder: _edit(folder, lambda shape: shape.update(format=2)),
    "shape.json is missing": lambda folder: (folder / "shape.json").unlink(),
    "model.safetensors is missing": lambda folder: (folder / "model.safetensors").unlink(),
    "no shape of a compacted network": lambda folder: (folder / "shape.json").write_text("{"),
    "says nothing of num_classes": lambda folder: _edit(folder, lambda shape: shape.pop("num_classes")),
    "can't be read": lambda folder: (folder / "model.safetensors").write_bytes(b"12345"),
    r"'output.bias' has shape and type \(\(2,\)": _narrow,
    "tensor 'bn1.weight' has shape": lambda folder: _edit(folder, lambda shape: shape["modules"].pop("bn1")),
    "unknown module of the model 'bn7'.*Did you mean 'bn1'": lambda folder: _edit(folder, lambda shape: shape["modules"].update(bn7={})),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_is_wrong_is_said(tmp_path, message):
    _save(tmp_path / "network", _compacted())
    WRONG[message](tmp_path / "network")
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "network")


ONWARD = """
import pathlib
import sys
import torch
from safetensors.torch import load_file
from prunelab.compress.export import export
from prunelab.compress.saved import load
torch.set_num_threads(1)
made = export(load(sys.argv[1]), load_file(sys.argv[2])["inputs"], "onnx", pathlib.Path(sys.argv[3]))
assert made.difference <= 1e-5
"""


def _chain_networks():
    """A CNN without channels, and a text model without heads, neurons and a layer."""
    yield "channels", _component(), _compacted(), torch.randn(3, *SHAPE), SHAPE
    sizes = {"hidden": 16, "layers": 3, "heads": 4, "ffn": 12, "vocabulary": 40, "positions": 16}
    component = configured("model", "bert_tiny").replace(family="bert", **sizes)
    model = randomised(build_model(component, input_shape=(10,), num_classes=4))
    scope = scope_with_structure(model)
    masks = masks_.ones(scope)
    for kind, gone in ((HeadsAndNeurons(), 2), (Layer(), 3)):
        keep = {name: torch.arange(group.num_units) % gone > 0 for name, group in kind.groups(scope).items()}
        masks |= {name: masks[name] & mask for name, mask in kind.expand(keep, scope).items()}
    made = compact(model, masks, structure=structure_of(model), example=torch.randint(3, 40, (2, 10)))
    yield "text", component, made, torch.randint(3, 40, (3, 10)), (10,)


def test_saved_then_loaded_elsewhere_then_exported_to_onnx_it_gives_the_same_outputs(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    for name, component, made, inputs, shape in _chain_networks():
        folder = tmp_path / name
        save(folder, made, component=component, input_shape=shape, num_classes=4)
        save_file({"inputs": inputs}, tmp_path / f"{name}.inputs")
        (tmp_path / f"{name}.onnx").mkdir()
        arguments = (str(tmp_path / file) for file in (name, f"{name}.inputs", f"{name}.onnx"))
        subprocess.run([sys.executable, "-c", ONWARD, *arguments], check=True)
        session = runtime.InferenceSession(tmp_path / f"{name}.onnx" / "model.onnx")
        found = torch.from_numpy(session.run(None, {session.get_inputs()[0].name: inputs.numpy()})[0])
        with torch.no_grad():
            expected = made.model.eval()(inputs)
        assert found.shape == expected.shape == (3, 4)
        assert (found - expected).abs().max() <= 1e-5 * expected.abs().max().clamp(min=1)
