"""Shared by all tests: one thread, a cache of their own, and a seedless global state."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

CONF = Path(__file__).parent.parent / "conf"


@pytest.fixture(scope="session", autouse=True)
def _small_and_apart(tmp_path_factory):
    import torch

    torch.set_num_threads(1)  # two test processes on two cores
    patch = pytest.MonkeyPatch()
    cache = tmp_path_factory.mktemp("cache")
    patch.setenv("PRUNELAB_CACHE", str(cache))
    patch.setenv("OMP_NUM_THREADS", "1")
    patch.delenv("PRUNELAB_HOME", raising=False)
    yield
    patch.undo()


def configured(group: str, name: str):
    """The component of conf/GROUP/NAME.yaml."""
    from prunelab.basics.component import component

    config = yaml.safe_load((CONF / group / f"{name}.yaml").read_text())
    config.pop("init", None)
    runtime = ("input_shape", "num_classes", "directory")
    return component(name, config.pop("_target_"), config, runtime=runtime)


def names(group: str) -> list[str]:
    """All choices of a config group."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))
