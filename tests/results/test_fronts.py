from __future__ import annotations

import dataclasses
import math

import pytest

from prunelab.results.figure_fronts import ALL, latency_figure, pareto_figure, search_cost_figure, size_figure, speedup_figure
from prunelab.results.figure_lines import accuracy_figure
from prunelab.results.figure_parts import MOST_BANDS, Absent, LineFigure
from prunelab.results.front_table import front_table


def lines(figure, *, surfaces: bool) -> dict:
    assert isinstance(figure, LineFigure)
    return {line.label: line for panel in figure.panels for line in panel.lines if line.joined is surfaces}


@pytest.fixture
def ladder(to_frame, make_network):
    """Three seeds, dense and two levels, with numbers that can be followed by hand."""

    def make(**columns):
        accuracies = {0: (0.96, 0.95, 0.94), 1: (0.93, 0.95, 0.91), 2: (0.80, 0.70, 0.90)}
        return to_frame([
            make_network(
                seed=seed, level=level, test_top1=accuracies[level][seed], compression_ratio=float(2**level),
                theoretical_speedup=float(2**level), multiply_adds=1000 // 2**level, size_bytes=4_000_000 // 2**level, **columns,
            )
            for seed in (0, 1, 2)
            for level in (0, 1, 2)
        ])  # fmt: skip

    return make


def test_the_median_surface_is_what_two_of_three_seeds_reach(ladder):
    surface = lines(pareto_figure(ladder()), surfaces=True)["Tickets"]
    assert surface.x == (1, 1, 2, 2, 4)
    assert surface.y == pytest.approx((95, 93, 93, 80, 80))
    assert surface.low == pytest.approx((94, 91, 91, 70, 70))
    assert surface.high == pytest.approx((96, 95, 95, 90, 90))


def test_costs_fall_to_the_right_and_the_cheaper_network_is_the_better(ladder):
    figure = size_figure(ladder())
    assert isinstance(figure, LineFigure)
    assert figure.x.falling
    assert lines(figure, surfaces=False)["Tickets"].x == (4, 2, 1)
    assert lines(figure, surfaces=False)["Tickets"].ringed == (True, True, True)
    assert lines(figure, surfaces=True)["Tickets"].x == (4, 4, 2, 2, 1)
    assert "from 1 MB to 4 MB" in figure.alternative


def test_search_cost_counts_all_trainings_in_dense_ones(ladder):
    found = lines(search_cost_figure(ladder(schedule="iterative")), surfaces=False)["Tickets"]
    assert found.x == pytest.approx((1, 1.5, 1.75)), "dense, then a network of half and one of a quarter of its multiply-adds"
    assert found.ringed == (True, False, False)
    found = lines(search_cost_figure(ladder(schedule="at_init")), surfaces=False)["Pruned"]
    assert found.x == pytest.approx((1, 0.5, 0.25))


def test_multiply_adds_and_what_is_lacking(ladder):
    assert lines(speedup_figure(ladder()), surfaces=False)["Tickets"].x == (1, 2, 4)
    assert isinstance(latency_figure(ladder()), Absent)


def test_two_seeds_have_no_surface(ladder):
    frame = ladder()
    figure = pareto_figure(frame[frame["seed"] < 2])
    assert not lines(figure, surfaces=True)
    assert isinstance(figure, LineFigure)
    assert "attainment" not in figure.caption
    assert "attainment" in pareto_figure(frame).caption


def test_seeds_with_the_dense_network_alone_make_no_surface(ladder):
    frame = ladder()
    assert not lines(pareto_figure(frame[(frame["level"] == 0) | (frame["seed"] < 2)]), surfaces=True)


def test_search_cost_says_what_it_counts(ladder):
    figure = search_cost_figure(ladder(schedule="iterative"))
    table = front_table(ladder(schedule="iterative"))
    assert isinstance(figure, LineFigure)
    assert table is not None
    for text in (figure.caption, table.lede):
        assert " is in dense trainings, by multiply-adds, masked weights counting as nothing." in text
    assert "by multiply-adds" in figure.x.title
    assert table.headings[-1] == "Search, dense trainings by multiply-adds"


def test_many_methods_share_one_surface_without_a_band(to_frame, make_study):
    names = ("magnitude", "snip", "grasp", "synflow", "obs", "movement")
    assert len(names) > MOST_BANDS
    records = [
        r for name in names for r in make_study(levels=3, controls=(), criterion=name, schedule="one_shot") if r.level or name == "obs"
    ]
    surfaces = lines(pareto_figure(to_frame(records)), surfaces=True)
    assert list(surfaces) == [ALL]
    assert all(math.isnan(low) for low in surfaces[ALL].low)
    assert not any(math.isnan(y) for y in surfaces[ALL].y)


def test_the_table_has_the_networks_that_no_other_beats_in_three_measures(to_frame, make_network):
    def point(level, accuracy, compression, speed, **changes):
        columns = {"test_top1": accuracy, "compression_ratio": compression, "theoretical_speedup": speed}
        return make_network(level=level, **columns, **changes)

    records = [point(0, 0.9, 1.0, 1.0), point(1, 0.9, 2.0, 1.5), point(2, 0.8, 4.0, 2.0), point(2, 0.8, 4.0, 3.0, control="reinit")]
    table = front_table(to_frame([*records, point(1, 0.7, 2.0, 4.0, control="reinit")]))
    assert table is not None
    assert "accuracy, compression and theoretical speed-up" in table.lede
    assert [(row[0], row[2], row[3], row[4]) for row in table.rows] == [
        ("Tickets", "90.0", "2", "1.5"), ("Reinitialised", "80.0", "4", "3"), ("Reinitialised", "70.0", "2", "4")
    ]  # fmt: skip
    timed = [dataclasses.replace(r, measured_speedup=1.0 if r.control == "none" else 0.5) for r in records]
    table = front_table(to_frame(timed))
    assert table is not None
    assert "accuracy, compression and measured speed-up: " in table.lede.replace(" at once", "")
    assert [row[0] for row in table.rows] == ["Tickets", "Tickets"]


def test_without_speeds_there_is_no_table(to_frame, make_study):
    assert front_table(to_frame(make_study(levels=2, theoretical_speedup=None, measured_speedup=None))) is None


def test_a_control_looks_alike_in_every_figure(to_frame, make_study):
    frame = to_frame(make_study(levels=2, controls=("reinit", "random")))
    looks = [{line.label: line.style for line in figure.panels[0].lines} for figure in (accuracy_figure(frame), pareto_figure(frame))]
    assert looks[0] == looks[1]
    assert set(looks[0]) == {"Tickets", "Reinitialised", "Random mask"}
