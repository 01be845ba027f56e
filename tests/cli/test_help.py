"""Every command explains itself."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from prunelab.cli import main


def _commands(command=main, words=()):
    yield words, command
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _commands(below, (*words, name))


COMMANDS = {" ".join(words) or "prunelab": (words, command) for words, command in _commands()}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_there_and_reads_as_written(name):
    words, command = COMMANDS[name]
    shown = CliRunner().invoke(main, [*words, "--help"])
    assert shown.exit_code == 0
    assert "\\" not in shown.output, "a mark for click that it did not understand"
    assert command.help
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option) and not parameter.hidden]
    assert [option.name for option in options if not option.help] == []
