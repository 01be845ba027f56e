"""What is exported gives the same numbers elsewhere, for batches of any size."""

from __future__ import annotations

import importlib
import json
import logging

import pytest
import torch
from torch import nn

from prunelab.compress import export as export_
from prunelab.compress.export import TARGETS, export
from prunelab.compress.folder import whole_folder
from prunelab.models.build import build_model
from tests.conftest import configured


class _Text(nn.Module):
    """Token ids -> logits, the padding left out."""

    def __init__(self):
        super().__init__()
        self.embedding, self.output = nn.Embedding(20, 8), nn.Linear(8, 3)

    def forward(self, ids):
        kept = (ids != 0).unsqueeze(-1)
        return self.output((self.embedding(ids) * kept).sum(1) / kept.sum(1))


def _models():
    torch.manual_seed(0)
    vit = build_model(configured("model", "vit_tiny").replace(depth=1), input_shape=(1, 8, 8), num_classes=3)
    return {"vit": (vit, torch.randn(2, 1, 8, 8)), "text": (_Text(), torch.randint(1, 20, (2, 6)))}


@pytest.fixture(scope="module")
def models():
    return _models()


@pytest.mark.parametrize(("name", "to"), [("vit", "torch"), ("vit", "onnx"), *(("text", to) for to in TARGETS)])
def test_each_target_is_written_and_equal(models, name, to, tmp_path):
    if to in ("onnx", "openvino"):
        pytest.importorskip(to)
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    model, example = models[name]
    model.train()
    made = export(model, example[:1], to, tmp_path)
    assert made.difference <= 1e-5
    assert model.training
    assert set(made.files) == {path.name for path in tmp_path.iterdir()}
    assert min(made.files.values()) > 0


def test_onnx_takes_other_batches_and_lengths(models, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model, example = models["text"]
    export(model, example, "onnx", tmp_path)
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    ids = torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8, 9], *[[4, 0, 0, 0, 0, 0, 0, 0, 0]] * 4])
    with torch.inference_mode():
        assert torch.allclose(torch.from_numpy(session.run(None, {"input": ids.numpy()})[0]), model.eval()(ids), atol=1e-6)


def test_int8_is_a_quarter_and_its_quality_is_measured(tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 3))
    inputs = torch.randn(50, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        targets = model(inputs).argmax(1)
    made = export(model, inputs[:2], "onnx", tmp_path, int8=True, test=lambda: [(inputs, targets)])
    assert made.files["model.int8.onnx"] < 0.35 * made.files["model.onnx"]
    assert made.quality is not None
    assert made.quality["float"]["top1"] == 1.0
    assert 0.8 < made.quality["int8"]["top1"] <= 1.0
    assert made.quality["int8"]["loss"] != made.quality["float"]["loss"]
    for to in ("torch", "openvino", "safetensors"):
        with pytest.raises(ValueError, match="int8 goes with --to onnx"):
            export(model, inputs[:2], to, tmp_path, int8=True)


def test_a_model_that_gives_other_numbers_is_refused(models, tmp_path, monkeypatch):
    def wrong(model, example, folder):
        return lambda x: model(x) * 1.001

    monkeypatch.setitem(export_._WRITERS, "torch", wrong)
    with pytest.raises(ValueError, match="is not equal: torch differs"):
        export(*models["vit"], "torch", tmp_path)
    monkeypatch.setitem(export_._WRITERS, "torch", lambda *_: lambda x: torch.full((len(x), 3), float("nan")))
    with pytest.raises(ValueError, match="is not equal"):
        export(*models["vit"], "torch", tmp_path)


def test_openvino_decompresses_sparse_weights_where_there_are_some(tmp_path):
    pytest.importorskip("openvino")
    pytest.importorskip("onnxscript")
    model = nn.Linear(32, 16)
    assert not export_._is_sparse(model)
    with torch.no_grad():
        model.weight[2:] = 0
    export(model, torch.randn(2, 32), "openvino", tmp_path)
    assert json.loads((tmp_path / "openvino.json").read_text())["CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE"] == 0.8


def test_a_missing_package_is_named_with_how_to_install_it(models, tmp_path, monkeypatch):
    def missing(name, *_):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ValueError, match=r"package onnx: pip install 'prunelab\[deploy\]'"):
        export(*models["vit"], "onnx", tmp_path)


def test_what_can_not_be_traced_is_one_sentence_and_logging_stays(tmp_path):
    class Branches(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    before = logging.root.manager.disable
    with pytest.raises(ValueError, match=r"torch\.export can't trace the model"):
        export(nn.Sequential(nn.Linear(2, 2), Branches()), torch.ones(2, 2), "torch", tmp_path)
    assert logging.root.manager.disable == before
    with pytest.raises(ValueError, match="Did you mean 'onnx'"):
        export(nn.Linear(2, 2), torch.ones(2, 2), "onn", tmp_path)


def test_a_folder_is_there_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "model"

    def half(folder):
        (folder / "half").write_text("")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError), whole_folder(target) as folder:
        half(folder)
    assert list(target.parent.iterdir()) == []
    with whole_folder(target) as folder:
        (folder / "all").write_text("")
        assert not target.exists()
    assert [path.name for path in target.iterdir()] == ["all"]
    with pytest.raises(ValueError, match="exists"), whole_folder(target):
        pass
