"""What is seen of an evaluation in progress, and what ends it early."""

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from arcbench.console import RunLog, taking_signals
from arcbench.evaluation.meter import Meter, duration
from arcbench.evaluation.store import EvalStore
from arcbench.folders import RunState

TICK_S = 0.25  # between two looks at the wishes to stop
LOOK_S = 0.02  # between two looks for the `stop` file
STATUS_S = 1.0  # between two writings of status.json
LINE_S = 30.0  # between two lines where there is no terminal
RECENT_S = 60.0  # the rate of what is left is that of so long


@dataclass(kw_only=True, slots=True)
class Wish:
    """A wish to end early: a signal, the `stop` file, or a budget that is used up.

    Sampling ends first; judging goes on until it is `late`.
    """

    store: EvalStore
    sample_until: float | None = None  # time.monotonic()
    judge_until: float | None = None
    why: str = ""
    _since: float | None = None
    _look: float = 0.0  # when the file is looked for again: it is asked after at every sample

    def wanted(self) -> bool:
        """Whether sampling is to end."""
        now = time.monotonic()
        if not self.why and now >= self._look:
            self._look = now + LOOK_S
            if self.store.stop_file.exists():
                self._take("stop was requested")
        over = self.sample_until is not None and now >= self.sample_until
        if not self.why and over:
            self._take("the time was used up")
        return bool(self.why)

    def late(self, grace_s: float) -> bool:
        """Whether judging is to end as well: the budget is over, or `grace_s` since the wish."""
        now = time.monotonic()
        if self.judge_until is not None and now >= self.judge_until:
            return True
        return self.wanted() and self._since is not None and now >= self._since + grace_s

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGTERM and Ctrl-C as wishes; a second Ctrl-C ends at once."""

        def take(number: int, _frame: FrameType | None) -> None:
            if self.why and number == signal.SIGINT:
                raise KeyboardInterrupt
            self._take(f"{signal.Signals(number).name} was received")

        with taking_signals(take):
            yield

    def _take(self, why: str) -> None:
        self.why, self._since = why, time.monotonic()


@dataclass(kw_only=True, slots=True)
class Counts:
    """How far it is: samples of all tasks together."""

    tasks: int
    total: int
    sampled: int = 0
    done: int = 0  # judged
    solved: set[str] = field(default_factory=set)  # tasks


@dataclass(kw_only=True)
class Watch:
    """Shows how far an evaluation is, writes its status, and passes a wish to stop to the policy.

    Does so in a thread while it is entered. `cancel` is called again and again once somebody wants
    to stop: a policy may begin anew just after the first time.
    """

    store: EvalStore
    log: RunLog
    meter: Meter
    wish: Wish
    counts: Counts
    cancel: Callable[[], None]

    def __enter__(self) -> Self:
        self._recent: deque[tuple[float, int]] = deque([(time.monotonic(), self.counts.done)])
        self._ended = threading.Event()
        self._bar: Progress | None = None
        if self.log.terminal.is_terminal:
            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=self.log.terminal, transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=self.counts.total)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self._bar is not None:
            self._bar.stop()

    def line(self) -> str:
        """Where it stands, after the number of samples."""
        counts, speed = self.counts, self.meter.speed()
        if not speed.samples and not speed.judged:
            return f"waiting for the first sample, {duration(speed.seconds)}"
        eta = self._eta_s()
        parts = [
            f"{_rate(speed.judged / speed.seconds)} samples/s" if speed.seconds else "",
            f"{len(counts.solved)} of {counts.tasks} tasks solved",
            f"{speed.tokens_per_s:,.0f} tokens/s" if speed.tokens else "",
            f"sandbox {speed.sandbox_share:.0%}",
            "" if eta is None else f"{duration(eta)} left",
        ]
        return "  ".join(p for p in parts if p)

    def _run(self) -> None:
        told = wrote = time.monotonic()
        ending = False
        while not self._ended.wait(TICK_S):
            if self.wish.wanted():
                self.cancel()
                if not ending:
                    ending = True
                    self.log.print(f"{self.wish.why}: ending with what there is")
            now = time.monotonic()
            if now - wrote >= STATUS_S:
                wrote = now
                self._recent.append((now, self.counts.done))
                while len(self._recent) > 2 and now - self._recent[0][0] > RECENT_S:
                    self._recent.popleft()
                self._write_status()
                if self._bar is not None:
                    self._bar.update(
                        self._task, completed=self.counts.done, description=self.line()
                    )
            if now - told >= LINE_S:
                told = now
                line = f"{self.counts.done}/{self.counts.total} samples  {self.line()}"
                if self._bar is None:
                    self.log.print(line)
                else:
                    self.log.write_file(line + "\n")

    def _write_status(self) -> None:
        counts, speed = self.counts, self.meter.speed()
        try:
            self.store.set_status(
                RunState.RUNNING,
                sampled=counts.sampled,
                done=counts.done,
                solved_tasks=len(counts.solved),
                tokens_per_s=round(speed.tokens_per_s, 1),
                sandbox_share=round(speed.sandbox_share, 4),
                eta_s=self._eta_s(),
            )
        except OSError as error:  # the samples meet the same full disk, and end the evaluation
            self.log.terminal.print(f"status.json cannot be written: {error}", markup=False)

    def _eta_s(self) -> float | None:
        """Seconds that are left at the rate of the last minute, or until the budget is over."""
        now = time.monotonic()
        began, before = self._recent[0]
        done = self.counts.done - before
        left = self.counts.total - self.counts.done
        bounds = [] if self.wish.judge_until is None else [max(0.0, self.wish.judge_until - now)]
        if done > 0:
            bounds.append(left * (now - began) / done)
        return round(min(bounds), 1) if bounds else None


def _rate(per_s: float) -> str:
    return f"{per_s:,.0f}" if per_s >= 10 else f"{per_s:.1f}"
