import pytest
import torch
from torch import nn
from torchvision.models import VisionTransformer

from prunelab.compress.sparse import SparseLinear, sparse_layer
from prunelab.metrics.flops import TOTAL, executed_multiply_adds, multiply_adds, theoretical_speedup
from prunelab.models.build import build_model
from prunelab.models.lenet import lenet_300_100
from prunelab.models.resnet import resnet
from prunelab.models.vit import vit
from tests.conftest import configured


def test_fully_connected():
    found = multiply_adds(lenet_300_100(input_shape=(1, 28, 28), num_classes=10), (1, 28, 28))
    expected = {"fc1.weight": 784 * 300, "fc2.weight": 300 * 100, "output.weight": 1000, "total": 266_200}
    assert found == expected


def test_resnet_20_by_hand():
    """Stem 3 x 16 x 9 x 32^2; six convolutions of 16 x 16 x 9 x 32^2; then twice one of half that and five whole."""
    whole = 16 * 16 * 9 * 32 * 32
    expected = 3 * 16 * 9 * 1024 + 6 * whole + 2 * (whole // 2 + 5 * whole) + 640
    net = resnet(input_shape=(3, 32, 32), num_classes=10)
    assert expected == 40_551_040
    assert multiply_adds(net, (3, 32, 32))["total"] == expected


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        # 5x5 outputs (9 - 2 * 2 at dilation 2), 8 filters, 4 / 2 channels a group, 9 taps
        (nn.Conv2d(4, 8, 3, groups=2, dilation=2), 5 * 5 * 8 * 2 * 9),
        # depthwise, same size
        (nn.Conv2d(4, 4, 3, groups=4, padding=1), 9 * 9 * 4 * 9),
        # 5x4 outputs of a stride of 2 and uneven padding
        (nn.Conv2d(4, 6, 3, stride=2, padding=(1, 0)), 5 * 4 * 6 * 4 * 9),
        # each of 9x9 inputs is spread over 2x2 outputs
        (nn.ConvTranspose2d(4, 6, 2, stride=2), 9 * 9 * 4 * 6 * 4),
    ],
)
def test_convolutions_by_hand(layer, expected):
    assert multiply_adds(layer, (4, 9, 9)) == {"weight": expected, "total": expected}


def test_attention_products_are_counted():
    """65 tokens of 64: four projections, a perceptron of 128, and q k' and its product with v over all heads."""
    net = vit(input_shape=(3, 32, 32), num_classes=10)
    found = multiply_adds(net, (3, 32, 32))
    block = 65 * (4 * 64 * 64 + 2 * 64 * 128) + 2 * 65 * 65 * 64
    assert found["blocks.0.attention.query.weight"] == 65 * 64 * 64
    assert found["total"] == 64 * 48 * 64 + 4 * block + 640


def test_packed_projections_belong_to_their_parameter():
    net = VisionTransformer(8, 4, 1, 2, 16, 32, num_classes=3)
    found = multiply_adds(net, (3, 8, 8))
    prefix = "encoder.layers.encoder_layer_0.self_attention."
    assert found[prefix + "in_proj_weight"] == 5 * 16 * 48
    assert found[prefix + "out_proj.weight"] == 5 * 16 * 16
    assert found["total"] == 4 * 48 * 16 + 5 * 16 * (48 + 16 + 64) + 2 * 5 * 5 * 16 + 16 * 3


def test_sparse_count_by_hand():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 4, 3))
    mask = torch.zeros(2, 1, 3, 3, dtype=torch.bool)
    mask[0, 0, 0] = True
    masks = {"0.weight": mask}
    assert multiply_adds(net, (1, 4, 4)) == {"0.weight": 4 * 18, "2.weight": 24, "total": 96}
    assert multiply_adds(net, (1, 4, 4), masks) == {"0.weight": 4 * 3, "2.weight": 24, "total": 36}
    assert theoretical_speedup(net, (1, 4, 4), masks) == 96 / 36


def test_a_layer_called_twice_counts_twice_and_tied_weights_once_each():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.second = nn.Linear(4, 4)
            self.second.weight = self.first.weight

        def forward(self, x):
            return self.second(self.first(self.first(x)))

    assert multiply_adds(Twice(), (4,)) == {"first.weight": 48, "total": 48}


def test_model_is_left_as_it_was():
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    before = {key: value.clone() for key, value in net.state_dict().items()}
    multiply_adds(net, (3,))
    assert net.training
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        ({"0.weigth": torch.ones(3, 3, dtype=torch.bool)}, "Did you mean '0.weight'"),
        ({"0.weight": torch.ones(3, dtype=torch.bool)}, r"shape \(3,\), not \(3, 3\)"),
        ({"0.weight": torch.ones(3, 3)}, "Boolean"),
    ],
)
def test_masks_that_do_not_fit_are_refused(masks, words):
    with pytest.raises(ValueError, match=words):
        multiply_adds(nn.Sequential(nn.Linear(3, 3)), (3,), masks)


@pytest.mark.parametrize(("name", "shape"), [("resnet_20", (3, 32, 32)), ("vit_tiny", (3, 32, 32)), ("lenet_300_100", (1, 28, 28))])
def test_what_a_dense_model_executes_is_what_is_counted_on_meta(name, shape):
    model = build_model(configured("model", name), input_shape=shape, num_classes=10)
    assert executed_multiply_adds(model, torch.zeros(2, *shape)) == multiply_adds(model, shape)[TOTAL]
    assert model.training


def test_sparse_layers_execute_what_they_store():
    weight = torch.zeros(8, 16)
    weight[:3, :2] = 1
    layers = {"csr": SparseLinear(weight, None), "bsr": SparseLinear(weight, None, block=4), "dense": nn.Linear(16, 8)}
    # of blocks, 4 x 4 values are stored; three tokens an example are three products
    assert {n: executed_multiply_adds(m, torch.ones(2, 16)) for n, m in layers.items()} == {"csr": 6, "bsr": 16, "dense": 128}
    assert executed_multiply_adds(layers["csr"], torch.ones(2, 3, 16)) == 18
    image = nn.Conv2d(16, 8, 1)
    image.weight.data[:, :, 0, 0] = weight
    assert executed_multiply_adds(sparse_layer(image, "csr"), torch.ones(1, 16, 5, 5)) == 6 * 25


def test_attention_executes_both_of_its_products():
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    projections, attention = 5 * (4 * 16 * 16 + 2 * 16 * 32), 2 * 5 * 5 * 16
    assert executed_multiply_adds(layer, torch.zeros(1, 5, 16)) == projections + attention
