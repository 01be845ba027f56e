from __future__ import annotations

import dataclasses
import html.parser
import itertools
import json
import re
import xml.etree.ElementTree as ElementTree

import pandas as pd
import pytest

from prunelab.records.from_csv import load_csv
from prunelab.results.checklist import checklist
from prunelab.results.claims import difference_above
from prunelab.results.frames import checked
from prunelab.results.page import script_json
from prunelab.results.report import write_report
from prunelab.results.selection import select, tickets
from prunelab.results.summary import caveats, headline

EVIL = "<script>alert(1)</script>\"'&$x_"


class Page(html.parser.HTMLParser):
    """What a browser would see: elements with attributes, visible text, and the content of scripts by id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.scripts: list[tuple[dict, str]] = []
        self.words: list[str] = []
        self.labels: list[str] = []
        self.series: dict[str, list[str]] = {}
        self._figure = ""
        self._raw: tuple[str, dict] | None = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        self._figure = given["id"] if tag == "figure" else self._figure
        if "data-series" in given:
            self.series.setdefault(self._figure, []).append(given["data-series"])
        self.links += [given[name] for name in ("src", "href") if name in given]
        self.labels += [given["aria-label"]] if "aria-label" in given else []
        self._raw = (tag, given) if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self._raw = None

    def handle_data(self, data):
        if self._raw is None:
            self.words.append(data)
        elif self._raw[0] == "script":
            self.scripts.append((self._raw[1], data))

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    @property
    def plots(self) -> list[dict]:
        return json.loads("".join(data for given, data in self.scripts if given.get("id") == "plots"))


def report(frame: pd.DataFrame, folder, **settings) -> Page:
    return Page(write_report(frame, folder, **{"title": "A study", **settings}).read_text(encoding="utf-8"))


def test_the_report_of_a_study(study, tmp_path):
    claim = difference_above(tickets(study), select(study, control="reinit"), "test_top1", sentence="They win.", source="F & C")
    path = write_report(study, tmp_path / "out", title="Lottery tickets", description="A description.", claims=[claim])
    page = Page(path.read_text(encoding="utf-8"))
    assert path == tmp_path / "out" / "report.html"
    for words in ("Lottery tickets", "A description.", "They win.", "Holds", "Tickets stay within 0.5 points of the dense network"):
        assert words in page.text
    for words in ("Early-stopping step", "Layer-wise density", "Error barrier", "Definitions", "2.14.1", "c281e4b"):
        assert words in page.text
    assert "prunelab run experiment=lottery_mnist5k" in page.text
    assert "Read with care" not in page.text
    assert page.tags.count("h1") == 1
    assert {"main", "nav", "header", "footer", "table", "caption"} <= set(page.tags)

    figures = {"accuracy", "early_stop", "pareto", "layers", "barrier", "interpolation"}
    expected = {f"{key}.{kind}" for key in figures for kind in ("png", "svg", "pdf")} | {
        "report.html",
        "points.csv",
        "tables.md",
        "tables.tex",
    }
    assert {entry.name for entry in path.parent.iterdir()} == expected
    for key in figures:
        assert (path.parent / f"{key}.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
        assert (path.parent / f"{key}.pdf").read_bytes().startswith(b"%PDF-")
        assert ElementTree.parse(path.parent / f"{key}.svg").getroot().tag.endswith("svg")
    points = pd.read_csv(path.parent / "points.csv")
    assert len(points) == len(study)
    assert "curve" not in points.columns
    again = load_csv(path.parent / "points.csv")
    drawn = {plot["id"] for plot in report(again, tmp_path / "again").plots}
    assert {"plot-layers-0", "plot-interpolation-0"} <= drawn == {plot["id"] for plot in page.plots}


@pytest.mark.parametrize("column", ["test_f1", "validation_top1"])
def test_networks_without_the_accuracy_of_a_report_have_none(to_frame, make_network, tmp_path, column):
    rows = [make_network(seed=seed, level=level, test_top1=None, **{column: 0.5}) for seed in (0, 1) for level in (0, 1)]
    with pytest.raises(ValueError, match=f"about test_top1, which none of the 4 networks has; they have {column}.*--measure {column}"):
        write_report(to_frame(rows), tmp_path / "out", title="t")
    assert not (tmp_path / "out").exists()
    report(to_frame([*rows, make_network(level=2, **{column: 0.5})]), tmp_path)
    report(to_frame([dataclasses.replace(row, diverged=True, **{column: None}) for row in rows]), tmp_path)  # none has any


def test_why_nothing_is_compared_with_the_dense_network_is_said(to_frame, make_network):
    dense, pruned = make_network(), make_network(level=1)
    unmeasured = {"test_top1": None}
    for networks, said in (
        ([pruned], "There is no dense network to compare with."),
        ([dataclasses.replace(dense, **unmeasured), pruned], "No dense network has a test accuracy."),
        ([dense], "No pruned network yet."),
        ([dense, dataclasses.replace(pruned, **unmeasured)], "No pruned network has a test accuracy."),
        ([dense, make_network(level=1, seed=1)], "No pruned network shares a seed with the dense network."),
    ):
        assert headline(checked(to_frame(networks))) == [said]
    found = {item.recommendation: item for item in checklist(checked(to_frame([dataclasses.replace(dense, **unmeasured), pruned])))}
    item = found["The dense network, trained the same way, is reported"]
    assert (item.met, item.evidence) == (False, "1 of 1 pairs of method and seed have no dense network with a test accuracy.")


def test_a_command_is_given_only_for_what_prunelab_ran(to_frame, make_network, tmp_path):
    for changes, given in (({"git_commit": None}, False), ({"git_commit": None, "overrides": "seeds=[0]"}, True), ({}, True)):
        page = report(to_frame([make_network(level=level, **changes) for level in (0, 1)]), tmp_path)
        assert ("prunelab run experiment=lottery_mnist5k" in page.text) == given


def test_nothing_is_fetched_from_elsewhere(study, tmp_path):
    page = report(study, tmp_path)
    assert page.links
    for link in page.links:
        assert not re.match(r"(?i)\s*(\w+:|//)", link), link
        assert link.startswith("#") or (tmp_path / link).is_file()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', (tmp_path / "report.html").read_text(encoding="utf-8"))
    assert policy is not None
    assert policy[1].startswith("default-src 'none'")


def test_the_plotted_numbers_are_those_of_the_records(to_frame, make_network, tmp_path):
    frame = to_frame([make_network(seed=s, level=n, test_top1=0.9 - 0.1 * n + 0.01 * s) for s in (0, 1, 2) for n in (0, 1, 2)])
    plots = {plot["id"]: plot["figure"] for plot in report(frame, tmp_path).plots}
    traces = {trace.get("name"): trace for trace in plots["plot-accuracy-0"]["data"] if trace.get("showlegend", True)}
    assert traces["Tickets"]["y"] == pytest.approx([91, 81, 71])
    assert traces["Tickets"]["x"] == pytest.approx([100, 100 * (0.8 * 265_200 + 900) / 266_200, 100 * (0.64 * 265_200 + 810) / 266_200])
    assert traces["Dense"]["y"] == pytest.approx([91, 91])
    x_axis = plots["plot-accuracy-0"]["layout"]["xaxis"]
    assert x_axis["type"] == "log"
    assert x_axis["range"][0] > x_axis["range"][1], "weights left fall to the right"


def test_a_logarithmic_axis_can_be_made_linear(study, tmp_path):
    page = report(study, tmp_path)
    linear = {plot["id"]: plot["linear"] for plot in page.plots}
    assert linear["plot-accuracy-0"]["type"] == "linear"
    assert linear["plot-accuracy-0"]["title"]["text"] == "Weights left (%)"
    assert linear["plot-accuracy-0"]["range"] == pytest.approx([102.9, 0.69], abs=0.1), "in per cent, not in powers of ten"
    assert linear["plot-barrier-0"] is None, "its axis is linear already"
    raw = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert raw.count('data-scale="linear"') == sum(1 for key in ("accuracy", "early_stop", "pareto") if linear[f"plot-{key}-0"])


def test_each_series_has_one_button_that_is_named_as_its_traces(study, tmp_path):
    page = report(study, tmp_path)
    for key, plots in itertools.groupby(page.plots, key=lambda plot: plot["key"]):
        named = {name for plot in plots for trace in plot["figure"]["data"] for name in (trace.get("meta") or {}).get("groups", ())}
        assert sorted(page.series.get(key, [])) == sorted(named), key
    assert page.series["accuracy"] == ["Tickets", "Reinitialised", "Shuffled mask", "Random mask", "Small dense", "Dense"]


def test_the_figures_of_accuracy_against_cost_are_shown_one_at_a_time(to_frame, make_study, tmp_path):
    records = [dataclasses.replace(r, size_bytes=round(1e6 * (1 - r.sparsity))) for r in make_study(levels=4)]
    report(to_frame(records), tmp_path)
    raw = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'data-shows="(\w+)"[^>]*aria-pressed="(\w+)"', raw) == [("pareto", "true"), ("size", "false")]
    assert re.findall(r'<figure id="(\w+)"[^>]* hidden>', raw) == ["size"]


def test_the_table_can_be_read_without_the_plots(to_frame, make_network, tmp_path):
    frame = to_frame([make_network(seed=s, level=0, test_top1=0.94 + 0.01 * s) for s in (0, 1, 2)])
    page = report(frame, tmp_path)
    assert "95.0 ± 2.5" in page.text
    assert "94.0 95.0 96.0" in page.text


def test_names_with_markup_show_as_text(to_frame, make_study, tmp_path):
    records = make_study(levels=2, controls=("reinit",), criterion=EVIL, study=EVIL, git_commit=EVIL)
    records += make_study(levels=2, controls=(), criterion="magnitude")
    page = report(to_frame(records), tmp_path, title=EVIL, description=EVIL)
    assert page.text.count("<script>alert(1)</script>") >= 5
    assert not any("alert(1)" in data for given, data in page.scripts if "id" not in given)
    raw = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in raw
    names = {trace.get("name") for plot in page.plots for trace in plot["figure"]["data"]}
    assert any(name and name.startswith("&lt;script&gt;") for name in names)


def test_a_seed_that_only_another_method_has_is_missing(to_frame, make_network):
    records = [make_network(seed=s, level=n, criterion="obs") for s in range(3) for n in (1, 2)]
    records += [make_network(seed=0, level=n, criterion="snip") for n in (1, 2)]
    records += [make_network(seed=7, level=n, criterion="snip", dataset="cifar10") for n in (1, 2)]
    found = [line for line in caveats(checked(to_frame(records))) if "missing" in line]
    assert [line.split(":")[1] for line in found] == [f" seed {seed} is missing at levels 1 to 2." for seed in (1, 2)]
    assert all("snip" in line and "mnist5k" in line for line in found)


def test_a_diverged_run_without_an_accuracy_is_in_no_mean(to_frame, make_network):
    records = [make_network(seed=s, level=n) for s in range(3) for n in (0, 1)]
    records += [make_network(seed=s, level=n, diverged=True, test_top1=None) for s in (0, 2) for n in (2, 3)]
    records += [make_network(seed=1, level=n, diverged=True, test_top1=0.1) for n in (2, 4)]
    assert [line for line in caveats(checked(to_frame(records))) if line.startswith("Diverged")] == [
        "Diverged, marked with a cross and kept in the means: Tickets at levels 2, 4, seed 1.",
        "Diverged, without an accuracy and left out of the means: Tickets at levels 2 to 3, seeds 0, 2.",
    ]


def test_a_study_of_dense_networks_has_no_pruned_one_yet(to_frame, make_network, tmp_path):
    frame = to_frame([make_network(seed=s) for s in range(3)])
    assert headline(checked(frame)) == ["No pruned network yet."]
    assert "Smallest" not in report(frame, tmp_path).text


def test_missing_seeds_diverged_runs_and_collapse_are_said(to_frame, make_study, make_network, tmp_path):
    records = [r for r in make_study(levels=5, controls=("reinit",)) if not (r.control == "reinit" and r.seed == 2 and r.level >= 3)]
    records = [r for r in records if not (r.control == "none" and r.level == 4)]
    records += [make_network(seed=s, level=4, test_top1=0.1, diverged=s == 1, collapsed_layers=1) for s in (0, 1, 2)]
    page = report(to_frame(records), tmp_path)
    assert "Reinitialised: seed 2 is missing at levels 3 to 5." in page.text
    assert "Diverged, marked with a cross and kept in the means: Tickets at level 4, seed 1." in page.text
    assert "3 networks have a layer without any weight left" in page.text
    assert "(n = 2)" in page.text
    assert "1 diverged" in page.text
    marks = [t for p in page.plots if p["id"] == "plot-accuracy-0" for t in p["figure"]["data"] if t.get("name") == "A run diverged"]
    assert [len(mark["x"]) for mark in marks] == [1]


def test_one_seed_without_controls_and_barriers(to_frame, make_study, tmp_path):
    page = report(to_frame(make_study(seeds=(0,), levels=3, controls=())), tmp_path)
    assert "There is one seed: no number here has an interval" in page.text
    assert "No instability analysis was recorded" in page.text
    assert "±" not in page.text.split("Mean over seeds")[0]
    assert not (tmp_path / "barrier.png").exists()


def test_only_dense_networks_or_only_barriers_still_make_a_page(to_frame, make_network, make_barrier, tmp_path):
    page = report(to_frame([make_network(seed=s) for s in (0, 1)]), tmp_path / "dense")
    assert "No pruned network has a test accuracy." in page.text
    page = report(to_frame([make_barrier(seed=s, rewind_step=r) for s in (0, 1) for r in (0, 100)]), tmp_path / "barriers")
    assert "plot-barrier-0" in {plot["id"] for plot in page.plots}


def test_figures_that_no_longer_exist_are_removed(study, tmp_path):
    write_report(study, tmp_path, title="t")
    (tmp_path / "mine.png").write_bytes(b"not ours")
    write_report(study[study["kind"] == "point"], tmp_path, title="t")
    assert not (tmp_path / "barrier.pdf").exists()
    assert (tmp_path / "mine.png").exists()
    assert not list(tmp_path.glob(".report-*"))


def test_the_same_records_give_the_same_bytes(study, tmp_path):
    small = study[study["level"] < 4]
    for name in ("a", "b"):
        write_report(small, tmp_path / name, title="t")
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_a_failed_report_leaves_the_last_one(study, tmp_path, monkeypatch):
    path = write_report(study[study["level"] < 3], tmp_path, title="first")
    before = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()}
    monkeypatch.setattr("prunelab.results.drawing._save", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_report(study, tmp_path, title="second")
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == before
    assert "first" in path.read_text(encoding="utf-8")


def test_wrong_frames_are_refused(study, tmp_path):
    with pytest.raises(ValueError, match="no rows"):
        write_report(study.iloc[:0], tmp_path / "x", title="t")
    with pytest.raises(ValueError, match="no column .*sparsity"):
        write_report(study.drop(columns="sparsity"), tmp_path / "x", title="t")
    assert not (tmp_path / "x").exists()


def test_networks_without_a_compression_ratio_are_named(to_frame, make_study, make_network, tmp_path):
    records = make_study(levels=3, controls=("reinit",))
    records += [make_network(seed=s, level=2, control="small_dense", compression_ratio=None) for s in (0, 1, 2)]
    assert "Recorded without a compression ratio, so not shown: small dense." in report(to_frame(records), tmp_path).text


def test_json_in_a_script_element_cannot_end_it():
    value = {"</script><!--": ["<script>", "a & b", "\u2028"]}
    text = script_json(value)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == value
