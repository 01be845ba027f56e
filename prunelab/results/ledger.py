"""Search-cost ledger: the training work behind a network, all that had to be trained before it included.

A ticket of level 12 is not bought with its own training alone. With n steps a whole training, and r the rewind step:

| schedule | own steps | all steps at level k |
|---|---|---|
| iterative | n - r | n + k (n - r): the dense network and every level |
| one_shot | n - r | n + (n - r): the dense network and itself |
| at_init, and methods that prune while they train | n | n: no dense network is needed |

With `retraining=none` a network pruned after training has no steps of its own. A control needs the masks that it is a control of, so
all that found these counts for it too; a narrow dense network needs none. Work in multiply-adds sums, over the same
trainings, steps times the multiply-adds of a forward pass for one example, masked weights counting as nothing. Times the batch size and
about 3 (a backward pass costs two forward passes) it is the whole work; both factors are the same for all networks of a
study, so that ratios hold without them. It is what a training that skips masked weights would take; a training on dense tensors takes the
multiply-adds of the dense network at every step.

Not in the records, and so not counted: a teacher's steps where a study distils, the search on another data set where a
study transfers tickets, the few batches that a criterion scores on, and training that was tried and given up.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from prunelab.results.methods import DENSE_AXES, METHOD_AXES

STEPS, MULTIPLY_ADDS = "search_steps", "search_multiply_adds"
AFTER_TRAINING = ("iterative", "one_shot")
_UNTRAINED = ("supermask", "supermask_signs")
_OWN_START = ("reinit", "small_dense")


def with_search_cost(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with `search_steps` and `search_multiply_adds`, NaN where the records do not say.

    Of a method that prunes while it trains, the multiply-adds are an upper bound: the dense network's up to `mask_step`, the last step
    before which its mask changed (to the end if there is none), and its own from there on.

    Args:
        frame: records with numbers as floats (`frames.checked`). Rows that are no points get NaN.
    """
    rows = frame.reset_index(drop=True)
    point = rows["kind"].eq("point").to_numpy()
    own, total = own_steps(rows), _numbers(rows, "total_steps")
    level, control = _numbers(rows, "level"), rows["control"].to_numpy()
    schedule = rows["schedule"].to_numpy()
    is_dense = (level == 0) & (control == "none")
    ticket_steps = _ticket_steps(rows)
    earlier = np.where(control == "inverted", 0, np.maximum(level - 1, 0))  # the lowest scores are those of the dense network
    # what had to be trained before the network itself
    before = np.select(
        [is_dense | (control == "small_dense"), schedule == "iterative", schedule == "one_shot", schedule == "at_init"],
        [0.0, total + earlier * ticket_steps, total, 0.0],
        default=np.where(control == "none", 0.0, total),
    )
    work = _work(rows, own, ticket_steps, is_dense)
    found = {STEPS: np.where(point, before + own, np.nan), MULTIPLY_ADDS: np.where(point, work, np.nan)}
    return frame.assign(**found)


def own_steps(rows: pd.DataFrame) -> np.ndarray:
    """The optimizer steps of each row's own training."""
    total, level = _numbers(rows, "total_steps"), _numbers(rows, "level")
    control, schedule = rows["control"].to_numpy(), rows["schedule"].to_numpy()
    whole = ((level == 0) & (control == "none")) | ~np.isin(schedule, AFTER_TRAINING) | np.isin(control, _OWN_START)
    after = total - _numbers(rows, "rewind_step")
    ticket = np.where((control == "none") & (rows["retraining"].to_numpy() == "none"), 0.0, after)
    return np.select([np.isin(control, _UNTRAINED), whole], [0.0 * total, total], default=ticket)


def _ticket_steps(rows: pd.DataFrame) -> np.ndarray:
    """Steps of one level of the row's method."""
    trained = rows["retraining"].to_numpy() != "none"
    return np.where(trained, _numbers(rows, "total_steps") - _numbers(rows, "rewind_step"), 0.0)


def _work(rows: pd.DataFrame, own: np.ndarray, ticket_steps: np.ndarray, is_dense: np.ndarray) -> np.ndarray:
    """Steps times multiply-adds, over all trainings behind each row."""
    total, level = _numbers(rows, "total_steps"), _numbers(rows, "level")
    control, schedule = rows["control"].to_numpy(), rows["schedule"].to_numpy()
    each, dense = _numbers(rows, "multiply_adds"), _dense_multiply_adds(rows)
    during = ~np.isin(schedule, (*AFTER_TRAINING, "at_init"))
    settled = np.minimum(np.nan_to_num(_numbers(rows, "mask_step"), nan=np.inf), total)
    taught = settled * dense + (total - settled) * each
    levels = _levels_before(rows, ticket_steps)
    before = np.select(
        [is_dense | (control == "small_dense") | (schedule == "at_init"), schedule == "iterative", schedule == "one_shot"],
        [0.0, total * dense + np.where(control == "inverted", 0.0, levels), total * dense],
        default=np.where(control == "none", 0.0, total * dense),
    )
    return before + np.where(during & (control == "none") & (level > 0), taught, own * each)


def _levels_before(rows: pd.DataFrame, ticket_steps: np.ndarray) -> np.ndarray:
    """Of an iterative schedule, the work of the levels between the dense network and the row's own; NaN where one is missing."""
    axes = [axis for axis in METHOD_AXES if axis in rows] + ["seed"]
    columns = rows[[*axes, "level"]].assign(work=ticket_steps * _numbers(rows, "multiply_adds"), row=np.arange(len(rows)))
    tickets = (rows["control"] == "none") & (rows["level"] > 0) & (rows["schedule"] == "iterative") & (rows["kind"] == "point")
    ladder = columns[tickets].sort_values([*axes, "level"])
    groups = ladder.groupby(axes, dropna=False)
    # the sum up to a level is known as long as no level below it is missing, by its row or by its number
    whole = groups["level"].transform(lambda levels: levels.to_numpy() == np.arange(1, len(levels) + 1)).astype(bool)
    sums = ladder["work"].where(whole).groupby([ladder[axis] for axis in axes], dropna=False).cumsum(skipna=False)
    upto = ladder[[*axes, "level"]].assign(before=sums.to_numpy(), level=ladder["level"] + 1)
    found = columns.drop(columns="work").merge(upto, on=[*axes, "level"], how="left").sort_values("row")
    return np.where(rows["level"].to_numpy() <= 1, 0.0, found["before"].to_numpy(dtype=float))


def _dense_multiply_adds(rows: pd.DataFrame) -> np.ndarray:
    """Of the network that was pruned: the record's own product of multiply-adds and theoretical speed-up, which is its definition."""
    product = (rows["multiply_adds"].astype(float) * rows["theoretical_speedup"].astype(float)).where(rows["control"] != "small_dense")
    product = product.where(np.isfinite(product))
    return product.groupby([rows[axis] for axis in DENSE_AXES], dropna=False).transform("median").to_numpy(dtype=float)


def _numbers(rows: pd.DataFrame, column: str) -> np.ndarray:
    return pd.to_numeric(rows[column]).to_numpy(dtype=float)
