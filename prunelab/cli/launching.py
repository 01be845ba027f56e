"""Hydra's part of a run: all jobs of a command line are composed first, then handed to the launcher that it names."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from prunelab.cli.warming import workers_getting_ready

_PRESETS = ("joblib", "ray")  # in conf/hydra/launcher, in the place of what the plugins register under these names

Launch = Callable[[list[int], TaskFunction], Sequence[JobReturn]]
One = Callable[[DictConfig], None]
Many = Callable[[Iterator[DictConfig], Launch, bool], list[Any]]


def run_hydra(overrides: Sequence[str], *, one: One, many: Many, launches: bool = True) -> None:
    """Compose as Hydra's own command line does.

    Args:
        overrides: the command line.
        one: takes the config of a single job.
        many: takes the configs of a sweep in order, each composed as it is asked for and current in `HydraConfig` until the
            next; what launches the jobs of given places in that order; and whether they are launched in this process.
            Returns what each job leaves.
        launches: whether `many` will launch them, unless there is an error; workers then get ready while it plans.
    """
    import hydra

    from prunelab.config import conf_dir, register_schema

    register_schema()
    arguments, environment = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["prunelab run", *overrides]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come here, where they are said in one way
    try:
        with _all_at_once(many, launches):
            hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(one)()
    finally:
        sys.argv = arguments
        if environment is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = environment


@contextmanager
def _all_at_once(many: Many, launches: bool) -> Iterator[None]:
    """Whatever launcher a sweep names, `many` sees its jobs first. Hydra has no hook between composing and launching.

    The sweeper's own composing of each job, for its errors alone, is left out: `many` composes them all before one runs.
    """
    plugins = Plugins.instance()
    for name in _PRESETS:
        ConfigStore.instance().repo.get("hydra", {}).get("launcher", {}).pop(f"{name}.yaml", None)
    instantiate, instantiate_any_sweeper = plugins.instantiate_launcher, plugins.instantiate_sweeper

    def instantiate_sweeper(*, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> Sweeper:
        del vars(plugins)["instantiate_sweeper"]
        sweeper = instantiate_any_sweeper(hydra_context=hydra_context, task_function=task_function, config=config)
        vars(sweeper)["validate_batch_is_legal"] = lambda _batch: None
        return sweeper

    def instantiate_launcher(*, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> Launcher:
        del vars(plugins)["instantiate_launcher"]  # once; launchers send this singleton to their workers
        inner = instantiate(hydra_context=hydra_context, task_function=task_function, config=config)
        return _AllAtOnce(inner, many, launches, hydra_context, config)

    vars(plugins).update(instantiate_launcher=instantiate_launcher, instantiate_sweeper=instantiate_sweeper)
    try:
        yield
    finally:
        for name in ("instantiate_launcher", "instantiate_sweeper"):
            vars(plugins).pop(name, None)


class _AllAtOnce(Launcher):
    """Composes all jobs in this process, and leaves launching them to `inner`."""

    def __init__(self, inner: Launcher, many: Many, launches: bool, context: HydraContext, config: DictConfig) -> None:
        self._inner, self._many, self._launches, self._context, self._config = inner, many, launches, context, config
        self._task: TaskFunction | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Done already when it was made."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """See `run_hydra`."""
        before = HydraConfig.instance().cfg
        overrides = [list(words) for words in job_overrides]

        def launch(places: list[int], task: TaskFunction) -> Sequence[JobReturn]:
            """Jobs of consecutive places."""
            starting.close()
            self._inner.setup(hydra_context=self._context, task_function=task, config=self._config)
            return self._inner.launch([overrides[place] for place in places], initial_job_idx + places[0])

        configs = (self._compose(words, initial_job_idx + place) for place, words in enumerate(overrides))
        here = str(self._config.hydra.launcher["_target_"]).endswith("BasicLauncher")
        starting = ExitStack()
        try:
            with starting:
                if self._launches:
                    starting.enter_context(workers_getting_ready(self._inner, len(overrides), self._config))
                left = self._many(configs, launch, here)
        finally:
            HydraConfig.instance().cfg = before
        return [
            JobReturn(overrides=words, status=JobStatus.COMPLETED, _return_value=found)
            for words, found in zip(overrides, left, strict=True)
        ]

    def _compose(self, overrides: list[str], number: int) -> DictConfig:
        """The config of a job, as it will be where it runs."""
        config = self._context.config_loader.load_sweep_config(self._config, overrides)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
        HydraConfig.instance().set_config(config)
        sweep = config.hydra.sweep
        with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
            config.hydra.runtime.output_dir = str((Path(str(sweep.dir)) / str(sweep.subdir)).absolute())
        HydraConfig.instance().set_config(config)
        task = OmegaConf.masked_copy(config, [str(name) for name in config if name != "hydra"])
        return task
