"""Several criteria under several circumstances: panels, tables, headline, and the command that runs all of it again."""

from __future__ import annotations

import pandas as pd
import pytest

from prunelab.results.figure_fronts import pareto_figure
from prunelab.results.figure_lines import accuracy_figure
from prunelab.results.figure_others import layers_figure
from prunelab.results.figure_parts import HeatFigure, LineFigure
from prunelab.results.figures_paper import draw
from prunelab.results.methods import Place, _own_words, own_name, places
from prunelab.results.report import _commands
from prunelab.results.summary import headline
from prunelab.results.tables import level_tables

CRITERIA = ("obs", "magnitude", "random", "snip")


@pytest.fixture
def shootout(make_study, to_frame) -> pd.DataFrame:
    """Four criteria, fine-tuned and not retrained; the earlier in the list, the further a criterion prunes."""
    records = []
    for retraining in ("fine_tuning", "none"):
        for place, criterion in enumerate(CRITERIA):
            overrides = f"pruning/criterion={criterion} schedule.retraining={retraining} experiment=shootout"
            axes = {"criterion": criterion, "retraining": retraining, "variant": f"{criterion}{retraining}", "overrides": overrides}
            records += make_study(levels=12, controls=(), study="shootout", knee=2.0**place, **axes)
    return to_frame(records)


def test_criteria_share_a_panel_for_each_circumstance(shootout):
    where = places(shootout)
    assert list(where.values()) == [
        Place(panel=panel, line=criterion) for panel in ("not retrained", "fine-tuned") for criterion in sorted(CRITERIA)
    ]
    assert where["obs · fine-tuned"] == Place(panel="fine-tuned", line="obs")


def test_without_a_second_axis_or_without_criteria_there_is_one_panel(shootout):
    one = shootout[shootout["retraining"] == "none"]
    assert {place.panel for place in places(one).values()} == {""}
    other = shootout[shootout["criterion"] == "obs"]
    assert list(places(other)) == ["not retrained", "fine-tuned"]
    assert {place.panel for place in places(other).values()} == {""}


def test_a_criterion_keeps_its_look_from_panel_to_panel(shootout):
    for figure in (accuracy_figure(shootout), pareto_figure(shootout)):
        assert isinstance(figure, LineFigure)
        assert [panel.title for panel in figure.panels] == ["Not retrained", "Fine-tuned"]
        looks = [{line.label: line.style for line in panel.lines} for panel in figure.panels]
        assert looks[0] == looks[1]
        assert len(set(looks[0].values())) == len(CRITERIA)
        assert figure.y.bounds == (0.0, 100.0)


def test_the_front_of_a_panel_is_among_its_own_points(shootout):
    better = shootout.assign(test_top1=shootout["test_top1"] + 0.02 * (shootout["retraining"] == "fine_tuning"))
    figure = pareto_figure(better)
    assert isinstance(figure, LineFigure)
    assert all(any(any(line.ringed) for line in panel.lines) for panel in figure.panels)


def test_the_same_masks_are_shown_once(shootout):
    figure = layers_figure(shootout)
    assert isinstance(figure, HeatFigure)
    assert [panel.title for panel in figure.panels] == sorted(CRITERIA)


def test_methods_stand_side_by_side_in_a_table_for_each_panel(shootout):
    tables = level_tables(shootout, "test_top1", "Test accuracy")
    assert [table.caption.rpartition(": ")[2] for table in tables] == ["not retrained", "fine-tuned"]
    for table in tables:
        assert [row[0] for row in table.rows] == sorted(CRITERIA)
        assert table.headings[:2] == ("Method", "100")
        assert all(len(row) == len(table.headings) == 14 for row in table.rows)


def test_the_headline_of_many_methods_ranks_them(shootout):
    first, second = headline(shootout)
    assert first.startswith("Not retrained, at ")
    assert second.startswith("Fine-tuned, at ")
    for sentence in (first, second):
        assert [sentence.index(criterion) for criterion in CRITERIA] == sorted(sentence.index(criterion) for criterion in CRITERIA)


def test_a_sweep_is_run_again_by_one_command(shootout):
    assert _commands(shootout) == [
        "prunelab run -m pruning/criterion=obs,magnitude,random,snip schedule.retraining=fine_tuning,none experiment=shootout"
    ]
    last = (shootout["criterion"] == "snip") & (shootout["retraining"] == "none")
    assert len(_commands(shootout[~last])) == 7


def test_networks_pruned_before_training_are_no_tickets(make_network, to_frame):
    assert own_name(to_frame([make_network(), make_network(level=1)])) == "Tickets"
    assert own_name(to_frame([make_network(schedule="at_init"), make_network(level=1, schedule="at_init")])) == "Pruned"


def test_an_axis_that_follows_from_another_is_not_named(make_network, to_frame):
    records = [
        make_network(level=level, criterion=criterion, schedule=schedule, retraining=retraining)
        for criterion in ("snip", "magnitude") for level in (0, 1)
        for schedule, retraining in (("at_init", "weight_rewinding"), ("one_shot", "lr_rewinding"))
    ]  # fmt: skip
    assert list(dict.fromkeys(place.panel for place in places(to_frame(records)).values())) == [
        "pruned at initialisation", "one shot after training"
    ]  # fmt: skip


def test_no_point_of_a_panel_is_cut_off(shootout):
    worse = shootout.assign(test_top1=shootout["test_top1"].where(shootout["retraining"] == "none", 0.1))
    figure = accuracy_figure(worse)
    assert isinstance(figure, LineFigure)
    canvas = draw(figure)
    for axes, panel in zip(canvas.axes, figure.panels, strict=True):
        low, high = axes.get_ylim()
        assert low < min(y for line in panel.lines for y in line.y)
        assert max(y for line in panel.lines for y in line.y) < high <= 102.0 + 1e-9


@pytest.mark.parametrize(
    ("given", "own"),
    [
        (["model.keep=null experiment=e threads=2", "model.keep=[0,1] experiment=e threads=2"], ["model.keep=null", "model.keep=[0,1]"]),
        (["experiment=e", "experiment=e optimizer.lr=0.1"], ["default", "optimizer.lr=0.1"]),
        (["experiment=e"], ["experiment=e"]),
        (["", "a=1"], ["", "a=1"]),
    ],
)
def test_a_variant_goes_by_what_its_command_line_has_alone(given, own):
    assert _own_words(given) == own
