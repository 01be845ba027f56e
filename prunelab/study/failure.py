"""What could not be computed."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Failure:
    """A stage that raised an error, and what became of the points that need it.

    Attributes:
        stage: its kind.
        key: its key.
        point: which point asked for it, in words.
        error: in one line.
        traceback: all of it.
    """

    stage: str
    key: str
    point: str
    error: str
    traceback: str


class StageFailed(Exception):  # noqa: N818 - it names what happened
    """A stage that others read could not be computed."""
