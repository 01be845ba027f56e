"""`prunelab compress` and `prunelab export`: from a record to a folder, without training."""

from __future__ import annotations

import shutil

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from prunelab.cli import main
from prunelab.config import to_study
from prunelab.models.build import build_model
from prunelab.records.frame import load
from prunelab.store.store import Store
from prunelab.study.plan import plan
from prunelab.study.rebuild import rebuild
from prunelab.study.runner import Runner
from prunelab.study.workshop import Workshop
from prunelab.tracking.tracker import NoTracker
from tests.conftest import configured
from tests.contract.test_configs import composed
from tests.study.conftest import SMALL, Silent

UNITS = ["pruning/granularity=neuron", "sparsity=list", "sparsity.values=[0.5]"]
DYNAMIC = ["schedule=rigl", "schedule.dynamics.every=3it", "sparsity=list", "sparsity.values=[0.5]", "name=grown", "trainer.length=10it"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A study of whole neurons, and one pruned while it trained."""
    folder = tmp_path_factory.mktemp("home")
    for overrides in (UNITS, DYNAMIC):
        study = to_study(*composed(*SMALL, *overrides))
        workshop = Workshop(store=Store(folder / "store"), hardware=study.hardware)
        tracker = NoTracker(directory=folder)
        Runner(workshop=workshop, records=folder / "records", tracker=tracker, watcher=Silent()).run(plan(study, workshop))
    return folder


def _key(home, study="t", level=1):
    return load(home / "records", study).query(f"level == {level}")["stage_key"].iloc[0]


def _sparsity(home):
    return load(home / "records", "t").query("level == 1")["sparsity"].iloc[0]


def _call(home, *arguments, ok=True):
    done = CliRunner().invoke(main, [*arguments, "--home", str(home)])
    assert (done.exit_code == 0) == ok, done.output
    return done.output


@pytest.mark.parametrize("study", ["t", "grown"])
def test_a_network_is_made_again_from_the_store(home, study):
    key = _key(home, study)
    rebuilt = rebuild(Store(home / "store"), key)
    kept = sum(int(mask.sum()) for mask in rebuilt.masks.values())
    row = load(home / "records", study).query("level == 1").iloc[0]
    assert kept == row["weights_left"]
    assert list(rebuilt.masks) == list(row["layer_density"])
    found = [(rebuilt.network(inputs).argmax(1) == targets).sum().item() for inputs, targets in rebuilt.test()]
    assert sum(found) / len(rebuilt.splits.test) == pytest.approx(row["test_top1"])
    assert all(not (rebuilt.network.get_parameter(name)[~mask]).any() for name, mask in rebuilt.masks.items())


def test_the_masked_network_is_exported_with_its_card(home, tmp_path):
    key = _key(home)
    said = _call(home, "export", key[:12], str(tmp_path / "out"), "--to", "safetensors", "--masked")
    assert "written" in said
    card = (tmp_path / "out" / "README.md").read_text()
    for text in (key, "lenet_300_100", "digits", f"{100 * _sparsity(home):.2f} %", "load_file", "differ by at most 0"):
        assert text in card
    state = load_file(tmp_path / "out" / "model.safetensors")
    model = build_model(configured("model", "lenet_300_100"), input_shape=(1, 8, 8), num_classes=10)
    model.load_state_dict(state)
    expected = Store(home / "store").read(key).tensors
    assert all(torch.equal(state[name], value) for name, value in expected.items())


def test_the_lines_of_the_card_run(home, tmp_path, monkeypatch):
    _call(home, "export", _key(home), str(tmp_path / "out"), "--to", "torch", "--masked")
    lines = (tmp_path / "out" / "README.md").read_text().partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    names = {"inputs": torch.zeros(3, 1, 8, 8)}
    exec(lines, names)
    assert names["logits"].shape == (3, 10)


def test_a_folder_that_exists_is_not_touched(home, tmp_path):
    (tmp_path / "out").mkdir()
    assert "exists" in _call(home, "export", _key(home), str(tmp_path / "out"), "--to", "safetensors", "--masked", ok=False)
    assert list((tmp_path / "out").iterdir()) == []


def test_unknown_and_ambiguous_runs_name_the_nearest(home, tmp_path):
    key = _key(home)
    wrong = key[:9] + ("0" if key[9] != "0" else "1")
    where = str(tmp_path / "out")
    assert f"Did you mean '{key[:10]}'" in _call(home, "export", wrong, where, "--to", "torch", ok=False)
    assert "Did you mean 'grown'" in _call(home, "export", "grwn", where, "--to", "torch", ok=False)
    said = _call(home, "export", "t", where, "--to", "torch", ok=False)
    assert "2 networks" in said
    assert key[:12] in said
    assert "Did you mean 'onnx'" in _call(home, "export", key, where, "--to", "onxx", ok=False)
    assert not (tmp_path / "out").exists()


def test_a_store_without_the_network_is_said(home, tmp_path):
    shutil.copytree(home / "records", tmp_path / "records")
    said = _call(tmp_path, "export", _key(home), str(tmp_path / "out"), "--to", "torch", ok=False)
    assert "has no artifact" in said
