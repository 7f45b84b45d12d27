"""From a completion to a judged rollout: code → execution → score → reward.

This is the only place that puts the parts together. Expected outputs never leave this process.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache

from arcbench.augment import Augmentation
from arcbench.policies.base import Completion
from arcbench.prompts import Extraction, extract_code
from arcbench.rewards import RewardBreakdown, RewardScheme
from arcbench.rollouts import Rollout
from arcbench.sandbox.flow import flow
from arcbench.sandbox.types import Execution, Outcome, Program, ProgramRunner, failed
from arcbench.scoring import Score, score_pair
from arcbench.tasks import Task

# How many attempts may be on their way: several times what the workers hold, so that they have work
# while the reader is busy with something else for a moment.
_WINDOW = 256
_WINDOW_PER_WORKER = 64
_IN_ORDER = 16  # times that where they wait for their turn: what runs until a deadline of seconds
_REMEMBERED = 4096  # programs: those of several tasks, whose samples come together


_extract = lru_cache(_REMEMBERED)(extract_code)


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """A completion for a task, as the policy saw it (augmented where that was done)."""

    task: Task
    completion: Completion
    index: int = 0  # place within its group
    group: int = 0
    test_index: int = 0  # which test input the prompt showed
    augmentation: Augmentation | None = None
    messages_hash: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """An attempt whose program runs while others are still being written."""

    attempt: Attempt
    code: str | None
    ended: Iterator[tuple[int, Execution]]  # of one program; asking waits for its end


@dataclass(frozen=True, kw_only=True, slots=True)
class Judge:
    """Runs and scores completions with one pool and one reward scheme."""

    pool: ProgramRunner
    scheme: RewardScheme

    def judge(
        self, attempts: Sequence[Attempt], *, run_id: str = "", step: int = 0
    ) -> list[Rollout]:
        """Judge all attempts; the rollouts come in the same order."""
        found: list[Rollout | None] = [None] * len(attempts)
        for i, rollout in self.stream(attempts, run_id=run_id, step=step):
            found[i] = rollout
        missing = [i for i, r in enumerate(found) if r is None]
        if missing:
            raise RuntimeError(f"the sandbox gave no result for attempts {missing}")
        return [r for r in found if r is not None]

    def stream(
        self, attempts: Sequence[Attempt], *, run_id: str = "", step: int = 0
    ) -> Iterator[tuple[int, Rollout]]:
        """Yield (place in `attempts`, rollout) as the programs finish."""
        return self._flow(attempts, run_id, step)

    def flow(
        self,
        attempts: Iterable[Attempt],
        *,
        run_id: str = "",
        step: int = 0,
        in_order: bool = False,
        reuse: bool = False,
    ) -> Generator[Rollout, None, None]:
        """Judge attempts as they come; yield rollouts in the order in which their programs end.

        Attempts are pulled in a thread of their own, so they may come slowly. A bounded number is
        on its way at any time, enough to keep every worker busy, however slowly rollouts are taken.
        An error of `attempts` is raised here after the rollouts of what came before it. Closing
        this iterator ends the pulling at the next attempt and closes `attempts` if it is a
        generator.

        With `in_order` the rollouts have the order of the attempts. A program that hangs until its
        deadline lets thousands go ahead meanwhile, and no more, so that memory stays bounded.

        With `reuse` a program that another attempt for the same grids had lately is not run again:
        what it draws and the order of its sets repeat anyway, so only what depends on the clock, on
        addresses or on the machine's load (a timeout) could have come out differently.
        """
        flowing = self._flow(attempts, run_id, step, in_order=in_order, reuse=reuse)
        with closing(flowing) as rollouts:
            for _, rollout in rollouts:
                yield rollout

    def _flow(
        self,
        attempts: Iterable[Attempt],
        run_id: str,
        step: int,
        *,
        in_order: bool = False,
        reuse: bool = False,
    ) -> Generator[tuple[int, Rollout], None, None]:
        """Yield (how many attempts came before it, rollout) as the programs finish."""
        ended = flow(
            self.pool,
            _work(attempts),
            window=_WINDOW * (_IN_ORDER if in_order else 1)
            + _WINDOW_PER_WORKER * self.pool.workers,
            in_order=in_order,
            remember=_REMEMBERED if reuse else 0,
        )
        with closing(ended):
            known = _Judged() if reuse else None
            for (i, attempt, code), execution in ended:
                yield i, self._rollout(attempt, code, execution, run_id, step, known)

    def start(self, attempt: Attempt) -> Started:
        """Hand in one attempt without waiting for it; `finish` judges it as `judge` would."""
        code, work = _to_run(attempt)
        stream = self.pool.stream([work]) if isinstance(work, Program) else [(0, work)]
        return Started(attempt=attempt, code=code, ended=iter(stream))

    def finish(self, started: Started, *, run_id: str = "", step: int = 0) -> Rollout:
        """Wait for a started attempt; may be called once for each."""
        for _, execution in started.ended:
            return self._rollout(started.attempt, started.code, execution, run_id, step)
        raise RuntimeError("the sandbox gave no result for an attempt")

    def _rollout(
        self,
        attempt: Attempt,
        code: str | None,
        execution: Execution,
        run_id: str,
        step: int,
        known: "_Judged | None" = None,
    ) -> Rollout:
        found = None if known is None else known.look_up(attempt.task, execution)
        if found is None:
            score = score_execution(attempt.task, execution)
            reward = self.scheme.reward(
                has_code=execution.outcome.has_code, score=score, code_chars=len(code or "")
            )
            if known is not None:
                known.add(attempt.task, execution, score, reward)
        else:
            score, reward = found
        return Rollout(
            run_id=run_id,
            step=step,
            task_id=attempt.task.id,
            group=attempt.group,
            index=attempt.index,
            test_index=attempt.test_index,
            augmentation=attempt.augmentation,
            messages_hash=attempt.messages_hash,
            completion=attempt.completion,
            code=code,
            execution=execution,
            score=score,
            reward=reward,
        )


@dataclass(frozen=True, slots=True)
class _Judged:
    """Scores and rewards of the latest executions, which count for equal programs as well."""

    # By the identities of both; what they are of is kept, or another could take its place.
    _found: dict[tuple[int, int], tuple[Task, Execution, Score, RewardBreakdown]] = field(
        default_factory=dict
    )

    def look_up(self, task: Task, execution: Execution) -> tuple[Score, RewardBreakdown] | None:
        """What was added for them; None where they are new."""
        found = self._found.get((id(task), id(execution)))
        return None if found is None else found[2:]

    def add(self, task: Task, execution: Execution, score: Score, reward: RewardBreakdown) -> None:
        """Keep what became of an execution for a task."""
        if len(self._found) >= _REMEMBERED:
            del self._found[next(iter(self._found))]
        self._found[id(task), id(execution)] = (task, execution, score, reward)


def score_execution(task: Task, execution: Execution) -> Score:
    """Compare every output with the expected one; pairs whose output is unknown are left out."""
    return Score(
        pairs=tuple(
            score_pair(grid, pair.output, split)
            for (split, pair), grid in zip(task.pairs, execution.grids, strict=True)
            if pair.output is not None
        )
    )


def _to_run(attempt: Attempt) -> tuple[str | None, Program | Execution]:
    """The code of an attempt with the program, or with the execution that stands for none."""
    extraction = _extract(attempt.completion.text)
    if extraction.code is None:
        why = _why_no_code(attempt, extraction)
        return None, failed(Outcome.NO_CODE, len(attempt.task.pairs), why)
    return extraction.code, Program(code=extraction.code, inputs=attempt.task.inputs)


def _work(
    attempts: Iterable[Attempt],
) -> Generator[tuple[tuple[int, Attempt, str | None], Program | Execution], None, None]:
    """The attempts by their numbers, with what is to run; ends `attempts` when it is closed."""
    try:
        for i, attempt in enumerate(attempts):
            code, program = _to_run(attempt)
            yield (i, attempt, code), program
    finally:
        if isinstance(attempts, Generator):
            attempts.close()


def _why_no_code(attempt: Attempt, extraction: Extraction) -> str:
    if attempt.completion.truncated and extraction.truncated:
        return "the length limit cut the completion before its code block ended"
    return extraction.reason
