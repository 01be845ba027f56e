"""A point in training, as people write it: `500`, `"500it"`, `"2ep"` or `"1%"`."""

from __future__ import annotations

import re

_PATTERN = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(it|ep|%)?\s*$")


def parse_step(text: str | int) -> tuple[float, str]:
    """Split into amount and unit (`it`, `ep` or `%`).

    Raises:
        ValueError: if `text` is none of the four forms, or steps are not whole.
    """
    match = _PATTERN.match(str(text))
    if match is None:
        raise ValueError(f"{text!r} is not a step; write optimizer steps (500 or '500it'), epochs ('2ep') or a share ('1%')")
    amount, unit = float(match[1]), match[2] or "it"
    if unit == "it" and not amount.is_integer():
        raise ValueError(f"{text!r}: optimizer steps are whole numbers")
    if unit == "%" and amount > 100:
        raise ValueError(f"{text!r} is more than all of training")
    return amount, unit


def resolve_step(text: str | int, *, steps_per_epoch: int, total_steps: int | None = None) -> int:
    """The optimizer step that `text` means, rounded to the nearest whole step.

    Args:
        text: `500`, `"500it"`, `"2ep"` or `"1%"`.
        steps_per_epoch: optimizer steps in one epoch.
        total_steps: length of the whole training; needed for shares, and an upper limit where given.

    Raises:
        ValueError: if the step lies beyond `total_steps`, or a share is asked for without it.
    """
    amount, unit = parse_step(text)
    if unit == "%":
        if total_steps is None:
            raise ValueError(f"{text!r}: a share of training makes sense only once its length is known")
        return round(amount / 100 * total_steps)
    step = round(amount * steps_per_epoch) if unit == "ep" else int(amount)
    if total_steps is not None and step > total_steps:
        raise ValueError(f"{text!r} is step {step}, beyond the last step of training ({total_steps})")
    return step
