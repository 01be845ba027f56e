"""Jobs of a W&B sweep: what W&B's agent leaves in the environment of the command that it starts.

To the agent a command is one run; here it is a study of many. So the run that the agent waits for is the one that sums the
study up, and the runs of the points are kept out of the sweep, into which W&B would else put every one of them, under one name.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_RUN, _SWEEP, _PARAMETERS = "WANDB_RUN_ID", "WANDB_SWEEP_ID", "WANDB_SWEEP_PARAM_PATH"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """The run that an agent asks for.

    Attributes:
        run_id: of it; "" without an agent.
        sweep_id: of its sweep.
        parameters: that the sweep chose.
    """

    run_id: str = ""
    sweep_id: str = ""
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def taken_from_agent() -> Asked:
    """What the agent asks for, taken out of the environment before W&B reads it.

    Raises:
        ValueError: if the file with the parameters can't be read.
    """
    if not os.environ.get(_SWEEP):
        return Asked()
    run_id, sweep_id, path = (os.environ.pop(name, "") for name in (_RUN, _SWEEP, _PARAMETERS))
    try:
        found = yaml.safe_load(Path(path).read_text()) if path else {}
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"the parameters of W&B's sweep {sweep_id} can't be read from {path}: {error}") from error
    values = {name: entry["value"] for name, entry in (found or {}).items() if isinstance(entry, dict) and "value" in entry}
    return Asked(run_id=run_id, sweep_id=sweep_id, parameters=values)
