"""A compacted CNN or MLP is the masked one, and what should go is gone."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from prunelab.compress.compact import compact
from prunelab.models.structure import scope_with_structure, structure_of
from prunelab.models.torchvision import torchvision_model
from prunelab.pruning import masks as masks_
from prunelab.pruning.structure import Structure
from tests.compress.networks import SHAPES, calibrated, example, masks_of, network, randomised, scope

MASKS = [("coupled", 0.5), ("coupled", 0.03), ("weight", 0.1), ("weight", 0.02)]


def _outputs(model, inputs):
    with torch.no_grad():
        return copy.deepcopy(model).eval()(inputs)


@pytest.mark.parametrize("name", ["shufflenet_v2_x0_5", "swin_t", "convnext_tiny", "vit_b_16"])
def test_what_cannot_be_compacted_is_refused(name):
    model = torchvision_model(input_shape=(3, 64, 64), num_classes=4, name=name)
    with pytest.raises(ValueError, match="channel"):
        compact(model, {}, structure=structure_of(model), example=torch.zeros(1, 3, 64, 64))


def test_the_given_network_is_left_alone_and_the_copy_is_like_it():
    model = copy.deepcopy(network("resnet_20")).train()
    model.conv1.weight.requires_grad = False
    model.stage2[0].bn1.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    made = compact(model, masks_of(scope("resnet_20"), "coupled", 0.5), structure=structure_of(model), example=example("resnet_20"))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    for copied in (model, made.model):
        assert [m.training for m in copied.modules()].count(False) == 1
        assert [name for name, p in copied.named_parameters() if not p.requires_grad] == ["conv1.weight"]
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in copied.modules())
    loss = made.model(example("resnet_20")).sum()
    loss.backward()
    assert made.model.conv1.weight.grad is None


def test_a_dead_channel_goes_from_every_tensor_that_has_it():
    model = network("resnet_20")
    masks = masks_of(scope("resnet_20"), "coupled", 1.0)
    coupled = scope("resnet_20").structure.coupled
    unit = int(coupled.outputs["conv1.weight"][3])
    for name, units in coupled.outputs.items():
        masks[name][units == unit] = False
    masks |= coupled.companion_masks(masks)
    made = compact(model, masks, structure=structure_of(model), example=example("resnet_20"))
    assert (made.check.report.asked, made.check.report.gone) == (1, 1)
    assert made.model.stage1[1].bn2.num_features == 15
    assert made.model.stage2[0].conv1.weight.shape == (32, 15, 3, 3)
    assert made.model.stage3[2].conv2.weight.shape == (63, 64, 3, 3)
    assert made.model.stage3[0].shortcut.missing == 32
    kept = [channel for channel in range(16) if channel != 3]
    assert torch.equal(made.model.stage1[0].bn1.running_mean, model.stage1[0].bn1.running_mean)
    assert torch.equal(made.model.bn1.running_var, model.bn1.running_var[kept])


def _compacted(model, masks, shape):
    return compact(model, masks, structure=Structure(), example=torch.randn(2, *shape, generator=torch.Generator().manual_seed(0)))


def _all_but(model, name, rows=(), columns=()):
    mask = torch.ones_like(model.get_parameter(name), dtype=torch.bool)
    mask[list(rows)] = False
    mask[:, list(columns)] = False
    return {name: mask}


def test_a_neuron_without_inputs_moves_into_the_bias_behind_it():
    model = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 2, bias=False))
    made = _compacted(model, _all_but(model, "0.weight", rows=[1]), (3,))
    assert made.model[0].weight.shape == (3, 3)
    wanted = model[2].weight[:, 1] * model[0].bias[1].sigmoid()
    assert torch.allclose(made.model[2].bias, wanted)


def test_a_neuron_that_nobody_reads_goes():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    made = _compacted(model, _all_but(model, "2.weight", columns=[0, 2]), (3,))
    assert made.model[0].weight.shape == (2, 3)
    assert torch.equal(made.model[2].bias, model[2].bias)


def test_death_spreads_forwards_and_backwards():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))
    forwards = _all_but(model, "0.weight", rows=[0, 1])
    forwards |= {"2.weight": torch.ones(4, 4, dtype=torch.bool)}
    forwards["2.weight"][0, 2:] = False  # reads the two that are dead, no other
    assert _compacted(model, forwards, (3,)).model[2].weight.shape == (3, 2)
    backwards = _all_but(model, "4.weight", columns=[3])
    backwards["2.weight"] = torch.ones(4, 4, dtype=torch.bool)
    backwards["2.weight"][:3, 1] = False  # only the one that nobody reads reads it
    assert _compacted(model, backwards, (3,)).model[0].weight.shape == (3, 3)


@pytest.mark.parametrize(("padding", "mode", "stays"), [(0, "zeros", 0), (1, "zeros", 1), (1, "circular", 0)])
def test_a_constant_channel_goes_unless_padding_with_zeros_shows_it(padding, mode, stays):
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 3, padding=padding, padding_mode=mode), nn.Flatten())
    nn.init.constant_(model[0].bias, 0.5)
    made = _compacted(model, _all_but(model, "0.weight", rows=[1]), (1, 6, 6))
    assert made.model[0].out_channels == 2 + stays
    assert [(item.layer, item.units, "pads with zeros" in item.reason) for item in made.check.report.stays] == [("2", 1, True)] * stays


def test_a_layer_keeps_its_last_channel_and_says_so():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    made = _compacted(model, {"0.weight": torch.zeros(4, 3, dtype=torch.bool)}, (3,))
    assert made.model[0].weight.shape == (1, 3)
    assert (made.check.report.asked, made.check.report.gone) == (4, 3)
    assert [(item.layer, item.units) for item in made.check.report.stays] == [("0", 1)]


def test_groups_go_whole():
    model = nn.Sequential(nn.Conv2d(2, 6, 1), nn.Conv2d(6, 6, 1, groups=3), nn.Conv2d(6, 2, 1), nn.Flatten())
    made = _compacted(model, _all_but(model, "2.weight", columns=[2, 3]), (2, 2, 2))
    assert (made.model[1].groups, made.model[1].in_channels, made.model[1].out_channels) == (2, 4, 4)
    assert _compacted(model, _all_but(model, "2.weight", columns=[2]), (2, 2, 2)).model[1].groups == 3


def test_a_scale_of_zero_is_a_dead_channel():
    model = randomised(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.Flatten()))
    model[1].weight.data[[0, 2]] = 0.0
    made = _compacted(model, {}, (1, 5, 5))
    assert made.model[1].num_features == 2


def test_masks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="mask of 'fc1.weight'"):
        compact(
            network("lenet_300_100"),
            {"fc1.weight": torch.ones(2, 2, dtype=torch.bool)},
            structure=Structure(),
            example=example("lenet_300_100"),
        )


@settings(max_examples=40, deadline=None)
@given(
    widths=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    density=st.floats(0.02, 1.0),
    seed=st.integers(0, 2**16),
    activation=st.sampled_from([nn.ReLU, nn.Tanh, nn.Sigmoid, nn.SiLU]),
    norm=st.booleans(),
)
def test_any_masks_on_any_perceptron(widths, density, seed, activation, norm):
    layers: list[nn.Module] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for one, other in zip([5, *widths], widths, strict=False):
            layers += [nn.Linear(one, other), *([nn.BatchNorm1d(other)] if norm else []), activation()]
        model = randomised(nn.Sequential(*layers, nn.Linear(widths[-1], 3)))
    found = scope_with_structure(model)
    masks = masks_of(found, "weight", density, seed)
    made = _compacted(model, masks, (5,))
    assert made.check.difference <= 1e-5
    assert all(math.prod(p.shape) for p in made.model.parameters())
    again = _compacted(made.model, {}, (5,))
    assert again.check.parameters_after == made.check.parameters_after, "nothing is left to remove"


@pytest.mark.parametrize(("kind", "density"), MASKS)
@pytest.mark.parametrize("name", SHAPES)
def test_masked_and_compacted_networks_give_the_same(name, kind, density):
    masks = masks_of(scope(name), kind, density)
    model = calibrated(network(name), masks, example(name, batch=8))
    made = compact(model, masks, structure=structure_of(model), example=example(name))
    masked = copy.deepcopy(model)
    masks_.apply(masked, masks)
    inputs = example(name, batch=5)
    wanted, found = _outputs(masked, inputs), _outputs(made.model, inputs)
    assert (wanted - found).abs().max() <= 1e-5 * wanted.abs().max()
    assert made.check.difference <= 1e-5
    if density > 0.2:
        assert (wanted - wanted[0]).abs().max() > 1e-3 * wanted.abs().max(), (
            "a network whose outputs don't depend on its inputs tests nothing"
        )
    _check_report(made, kind)


def _check_report(made, kind):
    report, check = made.check.report, made.check
    assert check.parameters_after == sum(p.numel() for p in made.model.parameters())
    assert report.asked == report.gone + sum(item.units for item in report.stays)
    if kind == "coupled":
        assert {item.reason for item in report.stays} <= {"the last channel of its layer"}
        assert check.parameters_after < check.parameters_before
