"""Python's garbage collector, kept from searching what is no garbage: modules that are imported, and frames of many dicts.

Importing torch and Lightning makes a million objects, none of which is ever garbage, and the collector looks at all of them
again and again while they are made, and for the last time when the process ends. That is a quarter of the time of the imports
and a second at the end.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
from collections.abc import Iterator

_RARELY = 200_000  # new objects between two looks


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Within it modules are imported: searched rarely, then as before."""
    before = gc.get_threshold()
    gc.set_threshold(_RARELY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


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


def settle() -> None:
    """What is there now is never searched again. Only for a process of prunelab's own that has just imported what it needs."""
    gc.freeze()
    end_unsearched()


def end_unsearched() -> None:
    """What is there when this process ends is not searched then. Only for a process of prunelab's own."""
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
