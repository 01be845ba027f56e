"""What every conf/model/*.yaml must do; a new file is tested unasked."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest
import torch
import yaml

from prunelab.basics.component import component, resolve
from prunelab.metrics.effective import effective_sparsity
from prunelab.metrics.flops import multiply_adds
from prunelab.models.build import build_model, parameter_count, width_for_parameters
from prunelab.models.example import example_input
from prunelab.models.initialization import INITS, initialize

FOLDER = Path(__file__).parents[2] / "conf" / "model"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
RUNTIME = ("input_shape", "num_classes")
TEXT = ("minilm", "bert_tiny", "bert_large", "gpt_tiny")
PRETRAINED = ("minilm",)
DOWNLOADED = ("hub_transformer",)  # tests/models/test_transformers.py has one in a folder
FOREIGN = ("torchvision", "timm")
LARGE = ("wide_resnet_16_8", "wide_resnet_28_10", "vgg_11", "vgg_13", "vgg_16", "vgg_19", "bert_large")
BUILT = [name for name in NAMES if name not in DOWNLOADED]
DRAWN = [name for name in BUILT if name not in PRETRAINED]


def read(name):
    """The component and the init of a model's YAML file."""
    options = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    init = options.pop("init")
    return component(name, options.pop("_target_"), options, runtime=RUNTIME), init


def small(name):
    """The same with a tenth of the width where the published network is too large for a quick test."""
    found, init = read(name)
    if name in LARGE:
        fewer = {"width": 0.1, "layers": 2} if name in TEXT else {"width": 0.1}
        found = dataclasses.replace(found, arguments={**found.arguments, **fewer})
    return found, init


def shape_of(name):
    return (40,) if name.startswith("mnist1d") else (12,) if name in TEXT else (3, 32, 32)


def inputs_of(name, batch):
    """Random inputs of the right kind."""
    stream = torch.Generator().manual_seed(0)
    if name in TEXT:
        return torch.randint(2, 999, (batch, *shape_of(name)), generator=stream)
    return torch.randn(batch, *shape_of(name), generator=stream)


def built(name, seed):
    """The network, initialised with `seed`, in float32 on the CPU."""
    found, init = small(name)
    model = build_model(found, input_shape=shape_of(name), num_classes=10)
    initialize(model, init, seed)
    return model


def test_the_published_families_are_there():
    wanted = "lenet_300_100 lenet_5 conv_2 conv_4 conv_6 resnet_20 resnet_32 resnet_44 resnet_56 wide_resnet_16_8"
    wanted += " wide_resnet_28_10 vgg_11 vgg_13 vgg_16 vgg_19 mnist1d_mlp mnist1d_cnn vit_tiny torchvision timm"
    assert set(wanted.split()) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_yaml_says_what_it_is_and_spells_out_every_argument(name):
    text = (FOLDER / f"{name}.yaml").read_text()
    assert re.match(r"# \S.*\b(19|20)\d\d\b.*\n", text), "the first line is a comment with a citation"
    options = yaml.safe_load(text)
    assert options.pop("init") in INITS
    parameters = inspect.signature(resolve(options.pop("_target_"))).parameters
    assert set(options) == set(parameters) - set(RUNTIME)


@pytest.mark.parametrize("name", BUILT)
def test_forward_and_backward(name):
    model = built(name, seed=0).train()
    logits = model(inputs_of(name, 3))
    assert logits.shape == (3, 10)
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2])).backward()
    for parameter_name, parameter in model.named_parameters():
        # the key's bias changes all of a query's products alike, and behind a classifier of zeros nothing is seen yet
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name


@pytest.mark.parametrize("name", [name for name in NAMES if name in LARGE])
def test_published_width_runs_on_the_meta_device(name):
    with torch.device("meta"):
        model = build_model(read(name)[0], input_shape=shape_of(name), num_classes=100)
        assert model.eval()(example_input(model, shape_of(name), batch=2, device="meta")).shape == (2, 100)


@pytest.mark.parametrize("name", DRAWN)
def test_weights_depend_on_the_seed_alone(name):
    states = []
    for global_seed, seed in ((1, 0), (2, 0), (1, 5)):
        torch.manual_seed(global_seed)
        before = torch.get_rng_state()
        states.append(built(name, seed).state_dict())
        assert torch.equal(torch.get_rng_state(), before), "the global random state was used"
    first, again, other = states
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("init", [init for init in INITS if init != "pretrained"])
def test_no_parameter_is_left_as_it_was(name, init):
    found, _ = small(name)
    model = build_model(found, input_shape=shape_of(name), num_classes=10)
    with torch.no_grad():
        for tensor in [*model.parameters(), *(b for b in model.buffers() if b.is_floating_point())]:
            tensor.fill_(float("nan"))
    initialize(model, init, 3)
    left = [key for key, value in model.state_dict().items() if value.isnan().any()]
    assert not left


@pytest.mark.parametrize("name", [name for name in DRAWN if name not in FOREIGN])
def test_width_makes_it_smaller_and_can_be_searched(name):
    found, _ = read(name)
    full = parameter_count(found, shape_of(name), 10)
    width = width_for_parameters(found, shape_of(name), 10, full // 2)

    def count(width):
        return parameter_count(dataclasses.replace(found, arguments={**found.arguments, "width": width}), shape_of(name), 10)

    assert 0 < width < 1
    assert count(width) <= full // 2 < count(round(width + 1e-4, 4))
    assert count(1e-4) < full // 10


@pytest.mark.parametrize("name", BUILT)
def test_every_weight_of_the_dense_network_is_counted_and_effective(name):
    model = built(name, seed=0)
    kept = {
        f"{part_name}.weight": torch.ones_like(part.weight, dtype=torch.bool)
        for part_name, part in model.named_modules()
        if isinstance(part, (torch.nn.Linear, torch.nn.modules.conv._ConvNd))
    }
    counts = multiply_adds(model, shape_of(name), kept)
    assert counts == multiply_adds(model, shape_of(name))
    assert all(counts[key] >= mask.numel() for key, mask in kept.items())
    if name not in FOREIGN:  # at 32x32 pixels a ResNet-18 for ImageNet ends in 1x1 images, whose outer taps see padding
        assert effective_sparsity(model, shape_of(name), kept) == 0


@pytest.mark.parametrize("name", BUILT)
@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 8, 8), (40,)])
def test_other_data_fit_or_are_refused_in_words(name, shape):
    found, _ = small(name)
    refused = None
    try:
        model = build_model(found, input_shape=shape, num_classes=3)
    except ValueError as error:
        refused = str(error)
    else:
        with torch.no_grad():
            assert model.eval()(example_input(model, shape, batch=2, fill=1.0)).shape == (2, 3)
    assert refused is None or re.search(r"takes images|takes one signal|images of at least|inputs of shape", refused)
    assert refused is None or shape != (1, 28, 28) or name in (*TEXT, "mnist1d_cnn"), refused
