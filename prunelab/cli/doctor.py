"""`prunelab doctor`: what this machine has."""

from __future__ import annotations

from typing import Any

import click

from prunelab.cli.options import home_folder, home_option


@click.command()
@home_option
def doctor(home: str | None) -> None:
    """Say what this machine has and whether prunelab can work here."""
    import platform

    import torch

    from prunelab.records.frame import studies
    from prunelab.store.store import Store

    folder = home_folder(home)
    facts: dict[str, Any] = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "home": folder.resolve(),
        "studies": ", ".join(studies(folder / "records")) or "none",
        "artifacts": len(list(Store(folder / "store").keys())),
    }
    for name, value in facts.items():
        click.echo(f"{name:<10} {value}")
