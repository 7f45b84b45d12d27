"""What each task of a run earned at first, so that later steps are held against the same tasks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from arcbench import series
from arcbench.files import write_json
from arcbench.rollouts import RolloutGroup

FILE = "task_rewards.json"  # in the run folder: {task id: [step, mean reward]}
BEFORE = 0  # the step of what was measured before training


@dataclass(kw_only=True, slots=True)
class TaskRewards:
    """The mean reward of each task where it came first: measured before training, or in a group.

    It is on disk, so that a resumed run goes on with the same. What came first in a step that is
    made again (after a resumption or a rewind) is then first known from that.
    """

    path: Path
    _first: dict[str, tuple[int, float]]

    @classmethod
    def open(cls, folder: Path, measured: Mapping[str, float]) -> "TaskRewards":
        """Of a run folder; `measured` are the mean rewards of tasks before training."""
        path = folder / FILE
        known: Mapping[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
        first = {task: (int(step), float(mean)) for task, (step, mean) in known.items()}
        return cls(path=path, _first=first | {t: (BEFORE, mean) for t, mean in measured.items()})

    def gain(self, step: int, groups: Sequence[RolloutGroup]) -> dict[str, float]:
        """`series.REWARD_GAIN` of a step; nothing where all of its tasks are new."""
        known = {task: mean for task, (seen, mean) in self._first.items() if seen < step}
        new: dict[str, list[float]] = {}
        for group in groups:
            if group.task_id not in known:
                new.setdefault(group.task_id, []).extend(group.rewards_G)
        if new:
            self._first |= {task: (step, fmean(rewards)) for task, rewards in new.items()}
            write_json(self.path, self._first)
        return series.reward_gain(groups, known)
