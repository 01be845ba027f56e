"""Errors that name what was given, what is valid, and the nearest match."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(given: str, valid: Iterable[str]) -> str | None:
    """The member of `valid` most like `given`, or None if nothing is close."""
    found = difflib.get_close_matches(given.lower(), list(valid), n=1, cutoff=0.5)
    return found[0] if found else None


def unknown(kind: str, given: object, valid: Iterable[str]) -> ValueError:
    """The ValueError for a `kind` that has no member `given`."""
    names = sorted(valid)
    match = nearest(str(given), names)
    hint = f" Did you mean {match!r}?" if match else ""
    return ValueError(f"unknown {kind} {given!r}.{hint} Valid: {', '.join(names) or '(none)'}.")


def choose(kind: str, given: str, valid: Iterable[str]) -> str:
    """Return `given` if it is one of `valid`.

    Raises:
        ValueError: naming `kind`, what was given, the nearest match and all valid names.
    """
    names = list(valid)
    if given not in names:
        raise unknown(kind, given, names)
    return given
