"""A study with its artifacts as one file, to be moved between machines.

A tar file: `bundle.json` first (format, study, SHA-256 of every file), then `artifacts/`, `plans/STUDY/` and
`records/STUDY/`. What is imported is checked whole before anything of it is put in place, and nothing is ever put anywhere
else: names that are not of these forms, links and devices are refused.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from prunelab.store.store import Store

FORMAT = 1
_INDEX = "bundle.json"
_NAME = re.compile(
    r"^(?:artifacts/(?P<start>[0-9a-f]{2})/(?P<key>(?P=start)[0-9a-f]{62})/(?:manifest\.json|data\.json|tensors\.safetensors)"
    r"|(?:plans|records)/(?P<study>[A-Za-z0-9][A-Za-z0-9_.-]*)/[0-9a-f]{32}\.json)$"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import brought: numbers of artifacts and records that are new, and that were there already."""

    study: str
    artifacts: int
    artifacts_known: int
    records: int
    records_known: int


def export(store: Store, records: Path, study: str, keys: Iterable[str], target: Path) -> int:
    """Write `study` to `target`, whole or not at all.

    Args:
        store: where its artifacts are.
        records: folder of records.
        study: its name.
        keys: of its artifacts.
        target: the file; replaced if it is there.

    Returns:
        Bytes written.

    Raises:
        OSError: if the file could not be written.
    """
    files = dict(_files(store, Path(records), study, keys))
    sums = {name: _sum_of(path) for name, path in files.items()}
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("wb") as out:
            with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
                _add(tar, _INDEX, json.dumps({"format": FORMAT, "study": study, "sha256": sums}).encode())
                for name, path in files.items():
                    _add(tar, name, path.read_bytes())
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target.stat().st_size


def _files(store: Store, records: Path, study: str, keys: Iterable[str]) -> Iterator[tuple[str, Path]]:
    for key in sorted(keys):
        for path in sorted(store.folder(key).iterdir()):
            yield f"artifacts/{key[:2]}/{key}/{path.name}", path
    for name, folder in (("plans", store.root / "plans"), ("records", records)):
        for path in sorted((folder / study).glob("*.json")):
            yield f"{name}/{study}/{path.name}", path


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    tar.addfile(member, io.BytesIO(content))


def import_(store: Store, records: Path, source: Path) -> Imported:
    """Take a study in; artifacts and records that are there already stay as they are.

    Raises:
        ValueError: if the file is no bundle, damaged, of a newer version, or holds what does not belong in one. Nothing of it
            was taken in.
    """
    staged = store.root / "temporary" / uuid.uuid4().hex
    try:
        study = _stage(Path(source), staged)
        _check_artifacts(staged)
        return _take_in(store, Path(records), staged, study)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _stage(source: Path, staged: Path) -> str:
    """Unpack into `staged`, every file's checksum compared; the name of the study."""
    try:
        with tarfile.open(source, mode="r:") as tar:
            index = _index(source, tar.next(), tar)
            left: dict[str, str] = dict(index["sha256"])
            for member in tar:
                if member.name == _INDEX and member.offset == 0:
                    continue
                match = _NAME.match(member.name)
                if not match or not member.isreg() or match["study"] not in (None, index["study"]):
                    raise ValueError(f"{source} holds {member.name!r}, which does not belong in a bundle; nothing was imported")
                if _write(tar.extractfile(member), staged / member.name) != left.pop(member.name, None):
                    raise ValueError(f"{member.name} in {source} is not what was exported; nothing was imported")
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"{source} is no bundle, or damaged ({error}); nothing was imported") from error
    if left:
        raise ValueError(f"{source} lacks {len(left)} files, like {min(left)}: cut short? Nothing was imported")
    return index["study"]


def _index(source: Path, first: tarfile.TarInfo | None, tar: tarfile.TarFile) -> dict[str, Any]:
    file = tar.extractfile(first) if first is not None and first.name == _INDEX and first.isreg() else None
    try:
        index: Any = json.loads(file.read()) if file else None
        newer = index["format"] > FORMAT
        if newer:
            raise ValueError(f"{source} was written by a newer prunelab (format {index['format']}, this one reads {FORMAT})")
        found = {"study": str(index["study"]), "sha256": {str(name): str(value) for name, value in index["sha256"].items()}}
    except (TypeError, KeyError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{source} is no bundle: it does not begin with {_INDEX}") from error
    return found


def _write(content: IO[bytes] | None, path: Path) -> str:
    """Write to a new file; the SHA-256 of what was written."""
    assert content is not None  # a regular file
    path.parent.mkdir(parents=True, exist_ok=True)
    running = hashlib.sha256()
    with path.open("xb") as file:
        while block := content.read(1 << 20):
            running.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return running.hexdigest()


def _check_artifacts(staged: Path) -> None:
    """Every artifact is one: complete, and with checksums of its own that agree."""
    from prunelab.store.upkeep import verify

    keys = {path.name for path in staged.glob("artifacts/*/*")}
    found = verify(Store(staged))
    if found.whole != len(keys):
        wrong = (*found.damaged, *found.unreadable, f"{len(keys) - found.whole} artifacts are not complete")
        raise ValueError(f"{wrong[0]}; nothing was imported")


def _take_in(store: Store, records: Path, staged: Path, study: str) -> Imported:
    counts = {"artifacts": 0, "artifacts_known": 0, "records": 0, "records_known": 0}
    for path in sorted(staged.glob("artifacts/*/*")):
        known = store.has(path.name) or not _rename(path, store.folder(path.name))
        counts["artifacts_known" if known else "artifacts"] += 1
    for name, folder in (("plans", store.root / "plans"), ("records", records)):
        for path in sorted(staged.glob(f"{name}/{study}/*.json")):
            target = folder / study / path.name
            known = target.exists()
            if not known:
                target.parent.mkdir(parents=True, exist_ok=True)
                _move(path, target)
            if name == "records":
                counts["records_known" if known else "records"] += 1
    return Imported(study=study, **counts)


def _rename(staged: Path, target: Path) -> bool:
    """Put an artifact's folder in place; False if another was quicker."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        staged.rename(target)
        return True
    if not (target / "manifest.json").is_file():
        raise OSError(f"{target} is in the way: remove it")
    return False


def _move(path: Path, target: Path) -> None:
    """Put a file in place at once, from another file system too."""
    temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        shutil.copyfile(path, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
