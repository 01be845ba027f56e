"""Weights & Biases: one run a trained point, grouped by study."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from prunelab.tracking.tracker import NoRun, Run

# a server that does not answer costs this much, once, and then nothing: W&B's own values wait for very long
_PATIENCE: dict[str, Any] = {"init_timeout": 30.0, "finish_timeout": 60.0, "finish_timeout_raises": True}


class WandbTracker:
    """Streams to W&B, offline by default (send later with `wandb sync`).

    Args:
        directory: where W&B keeps its run folders (in `directory/wandb`).
        mode: offline or online.
        project: W&B project.
        entity: W&B user or team; none is the account's own.
    """

    def __init__(
        self,
        *,
        directory: Path,
        mode: Literal["offline", "online"] = "offline",
        project: str = "prunelab",
        entity: str | None = None,
    ) -> None:
        self.directory, self.mode, self.project, self.entity = Path(directory), mode, project, entity
        self._failed = False
        self._started = 0

    def start(self, name: str, *, run_id: str, group: str, job_type: str, config: Mapping[str, Any], tags: list[str]) -> Run:
        """See `Tracker`. Curves have the optimizer step (`step`) as their x."""

        def begin() -> Run:
            import wandb

            logging.getLogger("wandb").setLevel(logging.ERROR)
            self.directory.mkdir(parents=True, exist_ok=True)
            run = wandb.init(
                project=self.project,
                entity=self.entity,
                dir=str(self.directory),
                id=run_id,
                name=name,
                group=group,
                job_type=job_type,
                config=dict(config),
                tags=tags,
                mode=self.mode,  # pyright: ignore[reportArgumentType]
                reinit="create_new",
                settings=_cheap_settings(save_requirements=not self._started),
            )
            self._started += 1
            run.define_metric("step")
            run.define_metric("*", step_metric="step")
            return _WandbRun(run, self)

        return self.guard(begin, NoRun())

    def guard(self, action: Callable[[], Any], otherwise: Any = None) -> Any:
        """Do `action` unless tracking failed before; a failure is one warning and ends tracking, never the study."""
        if self._failed:
            return otherwise
        try:
            return action()
        except Exception as error:  # whatever W&B raises, training goes on
            self._failed = True
            warnings.warn(f"W&B failed and is off from here on ({type(error).__name__}: {error}); records are kept", stacklevel=3)
            return otherwise


class _WandbRun:
    def __init__(self, run: Any, tracker: WandbTracker) -> None:
        self._run, self._tracker = run, tracker
        self.id: str | None = run.id

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self._tracker.guard(lambda: self._run.log({"step": step, **metrics}))

    def finish(self, summary: Mapping[str, Any]) -> None:
        def end() -> None:
            self._run.summary.update(dict(summary))
            self._run.finish()

        self._tracker.guard(end)


def _cheap_settings(*, save_requirements: bool) -> Any:
    """Nothing is gathered that a point's config does not say already: a run costs hundredths of a second, not one.

    The list of installed packages goes with the first run of a process; reading it costs more than all the rest.
    """
    import wandb

    return wandb.Settings(
        **{name: value for name, value in _PATIENCE.items() if name in wandb.Settings.model_fields},  # older ones have not all
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
    )
