"""The time of a run that has a limit in minutes."""

import time
from dataclasses import dataclass, field

from arcbench import series
from arcbench.runs import RunStore
from arcbench.training.config import TrainConfig
from arcbench.training.processes import ALONE, Processes

_ENDED = "minutes_over_at_step"  # in info.json


@dataclass(kw_only=True, slots=True)
class Clock:
    """Runs from its making on; of what an earlier process of the run did, the steps count."""

    store: RunStore
    max_minutes: float | None = None  # None: no limit
    processes: Processes = ALONE
    _started: float = field(default_factory=time.monotonic)
    _before_s: float = 0.0

    def begin(self) -> None:
        """Count the steps that are recorded already."""
        if self.max_minutes is not None:
            recorded = self.store.metrics()
            self._before_s = sum(m.get(series.SECONDS_STEP) or 0.0 for m in recorded)

    def over(self, step: int) -> bool:
        """Whether the run ends after this step; all of its processes are told the same."""
        limit = self.max_minutes
        if limit is None:
            return False
        used = (self._before_s + time.monotonic() - self._started) / 60
        if not self.processes.from_main(lambda: used >= limit):
            return False
        self.store.add_info(**{_ENDED: step})
        return True


def ended_at(store: RunStore) -> int | None:
    """The step at which a run's minutes were over; None: they were not."""
    step: int | None = store.info().get(_ENDED)
    return step


def why_ended(store: RunStore, config: TrainConfig) -> str:
    """Why a run that came to its end has fewer steps than its settings say; empty: it has all."""
    step = ended_at(store)
    if step is None or config.max_minutes is None:
        return ""
    return f"{config.max_minutes:g} minutes were over at step {step} of {config.steps}"
