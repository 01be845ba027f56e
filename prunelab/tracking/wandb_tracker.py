"""Weights & Biases: one run a measured point, grouped by study, and one that sums the study up.

Whoever trains never waits for a server: online runs are written by a thread of their own (`errands`). When the server does not
answer within `patience`, what follows is kept on disk as offline runs, that is said once, and `prunelab track sync` sends it later.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from prunelab.basics.canonical import digest as digest_of
from prunelab.records.schema import Record
from prunelab.tracking import wandb_layout as layout
from prunelab.tracking.errands import AtOnce, InBackground
from prunelab.tracking.tracker import Digest, Kind, Run, Stored
from prunelab.tracking.wandb_agent import taken_from_agent
from prunelab.tracking.wandb_folders import mark_unsent
from prunelab.tracking.wandb_settings import NoKey, check_key, quiet_settings

WANTED = {"none": (), "masks": ("mask",), "all": ("mask", "checkpoint")}


class WandbTracker:
    """Streams to W&B, or writes offline runs for `prunelab track sync`.

    Args:
        directory: where W&B keeps its run folders (in `directory/wandb`).
        mode: offline or online.
        project: W&B project.
        entity: W&B user or team; none is the account's own.
        artifacts: files kept beside the runs, with their lineage: none, masks, or all (checkpoints too).
        patience: seconds that the server may take to answer before the rest is kept offline.
    """

    def __init__(
        self,
        *,
        directory: Path,
        mode: Literal["offline", "online"] = "offline",
        project: str = "prunelab",
        entity: str | None = None,
        artifacts: Literal["none", "masks", "all"] = "none",
        patience: float = 10.0,
    ) -> None:
        if patience <= 0:
            raise ValueError(f"tracking.patience = {patience} must be more than 0 seconds")
        self.directory, self.project, self.entity, self.artifacts, self.patience = Path(directory), project, entity, artifacts, patience
        self.mode: Literal["offline", "online", "off"] = mode
        self._errands = AtOnce() if mode == "offline" else InBackground()
        self._trouble: str | None = None
        self._said = False
        self._started = 0
        self._agent = taken_from_agent()

    def wants(self, kind: Kind) -> bool:
        """See `Tracker`."""
        return kind in WANTED[self.artifacts]

    def start(self, name: str, *, run_id: str, group: str, job_type: str, config: Mapping[str, Any], tags: Sequence[str]) -> Run:
        """See `Tracker`."""
        self.say()
        options = {"name": name, "id": run_id, "group": group, "job_type": job_type, "config": dict(config), "tags": list(tags)}
        return _WandbRun(self, options)

    def summarise(self, make: Callable[[], Digest], *, news: bool) -> None:
        """See `Tracker`. As a job of a W&B sweep it is the run that the sweep's agent waits for."""
        asked = self._agent
        if self.mode == "off" or not (news or asked.run_id):
            return
        digest = make()
        options: dict[str, Any] = {
            "name": f"{digest.study}-summary",
            "id": asked.run_id or digest_of({"summary of": digest.study})[:16],
            "group": digest.study,
            "job_type": layout.SUMMARY_JOB,
            "config": {**asked.parameters, "study": digest.study},
            "tags": [],
        }
        _WandbRun(self, options, sweep_id=asked.sweep_id).conclude(lambda live: layout.log_digest(live, digest))
        self.flush()

    def flush(self) -> None:
        """See `Tracker`."""
        self._errands.wait()
        self.say()

    def do(self, action: Callable[[], None], offline: Callable[[], bool]) -> None:
        """Do `action` as W&B's turn comes; a failure is noted, and tracking goes on offline, or ends if what failed was `offline`."""

        def errand() -> None:
            if self.mode == "off":
                return
            try:
                action()
            except Exception as error:  # whatever W&B raises, training goes on
                self.fail(error, offline=offline())

        self._errands.do(errand)

    def fail(self, error: Exception, *, offline: bool) -> None:
        """Go on offline; not at all if that is what failed."""
        what = " ".join(f"{type(error).__name__}: {error}".split())
        if not offline:  # of several runs that were online each may fail
            self.mode = "offline"
            rest = "what follows is kept offline; send it later with `prunelab track sync STUDY`"
        else:
            self.mode = "off"
            rest = "tracking is off from here on; records are kept"
        self._trouble = self._trouble or f"W&B failed, {rest} ({what})"

    def say(self) -> None:
        """Say what went wrong, once, in the thread of whoever asks."""
        if self._trouble and not self._said:
            self._said = True
            warnings.warn(self._trouble, stacklevel=3)

    def begin(self, options: Mapping[str, Any], sweep_id: str) -> Any:
        """Begin a W&B run in the mode that tracking is in now; offline, under another id, if online fails.

        Raises:
            Exception: whatever W&B raises offline.
        """
        if self.mode == "online":
            try:
                return self._init(options, sweep_id)
            except NoKey as error:  # W&B was not asked
                self.fail(error, offline=False)
            except Exception as error:
                self.fail(error, offline=False)
                # W&B's service holds on to the id of a run that it could not begin, for as long as the process lasts
                options = {**options, "id": f"{options['id']}-again"}
        return self._init(options, sweep_id)

    def _init(self, options: Mapping[str, Any], sweep_id: str) -> Any:
        self.directory.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("WANDB_DATA_DIR", str(self.directory / "wandb"))  # else files go to the user's home
        import wandb

        settings = quiet_settings(patience=self.patience, save_requirements=not self._started, sweep_id=sweep_id)
        if self.mode == "online":
            check_key()
        run = wandb.init(
            project=self.project,
            entity=self.entity,
            dir=str(self.directory),
            mode=self.mode,  # pyright: ignore[reportArgumentType]
            reinit="create_new",
            settings=settings,
            **options,
        )
        self._started += 1
        return run


class _WandbRun:
    """One W&B run; each of its calls is an errand of the tracker's."""

    def __init__(self, tracker: WandbTracker, options: Mapping[str, Any], sweep_id: str = "") -> None:
        self.id: str | None = None if tracker.mode == "off" else options["id"]
        self._tracker, self._live, self._offline = tracker, None, True

        def begin() -> None:
            self._live = tracker.begin(options, sweep_id)
            self.id = self._live.id  # another, if it had to be begun again
            self._offline = tracker.mode == "offline"
            layout.define_curves(self._live)

        tracker.do(begin, lambda: self._offline)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """See `Run`."""
        self._do(lambda live: layout.log_curve(live, step, metrics))

    def finish(self, record: Record | None = None, *, uses: Sequence[Stored] = (), leaves: Sequence[Stored] = ()) -> None:
        """See `Run`."""

        def log(live: Any) -> None:
            layout.log_files(live, uses=uses, leaves=leaves, offline=self._offline)
            if record is not None:
                layout.log_record(live, record)

        self.conclude(log, exit_code=0 if record is not None or uses or leaves else 1)

    def conclude(self, log: Callable[[Any], None], *, exit_code: int = 0) -> None:
        """Log the last things and end the run."""

        def end(live: Any) -> None:
            log(live)
            live.finish(exit_code=exit_code)

        self._do(end)
        self._tracker.say()

    def _do(self, action: Callable[[Any], None]) -> None:
        def errand() -> None:
            if self._live is None:  # it could not be begun
                return
            try:
                action(self._live)
            except Exception:
                if not self._offline:
                    mark_unsent(self._live)
                raise

        self._tracker.do(errand, lambda: self._offline)
