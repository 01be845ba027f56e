"""Which channels can only go together, by hand; what can't be followed is refused before a trace."""

from __future__ import annotations

import time

import pytest
import torch
from torch import nn

from prunelab.models.build import build_model
from prunelab.models.coupling import coupled_units
from prunelab.models.structure import scope_with_structure
from prunelab.models.torchvision import torchvision_model
from prunelab.pruning.granularities.coupled import CoupledChannels
from tests.conftest import configured


def _groups(model, shape, **options):
    return CoupledChannels().groups(scope_with_structure(model, coupled_for=shape, **options))


def _together(group):
    """For each unit the (parameter, output row)s that it makes."""
    rows = {(name, row): int(unit) for name, index in group.members.items() for row, unit in enumerate(index.flatten())}
    return sorted(sorted(place for place, unit in rows.items() if unit == number) for number in range(group.num_units))


class _Sum(nn.Module):
    """b(relu(a(x))) + a(x), read by c."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 1), nn.Conv2d(2, 1, 1)

    def forward(self, x):
        first = self.a(x)
        return self.c(first + self.b(first.relu())).flatten(1)


class _Join(nn.Module):
    """Two branches side by side, one channel and two, then flattened for a linear layer."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.norm = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 2, 1), nn.BatchNorm2d(3)
        self.out = nn.Linear(12, 2)

    def forward(self, x):
        return self.out(self.norm(torch.cat([self.a(x), self.b(x)], dim=1)).flatten(1))


class _Gate(nn.Module):
    """Squeeze and excite."""

    def __init__(self):
        super().__init__()
        self.a, self.down, self.up, self.out = nn.Conv2d(1, 4, 1), nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1), nn.Conv2d(4, 1, 1)

    def forward(self, x):
        x = self.a(x)
        return self.out(x * self.up(self.down(x.mean((2, 3), keepdim=True)).relu()).sigmoid()).flatten(1)


def test_channels_of_a_sum_are_one_unit_and_the_output_none():
    groups = _groups(_Sum(), (1, 4, 4))
    assert [_together(group) for group in groups.values()] == [[[("a.weight", row), ("b.weight", row)] for row in range(2)]]


def test_the_filters_of_a_group_go_with_what_they_read():
    model = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 6, 1, groups=2), nn.Conv2d(6, 6, 1, groups=6), nn.Conv2d(6, 2, 1))
    (group,) = _groups(model, (1, 2, 2)).values()
    whole = [[("0.weight", row) for row in (0, 1)], [("0.weight", row) for row in (2, 3)]]
    for unit, rows in enumerate(((0, 1, 2), (3, 4, 5))):
        whole[unit] += [(f"{layer}.weight", row) for layer in (1, 2) for row in rows]
    assert _together(group) == whole


def test_a_depthwise_convolution_with_several_filters_a_channel():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 4, 1, groups=2), nn.Conv2d(4, 1, 1))
    (group,) = _groups(model, (1, 2, 2)).values()
    assert _together(group) == [[("0.weight", 0), ("1.weight", 0), ("1.weight", 1)], [("0.weight", 1), ("1.weight", 2), ("1.weight", 3)]]


def test_joined_channels_are_units_of_their_own_and_have_their_part_of_the_norm():
    coupled = scope_with_structure(_Join(), coupled_for=(1, 2, 2)).structure.coupled
    unit = {(name, row): int(u) for name, units in coupled.outputs.items() for row, u in enumerate(units)}
    assert len(set(unit.values())) == 3
    assert coupled.companions["norm.weight"].tolist() == [unit["a.weight", 0], unit["b.weight", 0], unit["b.weight", 1]]


def test_a_gate_goes_with_the_channel_that_it_scales():
    groups = _groups(_Gate(), (1, 4, 4))
    assert _together(groups["a.weight"]) == [[("a.weight", row), ("up.weight", row)] for row in range(4)]
    assert _together(groups["down.weight"]) == [[("down.weight", row)] for row in range(2)]


@pytest.mark.parametrize("name", ["mnist1d_cnn", "mnist1d_mlp", "lenet_5"])
def test_neurons_behind_a_flattening_and_biases(name):
    model = build_model(configured("model", name), input_shape=(1, 40) if "1d" in name else (1, 28, 28), num_classes=4)
    coupled = coupled_units(model, (1, 40) if "1d" in name else (1, 28, 28))
    hidden = [path for path, _ in model.named_parameters() if path.endswith("weight") and path != "output.weight"]
    assert sorted(coupled.outputs) == sorted(hidden)
    assert sorted(coupled.companions) == sorted(path.replace("weight", "bias") for path in hidden)


def test_a_shortcut_that_pads_with_zeros_carries_the_channels_that_there_are():
    model = build_model(configured("model", "resnet_20").replace(depth=8, width=0.25), input_shape=(3, 8, 8), num_classes=2)
    group = _groups(model, (3, 8, 8))["conv1.weight"]
    sizes = [len({name for name, _ in unit}) for unit in _together(group)]
    assert sorted(sizes) == [1] * 8 + [2] * 4 + [4] * 4


def test_what_is_tied_to_the_data_stays():
    class Shortcut(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.out = nn.Conv2d(2, 3, 1), nn.Conv2d(3, 2, 1), nn.Conv2d(2, 1, 1)

        def forward(self, x):
            return self.out(x + self.b(self.a(x))).flatten(1)

    assert list(_groups(Shortcut(), (2, 2, 2))) == ["a.weight"]


def test_with_a_filter_out_of_scope_its_units_stay():
    assert _groups(_Sum(), (1, 4, 4), exclude=("b.*",)) == {}


def test_a_unit_takes_its_companions_with_it_and_nothing_else():
    model = nn.Sequential(nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2)).train()
    for parameter in model.parameters():
        parameter.requires_grad = False
    scope = scope_with_structure(model, coupled_for=(1, 2, 2))
    assert model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    masks = {name: torch.ones(shape, dtype=torch.bool) for name, shape in scope.shapes.items()}
    masks["0.weight"][1] = False
    masks["4.weight"][:] = False
    found = scope.structure.coupled.companion_masks(masks)
    assert list(found) == ["0.bias", "1.weight", "1.bias"]
    assert all(mask.tolist() == [True, False, True] for mask in found.values())


REFUSED = {"shufflenet_v2_x0_5": "channel shuffle", "swin_t": "LayerNorm", "convnext_tiny": "LayerNorm", "vit_b_16": "LayerNorm"}


@pytest.mark.parametrize("name", REFUSED)
def test_networks_whose_channels_cannot_be_followed_are_refused_at_once(name, monkeypatch):
    def traced(*_, **__):
        raise AssertionError("torch-pruning's trace of Swin takes 24 GB: it must not begin")

    monkeypatch.setattr("torch_pruning.dependency.DependencyGraph.build_dependency", traced)
    model = torchvision_model(input_shape=(3, 64, 64), num_classes=10, name=name)
    began = time.perf_counter()
    with pytest.raises(ValueError, match=REFUSED[name]):
        coupled_units(model, (3, 64, 64))
    assert time.perf_counter() - began < 10


class _Odd(nn.Module):
    """Two convolutions with `between` what is given."""

    def __init__(self, between):
        super().__init__()
        self.a, self.b, self.between = nn.Conv2d(1, 4, 1), nn.Conv2d(4, 4, 1), between

    def forward(self, x):
        return self.b(self.between(self.a(x))).flatten(1)


@pytest.mark.parametrize(
    ("between", "reason"),
    [
        (lambda x: x.softmax(1), "softmax over channels"),
        (lambda x: x / x.sum(1, keepdim=True), "sum over channels"),
        (lambda x: x.transpose(1, 2), "change place"),
        (lambda x: x.flip(1), "flip"),
        (lambda x: torch.nn.functional.pad(x, (0, 0, 0, 0, 1, -1)), "padded in front"),
        (nn.GroupNorm(2, 4), "GroupNorm"),
        (nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1))[0], None),
    ],
)
def test_operations_that_mix_channels_are_refused(between, reason):
    model = _Odd(between)
    if reason is None:
        assert coupled_units(model, (1, 4, 4)).num_units == 8
        return
    with pytest.raises(ValueError, match=reason):
        coupled_units(model, (1, 4, 4))


def test_a_layer_used_twice_and_a_loose_parameter_are_refused():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.out = nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, x):
            return self.out(self.a(self.a(x)))

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.scale, self.out = nn.Linear(3, 3), nn.Parameter(torch.ones(3)), nn.Linear(3, 2)

        def forward(self, x):
            return self.out(self.a(x) * self.scale)

    with pytest.raises(ValueError, match="layer a 2 times"):
        coupled_units(Twice(), (3,))
    with pytest.raises(ValueError, match="no part of a layer"):
        coupled_units(Scaled(), (3,))
