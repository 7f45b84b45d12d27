"""GRPO on ARC tasks: runs TRL's trainer on a TrainConfig and goes on where a run was cut short.

`train` starts a run, `resume` goes on with one, `overfit` is the smallest run that shows learning.
"""

import os
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from arcbench.errors import UserError
from arcbench.judge import Judge
from arcbench.policies.chat import ChatTokenizer
from arcbench.runs import RunState, RunStore, free_name
from arcbench.sandbox import SandboxPool
from arcbench.training import build, faults
from arcbench.training.bridge import RewardBridge
from arcbench.training.checks import before_run
from arcbench.training.config import TrainConfig, overfit_config
from arcbench.training.data import (
    PromptSource,
    check_names,
    prompt_dataset,
    prompt_source,
    with_own_rates,
)
from arcbench.training.measure import Measurement, before_after_table, measure, shown_figures
from arcbench.training.recorder import (
    Recorder,
    RunLog,
    StopRequested,
    StopSignal,
    as_callback,
    drop_broken_checkpoints,
    newest_checkpoint,
)

RUNS = Path("runs")


def train(
    config: TrainConfig, *, root: Path = RUNS, name: str | None = None, log: RunLog | None = None
) -> RunStore:
    """Start a run in `root/name` and train to its end (or to a stop request).

    Without a name it is called after its task or data set. Raises UserError, before anything is
    made, for a taken name and for a task, template or policy that is not there; any later error
    ends the run as "failed" and is raised.
    """
    check_names(config)
    if name is None:
        tasks = config.data.tasks
        name = free_name(root, f"train-{tasks[0] if len(tasks) == 1 else config.data_name}")
    return _run(RunStore.create(root, name, config.to_dict()), config, log)


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
    store = RunStore.open(path)
    config = TrainConfig.from_dict(store.config())
    status = store.status()
    if status.state is RunState.RUNNING and status.pid != os.getpid():
        raise UserError(f"run {store.name} is running (process {status.pid}): stop it first")
    if status.state is not RunState.RUNNING:
        store.stop_file.unlink(missing_ok=True)  # left by a run that was killed
    if steps is not None and steps != config.steps:
        config = replace(config, steps=steps)
        store.write_config(config.to_dict())
    newest = newest_checkpoint(store)
    if status.state is RunState.FINISHED and newest and newest[0] >= config.steps:
        raise UserError(f"run {store.name} has done its {config.steps} steps: give it more")
    return _run(store, config, log)


def _run(store: RunStore, config: TrainConfig, log: RunLog | None) -> RunStore:
    """Run to the end, and leave the status, the log and the plots in the folder."""
    owns_log = log is None
    log = RunLog(store.log) if log is None else log
    started = time.monotonic()
    reserve = faults.Reserve(path=store.path / ".reserve")
    try:
        reserve.take()
        store.set_status(RunState.RUNNING, phase="loading", total_steps=config.steps)
        state, reason = _until_stopped(store, config, log)
        _save_plots(store)
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
        if known is None or known is error:
            raise
        raise known from error
    reserve.give_back()
    if owns_log:
        log.close()
    store.stop_file.unlink(missing_ok=True)
    # Last of all: who waits for the end of a run finds everything there.
    store.set_status(state, phase="", reason=reason)
    return store


def _until_stopped(store: RunStore, config: TrainConfig, log: RunLog) -> tuple[RunState, str]:
    """The last state and why it ended there; a request to stop is an end like another."""
    stop = StopSignal(store=store)
    config = with_own_rates(config, store)
    try:
        with stop.listening():
            return _Run(store=store, config=config, log=log, stop=stop).all()
    except StopRequested as why:
        return RunState.STOPPED, str(why)


@dataclass(kw_only=True, slots=True)
class _Run:
    """A run in progress."""

    store: RunStore
    config: TrainConfig
    log: RunLog
    stop: StopSignal

    def all(self) -> tuple[RunState, str]:
        """Load, measure, train, measure; returns the last state and why it ended there."""
        build.prepare_libraries()
        import torch

        config = self.config
        build.set_threads(config)
        gpu = build.on_gpu(config)
        self.store.add_info(device=torch.cuda.get_device_name(0) if gpu else "cpu")
        before_run(config, self.store, self.log.print)
        chat = build.load_tokenizer(config)
        source, left_out = prompt_source(config, chat.count_tokens)
        for tasks in left_out:
            self.log.print(f"left out: {tasks}")
        drop_broken_checkpoints(self.store)
        newest = newest_checkpoint(self.store)
        done, checkpoint = newest if newest else (0, None)
        self.store.rewind(done)
        finished = done >= config.steps
        model = build.load_model(config, gpu, checkpoint if finished else None)
        self.stop.check()
        with SandboxPool(**build.pool_options(config)) as pool:
            judge = Judge(pool=pool, scheme=config.reward)
            before = None if finished else self._measure("before", model, chat, source, judge)
            if not finished:
                model = self._train(model, chat, source, judge, gpu, done, checkpoint)
                if self.stop.why:
                    return RunState.STOPPED, self.stop.why
            after = self._measure("after", model, chat, source, judge)
        if before is None and (there := self.store.read_eval("before")):
            before = Measurement.from_dict(there)
        if before is not None and after is not None:
            self.log.print(before_after_table(before, after))
        return RunState.FINISHED, ""

    def _train(
        self,
        model: Any,
        chat: ChatTokenizer,
        source: PromptSource,
        judge: Judge,
        gpu: bool,
        done: int,
        checkpoint: Path | None,
    ) -> Any:
        """Run TRL's trainer to its end or to a stop request; returns the trained model."""
        from transformers import PrinterCallback
        from trl import GRPOTrainer

        from arcbench.training.sampler import sampler_for
        from arcbench.training.trl_args import grpo_args, num_prompts

        config, store = self.config, self.store
        sampler = sampler_for(config, chat.tokenizer)
        bridge = RewardBridge(
            source=source,
            judge=judge,
            store=store,
            num_generations=config.grpo.num_generations,
            scale=config.grpo.scale_rewards,
        )
        recorder = Recorder(
            store=store,
            bridge=bridge,
            sampler=sampler,
            log=self.log,
            stop=self.stop,
            total_steps=config.steps,
            steps_per_sampling=config.grpo.steps_per_sampling,
        )
        trainer = GRPOTrainer(
            model=model,
            reward_funcs=bridge.reward,
            rollout_func=sampler.rollout,
            args=grpo_args(config, store, gpu, build.positions(model)),
            train_dataset=prompt_dataset(source, num_prompts(config)),
            processing_class=chat.tokenizer,
            peft_config=build.peft_config(config),
            callbacks=[as_callback(recorder), faults.health_callback(store)],
        )
        trainer.remove_callback(PrinterCallback)
        tasks = f"{len(source.tasks)} tasks" if len(source.tasks) > 1 else source.tasks[0].id
        self.log.print(
            f"training {config.policy.model} on {tasks}, {config.grpo.completions_per_step} "
            f"completions a step, on {self.store.info()['device']}"
            + (f", from step {done}" if done else "")
        )
        self.stop.check()
        self.stop.training = True
        store.set_status(RunState.RUNNING, phase="training", step=done)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        self.stop.training = False
        return trainer.accelerator.unwrap_model(trainer.model)

    def _measure(
        self, which: str, model: Any, chat: ChatTokenizer, source: PromptSource, judge: Judge
    ) -> Measurement | None:
        """Measure before or after training, once; None if it is not wanted."""
        from arcbench.policies.transformers import TransformersPolicy

        config = self.config
        if not config.measure.samples:
            return None
        there = self.store.read_eval(which)
        if there is not None and which == "before":
            return Measurement.from_dict(there)
        self.store.set_status(RunState.RUNNING, phase=f"measuring {which}")
        self.log.print(f"measuring {which} training: {config.measure.samples} samples a task")
        policy = TransformersPolicy(model, chat.tokenizer, name=config.policy.model)
        result = measure(policy, source, judge, config, self.stop.check)
        self.store.write_eval(which, result.to_dict())
        return result


def _save_plots(store: RunStore) -> None:
    """Draw the curve, and before and after where both were measured."""
    from arcbench.plots import before_after, training_curve

    metrics = store.metrics()
    if metrics:
        figure = training_curve(metrics)
        figure.savefig(store.plot_file("training"), dpi=130)
    before, after = store.read_eval("before"), store.read_eval("after")
    if before and after:
        figure = before_after(before["figures"], after["figures"], shown_figures(after["tasks"]))
        figure.savefig(store.plot_file("before_after"), dpi=130)
