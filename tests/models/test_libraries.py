import sys

import pytest
import torch
import torchvision

from prunelab.basics.component import component
from prunelab.models.build import build_model, parameter_count
from prunelab.models.initialization import initialize, is_pretrained
from prunelab.models.timm import timm_model
from prunelab.models.torchvision import torchvision_model

CIFAR = (3, 32, 32)
RUNTIME = ("input_shape", "num_classes")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("resnet18", 11_689_512), ("vit_b_32", 88_224_232), ("regnet_y_400mf", 4_344_144), ("squeezenet1_1", 1_235_496)],
)
def test_parameter_counts_are_those_torchvision_documents(name, expected):
    found = component("t", "prunelab.models.torchvision.torchvision_model", {"name": name}, runtime=RUNTIME)
    assert parameter_count(found, (3, 224, 224), 1000) == expected


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "squeezenet1_1", "shufflenet_v2_x0_5", "mnasnet0_5"])
def test_torchvision_networks_take_one_channel(name):
    net = torchvision_model(input_shape=(1, 64, 64), num_classes=7, name=name)
    assert net.eval()(torch.ones(2, 1, 64, 64)).shape == (2, 7)
    initialize(net, "kaiming_normal", 0)


def test_auxiliary_classifiers_are_left_out():
    net = torchvision_model(input_shape=CIFAR, num_classes=7, name="googlenet").train()
    assert net(torch.ones(2, *CIFAR)).shape == (2, 7)


def test_transformers_are_built_for_the_image_size():
    with torch.device("meta"):
        net = torchvision_model(input_shape=(3, 64, 64), num_classes=7, name="vit_b_32")
    assert net.get_parameter("encoder.pos_embedding").shape == (1, 5, 768)
    with pytest.raises(ValueError, match="square"):
        torchvision_model(input_shape=(3, 64, 32), num_classes=7, name="vit_b_32")


def test_pretrained_torchvision_weights_stay_and_the_head_is_zero(monkeypatch):
    donor = torchvision.models.get_model("mobilenet_v3_small", weights=None)
    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", lambda *_, **__: donor.state_dict())
    options = {"name": "mobilenet_v3_small", "weights": "DEFAULT"}
    found = component("t", "prunelab.models.torchvision.torchvision_model", options, runtime=RUNTIME)
    net = build_model(found, input_shape=CIFAR, num_classes=7)
    initialize(net, "pretrained", 0)
    expected, state = donor.state_dict(), net.state_dict()
    head = {"classifier.3.weight", "classifier.3.bias"}
    assert all(torch.equal(expected[key], state[key]) for key in state if key not in head)
    assert all(not state[key].any() and len(state[key]) == 7 for key in head)
    same = build_model(found, input_shape=CIFAR, num_classes=1000)
    assert torch.equal(same.state_dict()["classifier.3.weight"], expected["classifier.3.weight"])
    with pytest.raises(ValueError, match="3 channels"):
        build_model(found, input_shape=(1, 32, 32), num_classes=7)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "resnet_18"}, "Did you mean 'resnet18'"),
        ({"name": "resnet18", "width": 0.5}, "one width"),
        ({"name": "alexnet"}, "alexnet cannot take inputs of shape \\(3, 32, 32\\)"),
    ],
)
def test_torchvision_refusals(arguments, words):
    with pytest.raises(ValueError, match=words):
        torchvision_model(input_shape=CIFAR, num_classes=10, **arguments)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "convnext_atto", "resnet10t", "mobilenetv3_small_050"])
def test_timm_networks_depend_on_the_seed_alone(name):
    found = component("t", "prunelab.models.timm.timm_model", {"name": name}, runtime=RUNTIME)
    states = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        net = build_model(found, input_shape=(1, 32, 32), num_classes=7)
        initialize(net, "kaiming_normal", 0)
        states.append(net.state_dict())
    assert net.eval()(torch.ones(2, 1, 32, 32)).shape == (2, 7)
    assert not is_pretrained(net)
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_timm_refusals(monkeypatch):
    with pytest.raises(ValueError, match="Did you mean 'resnet18'"):
        timm_model(input_shape=CIFAR, num_classes=10, name="resnet_18")
    with pytest.raises(ValueError, match="one width"):
        timm_model(input_shape=CIFAR, num_classes=10, width=0.5)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ValueError, match=r'pip install "prunelab\[timm\]"'):
        timm_model(input_shape=CIFAR, num_classes=10)
