"""Examples that pruned networks, as a population, see otherwise than dense ones."""

from __future__ import annotations

import dataclasses

import numpy as np

TIED = -1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Exemplars:
    """What two populations of networks make of each example; arrays are of shape (examples,).

    Attributes:
        differ: the exemplars: no class is a modal prediction of both populations.
        undecided: neither exemplar nor alike, because a mode is tied and how the tie is broken would decide.
        dense_mode: modal prediction of the dense networks; `TIED` where several classes have as many votes.
        pruned_mode: likewise of the pruned ones.
        dense_votes: dense networks that predict a modal class.
        pruned_votes: likewise of the pruned ones.
    """

    differ: np.ndarray
    undecided: np.ndarray
    dense_mode: np.ndarray
    pruned_mode: np.ndarray
    dense_votes: np.ndarray
    pruned_votes: np.ndarray

    @property
    def alike(self) -> np.ndarray:
        """Examples with the same single mode in both populations."""
        return ~self.differ & ~self.undecided


def exemplars(dense: np.ndarray, pruned: np.ndarray) -> Exemplars:
    r"""Pruning-identified exemplars (Hooker et al. 2019, "What Do Compressed Deep Neural Networks Forget?", section 2.2).

    With :math:`y^*_{i,t}` the class that networks of sparsity t predict most often for image i,

    .. math:: PIE_{i,t} = 1 \text{ if } y^*_{i,0} \ne y^*_{i,t}, \text{ else } 0

    The paper, with 30 networks a population, does not say what a tie is. Here an example is an exemplar only if the modes differ
    however ties are broken: no class is modal in both populations. If a mode is tied and the sets of modal classes meet, it is
    undecided. With one network a population nothing is a mode of several and these are prediction flips, not exemplars.

    Args:
        dense: predicted classes, shape (networks, examples).
        pruned: likewise, of the same examples.

    Raises:
        ValueError: for a population without networks, or other numbers of examples.
    """
    if dense.ndim != 2 or pruned.ndim != 2 or dense.shape[1] != pruned.shape[1] or not len(dense) or not len(pruned):
        raise ValueError(f"predictions of shapes {dense.shape} and {pruned.shape}; give (networks, examples) of the same examples")
    classes = int(max(dense.max(initial=0), pruned.max(initial=0))) + 1
    (first, first_votes), (second, second_votes) = (_modal(votes, classes) for votes in (dense, pruned))
    differ = np.asarray(~(first & second).any(axis=1))
    tied = (first.sum(axis=1) > 1) | (second.sum(axis=1) > 1)
    return Exemplars(
        differ=differ,
        undecided=tied & ~differ,
        dense_mode=_single(first),
        pruned_mode=_single(second),
        dense_votes=first_votes,
        pruned_votes=second_votes,
    )


def _modal(predictions: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Which classes have the most votes (examples, classes), and how many votes that is (examples,)."""
    counts = np.zeros((predictions.shape[1], classes), dtype=np.int32)
    examples = np.arange(predictions.shape[1])
    for row in predictions:
        counts[examples, row] += 1
    most = counts.max(axis=1)
    return counts == most[:, None], most


def _single(modal: np.ndarray) -> np.ndarray:
    return np.where(modal.sum(axis=1) == 1, modal.argmax(axis=1), TIED)


def mean_accuracy(predictions: np.ndarray, targets: np.ndarray, where: np.ndarray) -> float:
    """Accuracy on the examples `where`, mean over networks; NaN if there are none.

    Args:
        predictions: shape (networks, examples).
        targets: shape (examples,).
        where: bool, likewise.
    """
    return float((predictions[:, where] == targets[where]).mean()) if where.any() else float("nan")


def disagreement(predictions: np.ndarray) -> float:
    """Fraction of examples on which two networks of a population differ, mean over pairs; NaN with one network."""
    pairs = [(predictions[i] != predictions[j]).mean() for i in range(len(predictions)) for j in range(i)]
    return float(np.mean(pairs)) if pairs else float("nan")
