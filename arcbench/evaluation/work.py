"""An evaluation in progress: what is there already, what is drawn, how it is judged, its end."""

import os
import sys
import time
import traceback
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from arcbench.background import gathered
from arcbench.console import RunLog
from arcbench.errors import UserError
from arcbench.evaluation.config import EvalConfig
from arcbench.evaluation.meter import Meter, Speed, duration
from arcbench.evaluation.progress import TICK_S, Counts, Watch, Wish
from arcbench.evaluation.record import record
from arcbench.evaluation.results import Results, Tally
from arcbench.evaluation.store import CompletionWriter, Drawn, EvalStore, Written, as_kept
from arcbench.evaluation.views import Prompts
from arcbench.files import disk_is_full
from arcbench.folders import RunState
from arcbench.judge import Attempt, Judge
from arcbench.policies import load_policy
from arcbench.policies.base import Policy
from arcbench.prompts import PromptTemplate
from arcbench.rollouts import Rollout
from arcbench.sandbox import SandboxPool
from arcbench.tasks import TaskSet

EXTRA_JUDGING_S = 2.0  # beyond a program's own time, after the last sample that is wanted
SHARD_S = 60.0  # what waits longer is written as a smaller one, so that others may look at it
FIRST_ROUND = 4  # samples of each task before any has more, where the time is limited

OnRollout = Callable[[Rollout], None]


@runtime_checkable
class Bounded(Protocol):
    """A policy that knows how many tokens a prompt and a completion may have together."""

    max_positions: int


@runtime_checkable
class Cancellable(Protocol):
    """A policy that can be told from another thread to end its stream."""

    def cancel(self) -> None:
        """End the running stream before its next token."""
        ...


@dataclass(kw_only=True, slots=True)
class Evaluation:
    """An evaluation in progress."""

    store: EvalStore
    config: EvalConfig
    log: RunLog
    wish: Wish
    on_rollout: OnRollout
    shard: int
    prompts: Prompts
    sampled: Drawn
    judged: Drawn
    tally: Tally
    counts: Counts
    left_out: set[str] = field(default_factory=set)  # tasks with prompts that are too long
    prompt_tokens: Mapping[int, int] = field(default_factory=dict)  # by the number of the prompt

    @classmethod
    def begin(cls, store: EvalStore, config: EvalConfig, **how: Any) -> "Evaluation":
        """With all that the folder has; UserError where its prompts are no longer the same."""
        store.drop_leftovers()
        every = config.load_tasks()
        tasks = config.chosen(every)
        prompts = Prompts(
            tasks=tasks,
            places={task_id: i for i, task_id in enumerate(every)},
            views=config.views,
            seed=config.seed,
            template=PromptTemplate.load(config.template or ""),
        )
        digest = prompts.digest()
        if store.info().setdefault("prompts", digest) != digest:
            raise UserError(
                f"evaluation {store.name} cannot go on: its tasks or its template "
                f"({config.data_name}, {config.template}) are no longer what they were"
            )
        store.add_info(prompts=digest)
        ids = list(tasks)
        self = cls(
            store=store,
            config=config,
            prompts=prompts,
            sampled=Drawn(ids, config.n),
            judged=Drawn(ids, config.n),
            tally=Tally(ids),
            counts=Counts(tasks=len(ids), total=len(ids) * config.n),
            **how,
        )
        self._say_what(tasks)
        for rollout in store.rollouts():
            if self.judged.add(rollout.task_id, rollout.index):
                self.sampled.add(rollout.task_id, rollout.index)
                self._count(rollout)
        for written in store.completions():
            self.sampled.add(written.task_id, written.index)
        self.counts.sampled = len(self.sampled)
        if len(self.sampled):
            log = self.log
            log.print(f"{len(self.sampled):,} samples are there, {len(self.judged):,} judged")
        return self

    def finish(self, judge: Judge | None, policy: Policy | None) -> Results:
        """Draw and judge what is missing, and write the figures."""
        store, config, counts = self.store, self.config, self.counts
        self._leave_out(store.info().get("left_out", ()))
        if counts.sampled < counts.total and not self.wish.wanted():
            policy = self._ready(policy)
        store.set_status(
            RunState.RUNNING, phase="sampling", total=counts.total, sampled=counts.sampled,
            done=counts.done, solved_tasks=len(counts.solved),
        )  # fmt: skip
        speed = Speed()
        if counts.done < counts.total:
            with ExitStack() as stack:
                if judge is None:
                    pool = stack.enter_context(SandboxPool(None, config.limits))
                    judge = Judge(pool=pool, scheme=config.reward)
                speed = self._draw_and_judge(judge, policy)
        return self._end(speed)

    def _say_what(self, tasks: TaskSet) -> None:
        config = self.config
        for problem in tasks.problems:
            self.log.print(f"left out: {problem}")
        views = f", {config.views} views" if config.views > 1 else ""
        many = f"{len(tasks)} task{'' if len(tasks) == 1 else 's'}"
        self.log.print(
            f"{self.store.path}: {config.policy_name} on {many} of "
            f"{config.data_name} × {config.n} samples{views}, template "
            f"{config.template}, temperature {config.temperature:g}"
        )

    def _ready(self, policy: Policy | None) -> Policy:
        """The policy, and which prompts are too long for it."""
        if policy is None:
            started = time.monotonic()
            # Threads that spin while they wait would take the cores from the sandbox.
            os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
            if not self.log.terminal.is_terminal:
                os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
            policy = load_policy(
                self.config.policy, adapter=self.config.adapter, engine=self.config.engine
            )
            self.log.print(f"{policy.name} loaded in {duration(time.monotonic() - started)}")
        facts = {"policy": policy.name, "engine": type(policy).__name__, "device": _device(policy)}
        self.store.add_info(**facts)
        if not isinstance(policy, Bounded):
            return policy
        longest = policy.max_positions - self.config.max_new_tokens
        too_long = set()
        lengths = {}
        for task_id, number, messages in self.prompts.all():
            length = policy.count_tokens(messages)
            lengths[self.prompts.number(task_id, number)] = length
            if length > longest:
                too_long.add(task_id)
        self.prompt_tokens = lengths
        if len(too_long) == len(self.prompts.tasks):
            raise UserError(
                f"all prompts are too long: {policy.name} has {policy.max_positions} positions, of "
                f"which max_new_tokens take {self.config.max_new_tokens}; the shortest has "
                f"{min(lengths.values())} tokens"
            )
        if too_long:
            self.store.add_info(left_out=[t for t in self.prompts.tasks if t in too_long])
            self._leave_out(too_long)
        return policy

    def _leave_out(self, tasks: Collection[str]) -> None:
        """Draw nothing for these tasks, whose prompts leave no room for a completion."""
        new = [t for t in tasks if t not in self.left_out]
        if new:
            self.left_out.update(new)
            self.counts.tasks -= len(new)
            self.counts.total -= len(new) * self.config.n
            self.log.print(
                f"{len(new)} tasks are left out, their prompts are too long for the policy: "
                f"{', '.join(new[:6])}{' …' if len(new) > 6 else ''}"
            )

    def _draw_and_judge(self, judge: Judge, policy: Policy | None) -> Speed:
        """Until all is judged, or somebody wants to stop."""
        cancel = policy.cancel if isinstance(policy, Cancellable) else lambda: None
        meter = Meter(workers=judge.pool.workers)
        grace_s = self.config.timeout_s + EXTRA_JUDGING_S
        with self.store.appending() as writer, meter:
            watch = Watch(
                store=self.store, log=self.log, meter=meter, wish=self.wish, counts=self.counts,
                cancel=cancel,
            )  # fmt: skip
            shards = _Shards(store=self.store, size=self.shard)
            rollouts = gathered(
                lambda: judge.flow(
                    self._attempts(writer, policy, meter), run_id=self.store.name, reuse=True
                ),
                every_s=TICK_S,
            )
            ran: set[int] = set()  # a policy repeats itself: an equal program took no time
            with watch, shards, closing(rollouts):
                try:
                    for news in rollouts:
                        for rollout in news:
                            program = hash((rollout.task_id, rollout.augmentation, rollout.code))
                            meter.judged(0.0 if program in ran else rollout.execution.seconds)
                            ran.add(program)
                            self._count(rollout)
                            shards.add(rollout)
                        if self.wish.late(grace_s):
                            break
                except Exception as error:
                    if not self.wish.why or disk_is_full(error, self.store.path):
                        raise
                    # Ctrl-C reaches the processes of an engine as well, which may then fail.
                    self.log.write_file(traceback.format_exc())
        if self.counts.done < self.counts.total and not self.wish.why:
            missing = self.counts.total - self.counts.done
            raise RuntimeError(f"the policy or the sandbox left out {missing} samples")
        return meter.speed()

    def _attempts(
        self, writer: CompletionWriter, policy: Policy | None, meter: Meter
    ) -> Iterator[Attempt]:
        """What was drawn and not judged before, then what is drawn now, which is on disk by then.

        Runs in the thread that feeds the sandbox.
        """
        waiting = self.judged.copy()
        for written in self.store.completions():
            if self.wish.wanted():
                return
            if waiting.add(written.task_id, written.index):
                yield self.prompts.attempt(written.task_id, written.index, written.completion)
        wanted = [t for t in self.prompts.tasks if t not in self.left_out]
        for below in self._rounds():
            asks = self.prompts.asks({t: self.sampled.missing(t, below) for t in wanted})
            if not asks or policy is None or self.wish.wanted():
                continue
            unread = {ask.prompt_index for ask in asks}
            stream = policy.stream_asks(asks, self.config.sampling)
            try:
                for s in meter.at_work(stream):
                    task_id, index = self.prompts.sample(s.prompt_index, s.sample_index)
                    if not self.sampled.add(task_id, index):
                        raise RuntimeError(
                            f"policy {policy.name} gave sample {index} of {task_id} twice"
                        )
                    completion = as_kept(s.completion)
                    writer.add(Written(task_id=task_id, index=index, completion=completion))
                    self.counts.sampled += 1
                    meter.sampled(completion)
                    if s.prompt_index in unread:
                        unread.remove(s.prompt_index)
                        meter.prompts(self.prompt_tokens.get(s.prompt_index, 0))
                    yield self.prompts.attempt(task_id, index, completion)
                    if self.wish.wanted():
                        return
            finally:
                if isinstance(stream, Generator):
                    stream.close()

    def _rounds(self) -> list[int]:
        """How many samples each task has after each round; one round where time is no matter.

        A policy works best if it is asked for all at once; where the time may not suffice, each
        task has a few before any has many.
        """
        n = self.config.n
        if self.wish.sample_until is None:
            return [n]
        found = [min(n, max(FIRST_ROUND, self.config.views))]
        while found[-1] < n:
            found.append(min(n, 2 * found[-1]))
        return found

    def _count(self, rollout: Rollout) -> None:
        self.tally.add(record(rollout))
        self.judged.add(rollout.task_id, rollout.index)
        self.counts.done += 1
        if rollout.solved:
            self.counts.solved.add(rollout.task_id)
        self.on_rollout(rollout)

    def _end(self, speed: Speed) -> Results:
        """Write the figures, tell them, and set the status."""
        from arcbench.evaluation.export import export  # draws: slow to load

        store, config, counts, log = self.store, self.config, self.counts, self.log
        info = store.info()
        whole = Speed.from_dict(info.get("speed", {})).plus(speed)
        store.add_info(speed=whole.to_dict())
        facts = {k: v for k, v in config.to_dict().items() if k not in ("k", "tasks")}
        results = self.tally.results(
            config.k,
            np.random.default_rng(config.seed),
            **facts,
            name=store.name,
            complete=counts.done >= counts.total,
            left_out=list(self.left_out),
            device=info.get("device", ""),
            speed=whole.to_dict(),
        )
        store.set_status(RunState.RUNNING, phase="figures", done=counts.done)
        export(store.path, results)
        if counts.done >= counts.total:
            state, reason = RunState.FINISHED, ""
        else:
            state = RunState.STOPPED
            reason = f"{self.wish.why}: {counts.done} of {counts.total} samples are judged"
        log.print(results.table())
        for warning in results.warnings:
            log.print(f"note: {warning}")
        if whole.samples:
            log.print(str(whole))
        log.print(f"{store.path}: results.json, tasks.csv, plots/, rollouts/")
        if reason:
            log.print(f"stopped ({reason}); go on with: arcbench eval --resume {store.path}")
        # Last: whoever waits for the end finds all of it.
        store.set_status(
            state, phase="", reason=reason, eta_s=None, sampled=counts.sampled, done=counts.done,
            solved_tasks=len(counts.solved), tokens_per_s=round(whole.tokens_per_s, 1),
            sandbox_share=round(whole.sandbox_share, 4),
        )  # fmt: skip
        return results


@dataclass(kw_only=True, slots=True)
class _Shards:
    """Gathers judged samples and writes them in files of bounded size; the rest when it is left."""

    store: EvalStore
    size: int
    _waiting: list[Rollout] = field(default_factory=list)
    _since: float = field(default_factory=time.monotonic)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._write()

    def add(self, rollout: Rollout) -> None:
        """Keep one; it is on disk when its file is full, or after a while."""
        self._waiting.append(rollout)
        if len(self._waiting) >= self.size or time.monotonic() - self._since >= SHARD_S:
            self._write()

    def _write(self) -> None:
        if self._waiting:
            self.store.write_shard(self._waiting)
            self._waiting.clear()
        self._since = time.monotonic()


def _device(policy: Policy) -> str:
    """What the policy runs on; empty where that is not in this process."""
    torch = sys.modules.get("torch")
    device = getattr(getattr(policy, "model", None), "device", None)
    kind = getattr(device, "type", "")
    return str(torch.cuda.get_device_name(device)) if torch and kind == "cuda" else kind
