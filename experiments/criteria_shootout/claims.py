"""What the papers of the criteria say of each other, asked of our records. Run by `prunelab reproduce criteria_shootout`."""

from __future__ import annotations

import pandas as pd

from prunelab.results.claims import Claim, difference_above
from prunelab.results.selection import select

SPARSE = (0.015, 0.06)  # 95 and 98 % of the weights removed


def _pruned(frame: pd.DataFrame, criterion: str, *, retraining: str = "none", density: tuple[float, float] = SPARSE) -> pd.DataFrame:
    return select(frame, control="none", density=density, criterion=criterion, retraining=retraining)


def obs_beats_obd(frame: pd.DataFrame) -> Claim:
    """Off-diagonal curvature and the weight update are worth something."""
    return difference_above(
        _pruned(frame, "obs"),
        _pruned(frame, "obd"),
        "test_top1",
        sentence="At 95-98 % sparsity, not retrained, optimal brain surgeon is more accurate than optimal brain damage",
        source="Hassibi & Stork 1993, section 5",
    )


def obd_beats_magnitude(frame: pd.DataFrame) -> Claim:
    """The diagonal of the curvature is worth something."""
    return difference_above(
        _pruned(frame, "obd"),
        _pruned(frame, "magnitude"),
        "test_top1",
        sentence="At 95-98 % sparsity, not retrained, optimal brain damage is more accurate than magnitude",
        source="LeCun et al. 1990, section 4 and Figure 1",
    )


def magnitude_beats_random(frame: pd.DataFrame) -> Claim:
    """The baseline of every study."""
    return difference_above(
        _pruned(frame, "magnitude"),
        _pruned(frame, "random"),
        "test_top1",
        sentence="At 95-98 % sparsity, not retrained, magnitude is more accurate than random pruning",
        source="Blalock et al. 2020, section 3.2",
    )


def fine_tuning_helps_magnitude(frame: pd.DataFrame) -> Claim:
    """Retraining gives back what one shot took."""
    return difference_above(
        _pruned(frame, "magnitude", retraining="fine_tuning"),
        _pruned(frame, "magnitude"),
        "test_top1",
        sentence="At 95-98 % sparsity, two epochs of fine-tuning make magnitude-pruned networks more accurate",
        source="Han et al. 2015, section 3 and Figure 5",
    )


def fine_tuned_magnitude_beats_random(frame: pd.DataFrame) -> Claim:
    """Retraining does not make the criterion irrelevant."""
    return difference_above(
        _pruned(frame, "magnitude", retraining="fine_tuning"),
        _pruned(frame, "random", retraining="fine_tuning"),
        "test_top1",
        sentence="At 95-98 % sparsity and fine-tuned, magnitude is still more accurate than random pruning",
        source="Blalock et al. 2020, section 3.2",
    )


def obs_beats_magnitude_after_fine_tuning(frame: pd.DataFrame) -> Claim:
    """Second-order masks and weights are the better start too."""
    return difference_above(
        _pruned(frame, "obs", retraining="fine_tuning"),
        _pruned(frame, "magnitude", retraining="fine_tuning"),
        "test_top1",
        sentence="At 95-98 % sparsity and fine-tuned, optimal brain surgeon is more accurate than magnitude",
        source="Singh & Alistarh 2020, section 4",
    )
