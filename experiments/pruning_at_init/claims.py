"""What Frankle et al. 2021 and Tanaka et al. 2020 say of pruning at initialisation, asked of our records.

Run by `prunelab reproduce pruning_at_init`.
"""

from __future__ import annotations

import pandas as pd

from prunelab.results.claims import Claim, difference_above, difference_below, mean_below
from prunelab.results.selection import select

PAPER = "Frankle et al. 2021"
WINDOW = (0.02, 0.11)  # 90 and 97 % of the weights removed
MODERATE = (0.09, 0.11)
EXTREME = (0.02, 0.04)
MARGIN = 0.02
AT_INIT = {"magnitude": "magnitude", "snip": "SNIP", "grasp": "GraSP", "synflow": "SynFlow"}


def _at_init(frame: pd.DataFrame, criterion: str, control: str = "none", density: tuple[float, float] = WINDOW) -> pd.DataFrame:
    return select(frame, schedule="at_init", criterion=criterion, control=control, density=density)


def _after(frame: pd.DataFrame) -> pd.DataFrame:
    return select(frame, schedule="one_shot", criterion="magnitude", control="none", density=MODERATE)


def _after_training_is_better(frame: pd.DataFrame, criterion: str) -> Claim:
    return difference_above(
        _after(frame),
        _at_init(frame, criterion, density=MODERATE),
        "test_top1",
        sentence=f"At 90 % sparsity, magnitude after training is more accurate than {AT_INIT[criterion]} at initialisation",
        source=f"{PAPER}, section 4 and Figure 1",
    )


def _does_not_hurt(frame: pd.DataFrame, criterion: str, control: str, done: str, section: str) -> Claim:
    return difference_above(
        _at_init(frame, criterion, control),
        _at_init(frame, criterion),
        "test_top1",
        -MARGIN,
        sentence=f"At 90-97 % sparsity, {done} costs {AT_INIT[criterion]} at initialisation less than 2 points",
        source=f"{PAPER}, section 5 and {section}",
    )


def _inverting_hurts(frame: pd.DataFrame, criterion: str) -> Claim:
    return difference_below(
        _at_init(frame, criterion, "inverted"),
        _at_init(frame, criterion),
        "test_top1",
        sentence=f"At 90-97 % sparsity, {AT_INIT[criterion]} at initialisation with its scores inverted is less accurate",
        source=f"{PAPER}, section 5 and Figure 5",
    )


def magnitude_after_training_beats_magnitude_at_init(frame: pd.DataFrame) -> Claim:
    """Training tells which weights are needed."""
    return _after_training_is_better(frame, "magnitude")


def magnitude_after_training_beats_snip(frame: pd.DataFrame) -> Claim:
    """Likewise."""
    return _after_training_is_better(frame, "snip")


def magnitude_after_training_beats_grasp(frame: pd.DataFrame) -> Claim:
    """Likewise."""
    return _after_training_is_better(frame, "grasp")


def magnitude_after_training_beats_synflow(frame: pd.DataFrame) -> Claim:
    """Likewise."""
    return _after_training_is_better(frame, "synflow")


def shuffling_does_not_hurt_magnitude(frame: pd.DataFrame) -> Claim:
    """Only how many weights a layer keeps is used, not which."""
    return _does_not_hurt(frame, "magnitude", "shuffle", "shuffling the mask within layers", "Figure 4")


def shuffling_does_not_hurt_snip(frame: pd.DataFrame) -> Claim:
    """Likewise."""
    return _does_not_hurt(frame, "snip", "shuffle", "shuffling the mask within layers", "Figure 4")


def shuffling_does_not_hurt_grasp(frame: pd.DataFrame) -> Claim:
    """Likewise."""
    return _does_not_hurt(frame, "grasp", "shuffle", "shuffling the mask within layers", "Figure 4")


def shuffling_does_not_hurt_synflow(frame: pd.DataFrame) -> Claim:
    """Likewise."""
    return _does_not_hurt(frame, "synflow", "shuffle", "shuffling the mask within layers", "Figure 4")


def new_weights_do_not_hurt_snip(frame: pd.DataFrame) -> Claim:
    """The mask does not belong to the weights it was made for."""
    return _does_not_hurt(frame, "snip", "reinit", "drawing new initial weights", "Figure 4")


def new_weights_do_not_hurt_synflow(frame: pd.DataFrame) -> Claim:
    """Likewise."""
    return _does_not_hurt(frame, "synflow", "reinit", "drawing new initial weights", "Figure 4")


def shuffled_synflow_beats_random(frame: pd.DataFrame) -> Claim:
    """How many weights each layer keeps is what the method adds."""
    return difference_above(
        _at_init(frame, "synflow", "shuffle", EXTREME),
        _at_init(frame, "random", density=EXTREME),
        "test_top1",
        sentence="At 97 % sparsity, SynFlow's layer-wise densities with weights drawn at random are better than random pruning",
        source=f"{PAPER}, sections 4 and 5",
    )


def inverting_hurts_magnitude(frame: pd.DataFrame) -> Claim:
    """The scores order layers and weights in the right direction."""
    return _inverting_hurts(frame, "magnitude")


def inverting_hurts_snip(frame: pd.DataFrame) -> Claim:
    """Likewise."""
    return _inverting_hurts(frame, "snip")


def inverting_hurts_synflow(frame: pd.DataFrame) -> Claim:
    """Likewise."""
    return _inverting_hurts(frame, "synflow")


def synflow_keeps_every_layer(frame: pd.DataFrame) -> Claim:
    """Conservation of synaptic flow."""
    return mean_below(
        _at_init(frame, "synflow", density=EXTREME),
        "collapsed_layers",
        0.5,
        sentence="At 97 % sparsity, SynFlow leaves no layer without weights",
        source="Tanaka et al. 2020, sections 3 and 6",
    )
