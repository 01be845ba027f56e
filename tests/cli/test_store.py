"""`prunelab store`: what its commands say and do, from the command line to the disk."""

from __future__ import annotations

import shutil

import pytest
from click.testing import CliRunner

from prunelab.cli import main
from prunelab.config import to_study
from prunelab.records.frame import load
from prunelab.store.store import Store
from prunelab.study.plan import plan
from prunelab.study.runner import Runner
from prunelab.study.workshop import Workshop
from prunelab.tracking.tracker import NoTracker
from tests.contract.test_configs import composed
from tests.study.conftest import SMALL, Silent


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two studies that share their dense network; the second prunes further."""
    folder = tmp_path_factory.mktemp("home")
    for name, levels in (("short", 1), ("long", 2)):
        study = to_study(*composed(*SMALL, f"name={name}", f"sparsity.levels={levels}"))
        workshop = Workshop(store=Store(folder / "store"), hardware=study.hardware)
        runner = Runner(workshop=workshop, records=folder / "records", tracker=NoTracker(directory=folder), watcher=Silent())
        runner.run(plan(study, workshop))
    return folder


@pytest.fixture
def home(made, tmp_path):
    """A copy to break."""
    return shutil.copytree(made, tmp_path / "home")


def _call(home, *words, code=0):
    done = CliRunner().invoke(main, ["store", *words, "--home", str(home)])
    assert done.exit_code == code, done.output
    return done.output


def _artifacts(home):
    return {path.parent.name for path in (home / "store").rglob("manifest.json")}


def test_du_names_each_study_and_what_none_needs(home):
    said = _call(home, "du")
    for word in ("short", "long", "(no study)", "alone"):
        assert word in said


def test_gc_tells_first_and_then_keeps_what_the_named_study_needs(home):
    before = _artifacts(home)
    records = len(load(home / "records"))
    said = _call(home, "gc", "short", "--dry-run")
    assert _artifacts(home) == before, said
    _call(home, "gc", "short")
    after = _artifacts(home)
    assert after < before
    assert len(load(home / "records")) == records
    assert set(load(home / "records", "short")["stage_key"]) <= after
    assert "Did you mean 'short'" in _call(home, "gc", "shrot", code=2)
    assert _artifacts(home) == after


def test_verify_exits_with_one_when_something_is_damaged_and_sets_it_aside(home):
    assert _call(home, "verify")
    victim = next((home / "store").rglob("*.safetensors"))
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)
    assert victim.parent.name[:12] in _call(home, "verify", code=1)
    assert not victim.exists()
    _call(home, "verify")


def test_a_study_moves_to_another_machine(home, tmp_path):
    bundle, other = tmp_path / "long.tar", tmp_path / "other"
    _call(home, "export", "long", str(bundle))
    _call(other, "import", str(bundle))
    columns = ["stage_key", "level", "seed", "test_top1", "sparsity"]
    moved, kept = (load(folder / "records", "long")[columns].sort_values(columns[:3]) for folder in (other, home))
    assert moved.to_numpy().tolist() == kept.to_numpy().tolist()
    assert _artifacts(other) <= _artifacts(home)
    assert set(kept["stage_key"]) <= _artifacts(other)
    _call(other, "verify")


def test_a_folder_without_a_store_is_said(tmp_path):
    assert "no store in" in _call(tmp_path, "du", code=2)
