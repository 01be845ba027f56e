"""`prunelab new`: the files of a new criterion or experiment, to be filled in."""

from __future__ import annotations

import keyword
import os
import re
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from prunelab.cli.checkout import checkout
from prunelab.cli.errors import guarded
from prunelab.cli.options import debug_option

CRITERION = {
    "criterion/code.py.txt": "prunelab/pruning/criteria/$name.py",
    "criterion/config.yaml.txt": "conf/pruning/criterion/$name.yaml",
    "criterion/test.py.txt": "tests/pruning/criteria/test_$name.py",
}
CRITERION_STEPS = """\
1. write the scores of a small layer, worked out on paper, to EXPECTED in the test
2. write the formula and its citation in the criterion, and its line for `prunelab list criteria` in the YAML
3. python -m pytest tests/pruning/criteria/test_$name.py; then put the formula's usual mistake in once, to see it fail
4. python -m pytest tests/contract -k $name; make docs
5. prunelab run name=$name pruning/criterion=$name"""
EXPERIMENT = {
    "experiment/README.md.txt": "experiments/$name/README.md",
    "experiment/claims.py.txt": "experiments/$name/claims.py",
    "experiment/config.yaml.txt": "conf/experiment/$name.yaml",
}
EXPERIMENT_STEPS = """\
1. say in the YAML what differs from conf/config.yaml; see it whole: prunelab run --cfg job experiment=$name
2. write each claim of the paper as a function in claims.py, before you look at results
3. prunelab run --plan experiment=$name; prunelab reproduce $name
4. write the README from what came out"""
# what the templates import: a class of that name would hide it
TAKEN = ("criterion", "context", "scores", "scope")


@click.group()
def new() -> None:
    """Write the files of a new method or experiment, to be filled in."""


@new.command()
@click.argument("name")
@debug_option
def criterion(name: str, debug: bool) -> None:
    """Write a criterion NAME, its config, and a known-answer test that fails until it is filled in."""
    guarded(debug, lambda: _new(name, CRITERION, CRITERION_STEPS))


@new.command()
@click.argument("name")
@debug_option
def experiment(name: str, debug: bool) -> None:
    """Write an experiment NAME: its config, and a folder with its README and its claims."""
    guarded(debug, lambda: _new(name, EXPERIMENT, EXPERIMENT_STEPS))


def _new(name: str, templates: dict[str, str], steps: str) -> None:
    root, words = checkout(), _words(name)
    filled = {
        root / Template(path).substitute(words): Template(_template(template)).substitute(words) for template, path in templates.items()
    }
    _write(filled)
    for path in filled:
        click.echo(f"wrote {os.path.relpath(path)}")
    click.echo(f"\nnext:\n{Template(steps).substitute(words)}")


def _template(name: str) -> str:
    return (files("prunelab.cli") / "templates" / name).read_text()


def _words(name: str) -> dict[str, str]:
    """What a template's words stand for.

    Raises:
        ValueError: if `name` is not in snake_case, with a name that is.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        snake = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_0123456789")
        hint = f"; try {snake!r}" if snake else ""
        raise ValueError(f"name {name!r} must be in snake_case, of letters, digits and single underscores, like 'my_method'{hint}")
    if keyword.iskeyword(name) or name in TAKEN:
        raise ValueError(f"name {name!r} means something else in Python or in the file to be written; try 'my_{name}'")
    parts = name.split("_")
    return {"name": name, "class_name": "".join(map(str.capitalize, parts)), "title": " ".join(parts).capitalize()}


def _write(texts: dict[Path, str]) -> None:
    """Write all files or none.

    Raises:
        ValueError: if one exists.
        OSError: if one can't be written.
    """
    there = [os.path.relpath(path) for path in texts if path.exists()]
    if there:
        raise ValueError(f"already there: {', '.join(there)}; nothing was written. Choose another name, or remove what is there")
    written: list[Path] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x") as file:
                written.append(path)
                file.write(text)
    except OSError:
        for path in written:
            path.unlink()
        raise
