"""Text classifiers: padding, layers that are passed by, checkpoints."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from prunelab.datasets.tokens import tokenizer_of
from prunelab.models.gpt import gpt
from prunelab.models.initialization import initialize, is_pretrained
from prunelab.models.structure import scope_with_structure
from prunelab.models.transformers import DroppableLayer, pretrained_transformer, transformer
from prunelab.pruning import masks
from prunelab.pruning.granularities.ffn_neuron import FfnNeuron
from prunelab.pruning.granularities.head import Head
from prunelab.pruning.granularities.heads_and_neurons import HeadsAndNeurons
from prunelab.pruning.granularities.layer import Layer

FAMILIES = ("bert", "roberta", "electra", "distilbert")
SMALL = {"input_shape": (12,), "num_classes": 3, "hidden": 16, "layers": 3, "heads": 4, "ffn": 20, "vocabulary": 50, "positions": 20}


def _network(family="bert", **options):
    network = transformer(**{**SMALL, "family": family, **options})
    initialize(network, "xavier_normal", 0)
    return network.eval()


def _ids(network, lengths=(12, 5)):
    ids = torch.randint(3, 50, (len(lengths), 12), generator=torch.Generator().manual_seed(0))
    for row, length in zip(ids, lengths, strict=True):
        row[length:] = network.padding
    return ids


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_changes_nothing(family):
    network = _network(family)
    ids = _ids(network)
    with torch.no_grad():
        whole, alone = network(ids), network(ids[1:, :5])
    assert torch.allclose(whole[1:], alone, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_our_mask_is_the_librarys(family):
    network = _network(family)
    ids = _ids(network)
    with torch.no_grad():
        theirs = network.network(input_ids=ids, attention_mask=(ids != network.padding).long()).logits
        assert torch.allclose(network(ids), theirs, atol=1e-6)


def test_padding_changes_nothing_in_a_gpt_and_no_token_sees_a_later_one():
    network = gpt(input_shape=(12,), num_classes=3, vocabulary=50, dim=16, heads=2)
    initialize(network, "xavier_normal", 0)
    ids = _ids(network.eval())
    with torch.no_grad():
        assert torch.allclose(network(ids)[1:], network(ids[1:, :5]), atol=1e-6)
        hidden = [network.blocks(network.token_embedding(x) + network.position_embedding) for x in (ids, ids.roll(1, 0))]
        changed = ids.clone()
        changed[0, 7:] = 49
        after = network.blocks(network.token_embedding(changed) + network.position_embedding)
    assert torch.allclose(hidden[0][0, :7], after[0, :7], atol=1e-6)
    assert not torch.allclose(hidden[0][0, 7:], after[0, 7:])


@pytest.mark.parametrize("family", FAMILIES)
def test_the_structure_of_every_family(family):
    scope = scope_with_structure(_network(family))
    heads, neurons, layers = Head().groups(scope), FfnNeuron().groups(scope), Layer().groups(scope)
    assert [group.num_units for group in heads.values()] == [4] * 3
    assert [group.num_units for group in neurons.values()] == [20] * 3
    assert [group.num_units for group in layers.values()] == [3]
    assert HeadsAndNeurons().groups(scope).keys() == heads.keys() | neurons.keys()
    assert len(next(iter(layers.values())).members) == 18


@pytest.mark.parametrize("family", FAMILIES)
def test_a_head_whose_weights_are_gone_says_nothing(family):
    """Masking a head is multiplying what it hands to the output projection by zero."""
    network = _network(family)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    scope, ids = scope_with_structure(network), _ids(network)
    columns = scope.structure.heads[1].columns
    keep = {columns: torch.tensor([True, False, True, True])}
    output = network.get_submodule(columns.removesuffix(".weight"))

    def gate(module, inputs):
        mixed = inputs[0].clone()
        mixed[..., 4:8] = 0
        return (mixed,)

    handle = output.register_forward_pre_hook(gate)
    with torch.no_grad():
        gated = network(ids)
        handle.remove()
        before = network(ids)
        masks.apply(network, Head().expand(keep, scope))
        assert torch.allclose(network(ids), gated, atol=1e-6)
    assert not torch.allclose(before, gated, atol=1e-4)


def _without_layer(network, index):
    scope = scope_with_structure(network)
    keep = {name: torch.arange(group.num_units) != index for name, group in Layer().groups(scope).items()}
    masks.apply(network, Layer().expand(keep, scope))
    return network


@pytest.mark.parametrize("family", FAMILIES)
def test_a_layer_without_weights_is_passed_by(family):
    network, ids = _network(family), _ids(_network(family))
    three = {name: value.clone() for name, value in network.state_dict().items()}
    masked = _without_layer(network, 1)
    two = _network(family, layers=2)
    renamed = {name.replace("layer.2.", "layer.1."): value for name, value in three.items() if "layer.1." not in name}
    two.load_state_dict(renamed)
    with torch.no_grad():
        assert torch.equal(masked(ids), two(ids))
    masked.load_state_dict(three)
    masks.pass_by_empty_layers(masked)
    assert not any(module.passed_by for module in masked.modules() if isinstance(module, DroppableLayer))


def test_layer_drop_leaves_layers_out_in_training_only():
    network = _network(layer_drop=0.5, dropout=0.0).train()
    ids = _ids(network)
    with torch.no_grad():
        torch.manual_seed(0)
        trained = {tuple(network(ids)[0].tolist()) for _ in range(20)}
        network.eval()
        assert torch.equal(network(ids), network(ids))
    assert 3 <= len(trained) <= 8, "2^3 ways to leave three layers out"
    with pytest.raises(ValueError, match="layer_drop"):
        _network(layer_drop=1.0)


def test_minilm_is_pretrained_and_its_classifier_starts_at_zero():
    network = pretrained_transformer(input_shape=(16,), num_classes=4)
    assert is_pretrained(network)
    assert sum(isinstance(module, DroppableLayer) for module in network.modules()) == 6
    ids = torch.tensor([tokenizer_of("minilm")("a fine film")["input_ids"]])
    with torch.no_grad():
        assert network.eval()(ids).tolist() == [[0.0] * 4]
        hidden = network.network.bert(ids).last_hidden_state
    assert hidden.std() > 0.1
    fewer = pretrained_transformer(input_shape=(16,), num_classes=2, keep_layers=[0, 3], dropout=0.0)
    kept = [module for module in fewer.modules() if isinstance(module, DroppableLayer)]
    whole = [module for module in network.modules() if isinstance(module, DroppableLayer)]
    assert torch.equal(kept[1].layer.output.dense.weight, whole[3].layer.output.dense.weight)
    assert all(module.p == 0 for module in fewer.modules() if isinstance(module, nn.Dropout))


def test_a_checkpoint_in_a_folder(tmp_path):
    source = _network("distilbert")
    initialize(source, "xavier_normal", 5)
    for index, module in enumerate(source.network.distilbert.transformer.layer):
        source.network.distilbert.transformer.layer[index] = module.layer
    source.network.save_pretrained(tmp_path)
    found = pretrained_transformer(input_shape=(12,), num_classes=3, checkpoint=str(tmp_path))
    weight = found.network.distilbert.transformer.layer[0].layer.attention.q_lin.weight
    assert torch.equal(weight, source.network.distilbert.transformer.layer[0].attention.q_lin.weight)


@pytest.mark.parametrize(
    ("options", "mend"),
    [
        ({"checkpoint": "./nowhere"}, "is no folder"),
        ({"keep_layers": [3, 1]}, "layers from 0 to 5"),
        ({"keep_layers": [6]}, "layers from 0 to 5"),
        ({"keep_layers": []}, "layers from 0 to 5"),
        ({"input_shape": (1, 8, 8)}, "inputs of shape"),
        ({"input_shape": (600,)}, "up to 512 tokens"),
        ({"width": 0.5}, "one width"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(options, mend):
    with pytest.raises(ValueError, match=mend):
        pretrained_transformer(**{"input_shape": (16,), "num_classes": 2, **options})
