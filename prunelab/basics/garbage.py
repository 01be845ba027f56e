"""Python's garbage collector, kept from searching what is no garbage: modules that are imported, and frames of many dicts.

Importing torch and Lightning makes a million objects, none of which is ever garbage, and the collector looks at all of them
again and again while they are made, once more at each full collection of a training, and for the last time when the process
ends. That is a quarter of the time of the imports and a second at the end.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
from collections.abc import Iterator

_RARELY = 200_000  # new objects between two looks; Python's own is 700
_USUAL = gc.get_threshold()


def collect_rarely() -> None:
    """While modules are imported. What is there when the process ends is not searched."""
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
    gc.set_threshold(_RARELY, *_USUAL[1:])


@contextlib.contextmanager
def no_collections() -> Iterator[None]:
    """Within it nothing is searched: for work on a million small objects that all stay, of which each search takes longer."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def collect_as_usual(*, settled: bool = False) -> None:
    """Afterwards. If `settled`, everything that is there is taken to be needed to the end, and never looked at again."""
    if settled:
        gc.freeze()
    gc.set_threshold(*_USUAL)
