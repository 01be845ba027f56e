import math

import pytest
import torch
import torchvision
from torch import nn

from prunelab.models.initialization import INITS, initialize, mark_pretrained

DRAWN = [init for init in INITS if init != "pretrained"]


def linear(init, seed=0, inputs=400, outputs=300):
    layer = nn.Linear(inputs, outputs)
    initialize(layer, init, seed)
    return layer


@pytest.mark.parametrize(
    ("init", "std", "bound"),
    [
        ("kaiming_normal", math.sqrt(2 / 400), math.inf),
        ("kaiming_uniform", math.sqrt(2 / 400), math.sqrt(6 / 400)),
        ("xavier_normal", math.sqrt(2 / 700), math.inf),
        ("xavier_uniform", math.sqrt(2 / 700), math.sqrt(6 / 700)),
        ("default", math.sqrt(1 / 400 / 3), math.sqrt(1 / 400)),
    ],
)
def test_standard_deviation_and_range_of_a_linear_layer(init, std, bound):
    weight = linear(init).weight.detach()
    assert weight.std().item() == pytest.approx(std, rel=0.02)
    assert weight.mean().item() == pytest.approx(0, abs=0.02 * std)
    assert weight.abs().max() <= bound
    assert weight.abs().max() > 0.98 * min(bound, 3 * std)


def test_fan_in_of_a_grouped_convolution():
    layer = nn.Conv2d(64, 256, 3, groups=4)
    initialize(layer, "kaiming_normal", 0)
    assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / (16 * 9)), rel=0.02)


@pytest.mark.parametrize("init", DRAWN)
def test_biases_are_zero_except_under_torchs_default(init):
    bias = linear(init).bias.detach()
    if init == "default":
        assert bias.std().item() == pytest.approx(1 / 20 / math.sqrt(3), rel=0.1)
        assert bias.abs().max() <= 1 / 20
    else:
        assert not bias.any()


@pytest.mark.parametrize(("inputs", "outputs"), [(30, 20), (20, 30)])
def test_orthogonal_rows_or_columns(inputs, outputs):
    weight = linear("orthogonal", inputs=inputs, outputs=outputs).weight.detach()
    product = weight @ weight.T if outputs <= inputs else weight.T @ weight
    torch.testing.assert_close(product, torch.eye(20), atol=1e-6, rtol=0)


def test_seeds_and_parameters_have_streams_of_their_own():
    assert torch.equal(linear("xavier_normal", 0).weight, linear("xavier_normal", 0).weight)
    assert not torch.equal(linear("xavier_normal", 0).weight, linear("xavier_normal", 1).weight)
    twins = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    longer = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4))
    for net in (twins, longer):
        initialize(net, "kaiming_normal", 0)
    assert not torch.equal(twins[0].weight, twins[1].weight)
    assert torch.equal(twins[1].weight, longer[1].weight)


def test_norms_and_their_statistics_are_reset():
    net = nn.Sequential(nn.BatchNorm1d(3), nn.LayerNorm(3))
    net.train()(torch.randn(8, 3))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(7)
    initialize(net, "orthogonal", 0)
    state = net.state_dict()
    assert state.pop("0.num_batches_tracked") == 0
    for name, value in state.items():
        expected = 1 if name.endswith(("weight", "running_var")) else 0
        assert (value == expected).all(), name


def test_embeddings_and_tables():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(200, 100, padding_idx=3)
            self.class_token = nn.Parameter(torch.zeros(1, 1, 10_000))
            self.pos_embed = nn.Parameter(torch.zeros(1, 10_000))

    net = Tokens()
    initialize(net, "kaiming_normal", 0)
    for parameter in net.parameters():
        assert parameter.std().item() == pytest.approx(0.02, rel=0.03)
    assert not net.embedding.weight[3].any()


def vision_networks():
    return {
        "vit": lambda: torchvision.models.VisionTransformer(8, 4, 1, 2, 16, 16),
        "swin": lambda: torchvision.models.SwinTransformer([2, 2], 8, [2], [2], [4, 4]),
        "swin_v2": lambda: torchvision.models.SwinTransformer(
            [2, 2],
            8,
            [2],
            [2],
            [4, 4],
            block=torchvision.models.swin_transformer.SwinTransformerBlockV2,
            downsample_layer=torchvision.models.swin_transformer.PatchMergingV2,
        ),
        "convnext": lambda: torchvision.models.ConvNeXt([torchvision.models.convnext.CNBlockConfig(8, None, 2)]),
        "lstm": lambda: nn.LSTM(3, 4),
        "transposed": lambda: nn.ConvTranspose2d(3, 4, 3),
    }


@pytest.mark.parametrize("init", DRAWN)
@pytest.mark.parametrize("name", vision_networks())
def test_networks_of_others_depend_on_the_seed_alone(name, init):
    states = []
    for global_seed, seed in ((1, 0), (2, 0), (1, 1)):
        torch.manual_seed(global_seed)
        net = vision_networks()[name]()
        before = torch.get_rng_state()
        initialize(net, init, seed)
        assert torch.equal(torch.get_rng_state(), before)
        states.append(net.state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert any(not torch.equal(states[0][key], states[2][key]) for key in states[0])


def test_layer_scale_keeps_its_constant():
    net = vision_networks()["convnext"]()
    initialize(net, "kaiming_normal", 0)
    scales = [value for key, value in net.state_dict().items() if key.endswith("layer_scale")]
    assert scales
    assert all((scale == 1e-6).all() for scale in scales)


def test_packed_attention_projection_is_three_layers():
    attention = nn.MultiheadAttention(200, 2)
    initialize(attention, "xavier_normal", 0)
    assert attention.in_proj_weight.std().item() == pytest.approx(math.sqrt(2 / 400), rel=0.02)
    initialize(attention, "default", 0)
    assert attention.in_proj_weight.abs().max().item() == pytest.approx(math.sqrt(6 / 800), rel=0.01)


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.mystery = nn.Parameter(torch.randn(3))


class Resets(Odd):
    def reset_parameters(self):
        nn.init.normal_(self.mystery)


class ForgetsOne(Resets):
    def __init__(self):
        super().__init__()
        self.forgotten = nn.Parameter(torch.randn(3))


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Odd()

    def _init_weights(self, part):
        if isinstance(part, Odd):
            nn.init.uniform_(part.mystery)


@pytest.mark.parametrize(("net", "name"), [(nn.Sequential(Odd()), "0.mystery"), (ForgetsOne(), "forgotten")])
def test_a_parameter_that_nobody_initialises_is_an_error(net, name):
    with pytest.raises(ValueError, match=f"'{name}'"):
        initialize(net, "kaiming_normal", 0)


@pytest.mark.parametrize("make", [Resets, Whole])
def test_a_modules_own_reset_runs_under_the_seed(make):
    found = []
    for seed in (0, 0, 1):
        net = make()
        before = torch.get_rng_state()
        initialize(net, "kaiming_normal", seed)
        assert torch.equal(torch.get_rng_state(), before)
        found.append(next(net.parameters()).detach())
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_tied_weights_are_drawn_once():
    net = nn.Sequential(nn.Embedding(50, 40), nn.Linear(40, 50, bias=False))
    net[1].weight = net[0].weight
    initialize(net, "kaiming_normal", 0)
    assert net[1].weight is net[0].weight
    assert net[0].weight.std().item() == pytest.approx(0.02, rel=0.1)


def test_pretrained_weights_are_neither_lost_nor_made_up():
    net = nn.Linear(3, 3)
    with pytest.raises(ValueError, match="pretrained"):
        initialize(net, "pretrained", 0)
    before = net.weight.clone()
    mark_pretrained(net)
    with pytest.raises(ValueError, match="overwrite"):
        initialize(net, "kaiming_normal", 0)
    initialize(net, "pretrained", 0)
    assert torch.equal(net.weight, before)


def test_unknown_init_and_other_devices_are_refused():
    with pytest.raises(ValueError, match="Did you mean 'kaiming_normal'"):
        initialize(nn.Linear(1, 1), "kaiming_norm", 0)
    with pytest.raises(ValueError, match="meta"):
        initialize(nn.Linear(1, 1, device="meta"), "default", 0)
