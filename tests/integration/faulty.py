"""Parts that go wrong, for studies that are to survive them. Named by `_target_` on a command line."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path

from prunelab.pruning.criteria.base import Context, Scores
from prunelab.pruning.criteria.magnitude import Magnitude
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Faulty(Magnitude):
    """Magnitude, but for what it does to its process while the file `trigger` is there.

    Attributes:
        fault: kill (the process, as the system does when memory runs out) or raise.
    """

    trigger: str
    fault: str = "raise"

    def __call__(self, model, scope: Scope, context: Context) -> Scores:
        if Path(self.trigger).exists():
            if self.fault == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("out of luck")
        return super().__call__(model, scope, context)
