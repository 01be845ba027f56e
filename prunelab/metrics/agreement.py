"""Whether two criteria rank the same weights alike."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from prunelab.metrics.overlap import overlap
from prunelab.pruning.topk import keep_top

MOST_FOR_KENDALL = 500_000


def ranks(scores: np.ndarray) -> np.ndarray:
    """Ranks from 1 on, equal scores at the mean of the ranks they share.

    Args:
        scores: shape (n,).

    Raises:
        ValueError: for scores that are not all numbers.
    """
    from scipy.stats import rankdata

    if np.isnan(scores).any():
        raise ValueError(f"{int(np.isnan(scores).sum())} of {scores.size} scores are NaN; they have no rank")
    return rankdata(scores)


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's correlation: Pearson's of the ranks (`ranks`), in [-1, 1]; NaN if either side's scores are all equal.

    Args:
        first: ranks, shape (n,).
        second: ranks of the same weights.
    """
    one, other = first - first.mean(), second - second.mean()
    norm = np.sqrt((one @ one) * (other @ other))
    return float(np.clip(one @ other / norm, -1.0, 1.0)) if norm > 0 else float("nan")


def kendall(first: np.ndarray, second: np.ndarray) -> float:
    """Kendall's tau-b (Kendall 1945), which corrects for ties; NaN if either side is constant or there are too many to be quick.

    Args:
        first: scores or ranks, shape (n,); beyond `MOST_FOR_KENDALL` it is NaN.
        second: of the same weights.
    """
    from scipy.stats import kendalltau

    if not 1 < first.size <= MOST_FOR_KENDALL or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(kendalltau(first, second, variant="b").statistic)  # pyright: ignore[reportAttributeAccessIssue]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Removed:
    """What two criteria would remove alike.

    Attributes:
        observed: intersection over union of what each removes.
        chance: expected of two random choices of as many.
        tied: the larger share, over the two, of weights whose score equals the last removed one's while others of that score stay:
            which of them go is decided by their place in the network, as in pruning.
    """

    observed: float
    chance: float
    tied: float


def removed_alike(first: np.ndarray, second: np.ndarray, fraction: float) -> Removed:
    """Overlap of the `fraction` of weights with the lowest scores, one budget over all of them.

    Args:
        first: scores, shape (n,).
        second: of the same weights.
        fraction: removed, in (0, 1).

    Raises:
        ValueError: for a fraction out of range, or so few weights that none is removed.
    """
    count = round(fraction * first.size)
    if not 0 < fraction < 1 or not 0 < count < first.size:
        raise ValueError(f"a fraction of {fraction:g} of {first.size} weights must remove at least one and leave one")
    gone = [~keep_top(torch.from_numpy(scores), scores.size - count) for scores in (first, second)]
    found = overlap({"": gone[0]}, {"": gone[1]})
    tied = max(_tied(scores, mask.numpy()) for scores, mask in zip((first, second), gone, strict=True))
    return Removed(observed=found.observed, chance=found.chance, tied=tied)


def _tied(scores: np.ndarray, gone: np.ndarray) -> float:
    last = scores[gone].max()
    at_last = scores == last
    return float(at_last.mean()) if (at_last & ~gone).any() else 0.0
