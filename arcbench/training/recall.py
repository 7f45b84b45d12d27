"""How likely the policy still finds the programs that solved tasks: forgetting, without luck.

The reward of a step hangs on which tasks came and which programs were drawn. How likely a program
is that solved its task some steps ago hangs on the weights alone, and falls at the very step that
ruins them. A policy that learns may prefer another program for one task or another, but not for
most of them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import exp, isfinite
from pathlib import Path
from statistics import fmean
from typing import Any

from arcbench import series
from arcbench.files import write_text
from arcbench.policies.base import Completion, Message
from arcbench.rollouts import Rollout, RolloutGroup
from arcbench.training.sync import Logprobs, Probe

FILE = "recall.json"  # in the run folder
MOST = 16  # programs, each of another task: enough that one more or less tells nothing
# One program is scored for so many completions: a step of fewer scores none but every so often. A
# completion is sampled, scored, and costs a pass with a gradient: that is half a percent of it.
SHARE = 64
AT_ONCE = 2  # after a step, at most
# After each of these one is scored whatever it costs: a learning rate that is far too high ruins a
# policy at once, and nothing else is there yet to be held against.
CLOSE = series.EARLY_STEPS


@dataclass(frozen=True, kw_only=True, slots=True)
class Solved:
    """A completion that solved its task, and how likely it was when it was drawn."""

    step: int
    task_id: str
    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...]
    logprob: float  # nats, at temperature 1

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Solved":
        """The inverse of `asdict`, by way of JSON."""
        ids = {k: tuple(data[k]) for k in ("prompt_ids", "completion_ids")}
        return cls(step=data["step"], task_id=data["task_id"], logprob=data["logprob"], **ids)

    @property
    def probe(self) -> Probe:
        """For who scores it."""
        return Probe(prompt_ids=self.prompt_ids, completion_ids=self.completion_ids)


@dataclass(kw_only=True, slots=True)
class Recall:
    """Keeps one completion of each of the first tasks that are solved, and scores a few a step.

    They are on disk, so that a resumed run goes on with them.
    """

    path: Path
    score: Callable[[Sequence[Probe]], Logprobs]  # by the trainer's model of this moment
    prompt_ids: Callable[[Sequence[Message]], Sequence[int]]
    completions: int  # of a step
    _known: list[Solved] = field(default_factory=list)

    @classmethod
    def open(cls, folder: Path, completions_per_step: int, **parts: Any) -> "Recall":
        """Of a run folder."""
        path = folder / FILE
        rows = json.loads(path.read_text()) if path.is_file() else []
        known = [Solved.from_dict(row) for row in rows]
        return cls(path=path, completions=completions_per_step, _known=known, **parts)

    def turns(self, step: int) -> range:
        """The numbers, from 0 and without an end, of the programs that are scored after a step."""
        at_once = min(AT_ONCE, max(1, self.completions // SHARE))
        every = max(1, -(-SHARE // self.completions))  # steps from one with a score to the next
        late = max(0, step - CLOSE)
        if late % every:
            return range(0)
        done = (min(step, CLOSE) + late // every - 1) * at_once
        return range(done, done + at_once)

    def see(
        self, step: int, group: RolloutGroup, messages: Callable[[], Sequence[Message]]
    ) -> None:
        """The rollouts of a prompt: keep the likeliest that solves, if its task has none yet.

        The prompt's messages are asked for only then.
        """
        self._known = [s for s in self._known if s.step <= step]  # steps can be made again
        known = {s.task_id for s in self._known}
        if group.task_id in known or len(known) == MOST:
            return
        found = [r for r in group.rollouts if _usable(r)]
        if not found:
            return
        best = max(found, key=lambda r: _logprob(r.completion))
        self._known.append(
            Solved(
                step=step,
                task_id=group.task_id,
                prompt_ids=tuple(self.prompt_ids(messages())),
                completion_ids=tuple(best.completion.token_ids),
                logprob=_logprob(best.completion),
            )
        )
        text = ",\n".join(json.dumps(asdict(s)) for s in self._known)
        write_text(self.path, f"[{text}]\n")

    def metrics(self, step: int) -> dict[str, float]:
        """`series.RECALL` after a step: of the next few of the programs, in turns."""
        old = [s for s in self._known if s.step < step]  # those of this step are hardly older
        asked = [old[i] for i in sorted({n % len(old) for n in self.turns(step)})] if old else []
        if not asked:
            return {}
        scores = self.score([s.probe for s in asked])
        left = [_left(sum(row) - s.logprob) for s, row in zip(asked, scores, strict=True)]
        return {series.RECALL: fmean(left)}


def _left(change: float) -> float:
    """The share of a program's probability that is left after a change of its logarithm."""
    return exp(min(0.0, change)) if isfinite(change) else 0.0


def _usable(rollout: Rollout) -> bool:
    written = rollout.completion
    whole = len(written.logprobs) == len(written.token_ids) > 0
    return rollout.solved and whole and isfinite(_logprob(written))


def _logprob(completion: Completion) -> float:
    return sum(completion.logprobs)
