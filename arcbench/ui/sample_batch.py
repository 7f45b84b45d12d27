"""The completions of one press of the button "Sample", as they come, and some of them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Any

from arcbench.background import gathered
from arcbench.errors import UserError
from arcbench.policies.base import Policy, SamplingConfig
from arcbench.rewards import scheme
from arcbench.rollouts import Rollout
from arcbench.tasks import Task
from arcbench.training.bridge import advantages
from arcbench.workbench import Workbench

TICK_S = 0.25
EDITED = -1  # the index of the program that the reader has changed


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What one press of the button has brought so far."""

    task: Task | None = None
    dataset: str = ""  # where the task is from; a name or a path
    split: str = ""
    policy: str = ""  # the name that was asked for
    config: SamplingConfig | None = None
    wanted: int = 0
    seconds: float = 0.0
    finished: bool = True
    reward: str = ""  # the scheme
    best_reward: float = 1.0  # the highest that the scheme can give
    rollouts: tuple[Rollout, ...] = ()  # as they came, each with its advantage among them
    edited: Rollout | None = None  # of the program that the reader has changed

    def by_index(self, index: int | None) -> Rollout | None:
        """The rollout with that index."""
        if index == EDITED:
            return self.edited
        return next((r for r in self.rollouts if r.index == index), None)


def draw(
    bench: Workbench,
    policy: str | Policy,
    task: Task,
    config: SamplingConfig,
    reward: str,
    *,
    dataset: str = "",
    split: str = "",
) -> Iterator[Batch]:
    """Sample and judge; yield the batch whenever it has grown, and as the clock goes on."""
    started = time.monotonic()
    batch = Batch(
        task=task,
        dataset=dataset,
        split=split,
        policy=policy if isinstance(policy, str) else policy.name,
        config=config,
        wanted=config.n,
        finished=False,
        reward=reward,
        best_reward=scheme(reward).range[1],
    )
    yield batch
    make = partial(bench.sample, policy, task, config, reward=reward)
    for news in gathered(make, TICK_S):
        rollouts = (*batch.rollouts, *(_readable(rollout) for _, rollout in news))
        if news:
            rollouts = as_group(rollouts)
        batch = replace(batch, rollouts=rollouts, seconds=time.monotonic() - started)
        yield batch
    yield replace(batch, seconds=time.monotonic() - started, finished=True)


def _readable(rollout: Rollout) -> Rollout:
    """The rollout with "?" for what is no character (half of a pair): no page can have it."""
    c = rollout.completion
    code = rollout.code
    return replace(
        rollout,
        completion=replace(c, text=_encodable(c.text)),
        code=None if code is None else _encodable(code),
    )


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()


def as_group(rollouts: tuple[Rollout, ...]) -> tuple[Rollout, ...]:
    """The rollouts with the advantage that GRPO would give each of them in a group of all."""
    if len(rollouts) < 2:
        return rollouts
    (found,) = advantages([[r.reward.total for r in rollouts]], "group")
    return tuple(replace(r, advantage=a) for r, a in zip(rollouts, found, strict=True))


def best(batch: Batch) -> int | None:
    """The completion with the highest reward, the first of equals."""
    if not batch.rollouts:
        return None
    return min(batch.rollouts, key=lambda r: (-r.reward.total, r.index)).index


def looked_at(batch: Batch, chosen: int | None) -> int | None:
    """The completion that is open: the chosen one, else the first, and in the end the best."""
    if batch.by_index(chosen) is not None:
        return chosen
    if batch.finished:
        return best(batch)
    return batch.rollouts[0].index if batch.rollouts else None


def rival(batch: Batch, index: int | None, kept: int | None) -> int | None:
    """Which one a completion is compared with: the kept one, else the best of the others."""
    if kept != index and batch.by_index(kept) is not None:
        return kept
    others = tuple(r for r in batch.rollouts if r.index != index)
    return best(replace(batch, rollouts=others))


def rerun(bench: Workbench, batch: Batch, code: str) -> Rollout:
    """What becomes of a changed program on the batch's task."""
    if batch.task is None:
        raise UserError("sample a task first; then its programs can be edited and run again")
    if not code.strip():
        raise UserError("there is no program to run: the editor is empty")
    rollout = bench.judge(batch.task, code, reward=batch.reward)
    return replace(rollout, index=EDITED, code=rollout.code or code)


def _likelihood(rollout: Rollout) -> float:
    mean = rollout.completion.logprob_mean
    return -inf if mean is None else mean


ORDERS: dict[str, Callable[[Rollout], Any] | None] = {
    "best first": lambda r: (-r.reward.total, r.index),
    "worst first": lambda r: (r.reward.total, r.index),
    "as they came": None,
    "by number": lambda r: r.index,
    "likeliest first": lambda r: (-_likelihood(r), r.index),
    "shortest first": lambda r: (len(r.code or r.completion.text), r.index),
    "slowest first": lambda r: (-r.execution.seconds, r.index),
}
SOLVED: dict[str, Callable[[Rollout], bool]] = {
    "all": lambda r: True,
    "solved": lambda r: r.solved,
    "not solved": lambda r: not r.solved,
    "some pairs": lambda r: not r.solved and any(p.exact for p in r.score.pairs),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CardFilter:
    """Which completions are shown; an empty part does not matter."""

    outcome: str = ""
    solved: str = "all"
    words: str = ""  # in what was written, printed or said

    def fits(self, rollout: Rollout) -> bool:
        """Whether it passes."""
        if self.outcome and rollout.execution.outcome.value != self.outcome:
            return False
        if not SOLVED[self.solved](rollout):
            return False
        e = rollout.execution
        said = "\n".join((rollout.completion.text, rollout.code or "", e.message, e.stdout))
        return self.words.strip().casefold() in said.casefold()


def sifted(batch: Batch, wanted: CardFilter, order: str) -> list[Rollout]:
    """The completions that pass, in that order; an edited program stands first and always."""
    found = [r for r in batch.rollouts if wanted.fits(r)]
    key = ORDERS[order]
    if key is not None:
        found.sort(key=key)
    return found if batch.edited is None else [batch.edited, *found]
