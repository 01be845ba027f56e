"""Every script in analysis/ runs on records as a study leaves them, and says in one line what is wrong."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from prunelab.records.writer import write_record

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = sorted(path for path in (ROOT / "analysis").glob("*.py") if not path.name.startswith("_"))


def _made_up():
    spec = importlib.util.spec_from_file_location("made_up", ROOT / "tests/results/conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Two studies of three criteria, two seeds and three levels."""
    home, knees = tmp_path_factory.mktemp("home"), {"magnitude": 1.0, "snip": 4.0, "random": 8.0}
    for study in ("here", "there"):
        for criterion, knee in knees.items():
            for record in _made_up().lottery(seeds=(0, 1), levels=3, controls=("reinit",), study=study, criterion=criterion, knee=knee):
                write_record(home / "records", record)
    return home


def run(script: Path, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, str(script), *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def usage(script: Path) -> list[str]:
    """The words of the command that a script's first line shows."""
    found = re.match(rf'"""[^:]+: python analysis/{script.name} (.+)\.\n', script.read_text())
    assert found is not None, f"{script.name} does not begin by saying what it answers and how it is called"
    assert f"`python analysis/{script.name} {found[1]}`" in (ROOT / "analysis/README.md").read_text()
    return re.sub(r"[\[\]]", "", found[1]).split()


def test_there_are_scripts():
    assert {"curves", "pareto", "layers", "transfer"} <= {script.stem for script in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_it_prints_a_table_and_saves_a_figure(script, home, tmp_path):
    given = {"STUDY": "here", "OTHER": "there", "HOME": str(home), "FOLDER": str(tmp_path / "figures")}
    done = run(script, *(given[word] for word in usage(script)), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "magnitude" in done.stdout
    kinds = {path.suffix for path in (tmp_path / "figures").iterdir()}
    assert kinds == {".png", ".svg", ".pdf"}
    assert not done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["figures"]


@pytest.mark.parametrize("script", [script for script in SCRIPTS if script.stem in ("curves", "transfer")], ids=lambda script: script.stem)
def test_it_says_what_is_wrong_in_one_line(script, home, tmp_path):
    given = {"STUDY": "heer", "OTHER": "there", "HOME": str(home), "FOLDER": str(tmp_path / "figures")}
    done = run(script, *(given[word] for word in usage(script)), folder=tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(r"error: unknown study 'heer'. Did you mean 'here'\?.*\n", done.stderr)
    assert not list(tmp_path.iterdir())
    done = run(script, folder=tmp_path)
    assert done.stderr == f"usage: python analysis/{script.name} {re.search(r'py (.+)', script.read_text().splitlines()[0])[1]}\n"  # pyright: ignore
