"""Divide a whole number in given proportions, exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping


def apportion(total: int, shares: Mapping[str, float], caps: Mapping[str, int]) -> dict[str, int]:
    """Divide `total` over the names in proportion to `shares`, none above its cap, the sum exact.

    What a cap cuts off is handed to the others (solved again until no further cap is met, as ERK asks of layers whose
    density would pass 1); fractions go by largest remainder, ties in the order given.

    Raises:
        ValueError: if the caps together are less than `total`, or only names with a share of 0 have room left.
    """
    if total > sum(caps.values()):
        raise ValueError(f"cannot keep {total} weights: only {sum(caps.values())} are left")
    counts: dict[str, int] = {}
    open_names = [name for name in shares if caps[name] > 0]
    counts.update({name: 0 for name in shares if caps[name] <= 0})
    while True:
        left = total - sum(counts.values())
        weight = math.fsum(shares[name] for name in open_names)
        if left and not weight:
            raise ValueError(f"{left} of {total} weights are left to place, and only tensors with a share of 0 have room")
        factor = left / weight if weight else 0.0
        full = [name for name in open_names if factor * shares[name] >= caps[name]]
        if not full:
            break
        counts.update({name: caps[name] for name in full})
        open_names = [name for name in open_names if name not in counts]
    exact = {name: factor * shares[name] for name in open_names}
    counts.update({name: math.floor(value) for name, value in exact.items()})
    by_remainder = sorted(open_names, key=lambda name: counts[name] - exact[name])
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return {name: counts[name] for name in shares}
