"""What Sajjad et al. 2023 say of leaving layers out, asked of MiniLM: `prunelab reproduce layer_dropping`."""

from __future__ import annotations

import pandas as pd

from prunelab.results.claims import Claim, difference_above, mean_above
from prunelab.results.relative import relative_to
from prunelab.results.selection import select

PAPER = "Sajjad et al. 2023"
TWO, THREE = 2, 3  # levels: layers left out, of six
KEEPS = 0.97


def _without(frame: pd.DataFrame, layers: int, rule: str) -> pd.DataFrame:
    return select(frame, level=layers, control="none", criterion=rule)


def _keeps(frame: pd.DataFrame, layers: int, rule: str, sentence: str) -> Claim:
    relative = relative_to(_without(frame, layers, rule), select(frame, level=0), "test_f1")
    return mean_above(relative, "test_f1", KEEPS, sentence=sentence, source=f"{PAPER}, section 5")


def two_top_layers_can_go(frame: pd.DataFrame) -> Claim:
    """A third of the layers."""
    return _keeps(frame, TWO, "top_layers", "Without its two top layers, MiniLM keeps at least 97 % of the dense model's F1")


def two_alternate_layers_can_go(frame: pd.DataFrame) -> Claim:
    """The same number, spread."""
    return _keeps(frame, TWO, "alternate_layers", "Without two alternate layers, MiniLM keeps at least 97 % of the dense model's F1")


def top_is_better_than_bottom(frame: pd.DataFrame) -> Claim:
    """Lower layers matter more."""
    return difference_above(
        _without(frame, TWO, "top_layers"),
        _without(frame, TWO, "bottom_layers"),
        "test_f1",
        sentence="Leaving out the two layers nearest the output costs less F1 than the two nearest the input",
        source=f"{PAPER}, section 5: lower layers are most critical",
    )


def three_top_layers_are_too_many(frame: pd.DataFrame) -> Claim:
    """Where our measurement parts from the paper's: half of BERT's layers could go from the top."""
    return difference_above(
        _without(frame, THREE, "alternate_layers"),
        _without(frame, THREE, "top_layers"),
        "test_f1",
        sentence="With three of six layers to leave out, alternate ones cost less F1 than the three nearest the output",
        source=f"our measurement; in {PAPER} the top layers are the best choice for half of BERT too",
    )


def half_of_the_layers_are_worth_their_time(frame: pd.DataFrame) -> Claim:
    """Speed is proportional to layers."""
    return mean_above(
        _without(frame, THREE, "top_layers"),
        "measured_speedup",
        1.7,
        sentence="Without three of six layers MiniLM is more than 1.7 times as fast (one text of 64 tokens, two CPU threads)",
        source=f"{PAPER}, Table 5: 1.9 times for half of the layers",
    )
