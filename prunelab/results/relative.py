"""A measure of pruned networks in units of the dense network of the same seed."""

from __future__ import annotations

import pandas as pd

from prunelab.results.frames import MissingData


def relative_to(frame: pd.DataFrame, reference: pd.DataFrame, column: str) -> pd.DataFrame:
    """`frame` with `column` divided by what the reference of the same seed has: 0.97 is 97 % of it.

    Args:
        frame: records of pruned networks.
        reference: records of the networks they are held against, one a seed.
        column: the measure.

    Raises:
        MissingData: if a seed has no reference.
    """
    of_seed = reference.drop_duplicates("seed").set_index("seed")[column].astype(float)
    lacking = sorted(set(frame["seed"]) - set(of_seed.dropna().index))
    if lacking:
        raise MissingData(f"no reference has {column} for seed {', '.join(map(str, lacking))}")
    found = frame.assign(**{column: frame[column].astype(float) / frame["seed"].map(of_seed)})
    found.attrs = dict(frame.attrs)
    return found
