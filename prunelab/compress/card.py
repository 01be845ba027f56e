"""The page that goes with a model: what it is, how good, how large, how fast, and how to load it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

_METHOD = ("criterion", "allocation", "granularity", "schedule", "retraining", "control", "seed", "level")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Card:
    """What a page says that the record does not.

    Attributes:
        title: of the page.
        what: a sentence on what was done to the trained network.
        files: name -> bytes.
        check: sentences on what was compared, with numbers.
        usage: lines of Python that load it.
        facts: further rows of the table of sizes.
    """

    title: str
    what: str
    files: Mapping[str, int]
    check: Sequence[str]
    usage: Sequence[str]
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)


def model_card(record: Mapping[str, Any], card: Card) -> str:
    """A README in Markdown of the network that `record` is of; what was not measured is left out.

    Args:
        record: columns of `prunelab.records.schema.Record`.
        card: the rest.
    """
    method = ", ".join(f"{name} {record[name]}" for name in _METHOD if _is_known(record.get(name)))
    files = {f"`{name}`": f"{size:,} bytes" for name, size in card.files.items()}
    parts = [
        f"# {card.title}",
        card.what,
        _table(
            ("", ""),
            {
                "model": f"{record['model']}",
                "data set": f"{record['dataset']}",
                "method": method,
                "study": f"{record['study']}",
                "stage key": f"`{record['stage_key']}`",
            },
        ),
        "## Quality, on the test split",
        _table(("measure", "value"), _rows(record, _QUALITY)),
        "## Size",
        _table(("measure", "value"), {**_rows(record, _SIZES), **card.facts, **files}),
    ]
    if _is_known(record.get("latency_seconds")):
        parts += ["## Measured latency", _latency(record)]
    parts += ["## Check", "\n".join(f"- {sentence}" for sentence in card.check)]
    parts += ["## Load it", "```python\n" + "\n".join(card.usage) + "\n```"]
    made = ", ".join(f"{name} {record[key]}" for key, name in _VERSIONS.items() if _is_known(record.get(key)))
    return "\n\n".join(part for part in (*parts, f"Trained with {made}." if made else "") if part) + "\n"


def _share(value: float) -> str:
    return f"{100 * value:.2f} %"


def _number(value: float) -> str:
    return f"{value:.4g}"


def _count(value: float) -> str:
    return f"{int(value):,}"


def _times(value: float) -> str:
    return f"{value:.2f}x"


_QUALITY = {
    "test_top1": ("accuracy", _share),
    "test_f1": ("macro F1", _number),
    "test_loss": ("cross-entropy", _number),
    "test_ece": ("expected calibration error", _number),
}
_SIZES = {
    "sparsity": ("sparsity of the prunable weights", _share),
    "compression_ratio": ("all weights before / after", _times),
    "parameters": ("parameters left", _count),
    "theoretical_speedup": ("multiply-adds before / after", _times),
    "size_bytes": ("bytes of the weights left, stored sparse", _count),
    "zipped_bytes": ("the same, deflated", _count),
}
_VERSIONS = {"torch_version": "torch", "prunelab_version": "prunelab", "git_commit": "commit"}


def _rows(record: Mapping[str, Any], columns: Mapping[str, tuple[str, Any]]) -> dict[str, str]:
    return {meaning: write(record[name]) for name, (meaning, write) in columns.items() if _is_known(record.get(name))}


def _latency(record: Mapping[str, Any]) -> str:
    batch = f"batches of {_count(record['latency_batch'])}"
    if _is_known(record.get("latency_length")):
        batch += f" texts of {_count(record['latency_length'])} tokens"
    sentence = (
        f"{1000 * record['latency_seconds']:.3g} ms a pass (quartiles {1000 * record['latency_low']:.3g} to "
        f"{1000 * record['latency_high']:.3g}) in {batch}, {_times(record['measured_speedup'])} the dense network's speed; "
        f"runtime {record['runtime']}, threads {_count(record['latency_threads'])}, {record['processor']}."
    )
    note = record.get("runtime_note")
    return f"{sentence} {note}." if _is_known(note) else sentence


def _table(head: tuple[str, str], rows: Mapping[str, str]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    return "\n".join(lines) if rows else ""


def _is_known(value: Any) -> bool:
    return value is not None and value != "" and not (isinstance(value, float) and math.isnan(value))
