"""Every config file composes and becomes a study; every experiment has its claims or says nothing of them."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from prunelab.config import register_schema, to_study, tracker_of
from prunelab.records.schema import Record
from prunelab.records.writer import write_record
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


@pytest.fixture
def home(tmp_path):
    """A home with the record of one pruned network."""
    write_record(tmp_path / "records", Record(study="other", stage_key="abc123", layer_density={"fc1.weight": 0.25, "fc2.weight": 0.5}))
    return tmp_path


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_file_composes_into_a_study(group, name, home):
    more = {
        "torchvision": ["model.name=resnet18"],
        "timm": ["model.name=resnet18"],
        "as_measured": [f"home={home}", "pruning.allocation.record=abc"],
    }.get(name, [])
    config, choices = composed(f"{group}={name}", *more)
    study = to_study(config, choices)
    assert study.sparsity.densities
    assert tracker_of(config, choices).name in names("tracking")
    if group == "model":
        assert study.model.name == name


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_file_says_what_it_is(group, name):
    lines = (CONF / group / f"{name}.yaml").read_text().splitlines()
    comments = [line for line in lines if line.startswith("# ") and "@package" not in line]
    assert comments, f"conf/{group}/{name}.yaml starts with a comment that `prunelab list` shows"


def test_an_allocation_as_measured_reads_the_densities_of_the_record(home):
    allocation = ["pruning/allocation=as_measured", f"home={home}"]
    study = to_study(*composed(*allocation, "pruning.allocation.record=abc12"))
    assert study.allocation.arguments == {"densities": {"fc1.weight": 0.25, "fc2.weight": 0.5}}
    write_record(home / "records", Record(study="more", stage_key="abc999", layer_density={"fc1.weight": 1.0}))
    for key, mend in {"xyz": "no record", "abc": "give more digits"}.items():
        with pytest.raises(ValueError, match=mend):
            to_study(*composed(*allocation, f"pruning.allocation.record={key}"))
    with pytest.raises(ValueError, match=r"needs pruning\.allocation\.record=KEY"):
        to_study(*composed(*allocation))


def test_defaults_are_part_of_the_variant_and_the_ladder_is_not():
    study = to_study(*composed())
    longer = to_study(*composed("sparsity.levels=20", "seeds=[3]"))
    other = to_study(*composed("optimizer.lr=0.1"))
    assert study.variant == longer.variant != other.variant
    assert to_study(*composed("optimizer.weight_decay=0")).variant == study.variant
