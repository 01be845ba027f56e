from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision.models import ConvNeXt, VisionTransformer
from torchvision.models.convnext import CNBlockConfig

from prunelab.metrics.effective import effective_masks, effective_sparsity
from prunelab.metrics.size import sparsity
from prunelab.models.conv import conv
from prunelab.models.resnet import resnet
from prunelab.models.vit import vit


def weights_of(model):
    """Names of Linear, convolution and packed attention weights."""
    return [name for name, p in model.named_parameters() if p.dim() > 1 and name.endswith("weight")]


def full(model):
    return {name: torch.ones_like(model.get_parameter(name), dtype=torch.bool) for name in weights_of(model)}


def random_masks(model, density, seed):
    rng = torch.Generator().manual_seed(seed)
    return {name: torch.rand(model.get_parameter(name).shape, generator=rng) < density for name in weights_of(model)}


def test_by_hand():
    """Inputs a, b; hidden 1 hears a but is not heard; hidden 2 is heard but hears nothing; hidden 3 is on a path."""
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    masks = {
        "0.weight": torch.tensor([[True, False], [False, False], [False, True]]),
        "2.weight": torch.tensor([[False, True, True]]),
    }
    found = effective_masks(net, (2,), masks)
    assert found["0.weight"].tolist() == [[False, False], [False, False], [False, True]]
    assert found["2.weight"].tolist() == [[False, False, True]]
    assert sparsity(masks) == pytest.approx(5 / 9)
    assert effective_sparsity(net, (2,), masks) == pytest.approx(7 / 9)


@settings(max_examples=30, deadline=None)
@given(widths=st.lists(st.integers(1, 5), min_size=2, max_size=6), density=st.floats(0, 1), seed=st.integers(0, 2**20))
def test_multilayer_perceptrons_agree_with_reachability_in_a_graph(widths, density, seed):
    layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
    net = nn.Sequential(*[part for layer in layers for part in (layer, nn.Tanh())])
    masks = random_masks(net, density, seed)
    matrices = list(masks.values())
    alive, reached = torch.ones(widths[0], dtype=torch.bool), []
    for matrix in matrices:
        reached.append(alive)
        alive = (matrix & alive).any(dim=1)
    heard, expected = torch.ones(widths[-1], dtype=torch.bool), []
    for matrix, before in zip(reversed(matrices), reversed(reached), strict=True):
        expected.insert(0, matrix & before & heard[:, None])
        heard = (matrix & heard[:, None]).any(dim=0)
    found = effective_masks(net, (widths[0],), masks)
    assert all(torch.equal(f, e) for f, e in zip(found.values(), expected, strict=True))


NETWORKS = {
    "conv": (lambda: conv(input_shape=(1, 8, 8), num_classes=3, width=0.05, depth=4), (1, 8, 8)),
    "resnet": (lambda: resnet(input_shape=(3, 8, 8), num_classes=3, width=0.2, depth=8), (3, 8, 8)),
    "vit": (lambda: vit(input_shape=(1, 8, 8), num_classes=3, dim=8, depth=2, heads=2), (1, 8, 8)),
    "torchvision vit": (lambda: VisionTransformer(8, 4, 2, 2, 8, 8, num_classes=3), (3, 8, 8)),
    "convnext": (lambda: ConvNeXt([CNBlockConfig(8, None, 2)], num_classes=3), (3, 32, 32)),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("density", [0.05, 0.2, 0.6])
def test_effective_weights_are_kept_and_stay_effective(name, density):
    make, shape = NETWORKS[name]
    net = make()
    masks = random_masks(net, density, seed=1)
    found = effective_masks(net, shape, masks)
    assert all(not (found[key] & ~masks[key]).any() for key in masks)
    again = effective_masks(net, shape, found)
    assert all(torch.equal(found[key], again[key]) for key in masks)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_weight_of_a_dense_network_is_effective(name):
    make, shape = NETWORKS[name]
    net = make()
    found = effective_masks(net, shape, full(net))
    assert [key for key, mask in found.items() if not mask.all()] == []


@pytest.mark.parametrize("name", ["conv", "resnet"])
@pytest.mark.parametrize("density", [0.1, 0.3])
def test_without_biases_the_ineffective_weights_do_nothing(name, density):
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    net = make().double().eval()
    masks = random_masks(net, density, seed=2)
    effective = effective_masks(net, shape, masks)
    assert sparsity(effective) > sparsity(masks), "this test needs a mask with weights on no path"
    x = torch.randn(2, *shape, dtype=torch.double)
    outputs = []
    for chosen in (masks, effective):
        state = {key: value.clone() for key, value in net.state_dict().items()}
        for key in state:
            if key in chosen:
                state[key] *= chosen[key]
            elif key.endswith("bias"):
                state[key].zero_()
        outputs.append(torch.func.functional_call(net, state, (x,)))
    torch.testing.assert_close(outputs[0], outputs[1])


def test_max_pooling_hides_no_path():
    """Only the bottom right output position reads this tap inside the image; the maximum's gradient goes to another."""
    net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1, 1))
    assert effective_sparsity(net, (1, 2, 2), full(net)) == 0


def test_a_deep_network_neither_overflows_nor_saturates():
    """It has about 54^200 paths; an infinite count times a removed weight is not a number, and tanh'(10^3) is 0."""
    net = nn.Sequential(*[part for _ in range(200) for part in (nn.Linear(60, 60), nn.Tanh())])
    masks = random_masks(net, 0.9, 0)
    found = effective_masks(net, (60,), masks)
    assert all(torch.equal(found[name], masks[name]) for name in masks)


def test_a_head_without_values_makes_its_queries_and_keys_idle():
    net = vit(input_shape=(1, 8, 8), num_classes=3, dim=8, depth=2, heads=2)
    masks = full(net)
    masks["blocks.0.attention.value.weight"][:4] = False
    found = effective_masks(net, (1, 8, 8), masks)
    for part in ("query", "key"):
        kept = found[f"blocks.0.attention.{part}.weight"]
        assert not kept[:4].any()
        assert kept[4:].all()
    assert not found["blocks.0.attention.output.weight"][:, :4].any()


def test_without_keys_queries_are_idle_but_values_are_not():
    net = vit(input_shape=(1, 8, 8), num_classes=3, dim=8, depth=2, heads=2)
    masks = full(net)
    masks["blocks.0.attention.key.weight"][:] = False
    found = effective_masks(net, (1, 8, 8), masks)
    assert not found["blocks.0.attention.query.weight"].any()
    assert found["blocks.0.attention.value.weight"].all()


def test_a_removed_batchnorm_scale_cuts_its_channel():
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 1, 1))
    masks = {**full(net), "1.weight": torch.tensor([True, False])}
    found = effective_masks(net, (1, 3, 3), masks)
    assert found["0.weight"].flatten().tolist() == [True, False]
    assert found["3.weight"].flatten().tolist() == [True, False]


def test_a_layer_collapse_leaves_nothing_effective():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3))
    masks = full(net)
    masks["1.weight"][:] = False
    assert effective_sparsity(net, (3,), masks) == 1.0


def test_model_is_left_as_it_was():
    net = resnet(input_shape=(3, 8, 8), num_classes=3, width=0.2, depth=8)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    effective_masks(net, (3, 8, 8), full(net))
    assert net.training
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
