"""What can be chosen, on the command line and by the shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from prunelab.cli import main
from prunelab.cli.families import GROUPS, choices
from tests.conftest import names

WITHOUT_SOURCE = {"explicit", "text_file", "hub_text"}  # densities that a person writes down, texts of one's own
CITED = ["model", "dataset", "pruning/criterion", "pruning/allocation", "pruning/granularity"]


def _invoke(*arguments: str, ok: bool = True) -> str:
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == (0 if ok else 2), done.output
    return done.output


def _completed(words: list[str], position: int | None = None) -> list[str]:
    """What bash is offered behind `prunelab WORDS`."""
    environment = {"COMP_WORDS": " ".join(["prunelab", *words]), "COMP_CWORD": str(position or len(words))}
    done = CliRunner().invoke(main, env={**environment, "_PRUNELAB_COMPLETE": "bash_complete"}, prog_name="prunelab")
    return [line.removeprefix("plain,") for line in done.output.splitlines()]


@pytest.mark.parametrize(("family", "group"), GROUPS.items())
def test_each_choice_has_a_line_that_says_what_it_is(family, group):
    lines = _invoke("list", family).splitlines()
    assert [line.split()[0] for line in lines] == names(group)
    assert all(len(line.split()) >= 3 for line in lines)


@pytest.mark.parametrize(("group", "name", "meaning"), [(group, *row) for group in CITED for row in choices(group)])
def test_a_method_cites_its_source(group, name, meaning):
    assert re.search(r"\(.*\b(19|20)\d\d\b.*\)", meaning) or name in WITHOUT_SOURCE, f"conf/{group}/{name}.yaml: (authors year)"


def test_the_singular_and_the_group_mean_the_family():
    for word in ("criterion", "pruning/criterion"):
        assert _invoke("list", word) == _invoke("list", "criteria")
    assert _invoke("list", "tracking") == _invoke("list", "trackers")


def test_an_unknown_family_names_the_nearest():
    said = _invoke("list", "criterium", ok=False)
    assert "Did you mean 'criteria'?" in said
    assert all(family in said for family in GROUPS)


def test_without_a_family_the_families_are_listed():
    assert [line.split() for line in _invoke("list").splitlines()] == [list(row) for row in GROUPS.items()]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["run", "pruning/cr"], ["pruning/criterion="]),
        (["run", "model=lenet"], ["model=lenet_300_100", "model=lenet_5"]),  # zsh and fish
        (["run", "model", "=", "lenet"], ["lenet_300_100", "lenet_5"]),  # bash breaks words at the sign
        (["run", "sparsity", "="], names("sparsity")),
        (["run", "model=lenet_5", "sparsity=lis"], ["sparsity=list"]),
        (["reproduce", "lottery_mnist5"], ["lottery_mnist5k"]),
        (["list", "crit"], ["criteria"]),
        (["new", ""], ["criterion", "experiment"]),
    ],
)
def test_the_shell_completes(words, offered):
    assert _completed(words) == offered


def test_the_script_for_bash_is_written():
    done = CliRunner().invoke(main, env={"_PRUNELAB_COMPLETE": "bash_source"}, prog_name="prunelab")
    assert "complete -o nosort -F _prunelab_completion prunelab" in done.output


COMPOSING = ("hydra", "omegaconf")  # what is loaded to compose a config, and by no other command


@pytest.mark.parametrize(("module", "loaded"), [("prunelab.cli", ()), ("prunelab.config", COMPOSING)])
def test_loading_a_module_loads_nothing_heavy(module, loaded):
    heavy = [name for name in ("torch", "lightning", "wandb", "pandas", "rich", "pydantic", *COMPOSING) if name not in loaded]
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}, check=True)
    assert done.stdout.strip() == "[]"
