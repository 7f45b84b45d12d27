"""The run folder as the processes beside the main one have it."""

from collections.abc import Iterable, Mapping
from typing import Any

from arcbench.rollouts import Rollout
from arcbench.runs import RunState, RunStatus, RunStore


class Onlooker(RunStore):
    """Reads everything and writes nothing: a run folder has one writer."""

    __slots__ = ()

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Nothing."""

    def add_info(self, **values: Any) -> None:
        """Nothing."""

    def write_status(self, status: RunStatus) -> None:
        """Nothing."""

    def set_status(self, state: RunState, **changes: Any) -> RunStatus:
        """Nothing; returns the status as it is."""
        return self.status()

    def append_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Nothing."""

    def write_rollouts(self, step: int, rollouts: Iterable[Rollout]) -> None:
        """Nothing."""

    def write_eval(self, name: str, value: Mapping[str, Any]) -> None:
        """Nothing."""

    def rewind(self, step: int) -> None:
        """Nothing."""
