"""What a run in progress tells (a line a step, status, metrics) and how it is stopped."""

import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from arcbench import series
from arcbench.console import RunLog, taking_signals
from arcbench.files import write_json
from arcbench.runs import RunState, RunStore
from arcbench.training.bridge import RewardBridge
from arcbench.training.lifeline import End
from arcbench.training.observe import Observer
from arcbench.training.processes import ALONE, Processes
from arcbench.training.recall import Recall
from arcbench.training.sampler import StepSampler
from arcbench.training.tracking import Tell, told_nobody
from arcbench.training.usage import usage_metrics

_WHOLE = "whole.json"  # written into a checkpoint when all of it is there


class StopRequested(Exception):
    """The run was asked to stop while it was not training."""


@dataclass(kw_only=True, slots=True)
class StopSignal:
    """A wish to stop: SIGTERM, Ctrl-C, the run's `stop` file, or another process that has ended."""

    store: RunStore
    processes: Processes = ALONE
    lost: Callable[[], End | None] = lambda: None  # the process that has ended
    why: str = ""
    training: bool = False  # the trainer asks by itself after each step

    def wanted(self) -> bool:
        """Whether somebody asked."""
        if not self.why and self.store.stop_file.exists():
            self.why = "stop was requested"
        if not self.why and (end := self.lost()) is not None:
            self.why = str(end)
        return bool(self.why)

    def agreed(self) -> bool:
        """Whether somebody asked any of the processes: all are told the same, and go together."""
        self.wanted()
        self.why = next((why for why in self.processes.gather(self.why) if why), "")
        return bool(self.why)

    def check(self) -> None:
        """Raise StopRequested if somebody asked; for the phases without a checkpoint."""
        if self.wanted():
            raise StopRequested(self.why)

    def wait_behind(self, before: Sequence[str]) -> None:
        """Say for which other runs this one waits; raise StopRequested if somebody asked."""
        self.store.set_status(RunState.RUNNING, phase=f"waiting for {', '.join(before)}")
        self.check()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGTERM and Ctrl-C as wishes; a second Ctrl-C ends at once."""

        def take(number: int, _frame: FrameType | None) -> None:
            if self.why and number == signal.SIGINT:
                raise KeyboardInterrupt
            self.why = f"{signal.Signals(number).name} was received"
            if not self.training:
                raise StopRequested(self.why)

        with taking_signals(take):
            yield


@dataclass(kw_only=True)
class Recorder:
    """The trainer's callback (see `as_callback`)."""

    store: RunStore
    bridge: RewardBridge
    sampler: StepSampler
    observer: Observer
    log: RunLog
    stop: StopSignal
    total_steps: int
    steps_per_sampling: int = 1  # only the first of so many steps samples
    over: Callable[[int], bool] = lambda _: False  # whether the run's time is, after a step
    checks: Callable[[int], Mapping[str, float]] = lambda _: {}  # what else a step's line has
    recall: Recall | None = None  # what the policy remembers, scored after a step
    tell: Tell = told_nobody  # passes on a step's line
    _started: float = field(default=0.0)

    def on_step_begin(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """The clock of a step starts."""
        self._started = time.perf_counter()

    def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
        """Stop after this step if somebody asked or the time is over; the trainer saves first.

        Not before what was sampled is used up: a resumed run begins with a sampling.
        """
        step = int(state.global_step)
        if step % self.steps_per_sampling == 0 and (self.stop.agreed() or self.over(step)):
            control.should_save = True
            control.should_training_stop = True

    def on_log(
        self, _args: Any, state: Any, _control: Any, logs: Mapping[str, float], **_: Any
    ) -> None:
        """The trainer told the figures of a step: its line goes to metrics.jsonl and the screen."""
        if "loss" not in logs:  # the summary at the end
            return
        step = int(state.global_step)
        seen = self.observer.take()
        asked = time.perf_counter()
        remembered = self.recall.metrics(step) if self.recall is not None else {}
        ended = time.perf_counter()
        seconds = ended - self._started
        spent = seen.spent_s + ended - asked + self.bridge.metrics.get(series.SECONDS_SIGNALS, 0.0)
        metrics = {
            **series.trainer_metrics(logs),
            **series.policy_metrics(seen.sums),
            **remembered,
        }
        if self.bridge.metrics:  # else it learned once more from what was sampled before
            known = self.sampler.seconds + self.bridge.metrics[series.SECONDS_REWARD]
            metrics |= {
                **self.bridge.metrics,
                series.SECONDS_SAMPLING: self.sampler.seconds,
                series.SECONDS_SCORING: seen.generation_s - known,
            }
            self.bridge.metrics = {}
        metrics |= {
            series.SECONDS_STEP: seconds,
            series.SECONDS_UPDATE: seconds - seen.generation_s,
            series.SECONDS_SIGNALS: spent,
            **usage_metrics(seen.usage),
        }
        metrics |= self.checks(step)
        self.store.append_metrics(step, metrics)
        self.tell(step, metrics)
        self.store.set_status(RunState.RUNNING, step=step, phase="training")
        self.log.print(step_line(step, self.total_steps, metrics))

    def on_save(self, args: Any, state: Any, _control: Any, **_: Any) -> None:
        """A checkpoint is complete, the files of all processes: say so inside it."""
        self.stop.processes.wait()
        if not self.stop.processes.main:
            return
        step = int(state.global_step)
        folder = Path(args.output_dir) / f"checkpoint-{step}"
        # TRL's copy of the adapter that the run went on with (for the KL term) is made anew by a
        # resumed run; beside the trained one it would be the only one that transformers loads.
        shutil.rmtree(folder / "ref", ignore_errors=True)
        write_json(folder / _WHOLE, {"step": step})


def as_callback(recorder: Recorder) -> Any:
    """The recorder as a callback that TRL accepts."""
    from transformers import TrainerCallback

    names = ("on_step_begin", "on_step_end", "on_log", "on_save")
    hooks = {name: staticmethod(getattr(recorder, name)) for name in names}
    return type("RecorderCallback", (TrainerCallback,), hooks)()


def step_line(step: int, total: int, metrics: Mapping[str, float]) -> str:
    """One line about a step, for people who watch."""
    m = metrics
    number = f"step {step:>{len(str(total))}}/{total}"
    if series.REWARD_MEAN not in m:
        return f"{number}  on the samples of a step before  {m[series.SECONDS_STEP]:5.1f} s"
    judging = m[series.SECONDS_REWARD] / m[series.SECONDS_STEP]
    return (
        f"{number}"
        f"  reward {m[series.REWARD_MEAN]:6.2f} ±{m[series.REWARD_STD]:5.2f}"
        f"  solved {m[series.SOLVE_RATE]:4.0%}"
        f"  length {m[series.LENGTH_MEAN]:4.0f}"
        f"  cut {m[series.LENGTH_TRUNCATED]:4.0%}"
        f"  unique {m[series.UNIQUE_PROGRAMS]:4.0%}"
        f"  {m[series.SECONDS_STEP]:5.1f} s, {judging:.0%} judging"
    )


def newest_checkpoint(store: RunStore) -> tuple[int, Path] | None:
    """Step and folder of the newest checkpoint that was written to its end."""
    found = [
        (int(p.parent.name.removeprefix("checkpoint-")), p.parent)
        for p in store.checkpoints.glob(f"checkpoint-*/{_WHOLE}")
    ]
    return max(found) if found else None


def drop_broken_checkpoints(store: RunStore) -> None:
    """Remove the checkpoints that a kill cut short."""
    for folder in store.checkpoints.glob("checkpoint-*"):
        if not (folder / _WHOLE).is_file():
            shutil.rmtree(folder)
