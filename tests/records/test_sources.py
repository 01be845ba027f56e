"""Records by every way back: the same columns, the same front, the same curves."""

from __future__ import annotations

import dataclasses
import json
import warnings

import numpy as np
import pandas as pd
import pytest

from prunelab.records.frame import load, same
from prunelab.records.from_csv import load_csv
from prunelab.records.from_wandb_api import load_wandb_project, parse_project
from prunelab.records.from_wandb_files import load_wandb_files, run_files, studies_of
from prunelab.records.mirror import config_of
from prunelab.records.runs import frame_of_runs
from prunelab.records.schema import AXES, COLUMNS, NESTED, Record
from prunelab.records.sources import source_of
from prunelab.records.to_csv import to_csv
from prunelab.records.writer import write_record
from prunelab.results.curves import series
from prunelab.results.pareto import front
from prunelab.tracking.wandb_folders import sync, unsent
from prunelab.tracking.wandb_tracker import WandbTracker
from tests.tracking.loopback import Loopback

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
LATENCIES = {"batch": [1.0, 1.0], "length": [128.0, 256.0], "latency_seconds": [0.1 + 0.2, 1e-5]}
PATIENCE = 240.0  # for a machine that does much else


def records() -> list[Record]:
    """Two seeds of a dense network and two prunes, one diverged, a barrier, and a summary of none: numbers of every kind."""
    common = {"study": "s", "model": "lenet", "dataset": "digits", "criterion": "magnitude", "variant": "12345678", "stage_key": "9" * 64}
    found = [
        Record(
            **common, seed=seed, level=level, sparsity_requested=asked, sparsity=asked + seed * 1e-5, compression_ratio=1 / (1 - asked),
            test_top1=0.9 - level * seed / 7, parameters=266_610 - level, layer_density={"fc2.weight": 1 / 3, "fc1.weight": 1 - asked},
            curve={"step": [1.0, 2.0], "validation_loss": [0.1 + 0.2, 1e-17 * (seed + 1)]}, wandb_id="x", train_seconds=1.5,
            latencies=LATENCIES,
        )
        for seed in (0, 1) for level, asked in enumerate((0.0, 0.2, 0.36))
    ]  # fmt: skip
    found[-1] = dataclasses.replace(found[-1], diverged=True, test_top1=None, test_loss=float("nan"), train_loss=float("inf"))
    barrier = {"alpha": [0.0, 0.5, 1.0], "test_error": [0.1, 0.30000000000000004, 0.1]}
    return [*found, Record(**common, kind="barrier", rewind_step=5, barrier=0.2, barrier_curve=barrier)]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Records, and the W&B runs of them on disk."""
    home = tmp_path_factory.mktemp("home")
    tracker = WandbTracker(directory=home)
    for record in records():
        write_record(home / "records", record)
        bare = Record(**{axis: getattr(record, axis) for axis in AXES})
        options = {"run_id": record.record_id[:16], "group": "s", "job_type": "train", "config": config_of(bare, {}), "tags": []}
        run = tracker.start("n", **options)
        run.log(1, {"validation_loss": 0.1})
        run.finish(record)
    return home


@pytest.fixture(scope="module")
def server():
    with Loopback() as server:
        yield server


@pytest.fixture(scope="module")
def sent(home, server):
    """The runs, sent to the server by W&B's own sync."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        kept = unsent(run_files(home / "wandb"))
        done = sync(kept, project="", entity="me", patience=PATIENCE)
        assert (len(done.sent), done.left) == (7, []), done.said
        requests = len(server.requests)
        assert unsent(kept) == []  # and so nothing is sent again
        assert len(server.requests) == requests
        import wandb

        wandb.teardown()  # its settings were read before the server was there
        yield home
        wandb.teardown()


def agree(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Number for number, and in what is drawn of them."""
    assert same(one, other) == []
    assert list(one.columns) == list(other.columns)
    columns = ["compression_ratio", "test_top1"]
    pd.testing.assert_frame_equal(
        front(one, columns)[columns].reset_index(drop=True), front(other, columns)[columns].reset_index(drop=True)
    )
    pd.testing.assert_frame_equal(series(one, "test_top1"), series(other, "test_top1"))
    densities = [[list(density) for density in frame["layer_density"] if density] for frame in (one, other)]
    assert densities[0] == densities[1]  # in order of the network


def test_offline_folders(home):
    agree(load(home / "records", "s"), load_wandb_files(home / "wandb"))
    assert set(studies_of(run_files(home / "wandb")).values()) == {"s"}


def test_the_public_api_by_pages(sent, server, tmp_path):
    project = parse_project("wandb:me/prunelab/s")
    found = load_wandb_project(project, cache=tmp_path, page=2)
    agree(load(sent / "records", "s"), found)
    pages = server.count("Runs")
    assert pages >= 4 + 4  # seven runs by two, listed and then read
    again = load_wandb_project(project, cache=tmp_path, page=2)
    assert same(found, again) == []
    assert server.count("Runs") == pages + 4  # listed again; nothing has changed, so nothing is read
    with pytest.raises(ValueError, match="groups with runs: s"):
        load_wandb_project(parse_project("wandb:me/prunelab/t"), cache=tmp_path, page=100)
    with pytest.raises(ValueError, match="nowhere can't be read from W&B"):
        load_wandb_project(parse_project("wandb:me/nowhere"), cache=tmp_path)


def test_an_unreachable_api_is_the_cache_and_a_warning(sent, tmp_path, monkeypatch):
    project = parse_project("wandb:me/prunelab")
    found = load_wandb_project(project, cache=tmp_path)

    def refuse(*_, **__):
        raise ConnectionError("connection refused")

    monkeypatch.setattr("wandb.Api", refuse)
    with pytest.warns(UserWarning, match="can't be reached.*7 runs.*connection refused"):
        assert same(found, load_wandb_project(project, cache=tmp_path)) == []
    with pytest.raises(ValueError, match="connection refused"):
        load_wandb_project(project, cache=tmp_path / "empty")


def test_csv(home, tmp_path):
    frame = load(home / "records", "s")
    whole, points = tmp_path / "whole.csv", tmp_path / "points.csv"
    written = frame.copy()
    for name in NESTED:
        written[name] = [json.dumps(cell) if cell else "" for cell in frame[name]]
    written.to_csv(whole, index=False)
    agree(frame, load_csv(whole))
    points.write_bytes(to_csv(frame))  # as in a report
    found = load_csv(points)
    agree(frame.assign(curve=None), found)
    assert found["latencies"].dropna().tolist() == [LATENCIES] * 6


@pytest.mark.parametrize("density", [{'a"b, é': 1e-17, "c": 1.0}, {"a": float("nan"), "b": 0.1 + 0.2}, {"a": None}, {"a": float("inf")}])
def test_layer_densities_of_any_kind_go_through_a_csv(tmp_path, density):
    path = tmp_path / "t.csv"
    rows = [Record(level=level, sparsity=0.1, test_top1=0.9, layer_density=cell) for level, cell in enumerate((density, None))]
    path.write_bytes(to_csv(pd.DataFrame([dataclasses.asdict(row) for row in rows])))
    found = load_csv(path)["layer_density"].tolist()
    np.testing.assert_equal(found, [density, None])


def test_a_table_of_one_study_is_named_after_it_and_leaves_its_report_alone(tmp_path):
    path = tmp_path / "t.csv"
    for studies, expected in (("ss", ("s", "s-t")), ("st", ("t", "t")), ("tt", ("t", "t")), ("//", ("t", "t"))):
        path.write_text("study,sparsity,test_top1\n" + "".join(f"{name},0.{place},0.9\n" for place, name in enumerate(studies)))
        source = source_of(str(path), home=tmp_path)
        assert (source.name, source.folder, len(source.load())) == (*expected, 2)


def test_a_table_from_elsewhere(tmp_path):
    path = tmp_path / "paper.csv"
    path.write_text("seed,density,test_top1\n0,1.0,0.9\n0,0.5,0.91\n0,0.1,0.8\n1,1.0,0.92\n1,0.5,0.9\n1,0.1,\n")
    found = load_csv(path)
    assert list(found.columns) == list(COLUMNS)
    assert found["level"].tolist() == [0, 1, 2, 0, 1, 2]
    np.testing.assert_allclose(found["sparsity"], [0, 0.5, 0.9, 0, 0.5, 0.9])
    assert set(found["study"]) == {"paper"}
    assert found["test_top1"].isna().tolist() == [False] * 5 + [True]


def test_a_table_without_compression_ratios_gets_those_of_its_sparsities(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("kind,seed,sparsity,test_top1\npoint,0,0,0.9\npoint,0,0.75,0.9\npoint,0,1,0.1\nbarrier,0,0.75,\n")
    found = load_csv(path)
    ratios = dict(zip(zip(found["kind"], found["sparsity"], strict=True), found["compression_ratio"], strict=True))
    assert {key: value for key, value in ratios.items() if value == value} == {("point", 0.0): 1.0, ("point", 0.75): 4.0}
    path.write_text("seed,sparsity,test_top1,compression_ratio\n0,0.75,0.9,3.9\n0,0.5,0.9,\n")  # some were measured
    np.testing.assert_equal(load_csv(path)["compression_ratio"].tolist(), [np.nan, 3.9])


@pytest.mark.filterwarnings("ignore:.*columns that are none of a record's")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sparsty,test_top1\n0.5,0.9\n", "no column that says how much is left.*Nearest: sparsty for sparsity"),
        ("sparsity,test_acc\n0.5,0.9\n", "no column that says how good it is"),
        ("sparsity,test_top1\n50,0.9\n", "row 1: sparsity = 50 is not a fraction"),
        ("sparsity,test_top1\n0.5,good\n", "row 1: test_top1 = 'good' is not a number"),
        ("sparsity,test_top1,seed\n0.5,0.9,1.5\n", "seed = '1.5' is not a whole number"),
        ("compression_ratio,test_top1\n0.5,0.9\n", "must be at least 1"),
        ("sparsity,test_top1,layer_density\n0.5,0.9,[1]\n", "layer_density = .* is not a JSON object"),
        ("sparsity,test_top1\n0.5,0.9\n,0.8\n", "row 2: neither a level nor how much is left .*give the sparsity, which is 0 for a dense"),
        ("trial,sparsity,test_top1\n0,0.5,0.9\n1,0.5,0.8\n", "rows 1 and 2 are the same point .*differ in trial, .*no column seed"),
        (
            "method,seed,sparsity,test_top1\nA,0,0.5,0.9\nA,0,0.7,0.9\nB,0,0.5,0.8\n",
            "rows 1 and 3 .*differ in method, .*seed .of replicates",
        ),
        ("seed,sparsity,test_top1\n0,0.5,0.9\n0,0.5,0.9\n", "rows 1 and 2 are the same point .*leave one out"),
        ("sparsity,test_top1\n", "has no rows"),
        ("", "is not a table"),
    ],
)
def test_what_is_wrong_with_a_table_is_named(tmp_path, text, said):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        load_csv(path)


def levels(tmp_path, rows: list[tuple[str, int, float]]) -> list[int]:
    """The levels of rows with a control, a seed and a sparsity, in their order."""
    path = tmp_path / "t.csv"
    path.write_text("control,seed,sparsity,test_top1\n" + "".join(f"{control},{seed},{at!r},0.9\n" for control, seed, at in rows))
    found = load_csv(path)
    known = {(row["control"], row["seed"], row["sparsity"]): row["level"] for row in found.to_dict("records")}
    return [known[row] for row in rows]


def test_sparsities_that_differ_a_little_between_seeds_are_one_level(tmp_path):
    ladder = (0.0, 0.5, 0.75)
    rows = [(control, seed, at and at + 0.002 * seed) for control in ("none", "random") for seed in (0, 1, 2) for at in ladder]
    assert levels(tmp_path, rows) == [0, 1, 2] * 6
    assert levels(tmp_path, [*rows[:9], ("random", 0, 0.753), ("random", 1, 0.9)]) == [0, 1, 2] * 3 + [2, 3]
    two_on_one = [("random", 0, 0.5), ("random", 0, 0.501)]
    assert levels(tmp_path, [*rows[:9], *two_on_one]) == [0, 3, 4] * 3 + [1, 2]


@pytest.mark.parametrize(
    ("ladders", "expected"),
    [
        ([(0.5, 0.9), (0.5, 0.8)], [1, 3, 1, 2]),  # not as many weights left
        ([(0.5, 0.75), (0.5,)], [1, 2, 1]),  # a seed lacks a level
        ([(0.5, 0.51), (0.51, 0.52)], [1, 2, 2, 3]),  # what they share says more than their order
        ([(0.5, 0.51), (0.5, 0.51)], [1, 2, 1, 2]),
        ([(0.00001, 0.5)], [1, 2]),  # not dense
    ],
)
def test_other_sparsities_are_levels_of_their_own(tmp_path, ladders, expected):
    assert levels(tmp_path, [("none", seed, at) for seed, ladder in enumerate(ladders) for at in ladder]) == expected


def test_a_barrier_may_lack_a_sparsity(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("kind,seed,sparsity,test_top1,barrier\npoint,0,0.5,0.9,\nbarrier,0,,,0.1\n")
    assert load_csv(path)[["kind", "level"]].to_numpy().tolist() == [["barrier", 0], ["point", 1]]


def test_a_reader_without_need_of_curves_gets_all_else(tmp_path):
    for record in records():
        write_record(tmp_path / "records", dataclasses.replace(record, curve={"step": [1.0], "train_loss": [0.5]}))
    source = source_of(records()[0].study, home=tmp_path)
    whole, rest = source.load(), source.load(curves=False)
    assert whole["curve"].notna().all()
    assert rest["curve"].isna().all()
    pd.testing.assert_frame_equal(rest.drop(columns="curve"), whole.drop(columns="curve"))
    assert source.load()["curve"].notna().all(), "the index has lost none"


def test_the_run_of_a_point_that_was_started_last_counts():
    config = config_of(Record(study="s", seed=1, level=1), {})
    runs = [
        {"run_id": run_id, "start_time": f"2026-01-0{day}", "config": config, "summary": summary}
        for run_id, day, summary in (
            ("x", 2, {"sparsity": 0.2, "test_top1": 0.8}), ("x-again", 1, {"sparsity": 0.2, "test_top1": 0.7}), ("y", 3, {}),
        )
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the point was measured, so the run that ended before is not missed
        found = frame_of_runs(runs, source="t")
    assert found[["test_top1", "wandb_id"]].to_numpy().tolist() == [[0.8, "x"]]


def test_an_unknown_column_is_named_and_left_out(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("sparsity,test_top1,criterio\n0.5,0.9,x\n")
    with pytest.warns(UserWarning, match=r"criterio \(did you mean criterion\?\)"):
        assert load_csv(path)["criterion"].tolist() == [""]


def test_runs_that_were_killed_are_said(tmp_path):
    tracker = WandbTracker(directory=tmp_path)
    for record in records()[:2]:
        bare = Record(**{axis: getattr(record, axis) for axis in AXES})
        options = {"run_id": record.record_id[:16], "group": "s", "job_type": "train", "config": config_of(bare, {}), "tags": []}
        tracker.start("n", **options).finish(record if record.level else None)
    with pytest.warns(UserWarning, match="1 runs ended before their point was measured"):
        assert load_wandb_files(tmp_path)["level"].tolist() == [1]


def test_words_that_name_a_source(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("sparsity,test_top1\n0.5,0.9\n")
    named = {word: source_of(word, home=home).name for word in ("s", "t.csv", str(home / "wandb"), "wandb:me/p", "wandb:me/p/g")}
    assert named == {"s": "s", "t.csv": "t", str(home / "wandb"): home.name, "wandb:me/p": "p", "wandb:me/p/g": "g"}
    for word, said in (("x", "study 'x'"), ("no.csv", "no file or folder"), ("wandb:me", "must be wandb:ENTITY/PROJECT")):
        with pytest.raises(ValueError, match=said):
            source_of(word, home=home)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(source_of("s", home=home).load()) == 7
