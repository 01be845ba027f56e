"""Embeddings of the tokens that a task uses."""

from __future__ import annotations

import pytest
import torch

from prunelab.basics.component import component
from prunelab.compress.compact import compact
from prunelab.compress.saved import load, save
from prunelab.compress.vocabulary import with_task_vocabulary
from prunelab.models.build import build_model
from prunelab.models.initialization import initialize
from prunelab.models.structure import scope_with_structure
from prunelab.pruning import masks

OPTIONS = {"family": "bert", "hidden": 16, "layers": 1, "heads": 2, "ffn": 20, "vocabulary": 60, "positions": 20}


def _made():
    found = component("small", "prunelab.models.transformers.transformer", OPTIONS, runtime=("input_shape", "num_classes"))
    model = build_model(found, input_shape=(8,), num_classes=3).eval()
    initialize(model, "xavier_normal", 0)
    scope = scope_with_structure(model)
    example = torch.tensor([[7, 9, 11, 0], [50, 7, 7, 9]])
    return found, model, compact(model, masks.ones(scope), structure=scope.structure, example=example), example


def test_used_tokens_read_their_rows_and_all_others_the_unknown_one(tmp_path):
    found, model, made, example = _made()
    small = with_task_vocabulary(made, model, used=example, unknown=3, example=example)
    with torch.no_grad():
        assert torch.equal(small.model(example), model(example))
        other, unknown = example.clone(), example.clone()
        other[0, 1], unknown[0, 1] = 33, 3
        assert torch.equal(small.model(other), model(unknown))
        assert not torch.equal(model(other), model(unknown))
    embedding = small.model.get_submodule("network.bert.embeddings.word_embeddings")
    assert embedding.weight.shape == (6, 16), "7, 9, 11, 50, the unknown token and padding"
    save(tmp_path / "small", small, component=found, input_shape=(8,), num_classes=3)
    with torch.no_grad():
        assert torch.equal(load(tmp_path / "small").eval()(other), small.model(other))


def test_what_does_not_fit_is_refused_in_words():
    _, model, made, example = _made()
    with pytest.raises(ValueError, match="not all among the 60"):
        with_task_vocabulary(made, model, used=torch.tensor([60]), unknown=3, example=example)
    with pytest.raises(ValueError, match="example has tokens"):
        with_task_vocabulary(made, model, used=example[:1], unknown=3, example=example)
