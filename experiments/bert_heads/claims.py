"""What Michel et al. 2019 say of attention heads, asked of MiniLM: `prunelab reproduce bert_heads`."""

from __future__ import annotations

import pandas as pd

from prunelab.results.claims import Claim, difference_above, mean_above, mean_below
from prunelab.results.relative import relative_to
from prunelab.results.selection import select

PAPER = "Michel et al. 2019"
SIXTY, NINETY = 4, 6  # levels: 60 and 90 % of the heads removed
KEEPS = 0.97


def _pruned(frame: pd.DataFrame, level: int, retraining: str) -> pd.DataFrame:
    return select(frame, level=level, control="none", retraining=retraining)


def _relative(frame: pd.DataFrame, level: int, retraining: str) -> pd.DataFrame:
    return relative_to(_pruned(frame, level, retraining), select(frame, level=0), "test_f1")


def sixty_percent_fine_tuned_keep_f1(frame: pd.DataFrame) -> Claim:
    """Most heads can go."""
    return mean_above(
        _relative(frame, SIXTY, "lr_rewinding"),
        "test_f1",
        KEEPS,
        sentence="Without 60 % of its heads and after one more epoch, MiniLM keeps at least 97 % of the dense model's F1",
        source=f"{PAPER}, section 4",
    )


def sixty_percent_not_fine_tuned_lose_little(frame: pd.DataFrame) -> Claim:
    """Even without fine-tuning."""
    return mean_above(
        _relative(frame, SIXTY, "none"),
        "test_f1",
        0.9,
        sentence="Without 60 % of its heads and no further training, MiniLM keeps at least 90 % of the dense model's F1",
        source=f"{PAPER}, section 4 and Figure 3",
    )


def fine_tuning_helps_when_nearly_all_are_gone(frame: pd.DataFrame) -> Claim:
    """What is left learns to do without."""
    return difference_above(
        _pruned(frame, NINETY, "lr_rewinding"),
        _pruned(frame, NINETY, "none"),
        "test_f1",
        sentence="Without 90 % of its heads, MiniLM has a higher F1 after one more epoch than before it",
        source=f"{PAPER}, section 4",
    )


def heads_alone_are_not_twice_as_fast(frame: pd.DataFrame) -> Claim:
    """Attention is a third of a layer's work."""
    return mean_below(
        _pruned(frame, NINETY, "lr_rewinding"),
        "measured_speedup",
        2.0,
        sentence="Removing 90 % of the heads alone makes MiniLM less than twice as fast (one text of 64 tokens, two CPU threads)",
        source="our measurement; Michel et al. report up to 1.18 times at 50 % of the heads, Table 4",
    )


def sixty_percent_are_faster(frame: pd.DataFrame) -> Claim:
    """What is removed is really gone."""
    return mean_above(
        _pruned(frame, SIXTY, "lr_rewinding"),
        "measured_speedup",
        1.1,
        sentence="Removing 60 % of the heads makes MiniLM more than 1.1 times as fast (one text of 64 tokens, two CPU threads)",
        source="our measurement",
    )
