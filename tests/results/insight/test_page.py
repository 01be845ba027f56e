from __future__ import annotations

import dataclasses
import math

import pandas as pd
import pytest

from prunelab.results import figures_paper
from prunelab.results.figure_parts import Absent, Exemplar, HeatFigure, LineFigure
from prunelab.results.insight.agreement import agreement_figures
from prunelab.results.insight.calibration import calibration_figures
from prunelab.results.insight.exemplars import exemplar_figures
from prunelab.results.insight.found import Found, Inspection, Level
from prunelab.results.insight.overlap import overlap_figures
from prunelab.results.insight.page import render, write_inspection
from prunelab.results.paper_styles import FORMATS
from tests.results.test_report import EVIL, Page

PICTURE = "data:image/png;base64,iVBORw0KGgo="


def pair(comparison, one, other, iou, chance=0.1, greatest=1.0):
    sides = [*one, *other]
    names = ["method", "control", "seed", "level", "density"]
    return dict(zip(["comparison", *names, *(f"other_{n}" for n in names)], [comparison, *sides], strict=True)) | {
        "iou": iou, "chance": chance, "greatest": greatest,
    }  # fmt: skip


def overlap_found(a="snip", b="taylor", free=False):
    rows = [pair("seeds", (m, "none", 0, 1, 0.2), (m, "none", 1, 1, 0.2), 0.4 if m == a else 0.3) for m in (a, b)]
    rows += [pair("methods", (a, "none", seed, 1, 0.2), (b, "none", seed, 1, 0.2), 0.5 + seed / 10) for seed in (0, 1)]
    rows += [pair("methods", (a, "none", 0, 1, 0.2), (a, "random", 0, 1, 0.2), 0.11)]
    rows += [pair("levels", (a, "none", 0, 1, 0.2), (a, "none", 0, 2, 0.1), 0.3 if free else 0.5, 0.07, 0.5)]
    return Found(tables={"overlap": pd.DataFrame(rows)}, notes=("Control reinit keeps the masks.",))


def agreement_found(a="snip", b="taylor"):
    rows = [
        {"network": "", "seed": seed, "first": a, "second": b, "tensor": tensor, "units": 10, "spearman": value, "kendall": math.nan}
        for seed in (0, 1)
        for tensor, value in (("all", 0.2 + 0.4 * seed), ("fc1", -0.5), ("fc2", 0.1))
    ]
    removed = [{"network": "", "seed": 0, "first": a, "second": b, "fraction": 0.5, "units": 10, "iou": 0.6, "chance": 1 / 3, "tied": 0.0}]
    return Found(tables={"agreement": pd.DataFrame(rows), "removed": pd.DataFrame(removed)})


def exemplars_found(a="snip", kind="PIE", words="", picture=PICTURE):
    row = {
        "method": a, "level": 1, "density": 0.2, "kind": kind, "num_dense": 2, "num_pruned": 2, "examples": 50, "exemplars": 3,
        "undecided": 1, "dense_on_exemplars": 0.6, "pruned_on_exemplars": 0.2, "dense_on_rest": 0.9, "pruned_on_rest": 0.8,
        "dense_on_all": 0.88, "pruned_on_all": 0.77, "dense_disagreement": 0.05, "pruned_disagreement": 0.07,
    }  # fmt: skip
    by_class = {"method": a, "level": 1, "density": 0.2, "kind": kind, "class": 4, "examples": 5, "exemplars": 3, "undecided": 1}
    shown = Exemplar(index=17, picture=picture, words=words, label=4, dense="4 (2 of 2)", pruned="9 (2 of 2)")
    tables = {"exemplars": pd.DataFrame([row]), "exemplar_classes": pd.DataFrame([by_class])}
    return Found(tables=tables, exemplars={a: (shown,)})


def calibration_found(a="snip", b="taylor"):
    axes = [(m, seed, level, density) for m in (a, b) for level, density in ((0, 1.0), (1, 0.2)) for seed in (0, 1)]
    rows = [
        {"method": m, "seed": seed, "level": level, "density": density, "examples": 50, "top1": 0.9 - level / 10, "ece": 0.1 + level / 10
         + seed / 50, "adaptive_ece": 0.1, "brier": 0.2, "nll": 0.3} for m, seed, level, density in axes
    ]  # fmt: skip
    bins = [
        {"method": m, "seed": seed, "level": level, "density": density, "low": low, "high": low + 0.5, "count": 10 * (1 + seed),
         "confidence": low + 0.3, "accuracy": low + 0.2 + seed / 10} for m, seed, level, density in axes for low in (0.0, 0.5)
    ]  # fmt: skip
    return Found(tables={"calibration": pd.DataFrame(rows), "reliability": pd.DataFrame(bins)})


def inspection(**parts):
    return Inspection(study="a study", level=Level(number=1, density=0.2), own_name="Tickets", parts=parts, facts=(("Model", "m"),))


def whole(a="snip", b="taylor", **exemplars):
    return inspection(
        overlap=overlap_found(a, b), agreement=agreement_found(a, b), exemplars=exemplars_found(a, **exemplars),
        calibration=calibration_found(a, b),
    )  # fmt: skip


def figures(drawn):
    return {figure.key: figure for figure in drawn}


def test_lines_of_overlap_are_means_over_pairs_beside_chance():
    found = figures(overlap_figures(inspection(overlap=overlap_found())))
    seeds = found["overlap_seeds"]
    assert isinstance(seeds, LineFigure)
    lines = {line.label: line for line in seeds.panels[0].lines}
    assert {name: line.y[0] for name, line in lines.items()} == pytest.approx({"snip": 40, "taylor": 30, "Chance": 10})
    assert lines["snip"].x == pytest.approx((20,))
    heat = found["overlap_methods"]
    assert isinstance(heat, HeatFigure)
    assert [list(row) for row in heat.panels[0].values] == [pytest.approx([100, 55]), pytest.approx([55, 100])]
    assert heat.panels[1].values[0][1] == pytest.approx(10)
    assert math.isnan(heat.panels[1].values[0][0])


def test_nested_levels_are_said_and_others_drawn():
    nested = figures(overlap_figures(inspection(overlap=overlap_found())))["overlap_levels"]
    assert isinstance(nested, Absent)
    assert "ratio of the weights left" in nested.reason
    free = figures(overlap_figures(inspection(overlap=overlap_found(free=True))))["overlap_levels"]
    assert isinstance(free, HeatFigure)
    assert free.panels[0].values[0][1] == pytest.approx(30)
    assert "by chance 7.0 %" in free.panels[0].hover[0][1]


def test_agreement_over_and_within_tensors():
    found = figures(agreement_figures(inspection(agreement=agreement_found())))
    over, within = found["agreement"].panels
    assert over.values[0][1] == pytest.approx(0.4)
    assert within.values[0][1] == pytest.approx(-0.2)
    assert found["removed"].panels[0].values[0][1] == pytest.approx(60)
    assert "33.3" in found["removed"].panels[0].title


def test_heat_maps_can_be_printed(tmp_path):
    figures_paper.save(figures(agreement_figures(inspection(agreement=agreement_found())))["agreement"], tmp_path)
    svg = (tmp_path / "agreement.svg").read_text()
    assert (tmp_path / "agreement.png").read_bytes().startswith(b"\x89PNG")
    assert "Spearman" in svg
    canvas = figures_paper.draw(figures(overlap_figures(inspection(overlap=overlap_found())))["overlap_methods"])
    said = [text.get_text() for axes in canvas.axes for text in axes.texts]
    assert said == ["100.0", "55.0", "55.0", "100.0", "10.0", "10.0"]  # none where there is no number


def test_reliability_pools_seeds_by_their_examples():
    found = figures(calibration_figures(inspection(calibration=calibration_found())))
    dense, level = found["reliability"].panels
    line = dense.lines[0]
    assert line.label == "Dense"
    # ten examples at 20 and twenty at 30 per cent
    assert line.y[0] == pytest.approx((10 * 20 + 20 * 30) / 30)
    assert line.x[0] == pytest.approx(30)
    assert {line.label for line in level.lines} == {"snip", "Perfect"}  # taylor's are the same numbers
    error = found["ece"].panels[0]
    assert [line.y for line in error.lines] == [pytest.approx((21,))] * 2
    assert [reference.label for reference in error.references] == ["Dense"]


def test_flips_are_not_called_exemplars():
    figure = exemplar_figures(inspection(exemplars=exemplars_found(kind="flips")))[0]
    assert figure.title == "Flipped predictions"
    assert "several seeds" in figure.caption
    assert "Pruning-identified" not in Page(render(inspection(exemplars=exemplars_found(kind="flips")), command="c")).text


def test_the_page_says_everything(tmp_path):
    path = write_inspection(whole(), tmp_path / "out", command="prunelab inspect 'a study'", page_of_report="report.html")
    page = Page(path.read_text(encoding="utf-8"))
    for words in (
        "a study: masks and networks", "Overlap of masks across seeds", "Pruning-identified exemplars", "Reliability diagrams",
        "9 (2 of 2)", "Control reinit keeps the masks.", "prunelab inspect 'a study'", "60.0 → 20.0", "0.400", "60.0 (33.3)",
    ):  # fmt: skip
        assert words in page.text, words
    assert {entry.name for entry in path.parent.iterdir()} == {
        "inspect.html", *(f"inspect_{name}.csv" for name in (
            "overlap", "agreement", "removed", "exemplars", "exemplar_classes", "calibration", "reliability",
        )),
        *(f"inspect_{name}.{kind}" for kind in FORMATS for name in (
            "overlap_seeds", "overlap_methods", "overlap_controls", "agreement", "removed", "exemplar_counts", "reliability", "ece",
            "brier", "nll",
        )),
    }  # fmt: skip
    assert "inspect_reliability.pdf" in page.links
    assert PICTURE in page.links
    assert all(link.startswith(("#", "data:")) or (path.parent / link).is_file() for link in page.links if link != "report.html")
    assert "report.html" in page.links
    assert pd.read_csv(path.parent / "inspect_overlap.csv")["iou"].tolist() == whole().parts["overlap"].tables["overlap"]["iou"].tolist()
    assert {plot["id"] for plot in page.plots} >= {"plot-overlap_methods-0", "plot-agreement-1", "plot-reliability-1"}


def test_what_was_not_asked_for_is_said():
    page = Page(render(inspection(overlap=overlap_found()), command="c"))
    assert "prunelab inspect 'a study' --only calibration" in page.text
    assert "--only overlap" not in page.text


def test_hostile_names_are_shown_as_text():
    found = dataclasses.replace(whole(EVIL, "b", words=EVIL, picture=""), study=EVIL, facts=(("Model", EVIL),))
    page = Page(render(found, command=EVIL))
    assert page.text.count(EVIL) >= 6
    assert page.tags.count("script") == 4
    assert not any("alert(1)" in data and given.get("id") != "plots" for given, data in page.scripts)


def test_nothing_found_is_a_page_of_reasons():
    empty = {name: part.tables for name, part in whole().parts.items()}
    parts = {name: Found(tables={key: table.iloc[:0] for key, table in tables.items()}, notes=("Gone.",)) for name, tables in empty.items()}
    page = Page(render(inspection(**parts), command="c"))
    assert page.text.count("Gone.") == 4
    assert page.text.count("Nothing could be computed") == 4
    assert page.plots == []
    assert "No predictions of dense networks" in page.text
