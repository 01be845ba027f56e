"""How W&B is asked to behave: cheap, quiet, and with an end to its patience."""

from __future__ import annotations

import logging
from typing import Any


class NoKey(ValueError):  # noqa: N818 - it names what is missing
    """There is no API key to go online with."""


def check_key() -> None:
    """W&B would ask for a key, in the middle of a training, where nobody looks.

    Raises:
        NoKey: if there is none.
    """
    from wandb.sdk.lib import wbauth

    host = _host()
    if not wbauth.authenticate_session(host=host, source="prunelab", prompt=False):
        raise NoKey(f"no API key for {host}: run `wandb login` or set WANDB_API_KEY")


def _host() -> str:
    import wandb

    return wandb.setup().settings.base_url


def quiet_settings(*, patience: float, save_requirements: bool, sweep_id: str = "") -> Any:
    """Nothing is gathered that a point's config does not say already: a run costs hundredths of a second, not one.

    Args:
        patience: seconds that beginning or ending a run may take; W&B's own values wait for minutes.
        save_requirements: whether the list of installed packages goes with the run; reading it costs more than all the rest.
        sweep_id: of the W&B sweep that the run is part of; "" for none.
    """
    import wandb

    quiet = wandb.Settings(console="off", silent=True, quiet=True)
    wandb.setup(quiet)  # what W&B says at its start and end is in nobody's run
    logging.getLogger("wandb").setLevel(logging.ERROR)
    limits = {"init_timeout": patience, "finish_timeout": patience, "finish_timeout_raises": True}
    return wandb.Settings(
        **{name: value for name, value in limits.items() if name in wandb.Settings.model_fields},  # older ones have not all
        console="off",
        silent=True,
        quiet=True,
        disable_git=True,
        disable_code=True,
        save_code=False,
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_save_requirements=save_requirements,
        sweep_id=sweep_id or None,
    )
