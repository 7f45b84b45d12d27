"""The run folder: what a run leaves on disk, and how others read it while it is written.

    runs/<name>/
      config.json   fully resolved      info.json      versions, git revision, start
      status.json   state, pid, step    metrics.jsonl  one line a step
      rollouts/000120.parquet           eval/  plots/  checkpoints/  log.txt

Step k is the k-th optimiser step, from 1: its line in metrics.jsonl, its rollouts (written by the
weights before it) and the checkpoint after it carry the same number.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar

from arcbench.displayed import Displayed
from arcbench.errors import UserError
from arcbench.files import append_whole, write_json
from arcbench.folders import (
    RunState,
    Status,
    WorkFolder,
    free_name,
    git_revision,
    is_alive,
    list_folders,
    process_start,
)
from arcbench.rollout_index import INDEX, index_line, rewind_index
from arcbench.rollouts import Rollout, read_rollout, read_rollouts, write_rollouts

__all__ = [
    "Metrics", "MetricsReader", "RunState", "RunStatus", "RunStore", "free_name", "git_revision",
    "is_alive", "list_runs", "process_start",
]  # fmt: skip

Metrics = dict[str, float | None]  # "step" and the names of arcbench.series; None: not finite


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStatus(Status):
    """The content of status.json."""

    step: int = 0  # steps that are done
    total_steps: int = 0


class MetricsReader:
    """Reads metrics.jsonl as it grows: whole lines only, each once.

    A resumed run drops lines; the file is then another one and the reader starts again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metrics: list[Metrics] = []  # everything read so far
        self._offset = 0
        self._inode = 0

    def poll(self) -> list[Metrics]:
        """Read what has been added; return the new lines (all of them after a rewind)."""
        try:
            handle = self.path.open("rb")
        except FileNotFoundError:
            return []
        with handle:
            stat = os.fstat(handle.fileno())
            if stat.st_ino != self._inode or stat.st_size < self._offset:
                self._inode, self._offset, self.metrics = stat.st_ino, 0, []
            handle.seek(self._offset)
            whole = handle.read()
        whole = whole[: whole.rfind(b"\n") + 1]
        self._offset += len(whole)
        new: list[Metrics] = [json.loads(line) for line in whole.splitlines() if line.strip()]
        self.metrics += new
        return new


@dataclass(frozen=True, slots=True)
class RunStore(WorkFolder[RunStatus], Displayed):
    """One run folder. Made by `create` or `open`; safe for one writer and many readers."""

    KIND: ClassVar[str] = "run"
    STATUS: ClassVar[type[RunStatus]] = RunStatus

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    def config(self) -> dict[str, Any]:
        """The content of config.json."""
        return self.settings()

    # Metrics

    @property
    def metrics_file(self) -> Path:
        """One JSON object a line, one line a step."""
        return self.path / "metrics.jsonl"

    def append_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add the line of a step, all of it or (on a full disk) nothing; not finite is null."""
        clean = {k: float(v) if isfinite(v) else None for k, v in metrics.items()}
        line = json.dumps({"step": step, **clean}, allow_nan=False) + "\n"
        with self.metrics_file.open("ab", buffering=0) as handle:
            append_whole(handle, line.encode())

    def metrics(self) -> list[Metrics]:
        """All whole lines of metrics.jsonl."""
        return self.metrics_reader().poll()

    def metrics_reader(self) -> MetricsReader:
        """A reader that follows the metrics of a run in progress."""
        return MetricsReader(self.metrics_file)

    # Rollouts

    def write_rollouts(self, step: int, rollouts: Iterable[Rollout]) -> None:
        """Write the rollouts of a step, whole or not at all, and their line of the index."""
        rollouts = list(rollouts)
        write_rollouts(self._rollout_file(step), rollouts)
        with (self.path / "rollouts" / INDEX).open("ab", buffering=0) as handle:
            append_whole(handle, index_line(step, rollouts).encode())

    def rollouts(self, step: int) -> list[Rollout]:
        """The rollouts of a step; UserError if there are none."""
        return read_rollouts(self._step_file(step))

    def rollout(self, step: int, group: int, index: int) -> Rollout:
        """One rollout; UserError where there is none."""
        found = read_rollout(self._step_file(step), group, index)
        if found is None:
            raise UserError(
                f"step {step} of run {self.name} has no rollout {index} in group {group}"
            )
        return found

    def rollout_steps(self) -> list[int]:
        """The steps that have rollouts, in order."""
        folder = self.path / "rollouts"
        return sorted(int(p.stem) for p in folder.glob("*.parquet") if p.stem.isdecimal())

    def _step_file(self, step: int) -> Path:
        path = self._rollout_file(step)
        if not path.is_file():
            steps = self.rollout_steps()
            there = f"steps {steps[0]}-{steps[-1]}" if steps else "no step yet"
            raise UserError(f"run {self.name} has no rollouts of step {step}; there are: {there}")
        return path

    def _rollout_file(self, step: int) -> Path:
        return self.path / "rollouts" / f"{step:06d}.parquet"

    # Evaluations

    def write_eval(self, name: str, value: Mapping[str, Any]) -> None:
        """Write eval/<name>.json."""
        write_json(self.path / "eval" / f"{name}.json", value)

    def read_eval(self, name: str) -> dict[str, Any] | None:
        """The content of eval/<name>.json, None where it was not made."""
        return self._json(f"eval/{name}.json") if self._has(f"eval/{name}.json") else None

    # Resume

    def rewind(self, step: int) -> None:
        """Forget what came after `step`: metrics (a torn line too), rollouts, partial files."""
        kept = [m for m in self.metrics() if m["step"] is not None and m["step"] <= step]
        text = "".join(json.dumps(m) + "\n" for m in kept)
        partial = self.metrics_file.with_name(".metrics.rewound")
        partial.write_text(text, encoding="utf-8")
        partial.replace(self.metrics_file)  # a new file, so that readers notice
        for later in self.rollout_steps():
            if later > step:
                self._rollout_file(later).unlink()
        rewind_index(self.path / "rollouts", step)
        for leftover in [*self.path.glob(".*.partial"), *self.path.glob("*/.*.partial")]:
            leftover.unlink()

    def _has(self, name: str) -> bool:
        return (self.path / name).is_file()


def list_runs(root: Path) -> list[RunStore]:
    """All runs under `root`, the newest first."""
    return list_folders(root, RunStore)
