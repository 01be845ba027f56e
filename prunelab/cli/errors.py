"""Errors and warnings in words."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import click

from prunelab.basics.stop import INTERRUPTED, Stopped, leave


@contextlib.contextmanager
def warnings_in_words() -> Iterator[None]:
    """Warnings are a sentence, without the line of code that they are from; as before afterwards."""

    def say(message: Warning | str, *_: Any, **__: Any) -> None:
        click.echo(f"warning: {message}", err=True)

    before, warnings.showwarning = warnings.showwarning, say
    try:
        yield
    finally:
        warnings.showwarning = before


def guarded(debug: bool, action: Callable[[], object]) -> None:
    """Run `action`; say an error that a user can mend in a sentence, and exit 2; warnings are sentences too."""
    try:
        with contextlib.nullcontext() if debug else warnings_in_words():
            action()
    except BrokenPipeError:
        raise  # the reader had enough (`| head`): click ends in silence
    except Exception as error:
        if debug or not _can_be_mended(error):
            raise
        click.echo(f"error: {_explained(error)}", err=True)
        sys.exit(2)
    except Stopped as stop:
        click.echo("stopped; finished stages are kept, the same command goes on from there", err=True)
        leave(stop.code)
    except KeyboardInterrupt:
        click.echo("stopped; finished stages are kept, the same command goes on from there", err=True)
        leave(INTERRUPTED)


def _can_be_mended(error: Exception) -> bool:
    """Whether a user can mend it; Hydra's errors are looked for only where Hydra was imported at all."""
    kinds: list[type[Exception]] = [ValueError, OSError]
    if "hydra.errors" in sys.modules:
        from hydra.errors import HydraException
        from omegaconf.errors import OmegaConfBaseException

        kinds += [HydraException, OmegaConfBaseException]
    return isinstance(error, tuple(kinds))


def _explained(error: BaseException) -> str:
    """The error in words, with the nearest match where Hydra names only the valid choices."""
    from hydra.errors import MissingConfigException
    from omegaconf.errors import ValidationError as OmegaConfValidationError

    from prunelab.basics.choices import nearest, unknown

    if isinstance(error, MissingConfigException) and error.options and error.missing_cfg_file:
        group, _, given = error.missing_cfg_file.rpartition("/")
        return str(unknown(group or "config", given, error.options))
    text = str(error).strip()
    if isinstance(error.__cause__, OmegaConfValidationError):
        return f"{text.splitlines()[0].removeprefix('Error merging override ')}: {str(error.__cause__).splitlines()[0]}"
    key = getattr(error.__cause__ or error, "key", None)
    parent = getattr(error.__cause__ or error, "parent_node", None)
    if key is not None and parent is not None and hasattr(parent, "keys"):
        valid = [str(name) for name in parent]
        match = nearest(str(key), valid)
        said = text.splitlines()[0]
        if not valid:
            option = said.partition("'")[2].partition("'")[0]
            return f"{said} This choice has no such option; in a sweep over choices, of which some have it, write ++{option}=VALUE."
        return said + (f" Did you mean {match!r}?" if match else "") + f" Valid: {', '.join(valid)}."
    return text
