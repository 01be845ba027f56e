"""The real command line on real small data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from prunelab.records.frame import load, same

REPOSITORY = Path(__file__).parents[2]
SMALL = ["name=small", "dataset=digits", "trainer=quick", "sparsity.levels=3", "tracking=none", "hardware=cpu"]
CONTROLS = "schedule.controls=[reinit,shuffle,random,small_dense]"


def command(home: Path, *arguments: str) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, "-m", "prunelab.cli", *arguments], {**os.environ, "PRUNELAB_HOME": str(home), "PYTHONPATH": str(REPOSITORY)}


def prunelab(home: Path, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
    line, environment = command(home, *arguments)
    done = subprocess.run(line, capture_output=True, text=True, env=environment, cwd=home.parent, check=False)
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A small study with all controls and a late rewind step, run once."""
    home = tmp_path_factory.mktemp("study") / "home"
    home.mkdir()
    prunelab(home, "run", *SMALL, CONTROLS, "schedule.rewind_to=5", "schedule.instability_steps=[0,5]", "seeds=[0,1]")
    return home


def _again(*more: str) -> list[str]:
    return ["run", *SMALL, CONTROLS, "schedule.rewind_to=5", "schedule.instability_steps=[0,5]", "seeds=[0,1]", *more]


def test_every_point_has_a_record(study):
    frame = load(study / "records", "small")
    points = frame[frame["kind"] == "point"]
    assert len(points) == 2 * (1 + 3 * 5)
    assert points["control"].value_counts().to_dict() == {"none": 8, "reinit": 6, "shuffle": 6, "random": 6, "small_dense": 6}
    asked = points["sparsity_requested"]
    assert ((points["sparsity"] - asked).abs() < 1e-4).all()
    assert points["test_top1"].between(0.05, 1).all()
    barriers = frame[frame["kind"] == "barrier"]
    assert barriers["rewind_step"].tolist() == [0, 0, 5, 5]
    assert all(len(curve["alpha"]) == 30 for curve in barriers["barrier_curve"])


def test_the_dense_networks_of_two_seeds_differ(study):
    frame = load(study / "records", "small").query("level == 0 and kind == 'point'")
    assert frame["test_loss"].nunique() == 2


def test_everything_done_takes_no_step(study):
    before = load(study / "records", "small")
    done = prunelab(study, *_again())
    assert "0 optimizer steps to run" in done.stdout
    assert same(before, load(study / "records", "small")) == []
    assert "everything is done" in prunelab(study, *_again("--plan")).stdout


def test_a_longer_ladder_trains_only_what_is_new(study):
    done = prunelab(study, *_again("sparsity.levels=4", "--plan"))
    trained = [line for line in done.stdout.splitlines() if "│ train " in line]
    assert len(trained) == 1
    steps = int(trained[0].split("│")[-2].replace(",", ""))
    # two seeds; ticket, shuffle and random start at step 5 of 38, the reinitialised and the small dense network at 0
    assert steps == 2 * (3 * (38 - 5) + 2 * 38)


def test_the_report_is_written(study):
    prunelab(study, "report", "small")
    folder = study / "reports" / "small"
    assert (folder / "points.csv").is_file()
    assert any(folder.rglob("accuracy*.png"))
    page = next(folder.glob("*.html")).read_text()
    assert "plotly" in page.lower()


def test_a_study_is_looked_into(study, tmp_path):
    out = ["--output", str(tmp_path / "out")]
    prunelab(study, "report", "small", *out)
    report = tmp_path / "out" / "report.html"
    assert "`prunelab inspect small` computes it" in report.read_text()
    assert 'href="inspect.html"' not in report.read_text()
    done = prunelab(study, "inspect", "small", "--sparsity", "0.2", *out)
    assert done.stdout == f"page: {tmp_path / 'out' / 'inspect.html'}\n"
    assert "prunelab report small" in done.stderr
    page = (tmp_path / "out" / "inspect.html").read_text()
    for words in ("level 1, 80", "Pruning-identified exemplars", "data:image/png;base64,", 'href="report.html"', "--sparsity 0.2"):
        assert words in page, words
    names = ("overlap", "agreement", "removed", "exemplars", "exemplar_classes", "calibration", "reliability")
    tables = {name: pd.read_csv(tmp_path / "out" / f"inspect_{name}.csv") for name in names}
    assert not any(table.empty for table in tables.values())
    records = load(study / "records", "small").query("kind == 'point' and control == 'none'")
    measured = tables["calibration"].set_index(["seed", "level"])["top1"]
    assert measured.to_dict() == records.set_index(["seed", "level"])["test_top1"].to_dict()
    assert {"magnitude", "gradient", "snip", "taylor"} == set(tables["agreement"]["first"]) | set(tables["agreement"]["second"])
    prunelab(study, "report", "small", *out)
    assert 'href="inspect.html"' in report.read_text()
    assert "computes it" not in report.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["small", "--only", "exemplar"], "Did you mean 'exemplars'"),
        (["small", "--criteria", "snap"], "Did you mean 'snip'"),
    ],
)
def test_a_wrong_word_of_inspect_is_one_sentence(study, tmp_path, arguments, said):
    done = prunelab(study, "inspect", *arguments, "--output", str(tmp_path / "out"), ok=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_kill_nine_then_the_same_command_gives_the_same_records(study, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    line, environment = command(home, *_again("hardware.checkpoint_seconds=0.01"))
    for pause in (5.0, 6.0):
        process = subprocess.Popen(line, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
    prunelab(home, *_again("hardware.checkpoint_seconds=0.01"))
    ignoring = ["overrides"]
    assert same(load(home / "records").drop(columns=ignoring).assign(overrides=""), load(study / "records").assign(overrides="")) == []
    assert not list((home / "store" / "leases").iterdir())


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("model=lenet_300_10", "Did you mean 'lenet_300_100'"),
        ("optimizer.lrr=1", "Did you mean 'lr'"),
        ("optimizer.lr=abc", "could not be converted to Float"),
        ("schedule.retraining=rewinding", "Did you mean 'lr_rewinding'"),
        ("model.widht=2", "Did you mean 'width'"),
        ("model.width=wide", "lenet_300_100.width = 'wide'"),
        ("schedule.rewind_to=99ep", "beyond the last step"),
        ("schedule.controls=[shufle]", "Did you mean 'shuffle'"),
        ("seeds=[]", "trains nothing"),
        ("seeds=[0,0]", "repeat"),
        ("trainer.batch_size=99999", "more than the"),
        ("name=a/b", "study name"),
        ("pruning.exclude=[fc9*]", "matches no prunable tensor"),
        ("dataset=cifar10", "dataset.download=true"),
        ("model=vgg_16", "smallest|at least|needs"),
    ],
)
def test_a_wrong_value_is_one_sentence_before_any_training(tmp_path, override, said):
    import re

    done = prunelab(tmp_path, "run", "dataset=digits", "tracking=none", override, ok=False)
    assert done.returncode == 2
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "store" / "artifacts").exists()


def test_a_sweep_shares_its_dense_networks(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    done = prunelab(home, "run", "-m", *SMALL, "schedule=lottery,lr_rewinding,fine_tuning,one_shot,no_retraining")
    assert "5 jobs, 20 points, 59 distinct stages (36 saved by sharing)" in done.stdout
    assert "5 of 5 jobs done in" in done.stdout
    frame = load(home / "records", "small")
    assert len(frame) == 5 * 4
    assert frame.query("level == 0")["stage_key"].nunique() == 1
    assert frame.query("level == 3 and retraining == 'none'")["total_steps"].notna().all()


def test_a_sweep_with_a_wrong_last_job_trains_nothing(tmp_path):
    done = prunelab(tmp_path, "run", "-m", *SMALL, "schedule.rewind_to=0,5,99ep", ok=False)
    assert "beyond the last step" in done.stderr
    assert not (tmp_path / "store" / "artifacts").exists()


def test_jobs_that_would_overwrite_each_others_records_are_refused(tmp_path):
    done = prunelab(tmp_path, "run", "-m", *SMALL, "sparsity.rate=0.2,0.5", ok=False)
    assert "jobs 0 and 1 measure different networks as level 1 of study small, and one would replace the other" in done.stderr
    assert not (tmp_path / "store" / "artifacts").exists()


def test_lists_say_a_line_each(tmp_path):
    for family, name in (("models", "resnet_20"), ("datasets", "mnist5k"), ("criteria", "magnitude"), ("experiments", "lottery_mnist5k")):
        lines = prunelab(tmp_path, "list", family).stdout.splitlines()
        assert any(line.startswith(name) and len(line) > len(name) + 10 for line in lines)


def test_the_config_can_be_seen_from_another_folder(tmp_path):
    assert "prunelab.models.lenet.lenet_300_100" in prunelab(tmp_path, "run", "--cfg", "job").stdout


def test_two_processes_train_one_network(tmp_path):
    """DDP on gloo: each process ends with the same weights (checked within), so the same masks; one record as ever."""
    home = tmp_path / "home"
    home.mkdir()
    small = [*SMALL, "sparsity.levels=1", "trainer.length=1ep"]
    prunelab(home, "run", *small, "hardware.devices=2", "hardware.strategy=ddp")
    alone = tmp_path / "alone" / "home"
    alone.mkdir(parents=True)
    prunelab(alone, "run", *small)
    two, one = (load(folder / "records").query("level == 1").iloc[0] for folder in (home, alone))
    assert two["sparsity"] == one["sparsity"]
    assert abs(two["test_loss"] - one["test_loss"]) < 1e-2


def test_two_processes_prune_while_they_train(tmp_path):
    """Growth looks at the gradients of both: were they not shared, masks and weights would part, which is checked within."""
    rigl = ["schedule=rigl", "schedule.dynamics.every=3it", "sparsity=list", "sparsity.values=[0.9]", "trainer.length=1ep"]
    prunelab(tmp_path, "run", *SMALL, *rigl, "hardware.devices=2", "hardware.strategy=ddp")
    row = load(tmp_path / "records").query("level == 1").iloc[0]
    assert row["sparsity"] == pytest.approx(0.9, abs=1e-5)
    assert row["mask_step"] > 0
