"""The environment of a measurement."""

from __future__ import annotations

import torch

from prunelab.metrics import machine as machine_


def test_the_processor_is_named_as_it_names_itself(tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nmodel name\t: Abacus 9000 @ 1 Hz\nmodel name\t: other\n")
    assert machine_.processor(file) == "Abacus 9000 @ 1 Hz"
    assert machine_.processor(tmp_path / "missing")


def test_the_environment_says_what_decides_speed():
    found = machine_.machine()
    assert torch.__version__.startswith(found["libraries"]["torch"])
    assert found["threads"] == torch.get_num_threads()
    assert found["processor"]


def test_another_processor_is_another_fingerprint_and_threads_are_none_of_its(monkeypatch):
    here = machine_.fingerprint()
    assert here == machine_.fingerprint()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 99)
    assert machine_.fingerprint() == here
    monkeypatch.setattr(machine_, "processor", lambda: "Abacus 9000")
    assert machine_.fingerprint() != here
