"""Data sets of texts: what is read, how it is split and batched."""

from __future__ import annotations

import json
import re

import pytest
import torch

from prunelab.datasets.packages import source_archive
from prunelab.datasets.splits import Split
from prunelab.datasets.text_files import hub_text, text_file
from prunelab.training.batches import MemoryBatches, Order, split_batches
from tests.conftest import configured

ROWS = [(f"{'good ' * (1 + i % 5)}film number {i}", ("bad", "good")[i % 2]) for i in range(60)]


def _csv(path, separator=","):
    path.write_text("\n".join(separator.join(row) for row in [("text", "label"), *ROWS]) + "\n")
    return path


def _jsonl(path):
    path.write_text("\n".join(json.dumps({"text": text, "label": label}) for text, label in ROWS) + "\n")
    return path


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
def test_a_file_of_texts(tmp_path, suffix):
    path = tmp_path / f"texts.{suffix}"
    _jsonl(path) if suffix == "jsonl" else _csv(path, "," if suffix == "csv" else "\t")
    splits = text_file(path=str(path), validation=0.2, test=10)
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [38, 12, 10]
    assert (splits.num_classes, splits.num_tokens, splits.train.padding) == (2, 30_522, 0)
    assert splits.input_shape == (int(max(s.lengths.max() for s in (splits.train, splits.validation, splits.test))),)
    words = splits.train.inputs[0][splits.train.inputs[0] != 0]
    assert words[0] == 101, "[CLS]"
    assert words[-1] == 102, "[SEP]"
    lengths = splits.test.lengths.tolist()
    assert lengths == sorted(lengths), "evaluation batches carry little padding"


def test_an_official_test_file_is_the_test_split(tmp_path):
    own, official = _csv(tmp_path / "a.csv"), tmp_path / "b.csv"
    official.write_text("text,label\nfine,good\nawful,bad\n")
    splits = text_file(path=str(own), test_path=str(official), validation=10)
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [50, 10, 2]


def test_classes_are_numbered_in_order(tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text("text,label\n" + "".join(f"a text,{label}\n" for label in (10, 9, 2) for _ in range(9)))
    splits = text_file(path=str(path), validation=3, test=3)
    assert splits.num_classes == 3
    assert splits.test.targets.bincount().tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("options", "mend"),
    [
        ({"path": "nowhere.csv"}, "is no file"),
        ({"text": "txt"}, r"'txt'.*text"),
        ({"label": "lable"}, r"'lable'.*label"),
        ({"validation": 1.5}, "fraction below 1"),
        ({"max_length": 1}, "at least 3"),
        ({"tokenizer": "./nowhere"}, "is no folder"),
    ],
)
def test_bad_options_are_refused_in_words(tmp_path, options, mend):
    path = str(_csv(tmp_path / "texts.csv"))
    with pytest.raises((ValueError, FileNotFoundError), match=mend):
        text_file(**{"path": path, **options})


def test_bad_files_are_refused_in_words(tmp_path):
    empty, one, other = tmp_path / "empty.csv", tmp_path / "one.csv", tmp_path / "texts.xml"
    empty.write_text("text,label\na,good\n,bad\n")
    one.write_text("text,label\na,good\nb,good\n")
    other.write_text("<a/>")
    for path, mend in ((empty, "row 2 .* has no text"), (one, "needs two"), (other, r"\.xml")):
        with pytest.raises(ValueError, match=mend):
            text_file(path=str(path))


def test_a_hub_data_set_in_a_folder(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "films").mkdir()
    _csv(tmp_path / "films" / "train.csv")
    _csv(tmp_path / "films" / "test.csv")
    splits = hub_text(name=str(tmp_path / "films"), validation=10)
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [50, 10, 60]
    with pytest.raises(ValueError, match="validation"):
        hub_text(name=str(tmp_path / "films"), test_split="validation")


def test_movie_snippets_are_10605_sentences_half_of_them_positive():
    splits = configured("dataset", "movie_snippets").replace(tokenizer="minilm").build()
    parts = (splits.train, splits.validation, splits.test)
    assert [len(part) for part in parts] == [7800, 805, 2000]
    assert all(0.49 < part.targets.float().mean() < 0.5 for part in parts)
    assert splits.input_shape == (64,)
    again = configured("dataset", "movie_snippets").replace(tokenizer="minilm", split_seed=1).build()
    assert not torch.equal(again.train.inputs, splits.train.inputs)


def test_an_archive_of_another_checksum_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("PRUNELAB_CACHE", str(tmp_path))
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "a.tar.gz").write_bytes(b"not it")
    with pytest.raises(ValueError, match="SHA-256"):
        source_archive("a==1", "a.tar.gz", "0" * 64)
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "packages" / "b.tar.gz"))):
        source_archive("no such package!", "b.tar.gz", "0" * 64)


def _texts(count=200, longest=40, seed=0):
    stream = torch.Generator().manual_seed(seed)
    inputs = torch.randint(1, 99, (count, longest), generator=stream)
    lengths = torch.randint(2, longest + 1, (count,), generator=stream)
    inputs[torch.arange(longest) >= lengths[:, None]] = 0
    return Split(inputs=inputs, targets=torch.arange(count), padding=0)


def test_batches_of_texts_are_of_like_length_and_cut_to_the_longest():
    split = _texts()
    order = Order(num_examples=200, batch_size=10, seed=3, lengths=split.lengths)
    batches = MemoryBatches(split, order, None, torch.device("cpu"), slice(0, 10))
    seen, padding, longest = [], 0, []
    for step in range(order.steps):
        inputs, targets = batches(step)
        assert (inputs != 0).any(0)[-1], "no column is padding alone"
        assert torch.equal(inputs, split.inputs[targets][:, : inputs.shape[1]])
        seen += targets.tolist()
        padding += int((inputs == 0).sum())
        longest.append(inputs.shape[1])
    assert sorted(seen) == list(range(200)), "an epoch sees each text once"
    assert padding < 0.15 * int((split.inputs != 0).sum())
    assert longest not in (sorted(longest), sorted(longest, reverse=True)), "batches of one length do not come in a row"
    again = Order(num_examples=200, batch_size=10, seed=3, lengths=split.lengths)
    assert torch.equal(again(7), order(7))
    other = Order(num_examples=200, batch_size=10, seed=4, lengths=split.lengths)
    assert not torch.equal(other(7).sort().values, order(7).sort().values)


def test_evaluation_sees_every_text_once_cut_to_the_longest_of_its_batch():
    split = _texts(23)
    found = list(split_batches(split, 5))
    assert torch.cat([targets for _, targets in found]).tolist() == list(range(23))
    assert all((inputs != 0).any(0)[-1] for inputs, _ in found)
