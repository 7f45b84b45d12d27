"""The command that evaluates a policy: samples of many tasks, judged, with pass@k."""

import os
import sys
import threading
import time
from pathlib import Path
from typing import Literal, NoReturn

from rich.console import Console

from arcbench.errors import UserError
from arcbench.evaluation.config import EvalConfig
from arcbench.evaluation.run import evaluate
from arcbench.evaluation.store import EvalStore
from arcbench.judge import Judge
from arcbench.parts import Part
from arcbench.policies import Engine
from arcbench.rewards import scheme
from arcbench.sandbox import RayPool, SandboxPool

ERR = Console(stderr=True, soft_wrap=True, highlight=False)


def evaluate_policy(
    policy: str = "embedded",
    adapter: str | None = None,
    engine: Engine = "auto",
    dataset: str = "arc-agi-1",
    split: str | None = None,
    task: tuple[str, ...] = (),
    part: Part = "all",
    template: str | None = None,
    n: int = 64,
    k: tuple[int, ...] = (),
    views: int = 1,
    temperature: float = 0.8,
    top_p: float = 1.0,
    max_new_tokens: int = 192,
    seed: int = 0,
    reward: str = "arc25-v2",
    timeout_s: float = 5.0,
    pool: Literal["local", "ray"] = "local",
    ray_address: str | None = None,
    workers: int | None = None,
    minutes: float | None = None,
    name: str | None = None,
    evals: Path = Path("evals"),
    resume: Path | None = None,
) -> None:
    """Draw many samples of every task, run and score them, and tell pass@k with its interval.

    Every sample is on disk the moment it comes: Ctrl-C, a kill or --minutes lose nothing, and
    --resume goes on. Compare two evaluations with arcbench compare.

    Args:
        policy: embedded, barc, a folder or hub id, the folder of a run (its newest checkpoint) or
            of an adapter, or addresses of servers (http://host:port/v1,http://…).
        adapter: a run or a folder whose LoRA adapter is put on top of the policy.
        engine: what runs the policy here; auto is transformers.
        dataset: arc-agi-1, arc-agi-2, or a path (Kaggle JSON, task file or folder, BARC JSONL).
        split: training or evaluation; left out, training where the data set has splits.
        task: only these tasks; what is drawn for them is the same as with all others.
        part: train or held-out: two thirds of the tasks and the other third, chosen by a hash of
            their ids, as for data.part of a training run.
        template: a template's name or TOML file; left out, that which the policy was trained with
            where a run or the folder tells it, else arcbench.
        n: samples a task.
        k: of pass@k; left out, those of 1, 8, 64, 512 that n is enough for.
        views: show each task turned, recoloured and reordered in so many ways, its samples spread
            over them; 1 is the task as it is.
        temperature: 0 is greedy.
        top_p: share of the likeliest tokens that are drawn from.
        max_new_tokens: longer completions are cut.
        seed: of the sampling and of the views.
        reward: staged, arc25-v1, arc25-v2.
        timeout_s: wall clock for one program on all its inputs.
        pool: where programs run: local, or ray: all nodes of a Ray cluster.
        ray_address: with --pool ray: auto (this machine's cluster), local, or host:port.
        workers: processes that run programs here; one a core where it is left out.
        minutes: end in time, with whole figures of what there is by then.
        name: of the folder; with the name of one that is there and the same settings, it goes on.
        evals: where these folders lie.
        resume: the folder of an evaluation to go on with.
    """
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    if minutes is not None and minutes <= 0:
        raise UserError(f"--minutes must be positive, not {minutes:g}")
    if pool == "ray" and workers is not None:
        raise UserError("--workers is for --pool local: a Ray node runs as many as it has CPUs")
    if pool == "local" and ray_address is not None:
        raise UserError(f"--ray-address {ray_address} needs --pool ray")
    config = EvalConfig(
        policy=policy, adapter=adapter, engine=engine, dataset=dataset, split=split, tasks=task,
        part=part, template=template, n=n, k=k, views=views, temperature=temperature, top_p=top_p,
        max_new_tokens=max_new_tokens, seed=seed, reward=scheme(reward), timeout_s=timeout_s,
    )  # fmt: skip
    store = None
    if resume is not None:
        changed = config.changed_from(EvalConfig())
        if changed or name is not None:
            option = {"tasks": "task"}.get(changed[0], changed[0]) if changed else "name"
            option = option.replace("_", "-")
            raise UserError(f"--resume goes on with the evaluation's own settings, not --{option}")
        store = EvalStore.open(resume)
        config = store.config()
    else:
        for warning in config.warnings:
            ERR.print(f"note: {warning}", markup=False, style="yellow")
    with (
        SandboxPool(workers, config.limits)
        if pool == "local"
        else RayPool(ray_address or "auto", config.limits) as runner
    ):
        judge = Judge(pool=runner, scheme=config.reward)
        try:
            evaluate(config, store, root=evals, name=name, judge=judge, deadline=deadline)
        except KeyboardInterrupt:  # the second one: what was drawn is on disk
            _leave(130)
    if any(t.name.startswith("arcbench-flow") for t in threading.enumerate()):
        _leave(0)  # the policy is still busy with what nobody waits for any more


def _leave(code: int) -> NoReturn:
    """End without waiting for threads."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
