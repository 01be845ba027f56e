"""Every config file composes and becomes a study; every experiment has its claims or says nothing of them."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from prunelab.config import register_schema, to_study, tracker_of
from tests.conftest import CONF, names

GROUPS = [
    "model", "dataset", "pruning/criterion", "pruning/allocation", "pruning/granularity", "schedule", "sparsity", "optimizer",
    "trainer", "tracking", "measure", "hardware", "experiment",
]  # fmt: skip
CHOICES = [(group, name) for group in GROUPS for name in names(group)]


def composed(*overrides: str):
    register_schema()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        config = compose("config", overrides=list(overrides), return_hydra_config=True)
    choices = {str(k): str(v) for k, v in OmegaConf.to_container(config.hydra.runtime.choices).items()}
    OmegaConf.set_struct(config, False)
    del config["hydra"]
    return config, choices


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_file_composes_into_a_study(group, name):
    more = {"torchvision": ["model.name=resnet18"], "timm": ["model.name=resnet18"]}.get(name, [])
    config, choices = composed(f"{group}={name}", *more)
    study = to_study(config, choices)
    assert study.densities_ok if hasattr(study, "densities_ok") else study.sparsity.densities
    assert tracker_of(config, choices).name in names("tracking")
    if group == "model":
        assert study.model.name == name


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_file_says_what_it_is(group, name):
    lines = (CONF / group / f"{name}.yaml").read_text().splitlines()
    comments = [line for line in lines if line.startswith("# ") and "@package" not in line]
    assert comments, f"conf/{group}/{name}.yaml starts with a comment that `prunelab list` shows"


def test_defaults_are_part_of_the_variant_and_the_ladder_is_not():
    study = to_study(*composed())
    longer = to_study(*composed("sparsity.levels=20", "seeds=[3]"))
    other = to_study(*composed("optimizer.lr=0.1"))
    assert study.variant == longer.variant != other.variant
    assert to_study(*composed("optimizer.weight_decay=0")).variant == study.variant
