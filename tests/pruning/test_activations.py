"""The inputs of a layer as a matrix: its weight times them is what the layer gives."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from prunelab.pruning.activations import input_rows
from tests.pruning.toys import seeded

LAYERS = {
    "linear": (lambda: nn.Linear(4, 6, bias=False), (3, 4)),
    "linear_tokens": (lambda: nn.Linear(4, 6, bias=False), (3, 5, 4)),
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2, bias=False), (3, 4, 9)),
    "conv2d": (lambda: nn.Conv2d(4, 6, (2, 3), stride=(2, 1), padding=(1, 0), bias=False), (3, 4, 6, 7)),
    "same": (lambda: nn.Conv2d(4, 6, (2, 3), padding="same", bias=False), (3, 4, 6, 7)),
    "dilated": (lambda: nn.Conv2d(4, 6, 3, dilation=2, padding=2, bias=False), (3, 4, 6, 7)),
    "grouped": (lambda: nn.Conv2d(4, 6, 3, groups=2, bias=False), (3, 4, 6, 7)),
    "depthwise": (lambda: nn.Conv2d(4, 8, 3, groups=4, bias=False), (3, 4, 6, 7)),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kind", LAYERS)
def test_weight_times_rows_is_the_output(kind):
    build, shape = LAYERS[kind]
    layer = seeded(build)
    inputs = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    rows = input_rows(layer, inputs)
    found = (layer.weight.flatten(1).unflatten(0, (len(rows), -1)) @ rows).flatten(0, 1)
    output = layer(inputs)
    wanted = output.flatten(0, -2).T if isinstance(layer, nn.Linear) else output.transpose(0, 1).flatten(1)
    assert torch.allclose(found, wanted)


@pytest.mark.parametrize("layer", [nn.ConvTranspose2d(1, 1, 2), nn.Conv3d(1, 1, 2), nn.Conv2d(1, 1, 2, padding=1, padding_mode="reflect")])
def test_what_has_no_such_matrix_is_refused(layer):
    with pytest.raises(ValueError, match="exclude"):
        input_rows(layer, torch.zeros(1, 1, 4, 4))
