"""Jobs: a composed config, checked and planned."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from prunelab.basics.component import Component
    from prunelab.datasets.splits import Splits
    from prunelab.study.plan import Plan
    from prunelab.study.study import Study
    from prunelab.study.workshop import Workshop


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """A study that was checked and planned, and where it goes.

    Attributes:
        number: in its sweep.
        command: that runs it alone.
        home: folder of records and artifacts.
        log: file that says what it did.
        workshop: what its stages share.
        plan: what it computes.
        tracker: where it is mirrored.
    """

    number: int
    command: str
    home: Path
    log: Path
    workshop: Workshop
    plan: Plan
    tracker: Component


def job_of(config: DictConfig, *, worker: bool = False) -> Job:
    """Check the config that `HydraConfig` is at, and plan its study.

    Args:
        config: of the job.
        worker: whether this process is one of several: torch then has one thread, unless the config says how many.

    Raises:
        ValueError: for anything that is wrong with it.
    """
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    from prunelab.config import to_study, tracker_of
    from prunelab.study.plan import plan

    hydra_config = HydraConfig.get()
    choices = {str(group): str(choice) for group, choice in hydra_config.runtime.choices.items()}
    task = list(hydra_config.overrides.task)
    study = to_study(config, choices, " ".join(override for override in task if not override.startswith("home=")))
    home = Path(config.home).resolve()
    workshop = _workshop(study, home, worker)
    return Job(
        number=0 if OmegaConf.is_missing(hydra_config.job, "num") else int(hydra_config.job.num),
        command=shlex.join(["prunelab", "run", *task]),
        home=home,
        log=Path(hydra_config.runtime.output_dir) / "stages.log",
        workshop=workshop,
        plan=plan(study, workshop),
        tracker=tracker_of(config, choices),
    )


_loaded: dict[str, Splits] = {}  # of this process: the jobs of a sweep mostly have the same data


def _workshop(study: Study, home: Path, worker: bool) -> Workshop:
    import torch

    from prunelab.store.store import Store
    from prunelab.study.workshop import Workshop

    threads = study.hardware.threads or (1 if worker else 0)
    if threads:
        torch.set_num_threads(threads)
    return Workshop(store=Store(home / "store"), hardware=study.hardware, loaded=_loaded)
