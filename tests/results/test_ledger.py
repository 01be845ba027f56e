from __future__ import annotations

import dataclasses
import math

import pandas as pd
import pytest

from prunelab.results.frames import checked
from prunelab.results.ledger import with_search_cost

DENSE = 1000  # multiply-adds


def networks(make_network, levels: int = 3, **changes) -> list:
    return [
        make_network(
            level=n, total_steps=100, rewind_step=10, multiply_adds=DENSE // 2**n, theoretical_speedup=float(2**n), **changes
        )
        for n in range(levels + 1)
    ]  # fmt: skip


def costs(to_frame, records) -> pd.DataFrame:
    return with_search_cost(checked(to_frame(records)))


def test_an_iterative_ticket_costs_the_dense_network_and_every_level(to_frame, make_network):
    found = costs(to_frame, networks(make_network))
    assert list(found["search_steps"]) == [100, 190, 280, 370]
    assert list(found["search_multiply_adds"]) == [100_000, 145_000, 167_500, 178_750]


def test_one_shot_costs_the_dense_network_and_itself(to_frame, make_network):
    found = costs(to_frame, networks(make_network, schedule="one_shot"))
    assert list(found["search_steps"]) == [100, 190, 190, 190]
    assert list(found["search_multiply_adds"]) == [100_000, 145_000, 122_500, 111_250]


def test_what_is_not_retrained_costs_the_dense_network_alone(to_frame, make_network):
    found = costs(to_frame, networks(make_network, schedule="one_shot", retraining="none"))
    assert list(found["search_steps"]) == [100] * 4
    assert list(found["search_multiply_adds"]) == [100_000] * 4
    assert list(costs(to_frame, networks(make_network, retraining="none"))["search_steps"]) == [100] * 4


def test_before_and_during_training_no_dense_network_is_needed(to_frame, make_network):
    early = costs(to_frame, networks(make_network, schedule="at_init"))
    assert list(early["search_steps"]) == [100] * 4
    assert list(early["search_multiply_adds"]) == [100_000, 50_000, 25_000, 12_500]
    gradual = costs(to_frame, networks(make_network, schedule="gradual", retraining="none", mask_step=60))
    assert list(gradual["search_steps"]) == [100] * 4
    assert list(gradual["search_multiply_adds"]) == [100_000, 60_000 + 20_000, 60_000 + 10_000, 60_000 + 5_000]
    unsaid = costs(to_frame, networks(make_network, schedule="gradual", retraining="none"))
    assert list(unsaid["search_multiply_adds"]) == [100_000] * 4


@pytest.mark.parametrize(
    ("control", "steps"),
    [("reinit", 190 + 100), ("shuffle", 190 + 90), ("small_dense", 100), ("inverted", 100 + 90), ("supermask", 190)],
)
def test_a_control_costs_what_found_its_masks_and_its_own_training(to_frame, make_network, control, steps):
    other = make_network(level=2, total_steps=100, rewind_step=10, multiply_adds=250, theoretical_speedup=4.0)
    records = networks(make_network)
    found = costs(to_frame, [*records, dataclasses.replace(other, control=control)])
    assert found["search_steps"].iloc[-1] == steps


def test_a_missing_level_leaves_the_work_of_later_ones_unknown(to_frame, make_network):
    records = networks(make_network)
    found = costs(to_frame, [records[0], records[1], records[3]]).set_index("level")
    assert found.loc[3, "search_steps"] == 370
    assert math.isnan(found.loc[3, "search_multiply_adds"])
    uncounted = costs(to_frame, networks(make_network, schedule="one_shot")).assign(multiply_adds=math.nan)
    assert with_search_cost(uncounted)["search_multiply_adds"].isna().all()


def test_seeds_and_methods_keep_their_own_ledgers_and_rows_their_order(to_frame, make_network):
    records = networks(make_network, seed=1)[::-1] + networks(make_network, criterion="snip", schedule="one_shot")
    found = costs(to_frame, records)
    assert list(found["search_steps"]) == [370, 280, 190, 100, 100, 190, 190, 190]
    assert list(found["search_multiply_adds"]) == [178_750, 167_500, 145_000, 100_000, 100_000, 145_000, 122_500, 111_250]
    assert list(found["stage_key"]) == [record.stage_key for record in records]


def test_instability_analysis_has_no_cost(study):
    found = with_search_cost(checked(study))
    assert found.loc[found["kind"] == "barrier", "search_steps"].isna().all()
    assert found.loc[found["kind"] == "point", "search_steps"].notna().all()
