"""Break-even sparsity: from where on a pruned network, as it is run, is faster than the dense one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from prunelab.results.over_seeds import AT_MOST, OverSeeds, curve_of_each, gather


def break_even(frame: pd.DataFrame, column: str = "measured_speedup") -> OverSeeds:
    """The sparsity at which each seed's speed-up crosses 1 for the last time, and its mean with an interval.

    Measured speed-ups are joined by straight lines over sparsity, as they are drawn. The dense network itself does not belong to the
    curve: its speed-up is 1 by definition, and a sparse format costs time from its first use on. A seed whose densest level is
    faster already counts with that level, as "at most"; one whose sparsest level is not faster has no break-even and is left out.

    Args:
        frame: networks of one method; controls and the dense network are not looked at.
        column: the speed-up.

    Raises:
        ValueError: if the frame mixes several methods.
    """
    pruned = frame[(frame["kind"] == "point") & (frame["control"] == "none") & (frame["level"] > 0)]
    values, bounded, left_out = {}, {}, {}
    for seed, sparsity, speedup in curve_of_each(pruned, pd.to_numeric(pruned["sparsity"]).to_numpy(dtype=float), column):
        if not len(sparsity):
            left_out[seed] = "no network was timed"
        elif speedup[-1] <= 1:
            left_out[seed] = f"not faster than dense even at its sparsest level, with {speedup[-1]:.2f} times its speed"
        else:
            values[seed], crossed = _last_crossing(sparsity, speedup)
            if not crossed:
                bounded[seed] = AT_MOST
    return gather(values, bounded, left_out)


def _last_crossing(x: np.ndarray, y: np.ndarray) -> tuple[float, bool]:
    slow = np.flatnonzero(y <= 1)
    if not len(slow):
        return float(x[0]), False
    before, after = slow[-1], slow[-1] + 1
    share = (1 - y[before]) / (y[after] - y[before])
    return float(x[before] + share * (x[after] - x[before])), True
