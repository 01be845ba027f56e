import pytest
import torch
from torch import nn

from prunelab.basics.component import component
from prunelab.models.attention import Attention, EncoderBlock
from prunelab.models.build import build_model, parameter_count, width_for_parameters
from prunelab.models.conv import conv
from prunelab.models.lenet import lenet_5, lenet_300_100
from prunelab.models.mnist1d import cnn
from prunelab.models.resnet import BasicBlock, PaddingShortcut, PreactivationBlock, resnet, wide_resnet
from prunelab.models.vgg import vgg
from prunelab.models.vit import vit

MNIST, CIFAR, SIGNAL = (1, 28, 28), (3, 32, 32), (40,)
RUNTIME = ("input_shape", "num_classes")


def model(target, **arguments):
    return component("model", f"prunelab.models.{target}", arguments, runtime=RUNTIME)


@pytest.mark.parametrize(
    ("target", "arguments", "shape", "expected"),
    [
        ("lenet.lenet_300_100", {}, MNIST, 266_610),
        ("lenet.lenet_5", {}, MNIST, 431_080),
        ("conv.conv", {"depth": 2}, CIFAR, 4_301_642),
        ("conv.conv", {"depth": 4}, CIFAR, 2_425_930),
        ("conv.conv", {"depth": 6}, CIFAR, 2_262_602),
        ("resnet.resnet", {"depth": 20}, CIFAR, 269_722),
        ("resnet.resnet", {"depth": 32}, CIFAR, 464_154),
        ("resnet.resnet", {"depth": 44}, CIFAR, 658_586),
        ("resnet.resnet", {"depth": 56}, CIFAR, 853_018),
        # + 16 x 32 + 32 x 64 weights and 2 x (32 + 64) of BatchNorm
        ("resnet.resnet", {"depth": 20, "shortcut": "projection"}, CIFAR, 269_722 + 2_752),
        ("resnet.wide_resnet", {"depth": 16, "factor": 8}, CIFAR, 10_961_370),
        ("resnet.wide_resnet", {"depth": 28, "factor": 10}, CIFAR, 36_479_194),
        # 14,728,266 with the biases of the 13 convolutions, 4,224 numbers that BatchNorm makes superfluous
        ("vgg.vgg", {"depth": 16}, CIFAR, 14_728_266 - 4_224),
        ("vgg.vgg", {"depth": 11}, CIFAR, 9_231_114 - 2_752),
        ("mnist1d.mlp", {}, SIGNAL, 40 * 100 + 100 + 100 * 100 + 100 + 100 * 10 + 10),
        ("mnist1d.cnn", {}, SIGNAL, 25 * 5 + 25 + 2 * (25 * 25 * 3 + 25) + 125 * 10 + 10),
    ],
)
def test_parameter_counts_of_the_papers(target, arguments, shape, expected):
    assert parameter_count(model(target, **arguments), shape, 10) == expected


def test_vit_parameter_count_by_hand():
    dim, tokens = 64, 65
    attention = 4 * (dim * dim + dim)
    perceptron = dim * 128 + 128 + 128 * dim + dim
    block = attention + perceptron + 2 * 2 * dim
    patches = 3 * 16 * dim + dim
    assert parameter_count(model("vit.vit"), CIFAR, 10) == patches + dim + tokens * dim + 4 * block + 2 * dim + 650


def test_width_scales_hidden_units_and_keeps_one():
    half = lenet_300_100(input_shape=MNIST, num_classes=10, width=0.5)
    assert [p.shape for p in half.parameters() if p.dim() == 2] == [(150, 784), (50, 150), (10, 50)]
    least = lenet_300_100(input_shape=MNIST, num_classes=10, width=0.001)
    assert [p.shape for p in least.parameters() if p.dim() == 2] == [(1, 784), (1, 1), (10, 1)]


@pytest.mark.parametrize("width", [0, -1.0, float("nan"), float("inf")])
def test_width_must_be_positive(width):
    with pytest.raises(ValueError, match="width"):
        lenet_300_100(input_shape=MNIST, num_classes=10, width=width)


def test_width_search_by_hand():
    """LeNet-300-100 with h and k hidden units has 784h + h + hk + k + 10k + 10 parameters."""
    found = width_for_parameters(model("lenet.lenet_300_100"), MNIST, 10, 26_661)
    hidden, second = round(300 * found), round(100 * found)
    assert 785 * hidden + hidden * second + 11 * second + 10 <= 26_661
    # the width found is the last before the next unit: 32 and 11 give 25,603; 33 and 11 give 26,399; 34 give too many
    assert (hidden, second) == (33, 11)
    assert found == round(found, 4)
    assert found == width_for_parameters(model("lenet.lenet_300_100", width=0.3), MNIST, 10, 26_661)


def test_width_search_gives_the_whole_network_back_or_a_wider_one():
    lenet = model("lenet.lenet_300_100")
    assert 1.0 <= width_for_parameters(lenet, MNIST, 10, 266_610) < 1.002
    assert width_for_parameters(lenet, MNIST, 10, 1_000_000) > 2


def test_width_search_says_when_it_cannot():
    smallest = parameter_count(model("lenet.lenet_300_100", width=1e-4), MNIST, 10)
    assert smallest == 784 + 1 + 1 + 1 + 10 + 10
    assert width_for_parameters(model("lenet.lenet_300_100"), MNIST, 10, smallest) > 0
    with pytest.raises(ValueError, match=f"at least {smallest}"):
        width_for_parameters(model("lenet.lenet_300_100"), MNIST, 10, smallest - 1)
    with pytest.raises(ValueError, match="one width"):
        width_for_parameters(model("torchvision.torchvision_model"), CIFAR, 10, 1000)


def test_building_leaves_the_global_random_state_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    first = build_model(model("lenet.lenet_5"), input_shape=MNIST, num_classes=10)
    assert torch.equal(torch.rand(3), expected)
    second = build_model(model("lenet.lenet_5"), input_shape=MNIST, num_classes=10)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize(
    ("build", "smallest"),
    [
        (lenet_5, 16),
        (lambda **a: conv(depth=2, **a), 2),
        (lambda **a: conv(depth=6, **a), 8),
        (lambda **a: vgg(depth=11, **a), 16),
        (resnet, 4),
        (lambda **a: wide_resnet(factor=1, **a), 4),
        (vit, 4),
    ],
)
def test_smallest_image_runs_and_one_less_is_refused(build, smallest):
    tiny = build(input_shape=(1, smallest, smallest), num_classes=2, width=0.1)
    assert tiny.eval()(torch.ones(1, 1, smallest, smallest)).shape == (1, 2)
    with pytest.raises(ValueError, match=f"at least {smallest}x{smallest}"):
        build(input_shape=(1, smallest - 1, smallest), num_classes=2, width=0.1)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: conv(input_shape=CIFAR, num_classes=10, depth=3), "2, 4, 6"),
        (lambda: vgg(input_shape=CIFAR, num_classes=10, depth=18), "11, 13, 16, 19"),
        (lambda: resnet(input_shape=CIFAR, num_classes=10, depth=18), "6n \\+ 2"),
        (lambda: resnet(input_shape=CIFAR, num_classes=10, shortcut="paddin"), "Did you mean 'padding'"),  # type: ignore
        (lambda: wide_resnet(input_shape=CIFAR, num_classes=10, depth=20), "6n \\+ 4"),
        (lambda: vit(input_shape=(3, 30, 30), num_classes=10), "tile 30x30.*\\[1, 2, 3, 5, 6, 10, 15, 30\\]"),
        (lambda: vit(input_shape=CIFAR, num_classes=10, heads=5), "multiple of heads"),
        (lambda: cnn(input_shape=MNIST, num_classes=10), "one signal"),
        (lambda: resnet(input_shape=(784,), num_classes=10), "takes images"),
        (lambda: lenet_300_100(input_shape=MNIST, num_classes=0), "num_classes"),
    ],
)
def test_wrong_arguments_are_refused_in_words(build, words):
    with pytest.raises(ValueError, match=words):
        build()


def test_mnist1d_cnn_takes_signals_with_and_without_channel_axis():
    net = cnn(input_shape=(40,), num_classes=10)
    signal = torch.randn(2, 40, generator=torch.Generator().manual_seed(0))
    assert torch.equal(net(signal), net(signal[:, None]))


def test_padding_shortcut_by_hand():
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    out = PaddingShortcut(1, 3, 2)(image)
    assert out[0, 0].tolist() == [[0, 2], [8, 10]]
    assert out[0, 1:].abs().sum() == 0


@pytest.mark.parametrize(
    ("block", "branch_ends", "shape", "after"),
    [
        (BasicBlock(4, 4, 1, "padding"), ["bn2"], (2, 4, 5, 5), torch.relu),
        (PreactivationBlock(4, 4, 1, 0.0), ["conv2"], (2, 4, 5, 5), lambda x: x),
        (EncoderBlock(8, 2, 16, 0.0), ["attention.output", "fc2"], (2, 3, 8), lambda x: x),
        (EncoderBlock(8, 2, 16, 0.0), ["fc2"], (2, 3, 8), None),
    ],
)
def test_a_residual_block_without_its_branch_is_its_shortcut(block, branch_ends, shape, after):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    expected = after(x) if after else x + block.attention(block.norm1(x))
    for name in branch_ends:
        for parameter in block.get_submodule(name).parameters():
            nn.init.zeros_(parameter)
    torch.testing.assert_close(block(x), expected)


def test_attention_is_the_one_of_torch():
    torch.manual_seed(0)
    ours, reference = Attention(8, 2, 4), nn.MultiheadAttention(8, 2, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
        reference.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
        reference.out_proj.load_state_dict(ours.output.state_dict())
    x = torch.randn(3, 5, 8)
    torch.testing.assert_close(ours(x), reference(x, x, x)[0])


def test_a_head_is_rows_of_the_projections_and_columns_of_the_output():
    """Attention without head 1 equals attention in which its output columns are zero."""
    torch.manual_seed(0)
    full = Attention(8, 2, 4)
    less = Attention(8, 1, 4)
    with torch.no_grad():
        for name in ("query", "key", "value"):
            less.get_submodule(name).load_state_dict({key: tensor[:4] for key, tensor in full.get_submodule(name).state_dict().items()})
        less.output.weight.copy_(full.output.weight[:, :4])
        less.output.bias.copy_(full.output.bias)
        full.output.weight[:, 4:] = 0
    x = torch.randn(2, 5, 8)
    torch.testing.assert_close(full(x), less(x))
