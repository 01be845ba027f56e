"""The checkout that this prunelab runs from: where what a researcher writes goes."""

from __future__ import annotations

from pathlib import Path


def checkout() -> Path:
    """The root of the checkout.

    Raises:
        ValueError: if prunelab was installed from a wheel, so that files written here would be lost or never found.
    """
    from prunelab.config import conf_dir

    root = conf_dir().parent
    if not (root / "pyproject.toml").is_file():
        raise ValueError(
            f"prunelab runs from {root}, which is no checkout; clone the repository, and in it: make test (or pip install --editable .)"
        )
    return root
