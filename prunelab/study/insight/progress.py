"""How a look into a study says how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told, again and again, what is being computed and how much of it is done."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """`done` of `total` of `what`."""
        ...


def silent(what: str, done: int, total: int) -> None:
    """Say nothing."""
