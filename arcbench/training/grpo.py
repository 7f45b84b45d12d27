"""GRPO on ARC tasks: runs TRL's trainer on a TrainConfig and goes on where a run was cut short.

`train` starts a run, `resume` goes on with one, `overfit` is the smallest run that shows learning.
"""

import os
import time
import traceback
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from arcbench.console import RunLog
from arcbench.errors import UserError
from arcbench.files import Reserve
from arcbench.judge import Judge
from arcbench.policies.chat import ChatTokenizer
from arcbench.runs import RunState, RunStore, free_name
from arcbench.sandbox import SandboxPool
from arcbench.sandbox.pool import usable_cores
from arcbench.training import build, engine_setup, faults, rewind
from arcbench.training.bridge import RewardBridge
from arcbench.training.checks import before_run
from arcbench.training.clock import Clock, ended_at, why_ended
from arcbench.training.config import TrainConfig, overfit_config
from arcbench.training.config_data import BEFORE
from arcbench.training.data import (
    PromptSource,
    check_names,
    prompt_dataset,
    prompt_source,
)
from arcbench.training.lifeline import Lifeline, LostProcess
from arcbench.training.measure import Measurement, before_after_table, measure
from arcbench.training.observe import Observer, observed
from arcbench.training.onlooker import Onlooker
from arcbench.training.own_rates import measured_source, with_measured_rates, with_own_rates
from arcbench.training.processes import ALONE, Processes, join, started_several
from arcbench.training.recall import Recall
from arcbench.training.recorder import (
    Recorder,
    StopRequested,
    StopSignal,
    as_callback,
    drop_broken_checkpoints,
    newest_checkpoint,
)
from arcbench.training.resuming import give_up_with, resumable
from arcbench.training.run_plots import save_plots
from arcbench.training.task_rewards import TaskRewards
from arcbench.training.tracking import told_nobody, trackers
from arcbench.training.trim import trimmed
from arcbench.training.trl_args import grpo_args, micro_batches, num_prompts
from arcbench.training.watch import Watch, watch_callback
from arcbench.turns import own_turn

RUNS = Path("runs")
LOST_WAIT_S = 1.0  # for the word of a process that has ended to be heard after what follows


def train(
    config: TrainConfig, *, root: Path = RUNS, name: str | None = None, log: RunLog | None = None
) -> RunStore:
    """Start a run in `root/name` and train to its end (or to a stop request).

    Without a name it is called after its task or data set. Raises UserError, before anything is
    made, for a taken name and for a task, template or policy that is not there; any later error
    ends the run as "failed" and is raised.
    """
    check_names(config)

    def create() -> Path:
        tasks = config.data.tasks
        wanted = f"train-{tasks[0] if len(tasks) == 1 else config.data_name}"
        free = free_name(root, wanted) if name is None else name
        return RunStore.create(root, free, config.to_dict()).path

    processes = _join(config)
    return _run(processes.from_main(create), config, log, processes)


def overfit(
    task_id: str,
    *,
    config: TrainConfig | None = None,
    root: Path = RUNS,
    name: str | None = None,
    log: RunLog | None = None,
) -> RunStore:
    """Train on one task without augmentation and print a table of before and after.

    `config` replaces the preset `overfit_config(task_id)`.
    """
    config = overfit_config(task_id) if config is None else config
    name = free_name(root, f"overfit-{task_id}") if name is None else name
    return train(config, root=root, name=name, log=log)


def resume(path: Path, *, steps: int | None = None, log: RunLog | None = None) -> RunStore:
    """Go on with the run in the folder `path`, from its newest whole checkpoint or from the start.

    `steps` sets another last step. What was recorded after the checkpoint is dropped and made
    again. Raises UserError if the run is still going or has nothing left to do.
    """
    config = TrainConfig.from_dict(RunStore.open(path).config())
    processes = _join(config)
    config = processes.from_main(lambda: resumable(RunStore.open(path), config, steps))
    return _run(path, config, log, processes)


def _join(config: TrainConfig) -> Processes:
    """The processes that a launcher started for this run, or this one alone.

    UserError if they cannot share its steps.
    """
    if not started_several():
        return ALONE
    engine_setup.import_first(config)
    build.prepare_libraries()
    processes = join(gpu=build.on_gpu(config))
    micro_batches(config, processes.count)
    return processes


def _run(path: Path, config: TrainConfig, log: RunLog | None, processes: Processes) -> RunStore:
    """Run to the end, and leave the status, the log and the plots in the folder."""
    main = processes.main
    store = RunStore.open(path) if main else Onlooker.open(path)
    owns_log = log is None
    if log is None:
        log = RunLog(store.log) if main else RunLog.silent()
    lifeline = Lifeline(processes, partial(give_up_with, store, log))
    started = time.monotonic()
    reserve = Reserve(path=store.path / f".reserve-{processes.rank}")
    try:
        if main:
            reserve.take()
        store.set_status(RunState.RUNNING, phase="loading", total_steps=config.steps)
        state, reason = _until_stopped(store, config, log, lifeline)
        lifeline.let_go()
        if main:
            save_plots(store)
        minutes, seconds = divmod(round(time.monotonic() - started), 60)
        ended = f"{state.value} ({reason})" if reason else state.value
        log.print(
            f"{store.name}: {ended} after {minutes}:{seconds:02} min; all of it is in {store.path}"
        )
        if state is RunState.STOPPED:
            log.print(f"go on with: arcbench train --resume {store.path}")
    except BaseException as error:
        reserve.give_back()
        known = faults.explain(error, config, store)
        reason = str(known or traceback.format_exception_only(error)[-1].strip())
        store.set_status(RunState.FAILED, phase="", reason=reason)
        where = "" if known is error else traceback.format_exc()
        log.write_file(f"{where}failed: {reason}\n")
        lifeline.tell("failed", reason, where)
        if known is None or known is error:
            raise
        raise known from error
    reserve.give_back()
    if owns_log:
        log.close()
    if main:
        store.stop_file.unlink(missing_ok=True)
    # Last of all: who waits for the end of a run finds everything there.
    store.set_status(state, phase="", reason=reason)
    lifeline.tell("stopped" if state is RunState.STOPPED else "done", reason)
    return store


def _until_stopped(
    store: RunStore, config: TrainConfig, log: RunLog, lifeline: Lifeline
) -> tuple[RunState, str]:
    """The last state and why it ended there; a request to stop is an end like another."""
    stop = StopSignal(store=store, processes=lifeline.processes, lost=lifeline.lost)
    config = lifeline.processes.from_main(partial(with_own_rates, config, store))
    try:
        with stop.listening(), own_turn(store.name, stop.wait_behind):
            return _Run(store=store, config=config, log=log, stop=stop).all()
    except UserError:
        raise
    except Exception as error:
        # Where another process has ended, this is only what follows: the launcher stops the rest,
        # and what they wait for does not come.
        end = lifeline.lost(wait_s=0.0 if isinstance(error, StopRequested) else LOST_WAIT_S)
        if end is not None and end.how != "stopped":
            log.write_file(end.trace)
            raise LostProcess(str(end)) from error
        if end is None and not isinstance(error, StopRequested):
            raise
        return RunState.STOPPED, str(error) if end is None else end.reason


@dataclass(kw_only=True, slots=True)
class _Run:
    """A run in progress, as one of its processes does it."""

    store: RunStore
    config: TrainConfig
    log: RunLog
    stop: StopSignal
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(
            store=self.store, max_minutes=self.config.max_minutes, processes=self.processes
        )

    @property
    def processes(self) -> Processes:
        """All of the run."""
        return self.stop.processes

    def all(self) -> tuple[RunState, str]:
        """Load, measure, train, measure; returns the last state and why it ended there."""
        engine_setup.import_first(self.config)
        build.prepare_libraries()
        import torch

        config = self.config
        build.set_threads(config)
        gpu = build.on_gpu(config)
        self.store.add_info(
            device=torch.cuda.get_device_name() if gpu else "cpu", processes=self.processes.count
        )
        before_run(config, self.store, self.log.print)
        chat = build.load_tokenizer(config)
        source = self._prompts(chat)
        done, checkpoint = self.processes.from_main(self._rewound)
        self.clock.begin()
        finished = done >= config.steps or (done > 0 and done == ended_at(self.store))
        model = engine_setup.load_model(config, gpu, checkpoint if finished else None)
        self.stop.check()
        options = build.pool_options(config)
        if options["workers"] is None:
            options["workers"] = max(1, usable_cores() // self.processes.on_machine)
        with SandboxPool(**options) as pool:
            judge = Judge(pool=pool, scheme=config.reward)
            before = None if finished else self._measure("before", model, chat, source, judge)
            if not finished:
                source = self._chosen(source, before, chat)
                first = TaskRewards.open(self.store.path, before.rewards if before else {})
                model = self._train(model, chat, source, judge, first, gpu, done, checkpoint)
                if self.stop.why:
                    return RunState.STOPPED, self.stop.why
            there = self.store.read_eval("before")
            if before is None and there:
                before = Measurement.from_dict(there)
            if before is not None and set(before.solved) != {t.id for t in source.tasks}:
                source = measured_source(config, chat.count_tokens, before)
            after = self._measure("after", model, chat, source, judge)
        if before is not None and after is not None:
            self.log.print(before_after_table(before, after))
        return RunState.FINISHED, why_ended(self.store, config)

    def _prompts(self, chat: ChatTokenizer) -> PromptSource:
        source, left_out = prompt_source(self.config, chat.count_tokens)
        for tasks in left_out:
            self.log.print(f"left out: {tasks}")
        return source

    def _chosen(
        self, source: PromptSource, before: Measurement | None, chat: ChatTokenizer
    ) -> PromptSource:
        """The prompts of the tasks that the measurement leaves, where it chooses them."""
        if self.config.data.signal_from != BEFORE or before is None:
            return source
        self.config = self.processes.from_main(
            partial(with_measured_rates, self.config, self.store, before)
        )
        return self._prompts(chat)

    def _rewound(self) -> tuple[int, Path | None]:
        """The step to go on from and its checkpoint, once all that came after it is gone."""
        drop_broken_checkpoints(self.store)
        done, checkpoint = newest_checkpoint(self.store) or (0, None)
        self.store.rewind(done)
        return done, checkpoint

    def _train(
        self,
        model: Any,
        chat: ChatTokenizer,
        source: PromptSource,
        judge: Judge,
        first: TaskRewards,
        gpu: bool,
        done: int,
        checkpoint: Path | None,
    ) -> Any:
        """Run TRL's trainer to its end or to a stop request; returns the trained model."""
        import torch
        from transformers import PrinterCallback
        from trl import GRPOTrainer

        config, store = self.config, self.store
        engine = engine_setup.RunEngine(
            config=config,
            chat=chat,
            source=source,
            folder=store.path,
            say=self.log.print,
            give_up=self._give_up,
        )
        bridge = RewardBridge(
            source=source,
            judge=judge,
            store=store,
            num_generations=config.grpo.num_generations,
            scale=config.grpo.scale_rewards,
            prompts_per_sampling=config.grpo.prompts_per_step * config.grpo.updates_per_generation,
            steps_per_sampling=config.grpo.steps_per_sampling,
            processes=self.processes,
            task_rewards=first,
        )
        engine.sampler.processes = self.processes
        observer = Observer(sampler=engine.sampler, processes=self.processes)
        engine.sampler.finished = bridge.hand_in
        recorder = Recorder(
            store=store,
            bridge=bridge,
            sampler=engine.sampler,
            observer=observer,
            checks=engine.metrics,
            log=self.log,
            stop=self.stop,
            total_steps=config.steps,
            steps_per_sampling=config.grpo.steps_per_sampling,
            over=self.clock.over,
        )
        watch = Watch(
            store=store,
            config=config,
            say=self.log.print,
            processes=self.processes,
            stop_with=self._stopped_by_guard,
        )
        torch.manual_seed(config.seed)  # an adapter's first weights are drawn from it
        trainer = trimmed(observed(GRPOTrainer, observer), config)(
            model=model,
            reward_funcs=bridge.reward,
            rollout_func=engine.sampler.rollout,
            args=grpo_args(config, store, gpu, build.positions(model), self.processes.count),
            train_dataset=prompt_dataset(source, num_prompts(config)),
            processing_class=chat.tokenizer,
            peft_config=engine_setup.peft_config(config),
            callbacks=[
                as_callback(recorder),
                faults.health_callback(store),
                rewind.rate_callback(lambda: watch.config.grpo.learning_rate),
                watch_callback(watch, steps_per_sampling=config.grpo.steps_per_sampling),
            ],
        )
        trainer.remove_callback(PrinterCallback)
        tasks = f"{len(source.tasks)} tasks" if len(source.tasks) > 1 else source.tasks[0].id
        self.log.print(
            f"training {config.policy.model} on {tasks}, {config.grpo.completions_per_step} "
            f"completions a step, on {self.store.info()['device']}"
            + (f", {self.processes.count} processes" if self.processes.several else "")
            + (f", from step {done}" if done else "")
        )
        self.stop.check()
        with engine:
            engine.attach(trainer)
            if engine.whole_weights and self.processes.main:
                recorder.recall = bridge.recall = Recall.open(
                    store.path,
                    config.grpo.completions_per_step,
                    score=engine.trainer_logprobs,
                    prompt_ids=chat.ids,
                )
            while True:
                main = self.processes.main
                told = trackers(config, store, done) if main else nullcontext(told_nobody)
                with told as tell:
                    recorder.tell = watch.hearing(tell)
                    self.stop.training = True
                    store.set_status(RunState.RUNNING, phase="training", step=done)
                    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
                    self.stop.training = False
                if not watch.going_back or self.stop.why:
                    break
                self.config = config = watch.go_back()
                done, checkpoint = self.processes.from_main(self._rewound)
        return trainer.accelerator.unwrap_model(trainer.model)

    def _stopped_by_guard(self, reason: str) -> None:
        """The run ends after this step, like on request."""
        self.stop.why = self.stop.why or reason

    def _give_up(self, reason: str) -> None:
        """End a run whose trainer hangs in a library and cannot be told: it resumes later."""
        self.store.set_status(RunState.FAILED, phase="", reason=reason)
        self.log.print(f"{self.store.name}: failed ({reason})")
        os._exit(1)

    def _measure(
        self, which: str, model: Any, chat: ChatTokenizer, source: PromptSource, judge: Judge
    ) -> Measurement | None:
        """Measure before or after training, once; None if it is not wanted."""
        from arcbench.policies.transformers import TransformersPolicy

        config = self.config
        if not config.measure.samples:
            return None
        there = self.processes.from_main(lambda: self.store.read_eval(which))
        if there is not None and which == "before":
            return Measurement.from_dict(there)
        self.store.set_status(RunState.RUNNING, phase=f"measuring {which}")
        self.log.print(f"measuring {which} training: {config.measure.samples} samples a task")
        policy = TransformersPolicy(model, chat.tokenizer, name=config.policy.model)
        result = measure(policy, source, judge, config, self.stop.check, self.processes)
        self.store.write_eval(which, result.to_dict())
        return result
