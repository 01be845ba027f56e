"""Compacted transformers: uneven heads, blocks without any, neurons and whole layers."""

from __future__ import annotations

import copy

import pytest
import torch

from prunelab.compress.compact import compact
from prunelab.compress.saved import load, save
from prunelab.models.build import build_model
from prunelab.models.removed import Constant, PassedBy
from prunelab.models.structure import scope_with_structure, structure_of
from prunelab.pruning import masks as masks_
from prunelab.pruning.granularities.ffn_neuron import FfnNeuron
from prunelab.pruning.granularities.head import Head
from tests.compress.networks import randomised
from tests.conftest import configured

FAMILIES = ("bert", "roberta", "electra", "distilbert")
MODELS = ("vit", "gpt", *FAMILIES)
DIM, HEADS, FFN = 16, 4, 12


def _component(name):
    if name == "vit":
        return configured("model", "vit_tiny").replace(dim=DIM, depth=3, heads=HEADS, mlp_ratio=FFN / DIM)
    if name == "gpt":
        return configured("model", "gpt_tiny").replace(dim=DIM, depth=3, heads=HEADS, mlp_ratio=FFN / DIM, vocabulary=40)
    sizes = {"hidden": DIM, "layers": 3, "heads": HEADS, "ffn": FFN, "vocabulary": 40, "positions": 16}
    return configured("model", "bert_tiny").replace(family=name, **sizes)


def _shape(name):
    return (1, 8, 8) if name == "vit" else (10,)


def _network(name):
    return randomised(build_model(_component(name), input_shape=_shape(name), num_classes=3))


def _example(name, batch=3):
    stream = torch.Generator().manual_seed(2)
    if name == "vit":
        return torch.randn(batch, *_shape(name), generator=stream)
    ids = torch.randint(3, 40, (batch, 10), generator=stream)
    ids[0, 7:] = 1 if name == "roberta" else 0  # padding
    return ids


def _masks(model, heads, neurons):
    """Without `heads` (block -> heads) and `neurons` (block -> neurons)."""
    scope = scope_with_structure(model)
    masks = masks_.ones(scope)
    for kind, gone in ((Head(), heads), (FfnNeuron(), neurons)):
        groups = kind.groups(scope)
        keep = {name: torch.ones(group.num_units, dtype=torch.bool) for name, group in groups.items()}
        for block, units in gone.items():
            keep[list(groups)[block]][list(units)] = False
        expanded = kind.expand(keep, scope)
        masks = {name: mask & expanded[name] if name in expanded else mask for name, mask in masks.items()}
    return masks


def _masked_outputs(model, masks, inputs):
    masked = copy.deepcopy(model).eval()
    masks_.apply(masked, masks)
    with torch.no_grad():
        return masked(inputs)


def _compact(name, model, masks):
    made = compact(model, masks, structure=structure_of(model), example=_example(name))
    inputs = _example(name, batch=5)
    wanted = _masked_outputs(model, masks, inputs)
    with torch.no_grad():
        found = copy.deepcopy(made.model).eval()(inputs)
    assert (wanted - found).abs().max() <= 1e-5 * wanted.abs().max()
    assert (wanted - wanted[0]).abs().max() > 1e-3
    return made


@pytest.mark.parametrize("name", MODELS)
def test_uneven_heads_and_neurons_go_and_nothing_else(name):
    model = _network(name)
    made = _compact(name, model, _masks(model, {0: [1], 2: [0, 2, 3]}, {0: range(5), 1: [11]}))
    assert made.check.report.asked == made.check.report.gone == 4 + 6
    head = 4 * DIM * (DIM // HEADS) + 3 * (DIM // HEADS)
    assert made.check.parameters_before - made.check.parameters_after == 4 * head + 6 * (2 * DIM + 1)
    counts = [getattr(m, a) for m in made.model.modules() for a in ("num_heads", "num_attention_heads", "n_heads") if a in vars(m)]
    assert counts == [3, 4, 1]


def test_the_pretrained_minilm_without_sixty_per_cent_of_its_heads_is_smaller_and_equal():
    model = build_model(configured("model", "minilm"), input_shape=(32,), num_classes=2).eval()
    with torch.no_grad():
        model.network.classifier.weight.normal_(generator=torch.Generator().manual_seed(0))
    ids = torch.randint(1000, 20_000, (4, 32), generator=torch.Generator().manual_seed(1))
    ids[0, 20:] = model.padding
    gone = [range(7), range(7), range(8), range(7), range(12), range(2)]  # 43 of 72, a block without any among them
    masks = _masks(model, dict(enumerate(gone)), {})
    made = compact(model, masks, structure=structure_of(model), example=ids[:2])
    wanted = _masked_outputs(model, masks, ids)
    with torch.no_grad():
        found = made.model(ids)
    assert made.check.report.gone == 43
    assert (wanted - found).abs().max() <= 1e-5 * wanted.abs().max()
    assert (wanted - wanted[0]).abs().max() > 1e-3


@pytest.mark.parametrize("name", MODELS)
def test_a_block_without_heads_and_one_without_neurons_leave_their_bias(name):
    model = _network(name)
    made = _compact(name, model, _masks(model, {1: range(HEADS)}, {0: range(FFN)}))
    assert made.check.report.gone == HEADS + FFN
    constants = [module for module in made.model.modules() if isinstance(module, Constant)]
    assert len(constants) == 2
    structure = structure_of(model)
    biases = [structure.perceptrons[0].columns, structure.heads[1].columns]
    for constant, weight in zip(constants, biases, strict=True):
        assert torch.equal(constant.bias, model.get_parameter(weight.replace("weight", "bias")))


@pytest.mark.parametrize("name", MODELS)
def test_a_compacted_network_is_pruned_and_compacted_again(name):
    model = _network(name)
    first = _compact(name, model, _masks(model, {1: range(HEADS), 2: [0]}, {0: range(FFN)})).model
    structure = structure_of(first)
    assert [heads.num_heads for heads in structure.heads] == [HEADS, HEADS - 1]
    assert len(structure.perceptrons) == 2
    second = _compact(name, first, _masks(first, {1: [2]}, {0: [3]}))
    assert second.check.report.gone == 2


@pytest.mark.parametrize("name", FAMILIES)
def test_a_layer_that_is_passed_by_goes_whole(name):
    model = _network(name)
    made = _compact(name, model, _masks(model, {1: range(HEADS), 2: [0]}, {1: range(FFN)}))
    assert sum(isinstance(module, PassedBy) for module in made.model.modules()) == 1
    assert made.check.report.gone == 2, "the layer and the head of another"
    assert [type(layer) for _, layer in made.model.named_modules()].count(type(next(iter(_layers(model))))) == 2


def _layers(model):
    path = next(path for path, module in model.named_modules() if type(module).__name__ == "DroppableLayer")
    return model.get_submodule(path.rpartition(".")[0])


@pytest.mark.parametrize("name", ["vit", "gpt", "bert", "distilbert"])
def test_heads_and_neurons_that_lost_their_inputs_alone_are_folded(name):
    model = _network(name)
    structure, masks = structure_of(model), masks_.ones(scope_with_structure(model))
    masks[structure.heads[0].rows[2]][DIM // HEADS : 2 * (DIM // HEADS)] = False  # values of head 1
    masks[structure.perceptrons[1].rows][3] = False
    made = _compact(name, model, masks)
    assert made.check.report.gone == 2
    output = structure.heads[0].columns.replace("weight", "bias")
    assert not torch.equal(made.model.get_parameter(output), model.get_parameter(output))


@pytest.mark.parametrize("name", ["vit", "distilbert"])
@pytest.mark.parametrize("density", [0.3, 0.02])
def test_single_weights_leave_neurons_dead(name, density):
    model = _network(name)
    stream = torch.Generator().manual_seed(0)
    inner = {*(p.rows for p in structure_of(model).perceptrons), *(p.columns for p in structure_of(model).perceptrons)}
    masks = {
        key: torch.rand(shape, generator=stream) < (density if key in inner else 1)
        for key, shape in scope_with_structure(model).shapes.items()
    }
    made = _compact(name, model, masks)
    assert (made.check.report.gone > 10) == (density < 0.1)


def test_a_head_with_a_row_of_values_left_stays():
    model = _network("vit")
    structure, masks = structure_of(model), masks_.ones(scope_with_structure(model))
    masks[structure.heads[0].rows[2]][1:4] = False
    masks[structure.heads[0].columns][:, 5:8] = False
    assert _compact("vit", model, masks).check.report.asked == 0


@pytest.mark.parametrize("name", ["vit", "bert"])
def test_the_copy_trains_like_the_network(name):
    model = _network(name).train()
    frozen = structure_of(model).heads[0].rows[0]
    model.get_parameter(frozen).requires_grad = False
    before = {key: value.clone() for key, value in model.state_dict().items()}
    made = compact(model, _masks(model, {0: [1], 1: range(HEADS)}, {1: range(FFN)}), structure=structure_of(model), example=_example(name))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(module.training for copied in (model, made.model) for module in copied.modules())
    assert [key for key, p in made.model.named_parameters() if not p.requires_grad] == [frozen]
    assert not any(m._forward_hooks or m._forward_pre_hooks for copied in (model, made.model) for m in copied.modules())
    made.model(_example(name)).square().sum().backward()
    missing = [key for key, p in made.model.named_parameters() if p.grad is None and p.requires_grad]
    assert all("norm" in key for key in missing), "but for the norms that only a block without heads or neurons reads"


@pytest.mark.parametrize("name", MODELS)
def test_it_is_saved_and_built_again(name, tmp_path):
    model = _network(name)
    masks = _masks(model, {0: [0, 3], 1: range(HEADS), 2: range(HEADS)}, {0: range(FFN), 1: [2], 2: range(FFN)})
    made = compact(model, masks, structure=structure_of(model), example=_example(name))
    save(tmp_path / "network", made, component=_component(name), input_shape=_shape(name), num_classes=3)
    with torch.no_grad():
        assert torch.equal(load(tmp_path / "network").eval()(_example(name)), made.model.eval()(_example(name)))
