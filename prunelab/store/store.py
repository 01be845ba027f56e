"""The store: what a stage leaves, under the stage's key.

    root/artifacts/ab/abcd.../manifest.json      format version, the stage's description, SHA-256 of each file
                              data.json          JSON
                              tensors.safetensors
    root/partial/abcd.../                        checkpoint within a long stage
    root/leases/abcd....lease                    who computes it now
    root/failures/abcd....json                   why it could not be computed, until it is
    root/plans/STUDY/*.json                      what the jobs of a study need (see `plans`)
    root/damaged/, root/temporary/

An artifact is written to a temporary folder and renamed, so a key that exists is whole. Nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from safetensors.torch import load, save

from prunelab.store.artifact import Artifact, DamagedArtifact, Held, StoreError
from prunelab.store.lease import Lease

FORMAT = 1
_FILES = ("data.json", "tensors.safetensors")
_KEY = re.compile(r"^[0-9a-f]{64}$")
_TEMPORARY_SECONDS = 24 * 3600


class Store:
    """Artifacts in a folder, shared by any number of processes."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def has(self, key: str) -> bool:
        """Whether the artifact of `key` is there."""
        return (self._folder(key) / "manifest.json").is_file()

    def read(self, key: str) -> Artifact:
        """The artifact of `key`, its checksums verified.

        Raises:
            KeyError: if there is none.
            DamagedArtifact: if its files are not what was written; they have been set aside, so it is computed again.
            ValueError: if a newer prunelab wrote it.
        """
        return self._read(self._folder(key), key)

    def data(self, key: str) -> dict[str, Any]:
        """The JSON part alone."""
        return self._read(self._folder(key), key, tensors=False).data

    def description(self, key: str) -> dict[str, Any]:
        """What the artifact of `key` was computed from: the description of its stage.

        Raises:
            KeyError: if there is none.
            DamagedArtifact, ValueError: as `read`.
        """
        folder = self._folder(key)
        self._checksums(folder, key)  # says what is wrong with a manifest
        return json.loads((folder / "manifest.json").read_text())["description"]

    def folder(self, key: str) -> Path:
        """Where the artifact of `key` is."""
        return self._folder(key)

    def remove(self, key: str) -> None:
        """Delete the artifact of `key`, in one step for whoever looks on."""
        grave = self.root / "temporary" / uuid.uuid4().hex
        grave.parent.mkdir(parents=True, exist_ok=True)
        self._folder(key).rename(grave)
        shutil.rmtree(grave, ignore_errors=True)

    def write(self, key: str, artifact: Artifact, *, description: dict[str, Any]) -> None:
        """Store `artifact`; dropped if the key exists already.

        Raises:
            StoreError: if it could not be written; the store is as it was.
        """
        if not self.has(key):
            self._write(self._folder(key), artifact, description)

    def keys(self) -> Iterator[str]:
        """All keys that have an artifact."""
        yield from (path.parent.name for path in sorted(self.root.glob("artifacts/*/*/manifest.json")))

    def compute(self, key: str, make: Callable[[], Artifact], *, description: dict[str, Any], wait: bool = True) -> tuple[Artifact, bool]:
        """The artifact of `key`: read, or else made once, whoever else asks at the same time.

        Args:
            key: of the artifact.
            make: computes it.
            description: kept beside it.
            wait: for another process that makes it.

        Returns:
            The artifact, and whether it was made here.

        Raises:
            Held: if another process makes it, unless this is to `wait`.
            StoreError: if it can't be written.
        """
        found = self.read_if_whole(key)
        if found is not None:
            return found, False
        with self._taken(key, wait):
            found = self.read_if_whole(key)  # made by another while this process waited
            if found is not None:
                return found, False
            made = make()
            self.write(key, made, description=description)
            self.drop_partial(key)
            (self.root / "failures" / f"{key}.json").unlink(missing_ok=True)
            return made, True

    @contextlib.contextmanager
    def _taken(self, key: str, wait: bool) -> Iterator[None]:
        lease = self.lease(key)
        try:
            if wait:
                lease.acquire()
            elif not lease.try_acquire():
                raise Held(key)
        except OSError as error:
            raise _unwritable(self.root, error) from error
        try:
            yield
        finally:
            lease.release()

    def read_if_whole(self, key: str) -> Artifact | None:
        """The artifact of `key`, or None if there is none; a damaged one is set aside and warned of."""
        if not self.has(key):
            return None
        try:
            return self.read(key)
        except DamagedArtifact as error:
            warnings.warn(f"{error}; it is computed again", stacklevel=3)
        except KeyError:  # removed in between
            pass
        return None

    def held(self) -> dict[str, dict[str, str | int]]:
        """Keys that somebody alive computes now, and who: host, process."""
        found: dict[str, dict[str, str | int]] = {}
        for path in sorted((self.root / "leases").glob("*.lease")):
            lease = Lease(path)
            if lease.alive and (holder := lease.holder()):
                found[path.stem] = holder
        return found

    def tidy(self) -> None:
        """Clear away the leases and checkpoints of stages that are there: of processes killed right after they had stored them."""
        for path in [*(self.root / "leases").glob("*.lease"), *(self.root / "partial").glob("*")]:
            key = path.name.removesuffix(".lease")
            lease = self.lease(key)
            with contextlib.suppress(OSError):  # read-only, or gone
                if self.has(key) and lease.try_acquire():
                    self.drop_partial(key)
                    lease.release()

    def lease(self, key: str) -> Lease:
        """The lease of `key`: who holds it computes it."""
        _check(key)
        return Lease(self.root / "leases" / f"{key}.lease")

    def write_partial(self, key: str, artifact: Artifact) -> None:
        """Keep a checkpoint within the stage of `key`, replacing the last."""
        folder = self.root / "partial" / _check(key)
        names = sorted(folder.glob("*")) if folder.is_dir() else []
        self._write(folder / uuid.uuid4().hex, artifact, {})
        for old in names:
            shutil.rmtree(old, ignore_errors=True)

    def read_partial(self, key: str) -> Artifact | None:
        """The newest checkpoint within the stage of `key`, if there is a whole one."""
        folder = self.root / "partial" / _check(key)
        for path in sorted(folder.glob("*"), key=lambda p: p.stat().st_mtime, reverse=True):
            with contextlib.suppress(DamagedArtifact, KeyError):
                return self._read(path, key)
        return None

    def drop_partial(self, key: str) -> None:
        """Delete the checkpoints within the stage of `key`."""
        shutil.rmtree(self.root / "partial" / _check(key), ignore_errors=True)

    def _folder(self, key: str) -> Path:
        return self.root / "artifacts" / _check(key)[:2] / key

    def _read(self, folder: Path, key: str, *, tensors: bool = True) -> Artifact:
        checksums = self._checksums(folder, key)
        contents: dict[str, bytes] = {}
        for name in _FILES if tensors else ("data.json",):
            with contextlib.suppress(FileNotFoundError):
                contents[name] = (folder / name).read_bytes()
            if hashlib.sha256(contents.get(name, b"")).hexdigest() != checksums[name]:
                raise self._set_aside(folder, key, name)
        loaded = load(contents["tensors.safetensors"]) if tensors else {}
        return Artifact(tensors=loaded, data=json.loads(contents["data.json"]))

    def _checksums(self, folder: Path, key: str) -> dict[str, str]:
        """SHA-256 of each file, from the manifest."""
        try:
            manifest = json.loads((folder / "manifest.json").read_text())
            newer = manifest["format"] > FORMAT
            checksums = {} if newer else {name: manifest["sha256"][name] for name in _FILES}  # a newer one may differ in these
        except FileNotFoundError:
            raise KeyError(key) from None
        except (ValueError, KeyError, TypeError) as error:  # not JSON, or not a manifest
            raise self._set_aside(folder, key, "manifest.json") from error
        if newer:
            raise ValueError(f"{folder} was written by a newer prunelab (format {manifest['format']}, this one reads {FORMAT})")
        return checksums

    def _set_aside(self, folder: Path, key: str, name: str) -> DamagedArtifact:
        aside = self.root / "damaged" / f"{key[:16]}-{uuid.uuid4().hex[:8]}"
        try:
            aside.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(aside)
        except OSError as error:
            return DamagedArtifact(f"{name} of artifact {key[:16]} is not what was written, and {folder} can't be moved: {error.strerror}")
        return DamagedArtifact(f"{name} of artifact {key[:16]} is not what was written; set aside in {aside}")

    def _write(self, folder: Path, artifact: Artifact, description: dict[str, Any]) -> None:
        temporary = self.root / "temporary" / uuid.uuid4().hex
        try:
            self._sweep(temporary.parent)
            temporary.mkdir(parents=True)
            contents = {
                "data.json": json.dumps(artifact.data, sort_keys=True).encode(),
                "tensors.safetensors": save({name: value.contiguous() for name, value in artifact.tensors.items()}),
            }
            checksums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
            manifest = {"format": FORMAT, "description": description, "sha256": checksums}
            for name, content in {**contents, "manifest.json": json.dumps(manifest, indent=1).encode()}.items():
                with (temporary / name).open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            _sync(temporary)
            folder.parent.mkdir(parents=True, exist_ok=True)
            if folder.is_dir() and not (folder / "manifest.json").is_file():
                self._set_aside(folder, folder.name, "manifest.json")  # remains that would be in the way for ever
            with contextlib.suppress(FileExistsError):
                _rename(temporary, folder)
            _sync(folder.parent)
        except OSError as error:
            raise _unwritable(self.root, error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    @staticmethod
    def _sweep(parent: Path) -> None:
        """Delete what killed writers left in `parent` a day ago or earlier."""
        for old in parent.iterdir() if parent.is_dir() else ():
            with contextlib.suppress(OSError):
                if time.time() - old.stat().st_mtime > _TEMPORARY_SECONDS:
                    shutil.rmtree(old, ignore_errors=True)


def _unwritable(root: Path, error: OSError) -> StoreError:
    return StoreError(error.errno, f"{error.strerror}: nothing was stored (space left? writable?)", str(root))


def _sync(folder: Path) -> None:
    """Make the names in `folder` survive a power cut; the files' contents are synced one by one."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename(temporary: Path, folder: Path) -> None:
    """Rename a folder into place; one that is there already stays (its contents are the same by construction)."""
    try:
        temporary.rename(folder)
    except OSError:
        if not (folder / "manifest.json").is_file():
            raise
        raise FileExistsError(folder) from None


def _check(key: str) -> str:
    if not _KEY.match(key):
        raise ValueError(f"{key!r} is not a key: 64 hexadecimal digits")
    return key
