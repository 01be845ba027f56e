"""What a report needs again and again is computed once: within `remembering()`, and nowhere else.

Frames can be changed in place, so that nothing may be kept for them in general; a report changes none.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import pandas as pd

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_found: ContextVar[dict[Hashable, tuple[Any, Any]] | None] = ContextVar("found", default=None)


@contextlib.contextmanager
def remembering() -> Iterator[None]:
    """Within it, what is `remembered` is computed once for the same frame and arguments. Frames must not be changed meanwhile."""
    token = _found.set({} if _found.get() is None else _found.get())
    try:
        yield
    finally:
        _found.reset(token)


def remembered(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """A function of a frame, its first argument, and of words, whose result callers do not change."""

    @functools.wraps(function)
    def once(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        found, frame = _found.get(), arguments[0]
        if found is None or not isinstance(frame, pd.DataFrame):
            return function(*arguments, **named)
        key = (function.__qualname__, id(frame), *arguments[1:], *sorted(named.items()))
        if key not in found:
            # the frame is kept with the result: another could otherwise be given its id
            found[key] = (frame, function(*arguments, **named))
        return found[key][1]

    return once
