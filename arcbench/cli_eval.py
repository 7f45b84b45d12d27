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
from arcbench.policies import Engine
from arcbench.rewards import scheme
from arcbench.sandbox import RayPool, SandboxPool

ERR = Console(stderr=True, soft_wrap=True, highlight=False)


def evaluate_policy(
    policy: str | None = None,
    adapter: str | None = None,
    engine: Engine | None = None,
    dataset: str | None = None,
    split: str | None = None,
    task: tuple[str, ...] = (),
    template: str | None = None,
    n: int | None = None,
    k: tuple[int, ...] = (),
    views: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    max_new_tokens: int | None = None,
    seed: int | None = None,
    reward: str | None = None,
    timeout_s: float | None = None,
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
        policy: embedded (default), barc, a folder or hub id, the folder of a run (its newest
            checkpoint) or of an adapter, or addresses of servers (http://host:port/v1,http://…).
        adapter: a run or a folder whose LoRA adapter is put on top of the policy.
        engine: what runs the policy here: transformers (auto, the default) or vllm.
        dataset: arc-agi-1 (default), arc-agi-2, or a path (Kaggle JSON, task file or folder, BARC
            JSONL).
        split: training (default, where the data set has splits) or evaluation.
        task: only these tasks; what is drawn for them is the same as with all others.
        template: a template's name or TOML file; left out, that which the policy was trained with
            where a run or the folder tells it, else arcbench.
        n: samples a task, 64 by default.
        k: of pass@k; left out, those of 1, 8, 64, 512 that n is enough for.
        views: show each task turned, recoloured and reordered in so many ways, its samples spread
            over them; 1 (default) is the task as it is.
        temperature: 0.8 by default; 0 is greedy.
        top_p: share of the likeliest tokens that are drawn from, 1 by default.
        max_new_tokens: longer completions are cut, 192 by default.
        seed: of the sampling and of the views, 0 by default.
        reward: staged, arc25-v1, arc25-v2 (default).
        timeout_s: wall clock for one program on all its inputs, 5 by default.
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
    given = {
        "policy": policy, "adapter": adapter, "engine": engine, "dataset": dataset, "split": split,
        "tasks": task or None, "template": template, "n": n, "k": k or None, "views": views,
        "temperature": temperature, "top_p": top_p, "max_new_tokens": max_new_tokens,
        "seed": seed, "reward": None if reward is None else scheme(reward), "timeout_s": timeout_s,
    }  # fmt: skip
    settings = {setting: value for setting, value in given.items() if value is not None}
    store = None
    if resume is not None:
        if settings or name is not None:
            word = next(iter(settings), "name")
            option = "task" if word == "tasks" else word.replace("_", "-")
            raise UserError(f"--resume goes on with the evaluation's own settings, not --{option}")
        store = EvalStore.open(resume)
        config = store.config()
    else:
        config = EvalConfig(**settings)  # type: ignore[arg-type]
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
