"""Canonical JSON and its SHA-256: the identity of a stage.

Two descriptions that mean the same give the same text: dataclasses write every field (defaults too), keys are sorted,
floats are rounded to 12 significant digits, and a float with an integral value is written as the integer.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

SIGNIFICANT_DIGITS = 12


def plain(value: Any) -> Any:
    """`value` as nested dicts, lists and scalars in canonical form.

    Raises:
        TypeError: for a type that has no canonical form (tensors, functions, ...).
        ValueError: for a float that is not finite.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return _plain_float(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, PurePath):
        return value.as_posix()
    raise TypeError(f"{type(value).__name__} has no canonical form: {value!r}")


def _plain_float(value: float) -> float | int:
    if not math.isfinite(value):
        raise ValueError(f"{value!r} cannot be part of a stage's description; it must be finite")
    rounded = float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 2**53 else rounded


def canonical_json(value: Any) -> str:
    """The one JSON text of `value`."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
