"""Looking after a store: what is needed, how much room it takes, whether it is whole, and what can go."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prunelab.store.artifact import DamagedArtifact
from prunelab.store.plans import read_jobs, studies
from prunelab.store.store import Store

_KEY = re.compile(r"^[0-9a-f]{64}$")
_NO_TENSORS_BYTES = 64  # a safetensors file of no tensors is shorter


def needed(store: Store, study: str, stage_keys: Iterable[str]) -> set[str]:
    """Keys of the artifacts that `study` needs: all of its last sweep, and all that its records were made from.

    Args:
        store: the store.
        study: its name.
        stage_keys: of its records.
    """
    keep = set(stage_keys)
    if study in studies(store.root):
        keep |= {key for job in read_jobs(store.root, study) for key in job.stages}
    inputs = {key: _inputs(store, key) for key in store.keys()}  # noqa: SIM118 - not a dict
    left = list(keep)
    while left:  # what they were made from
        for key in inputs.get(left.pop(), set()) - keep:
            keep.add(key)
            left.append(key)
    # what was measured on them: kilobytes, which records of older plans may need
    measured = {key for key, read in inputs.items() if read and read <= keep and _has_no_tensors(store, key)}
    return {key for key in keep | measured if key in inputs}


def _inputs(store: Store, key: str) -> set[str]:
    try:
        description = store.description(key)
    except (KeyError, DamagedArtifact):
        return set()
    return {value for value in description.values() if isinstance(value, str) and _KEY.match(value)}


def _has_no_tensors(store: Store, key: str) -> bool:
    path = store.folder(key) / "tensors.safetensors"
    return path.is_file() and path.stat().st_size < _NO_TENSORS_BYTES


def size_of(folder: Path) -> int:
    """Bytes of the files below `folder`; 0 if there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verified:
    """What a look at every artifact found.

    Attributes:
        whole: number of artifacts that are what was written.
        damaged: what was set aside, in words.
        unreadable: what can't be judged (of a newer version), in words.
    """

    whole: int
    damaged: tuple[str, ...]
    unreadable: tuple[str, ...]


def verify(store: Store) -> Verified:
    """Read every artifact and compare its checksums; damaged ones are set aside, and computed again when needed."""
    whole, damaged, unreadable = 0, [], []
    for key in list(store.keys()):
        try:
            store.read(key)
            whole += 1
        except DamagedArtifact as error:
            damaged.append(str(error))
        except KeyError:
            continue  # removed meanwhile
        except ValueError as error:
            unreadable.append(str(error))
    return Verified(whole=whole, damaged=tuple(damaged), unreadable=tuple(unreadable))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Waste:
    """What nothing that is kept needs.

    Attributes:
        artifacts: keys.
        folders: checkpoints within stages, damaged artifacts and remains of killed writers.
        plans: studies whose plans go too.
        size_bytes: of all of it.
    """

    artifacts: tuple[str, ...]
    folders: tuple[Path, ...]
    plans: tuple[str, ...]
    size_bytes: int


def find_waste(store: Store, keep: set[str], keep_studies: Iterable[str]) -> Waste:
    """What can go if the artifacts of `keep` and the plans of `keep_studies` stay."""
    artifacts = tuple(key for key in store.keys() if key not in keep)  # noqa: SIM118 - not a dict
    planned = {key for study in keep_studies if study in studies(store.root) for job in read_jobs(store.root, study) for key in job.stages}
    folders: list[Path] = [path for path in sorted((store.root / "partial").glob("*")) if path.name not in planned]
    for name in ("damaged", "temporary"):
        folders += sorted((store.root / name).glob("*"))
    plans = tuple(name for name in studies(store.root) if name not in set(keep_studies))
    size = sum(size_of(store.folder(key)) for key in artifacts) + sum(size_of(path) for path in folders)
    return Waste(artifacts=artifacts, folders=tuple(folders), plans=plans, size_bytes=size)


def collect(store: Store, waste: Waste) -> None:
    """Delete `waste`.

    Raises:
        ValueError: if somebody computes with this store now.
    """
    held = store.held()
    if held:
        holders = ", ".join(sorted({f"{who['host']} (process {who['pid']})" for who in held.values()}))
        raise ValueError(f"{len(held)} stages are being computed with this store on {holders}; clean up when nothing runs")
    for key in waste.artifacts:
        store.remove(key)
        (store.root / "failures" / f"{key}.json").unlink(missing_ok=True)
    for path in (*waste.folders, *(store.root / "plans" / name for name in waste.plans)):
        shutil.rmtree(path, ignore_errors=True)


def report(store: Store, keys_of: dict[str, set[str]]) -> dict[str, Any]:
    """Bytes: of what each study needs, of what only it needs, of what none needs, and of what is no artifact."""
    sizes = {key: size_of(store.folder(key)) for key in store.keys()}  # noqa: SIM118 - not a dict
    found: dict[str, Any] = {"studies": {}, "all": sum(sizes.values())}
    for study, keys in keys_of.items():
        others: set[str] = set().union(*(more for name, more in keys_of.items() if name != study))
        found["studies"][study] = (sum(sizes[key] for key in keys), sum(sizes[key] for key in keys - others), len(keys))
    found["unneeded"] = sum(size for key, size in sizes.items() if not any(key in keys for keys in keys_of.values()))
    found["rest"] = {name: size_of(store.root / name) for name in ("partial", "damaged", "temporary")}
    return found
