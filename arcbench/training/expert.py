"""Expert iteration: sample, keep what is right on the train pairs, fine-tune, and again.

Its run folders are those of GRPO, a round in the place of a step: `arcbench eval`, `report` and the
app read them alike. `expert.json` has what is its own. (ReST-EM, Singh et al. 2023, arXiv
2312.06585, without going back to the first weights.)
"""

import shutil
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arcbench import series
from arcbench.console import RunLog
from arcbench.errors import UserError
from arcbench.files import write_json
from arcbench.judge import Judge
from arcbench.policies.base import Ask, SamplingConfig
from arcbench.policies.chat import ChatTokenizer
from arcbench.policies.sources import WHOLE
from arcbench.rollouts import Rollout, groups
from arcbench.runs import RunState, RunStore, free_name
from arcbench.sandbox import SandboxPool
from arcbench.training import build, faults
from arcbench.training.clock import Clock, ended_at, why_ended
from arcbench.training.config import TrainConfig
from arcbench.training.config_build import read_settings
from arcbench.training.config_data import BEFORE
from arcbench.training.data import PromptSource, check_names, prompt_source
from arcbench.training.expert_config import ExpertConfig
from arcbench.training.expert_data import RoundPrompt, kept, round_prompts
from arcbench.training.fine_tune import FineTuner
from arcbench.training.measure import Measurement, before_after_table, measure
from arcbench.training.own_rates import measured_source, with_measured_rates, with_own_rates
from arcbench.training.recorder import (
    StopRequested,
    StopSignal,
    drop_broken_checkpoints,
    newest_checkpoint,
)
from arcbench.training.run_plots import save_plots
from arcbench.training.sampler import step_seed
from arcbench.turns import own_turn

RUNS = Path("runs")
SETTINGS = "expert.json"
KEPT_CHECKPOINTS = 2


def iterate(
    config: TrainConfig,
    expert: ExpertConfig,
    *,
    root: Path = RUNS,
    name: str | None = None,
    log: RunLog | None = None,
) -> RunStore:
    """Run rounds in `root/name` until they are done, the time is over or somebody asks to stop.

    Raises UserError, before anything is made, as `arcbench.training.grpo.train` does.
    """
    expert.check_with(config)
    check_names(config)
    expert = expert.resolved(config)
    config = _with_rounds(config, expert)
    free = free_name(root, f"expert-{config.data_name}") if name is None else name
    store = RunStore.create(root, free, config.to_dict())
    write_json(store.path / SETTINGS, expert.to_dict())
    return _run(store, config, expert, log)


def resume(path: Path, *, log: RunLog | None = None) -> RunStore:
    """Go on after the newest whole round of the run in the folder; UserError if it has ended."""
    store = RunStore.open(path)
    if not (path / SETTINGS).is_file():
        raise UserError(f"{path} is no expert iteration: go on with arcbench train --resume {path}")
    status = store.status()
    if status.state is RunState.RUNNING:
        raise UserError(f"run {store.name} is running (process {status.pid}): stop it first")
    if status.state is RunState.FINISHED:
        raise UserError(f"run {store.name} has finished")
    store.stop_file.unlink(missing_ok=True)
    expert = ExpertConfig.from_dict(read_settings(path / SETTINGS))
    return _run(store, TrainConfig.from_dict(store.config()), expert, log)


def _with_rounds(config: TrainConfig, expert: ExpertConfig) -> TrainConfig:
    """The settings with what readers of a run look for: rounds as steps, samples as a group."""
    data = config.to_dict()
    data["steps"] = data["checkpoint_every"] = expert.rounds
    data["schedule"] = {}
    data["grpo"] = {
        "num_generations": max(2, expert.samples),
        "learning_rate": expert.learning_rate,
        "micro_batch": 0,
    }
    return TrainConfig.from_dict(data)


def _run(
    store: RunStore, config: TrainConfig, expert: ExpertConfig, log: RunLog | None
) -> RunStore:
    own_log = log is None
    log = RunLog(store.log) if log is None else log
    started = time.monotonic()
    stop = StopSignal(store=store)
    store.set_status(RunState.RUNNING, phase="loading", total_steps=expert.rounds)
    try:
        with stop.listening(), own_turn(store.name, stop.wait_behind):
            run = _Rounds(store=store, config=config, expert=expert, log=log, stop=stop)
            state, reason = run.all()
        save_plots(store)
    except StopRequested as asked:
        state, reason = RunState.STOPPED, str(asked)
    except BaseException as error:
        known = faults.explain(error, config, store)
        reason = str(known or traceback.format_exception_only(error)[-1].strip())
        store.set_status(RunState.FAILED, phase="", reason=reason)
        log.write_file(f"{'' if known is error else traceback.format_exc()}failed: {reason}\n")
        if known is None or known is error:
            raise
        raise known from error
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    ended = f"{state.value} ({reason})" if reason else state.value
    log.print(f"{store.name}: {ended} after {minutes}:{seconds:02} min; it is in {store.path}")
    if own_log:
        log.close()
    store.stop_file.unlink(missing_ok=True)
    store.set_status(state, phase="", reason=reason)
    return store


@dataclass(kw_only=True)
class _Rounds:
    """A run in progress."""

    store: RunStore
    config: TrainConfig
    expert: ExpertConfig
    log: RunLog
    stop: StopSignal
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(store=self.store, max_minutes=self.config.max_minutes)

    def all(self) -> tuple[RunState, str]:
        """Load, measure, iterate, measure; the last state and why it ended there."""
        build.prepare_libraries()
        import torch

        store = self.store
        self.config = with_own_rates(self.config, store)
        build.set_threads(self.config)
        gpu = build.on_gpu(self.config)
        store.add_info(
            device=torch.cuda.get_device_name() if gpu else "cpu", method="expert iteration"
        )
        chat = build.load_tokenizer(self.config)
        source = self._prompts(chat)
        drop_broken_checkpoints(store)
        done, checkpoint = newest_checkpoint(store) or (0, None)
        store.rewind(done)
        self.clock.begin()
        model = build.load_model(self.config, gpu, checkpoint)
        with SandboxPool(**build.pool_options(self.config)) as pool:
            judge = Judge(pool=pool, scheme=self.config.reward)
            before = self._measure("before", model, chat, source, judge)
            if before is not None and self.config.data.signal_from == BEFORE:
                self.config = with_measured_rates(self.config, store, before)
                source = self._prompts(chat)
            if done < self.expert.rounds and (not done or done != ended_at(store)):
                self._iterate(model, chat, source, judge, gpu, done)
            if self.stop.why:
                return RunState.STOPPED, self.stop.why
            if before is not None:
                source = measured_source(self.config, chat.count_tokens, before)
            after = self._measure("after", model, chat, source, judge)
        if before is not None and after is not None:
            self.log.print(before_after_table(before, after))
        return RunState.FINISHED, why_ended(store, self.config)

    def _prompts(self, chat: ChatTokenizer) -> PromptSource:
        source, left_out = prompt_source(self.config, chat.count_tokens)
        for tasks in left_out:
            self.log.print(f"left out: {tasks}")
        return source

    def _iterate(
        self, model: Any, chat: ChatTokenizer, source: PromptSource, judge: Judge, gpu: bool,
        done: int,
    ) -> None:  # fmt: skip
        from arcbench.policies.transformers import TransformersPolicy

        policy = TransformersPolicy(model, chat.tokenizer, name=self.config.policy.model)
        tuner = FineTuner(
            model=model,
            tokenizer=chat.tokenizer,
            folder=self.store.checkpoints,
            learning_rate=self.expert.learning_rate,
            batch=self.expert.batch,
            micro_batch=self.expert.micro_batch,
            seed=self.config.seed,
            gpu=gpu,
            bf16=build.precision(self.config, gpu) == "bf16",
        )
        self.stop.training = True
        for number in range(done + 1, self.expert.rounds + 1):
            started = time.perf_counter()
            self.store.set_status(RunState.RUNNING, phase="sampling")
            prompts = round_prompts(
                source,
                number - 1,
                self.expert,
                self.config.lengths.max_prompt_tokens,
                chat.count_tokens,
            )
            rollouts = self._sample(policy, judge, prompts, number, gpu)
            sampled = time.perf_counter() - started
            chosen = kept(rollouts, self.expert.keep, self.expert.choice)
            self.store.set_status(RunState.RUNNING, phase="training")
            loss = self._learn(tuner, chat, prompts, chosen)
            self._record(number, rollouts, chosen, loss, sampled, time.perf_counter() - started)
            last = number == self.expert.rounds or self.clock.over(number) or self.stop.wanted()
            self._save(model, chat, number)
            if last:
                break
        self.stop.training = False

    def _sample(
        self, policy: Any, judge: Judge, prompts: list[RoundPrompt], number: int, gpu: bool
    ) -> list[Rollout]:
        """All samples of the round, judged while others are written, prompt by prompt."""
        import torch

        s = self.config.sampling
        how = SamplingConfig(
            n=self.expert.samples,
            temperature=s.temperature,
            top_p=s.top_p,
            top_k=s.top_k,
            min_p=s.min_p,
            repetition_penalty=s.repetition_penalty,
            max_new_tokens=self.config.lengths.max_completion_tokens,
            seed=step_seed(self.config.seed, number),
        )
        asks = [
            Ask(prompt_index=i, count=how.n, messages=p.messages) for i, p in enumerate(prompts)
        ]
        bf16 = build.precision(self.config, gpu) == "bf16"
        policy.model.eval()
        with torch.autocast("cuda" if gpu else "cpu", dtype=torch.bfloat16, enabled=bf16):
            attempts = [
                prompts[x.prompt_index].answered(x.completion, x.prompt_index, x.sample_index)
                for x in policy.stream_asks(asks, how)
            ]
        judged = judge.flow(attempts, run_id=self.store.name, step=number, reuse=True)
        return sorted(judged, key=lambda r: (r.group, r.index))

    def _learn(
        self, tuner: FineTuner, chat: ChatTokenizer, prompts: list[RoundPrompt],
        chosen: list[Rollout],
    ) -> float | None:  # fmt: skip
        """Fine-tune on what was kept; the mean loss, None where nothing was."""
        if not chosen:
            return None
        ids = {r.group: chat.ids(prompts[r.group].messages) for r in chosen}
        return tuner.fit(
            [(ids[r.group], r.completion.token_ids) for r in chosen], self.expert.epochs
        )

    def _record(
        self,
        number: int,
        rollouts: list[Rollout],
        chosen: list[Rollout],
        loss: float | None,
        sampled_s: float,
        seconds: float,
    ) -> None:
        store = self.store
        store.write_rollouts(number, rollouts)
        metrics = series.measure(groups(rollouts))
        metrics |= {
            series.KEPT: len(chosen) / len(rollouts),
            series.KEPT_TASKS: float(len({r.group for r in chosen})),
            series.SECONDS_STEP: seconds,
            series.SECONDS_SAMPLING: sampled_s,
            series.SECONDS_UPDATE: seconds - sampled_s,
        }
        if loss is not None:
            metrics[series.LOSS] = loss
        store.append_metrics(number, metrics)
        store.set_status(RunState.RUNNING, step=number, phase="training")
        told = "nothing to learn from" if loss is None else f"loss {loss:.3f}"
        self.log.print(
            f"round {number}  solved {metrics[series.SOLVE_RATE]:4.0%}  "
            f"kept {len(chosen)} programs "
            f"for {metrics[series.KEPT_TASKS]:.0f} of {len({r.group for r in rollouts})} tasks  "
            f"{told}  {seconds:.1f} s"
        )

    def _save(self, model: Any, chat: ChatTokenizer, number: int) -> None:
        """Write the weights after a round; the newest two stay."""
        folder = self.store.checkpoints / f"checkpoint-{number}"
        model.save_pretrained(folder)
        chat.tokenizer.save_pretrained(folder)
        write_json(folder / WHOLE, {"step": number})
        older = sorted(
            (p.parent for p in self.store.checkpoints.glob(f"checkpoint-*/{WHOLE}")),
            key=lambda p: int(p.name.removeprefix("checkpoint-")),
        )
        for old in older[:-KEPT_CHECKPOINTS]:
            shutil.rmtree(old)

    def _measure(
        self, which: str, model: Any, chat: ChatTokenizer, source: PromptSource, judge: Judge
    ) -> Measurement | None:
        """Measure before or after, once; None if it is not wanted."""
        from arcbench.policies.transformers import TransformersPolicy

        if not self.config.measure.samples:
            return None
        there = self.store.read_eval(which)
        if there is not None:
            return Measurement.from_dict(there)
        self.store.set_status(RunState.RUNNING, phase=f"measuring {which}")
        self.log.print(f"measuring {which}: {self.config.measure.samples} samples a task")
        policy = TransformersPolicy(model, chat.tokenizer, name=self.config.policy.model)
        result = measure(policy, source, judge, self.config, self.stop.check)
        self.store.write_eval(which, result.to_dict())
        return result
