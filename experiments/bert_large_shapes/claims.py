"""What removing structure of BERT-large gains in size and time: `prunelab reproduce bert_large_shapes`."""

from __future__ import annotations

import pandas as pd

from prunelab.results.claims import Claim, Verdict, speedup_above, undecided
from prunelab.results.selection import select

OURS = "our measurement: shapes alone, random weights"
FIFTY_FIVE, SEVENTY = 1, 2  # levels: 55 and 70 % of the units removed
PARAMETERS = 180_000_000


def _network(frame: pd.DataFrame, granularity: str, level: int) -> pd.DataFrame:
    return select(frame, granularity=granularity, level=level, control="none")


def _at(rows: pd.DataFrame, length: int) -> pd.DataFrame:
    """The same network, with the latency of texts of so many tokens in its own columns; none if it is not recorded."""
    if len(rows) != 1 or not isinstance(rows.iloc[0]["latencies"], dict):
        return rows[rows["latency_length"] == length]
    listed = rows.iloc[0]["latencies"]
    place = [int(found) for found in listed["latency_length"]].index(length)
    names = ("latency_seconds", "latency_low", "latency_high", "dense_latency_seconds", "measured_speedup")
    return rows.assign(**{name: listed[name][place] for name in names})


def _small_and_fast(frame: pd.DataFrame, level: int, percent: int, length: int) -> Claim:
    rows = _network(frame, "heads_and_neurons", level)
    sentence = (
        f"BERT-large with at most 180 million parameters, {percent} % of its heads and feed-forward neurons removed, is at least 2.3 times "
        f"as fast at {length} tokens"
    )
    parameters = rows["compact_parameters"].max() if len(rows) else float("nan")
    if not parameters <= PARAMETERS:
        return undecided(sentence, OURS, f"the network has {parameters:,.0f} parameters", unit="times")
    return speedup_above(_at(rows, length), 2.3, sentence=sentence, source=OURS)


def small_and_fast_at_128_tokens(frame: pd.DataFrame) -> Claim:
    """Heads and neurons together."""
    return _small_and_fast(frame, FIFTY_FIVE, 55, 128)


def small_and_fast_at_384_tokens(frame: pd.DataFrame) -> Claim:
    """Of long texts more of the time goes into attention scores, which neurons do not share: more has to go."""
    return _small_and_fast(frame, SEVENTY, 70, 384)


def heads_alone_are_not_enough(frame: pd.DataFrame) -> Claim:
    """A statement about size, which is exact."""
    rows = _network(frame, "head", SEVENTY)
    sentence = "Without 70 % of its heads alone, BERT-large still has more than 180 million parameters"
    if len(rows) != 1 or rows["compact_parameters"].isna().any():
        return undecided(sentence, OURS, "the network was not compacted", unit="count")
    left = float(rows.iloc[0]["compact_parameters"])
    verdict = Verdict.HOLDS if left > PARAMETERS else Verdict.DOES_NOT_HOLD
    return Claim(
        sentence=sentence,
        source=OURS,
        measured=left,
        low=left,
        high=left,
        unit="count",
        verdict=verdict,
        num_seeds=1,
        is_difference=False,
    )


def heads_alone_are_a_little_faster(frame: pd.DataFrame) -> Claim:
    """Attention is a third of the weights."""
    return speedup_above(
        _at(_network(frame, "head", SEVENTY), 128),
        1.2,
        sentence="Without 70 % of its heads alone, BERT-large is at least 1.2 times as fast at 128 tokens",
        source=f"{OURS}; Michel et al. 2019, Table 4, for BERT-base",
    )
