"""How far a classifier's confidence is from how often it is right."""

from __future__ import annotations

import dataclasses

import numpy as np

NUM_BINS = 15


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reliability:
    """Examples by confidence, one entry a bin that is not empty.

    Attributes:
        low: lower ends of the bins, not in them; but 0 is in the first.
        high: upper ends, in them.
        count: examples in each.
        confidence: their mean confidence.
        accuracy: the fraction of them that is right.
    """

    low: np.ndarray
    high: np.ndarray
    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        r"""Expected calibration error, :math:`\sum_m \frac{n_m}{n} |acc_m - conf_m|` (Naeini et al. 2015), in [0, 1]."""
        return float((self.count * np.abs(self.accuracy - self.confidence)).sum() / self.count.sum())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration:
    """Calibration of a classifier.

    Attributes:
        ece: expected calibration error over 15 bins of equal width (Guo et al. 2017, eq. 3). Bins hold their upper end, so that it can
            differ from a record's `test_ece`, whose bins hold the lower one, where a confidence lies on an edge.
        adaptive_ece: the same over 15 bins of as equal counts as ties allow (Nguyen & O'Connor 2015).
        brier: mean over examples of the squared distance of probabilities from the one-hot class, in [0, 2] (Brier 1950).
        nll: mean negative log-likelihood of the class, in nats.
        reliability: the bins of equal width.
    """

    ece: float
    adaptive_ece: float
    brier: float
    nll: float
    reliability: Reliability


def calibration(logits: np.ndarray, targets: np.ndarray) -> Calibration:
    """Calibration of `logits` (examples, classes) on class indices `targets` (examples,).

    Raises:
        ValueError: without examples, or for logits that are not finite.
    """
    if logits.ndim != 2 or len(logits) != len(targets) or not len(targets):
        raise ValueError(f"logits of shape {logits.shape} and {len(targets)} targets: give (examples, classes) and as many targets")
    if not np.isfinite(logits).all():
        raise ValueError("the network's outputs are not all finite, so it has no confidence to calibrate")
    logs = _log_softmax(logits.astype(np.float64))
    probabilities = np.exp(logs)
    rows = np.arange(len(targets))
    confidence, right = np.minimum(probabilities.max(axis=1), 1.0), logits.argmax(axis=1) == targets
    one_hot = np.zeros_like(probabilities)
    one_hot[rows, targets] = 1.0
    bins = reliability(confidence, right, equal_width())
    return Calibration(
        ece=bins.error,
        adaptive_ece=reliability(confidence, right, equal_count(confidence)).error,
        brier=float(np.square(probabilities - one_hot).sum(axis=1).mean()),
        nll=float(-logs[rows, targets].mean()),
        reliability=bins,
    )


def equal_width(num_bins: int = NUM_BINS) -> np.ndarray:
    """Edges (num_bins + 1,) of bins of equal width from 0 to 1."""
    return np.linspace(0.0, 1.0, num_bins + 1)


def equal_count(confidence: np.ndarray, num_bins: int = NUM_BINS) -> np.ndarray:
    """Edges from 0 to 1 of bins of as equal counts as can be: equal confidences are never parted, so that there may be fewer bins."""
    ordered = np.sort(confidence)
    last = [ordered[(len(ordered) * place) // num_bins - 1] for place in range(1, num_bins) if len(ordered) * place >= num_bins]
    inner = np.unique(np.asarray(last, dtype=float))
    return np.concatenate([[0.0], inner[(inner > 0) & (inner < 1)], [1.0]])


def reliability(confidence: np.ndarray, right: np.ndarray, edges: np.ndarray) -> Reliability:
    """The bins (low, high] between `edges` that hold examples.

    Args:
        confidence: in [0, 1], shape (examples,).
        right: bool, likewise.
        edges: increasing, from 0 to 1.
    """
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, len(edges) - 2)
    count = np.bincount(place, minlength=len(edges) - 1)
    sums = [np.bincount(place, weights=values, minlength=len(edges) - 1) for values in (confidence, right.astype(float))]
    full = count > 0
    return Reliability(
        low=edges[:-1][full],
        high=edges[1:][full],
        count=count[full],
        confidence=sums[0][full] / count[full],
        accuracy=sums[1][full] / count[full],
    )


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
