"""A whole competition run: a valid file at once, then better ones, in time and within memory."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow.parquet as pq

from arcbench.errors import UserError
from arcbench.evaluation.config import EvalConfig
from arcbench.evaluation.run import evaluate
from arcbench.evaluation.store import EvalStore
from arcbench.folders import RunState
from arcbench.judge import Judge
from arcbench.policies.worker import WorkerCrashed, WorkerPolicy
from arcbench.sandbox import SandboxPool
from arcbench.submission.guard import Guard, gib
from arcbench.submission.live import LiveSubmission

MOST_CRASHES = 3  # of the policy's process, after which another start promises nothing
RELIEF_S = 20.0  # what it takes to end the samples under way, to draw figures, to start a sandbox


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """When a run of `minutes` since `started` (time.monotonic()) ends, and when its parts do.

    Evaluating ends a little before the process is ended, and that a little before the minutes are
    over: at most 20 and 10 s, of a short run 10 % and 5 %.
    """

    started: float
    minutes: float

    def __post_init__(self) -> None:
        if not self.minutes > 0:
            raise UserError(f"--minutes must be positive, not {self.minutes:g}")

    @property
    def process_end(self) -> float:
        """The process is gone then, whatever hangs."""
        return self.started + self._seconds - min(10.0, 0.05 * self._seconds)

    @property
    def evaluation_end(self) -> float:
        """The deadline of the evaluation."""
        return self.process_end - min(20.0, 0.1 * self._seconds)

    @property
    def _seconds(self) -> float:
        return 60 * self.minutes


@dataclass(kw_only=True, slots=True)
class CompetitionRun:
    """Samples a policy that lives in a process of its own, and keeps the submission up to date.

    Beyond `memory_bytes` (of this process and its children) the sandbox goes on with half as many
    workers, then sampling ends, then the process. A policy's process that dies is started again.
    `say` is told what happens; it is called from the guard's thread too.
    """

    config: EvalConfig
    store: EvalStore
    live: LiveSubmission
    clock: Clock | None
    memory_bytes: int | None
    workers: int
    say: Callable[[str], None]
    finish: Callable[[], None]  # tells what the submission has become, before the process ends
    relief_s: float = RELIEF_S  # how long memory may stay beyond its budget before the next measure
    _enough: str = ""  # why no more is sampled
    _fewer: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until all is sampled, the time is over or memory is. The file is written at the end.

        Does not return where something hangs: the process ends then. Raises what `evaluate` does,
        after the file is written.
        """
        guard = Guard(
            end=None if self.clock is None else self.clock.process_end,
            memory_bytes=self.memory_bytes,
            relief_s=self.relief_s,
            give_up=self._give_up,
            relieve=self._relieve,
        )
        engine = {"adapter": self.config.adapter, "engine": self.config.engine}
        with guard:
            try:
                with WorkerPolicy(self.config.policy, **engine) as policy:
                    self._sample(policy)
            finally:
                self.live.write()

    def _sample(self, policy: WorkerPolicy) -> None:
        crashes = 0
        deadline = None if self.clock is None else self.clock.evaluation_end
        while not self._enough and (deadline is None or time.monotonic() < deadline):
            self._fewer.clear()
            with SandboxPool(self.workers, self.config.limits) as pool:
                judge = Judge(pool=pool, scheme=self.config.reward)
                try:
                    if self.store.status().state is not RunState.FINISHED:
                        policy.start()  # then it tells how long a prompt may be
                    evaluate(
                        self.config, self.store, judge=judge, policy=policy,
                        on_rollout=self.live.add, deadline=deadline,
                    )  # fmt: skip
                except WorkerCrashed as error:
                    crashes += 1
                    if crashes == MOST_CRASHES:
                        raise
                    self.say(f"{error}\nit is started again")
                    continue
            if not self._fewer.is_set():
                return

    def _relieve(self, used: int) -> bool:
        assert self.memory_bytes is not None
        told = f"{gib(used)} of memory are in use, {gib(self.memory_bytes)} are allowed"
        if self._enough:
            return False
        if self.workers > 1:
            self.workers //= 2
            self.say(f"{told}: going on with fewer sandbox workers ({self.workers})")
            self._fewer.set()
        else:
            self._enough = told
            self.say(f"{told}: no more is sampled")
        self.store.request_stop()
        return True

    def _give_up(self, why: str) -> None:
        self.say(f"{why}: this process is ended")
        # A thread that holds the file for ever has left a whole one.
        self.live.write(wait_s=2.0)
        self.finish()


def judged_before(store: EvalStore) -> int:
    """How many judged samples an evaluation's folder has."""
    return sum(pq.read_metadata(shard).num_rows for shard in store.shards())
