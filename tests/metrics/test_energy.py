"""RAPL counters, made by hand."""

from __future__ import annotations

import pytest

from prunelab.metrics.energy import counts_energy, energy_of_block


def _zone(root, folder, name, value, most=1_000_000_000):
    zone = root / folder
    zone.mkdir(parents=True)
    for file, content in (("name", name), ("energy_uj", value), ("max_energy_range_uj", most)):
        (zone / file).write_text(f"{content}\n")
    return zone / "energy_uj"


def test_packages_and_memory_are_added_and_their_parts_are_not(tmp_path):
    counters = {
        name: _zone(tmp_path, folder, name, 1_000_000)
        for folder, name in (
            ("intel-rapl:0", "package-0"),
            ("intel-rapl:0:0", "core"),
            ("intel-rapl:0:1", "dram"),
            ("intel-rapl:1", "psys"),
        )
    }
    _zone(tmp_path, "intel-rapl-mmio:0", "package-0", 0)
    with energy_of_block(tmp_path) as spent:
        for factor, counter in enumerate(counters.values(), start=2):
            counter.write_text(str(factor * 1_000_000))
        assert spent.joules is None
    assert spent.joules == pytest.approx((2 - 1) + (4 - 1))


def test_a_counter_that_wraps_around(tmp_path):
    counter = _zone(tmp_path, "intel-rapl:0", "package-0", 900_000, most=1_000_000)
    with energy_of_block(tmp_path) as spent:
        counter.write_text("300000")
    assert spent.joules == pytest.approx(0.4)


def test_where_nothing_counts_nothing_is_said(tmp_path):
    for root in (tmp_path, tmp_path / "missing"):
        assert not counts_energy(root)
        with energy_of_block(root) as spent:
            pass
        assert spent.joules is None
    (tmp_path / "intel-rapl:0").mkdir()  # a zone without a counter
    assert not counts_energy(tmp_path)
