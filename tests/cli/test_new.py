"""`prunelab new`, in a copy of the checkout and in trees that are not one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from prunelab.cli import main
from prunelab.results.claim_files import load_claims

REPOSITORY = Path(__file__).parents[2]
WRITTEN = [
    "prunelab/pruning/criteria/soft_magnitude.py",
    "conf/pruning/criterion/soft_magnitude.yaml",
    "tests/pruning/criteria/test_soft_magnitude.py",
]


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """An empty checkout that prunelab takes for its own."""
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr("prunelab.config.conf_dir", lambda: tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _invoke(*arguments: str, ok: bool = True) -> str:
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == (0 if ok else 2), done.output
    return done.output


def _files(tree: Path) -> list[str]:
    return sorted(str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file() and path.name != "pyproject.toml")


def test_a_new_criterion_is_found_and_fails_until_its_formula_is_written(tmp_path):
    for folder in ("prunelab", "conf"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(REPOSITORY / "pyproject.toml", tmp_path / "pyproject.toml")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def python(*line: str, ok: bool = True) -> str:
        done = subprocess.run([sys.executable, *line], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout

    said = python("-m", "prunelab.cli", "new", "criterion", "soft_magnitude")
    assert [line.removeprefix("wrote ") for line in said.splitlines() if line.startswith("wrote ")] == WRITTEN
    listed = python("-m", "prunelab.cli", "list", "criteria")
    assert [line.split("  ")[0] for line in listed.splitlines() if "Authors year" in line] == ["soft_magnitude"]
    composed = python("-m", "prunelab.cli", "run", "--cfg", "job", "pruning/criterion=soft_magnitude")
    assert "prunelab.pruning.criteria.soft_magnitude.SoftMagnitude" in composed

    code, _, test = (tmp_path / path for path in WRITTEN)
    run_test = ("-m", "pytest", str(test))
    assert "work out the scores of WEIGHTS by hand" in python(*run_test, ok=False)
    test.write_text(test.read_text().replace("| None = None", "= [[9.0, 1.0], [0.25, 16.0]]"))
    assert "write the formula of soft_magnitude in prunelab/pruning/criteria/soft_magnitude.py" in python(*run_test, ok=False)
    lines = [line for line in code.read_text().splitlines() if "NotImplementedError" not in line]
    code.write_text("\n".join([*lines, "        return {name: weight.square() for name, weight in scope.weights(model).items()}", ""]))
    assert "1 passed" in python(*run_test)
    style = [sys.executable, "-m", "ruff", "check", *WRITTEN[::2]]
    assert subprocess.run(style, cwd=tmp_path, check=False, capture_output=True).returncode == 0


def test_a_new_experiment_composes_and_claims_nothing_yet(tree):
    import pandas as pd

    from tests.contract.test_configs import composed

    said = _invoke("new", "experiment", "my_study")
    assert _files(tree) == ["conf/experiment/my_study.yaml", "experiments/my_study/README.md", "experiments/my_study/claims.py"]
    assert "prunelab reproduce my_study" in said
    config = yaml.safe_load((tree / "conf/experiment/my_study.yaml").read_text())
    assert config["name"] == "my_study"
    composed(*(next(iter(choice.items()))[0].split("/", 1)[1] + "=" + next(iter(choice.values())) for choice in config["defaults"]))
    (claim,) = load_claims(tree / "experiments/my_study/claims.py")
    assert claim(pd.DataFrame()).verdict.value == "undecided"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("SoftMagnitude", "try 'soft_magnitude'"),
        ("soft-magnitude", "try 'soft_magnitude'"),
        ("soft magnitude", "try 'soft_magnitude'"),
        ("../evil", "try 'evil'"),
        ("2nd_order", "try 'nd_order'"),
        ("_private", "try 'private'"),
        ("a__b", "try 'a_b'"),
        ("é", "must be in snake_case"),
        ("lambda", "try 'my_lambda'"),
        ("criterion", "try 'my_criterion'"),
    ],
)
def test_a_name_that_is_none_is_refused_with_one_that_is(tree, name, said):
    assert said in _invoke("new", "criterion", name, ok=False)
    assert _files(tree) == []


@pytest.mark.parametrize("there", WRITTEN)
def test_nothing_is_overwritten_and_nothing_half_written(tree, there):
    (tree / there).parent.mkdir(parents=True)
    (tree / there).write_text("mine")
    said = _invoke("new", "criterion", "soft_magnitude", ok=False)
    assert f"already there: {there}" in said
    assert _files(tree) == [there]
    assert (tree / there).read_text() == "mine"


def test_a_disk_that_fails_half_way_leaves_nothing(tree):
    (tree / "tests").mkdir()
    (tree / "tests" / "pruning").touch()  # a file where a folder must be
    _invoke("new", "criterion", "soft_magnitude", ok=False)
    assert _files(tree) == ["tests/pruning"]


def test_a_wheel_is_no_checkout(tree):
    (tree / "pyproject.toml").unlink()
    said = _invoke("new", "criterion", "soft_magnitude", ok=False)
    assert "no checkout; clone the repository" in said
    assert _files(tree) == []
