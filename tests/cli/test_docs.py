"""docs/methods.md is what the code says."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from prunelab.cli.methods import page
from prunelab.pruning.compatibility import refusal
from tests.conftest import configured, names

WRITTEN = Path(__file__).parents[2] / "docs" / "methods.md"
PARTS = {
    "Criteria": "pruning/criterion",
    "Allocations": "pruning/allocation",
    "Granularities": "pruning/granularity",
    "Schedules": "schedule",
}


def _section(text: str, title: str) -> list[list[str]]:
    """The rows of the first table under a heading."""
    body = re.split(rf"^#+ {title}$", text, flags=re.MULTILINE)[1]
    lines = itertools.dropwhile(lambda line: not line.startswith("|"), body.splitlines())
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in itertools.takewhile(lambda line: line.startswith("|"), lines)]
    return [[cell.strip().strip("`") for cell in row] for row in rows]


def test_the_page_is_up_to_date():
    assert WRITTEN.read_text() == page(), "docs/methods.md is older than the code or conf/: run `make docs` and commit it"


@pytest.mark.parametrize(("title", "group"), PARTS.items())
def test_each_choice_has_its_row(title, group):
    assert [row[0] for row in _section(page(), title)[2:]] == names(group)


def test_the_matrix_says_what_a_study_is_told():
    head, _, *rows = _section(page(), "Criterion x granularity")
    said = {(row[0], kind): mark == "✓" for row in rows for kind, mark in zip(head[1:], row[1:], strict=True)}
    allocation = configured("pruning/allocation", "global").build()
    for criterion, granularity in itertools.product(names("pruning/criterion"), names("pruning/granularity")):
        parts = [configured(f"pruning/{part}", name).build() for part, name in (("criterion", criterion), ("granularity", granularity))]
        assert said[criterion, granularity] == (refusal(parts[0], allocation, parts[1]) is None), (criterion, granularity)


def test_all_that_is_refused_has_its_reason():
    text = page()
    head, _, *rows = _section(text, "Criterion x granularity")
    empty = {(row[0], kind) for row in rows for kind, mark in zip(head[1:], row[1:], strict=True) if not mark}
    refused = _section(text, "Refused")[2:]
    explained = {(what, kind) for what, kinds, _ in refused for kind in re.findall(r"\w+", kinds)}
    assert explained == empty | {("layer_rates", "layer")}
    assert all(len(why.split()) > 4 for _, _, why in refused)


def test_what_moves_weights_and_how_many_rounds_are_read_off_the_code():
    rows = {row[0]: row for row in _section(page(), "Criteria")[2:]}
    assert {name for name, row in rows.items() if row[4] == "✓"} >= {"obs", "sparsegpt"}
    assert rows["synflow"][3] == "100"
    assert (rows["magnitude"][2], rows["snip"][2]) == ("", "✓")
