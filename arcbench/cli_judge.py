"""The commands that run and score completions which lie in files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import tyro

from arcbench.cli_common import ERR, OUT, progress, read_tasks
from arcbench.completion_files import count_attempts
from arcbench.errors import UserError
from arcbench.evaluation import Tally, record
from arcbench.judge import Judge
from arcbench.judge_file import JudgeSummary, judge_file
from arcbench.rewards import Pairs, RewardScheme, scheme
from arcbench.sandbox import Limits, RayPool, SandboxPool
from arcbench.tasks import TaskSet

PoolKind = Literal["local", "ray"]


def judge(
    completions: tyro.conf.Positional[Path],
    /,
    out: Path,
    dataset: str = "arc-agi-1",
    split: str | None = None,
    reward: str = "staged",
    pairs: Pairs = "all",
    workers: int | None = None,
    timeout_s: float = 5.0,
    k: tuple[int, ...] = (),
    pool: PoolKind = "local",
    ray_address: str | None = None,
    python: Path | None = None,
    check_determinism: bool = False,
    require_isolation: bool = False,
) -> None:
    """Run and score completions that lie in a file.

    Args:
        completions: JSONL, {"task_id", "completion"} a line, or any form that `score` takes.
        out: JSONL to write, a line for each judged completion, in input order.
        dataset: arc-agi-1, arc-agi-2, or a path (Kaggle JSON, task file or folder, BARC JSONL).
        split: training or evaluation; both where it is left out.
        reward: staged, arc25-v1, arc25-v2.
        pairs: which pairs the reward counts.
        workers: processes that run programs here; one a core where it is left out.
        timeout_s: wall clock for one program on all its inputs.
        k: also print the figures of `score`, with pass@k over the tasks that have completions.
        pool: local, or ray: all nodes of a Ray cluster.
        ray_address: with --pool ray: auto (this machine's cluster), local, or host:port.
        python: another interpreter to run the programs, e.g. of an environment with numpy 1.26.
        check_determinism: run each program a second time under other seeds and tell what differs.
        require_isolation: refuse to start where a layer of the sandbox is off.
    """
    rewards = scheme(reward, pairs=pairs)
    tasks = read_tasks(dataset, split)
    limits = Limits(timeout_s=timeout_s, require_isolation=require_isolation)
    with _pool(
        pool, limits, workers=workers, ray_address=ray_address, python=python,
        check_determinism=check_determinism,
    ) as runner:  # fmt: skip
        tally = Tally(tasks)
        summary = _judge(completions, out, tasks, rewards, runner, tally)
        where = _where(runner)
    if k:
        _print_figures(tally, k)
    OUT.print(f"{summary}; {where}", markup=False, highlight=False)


def score(
    completions: tyro.conf.Positional[Path],
    /,
    out: Path | None = None,
    dataset: str = "arc-agi-1",
    split: str | None = None,
    k: tuple[int, ...] = (1,),
    by_task: bool = False,
    workers: int | None = None,
    timeout_s: float = 5.0,
    pool: PoolKind = "local",
    ray_address: str | None = None,
    python: Path | None = None,
    reuse: bool = True,
    require_isolation: bool = False,
) -> None:
    """Print the figures of completions that came from anywhere: pass@k, pixel scores, outcomes.

    Args:
        completions: JSONL, gzipped or not, whose lines are {"task_id", "completion"},
            {"uid", "prompt", "responses"} as BARC writes them, or {"messages"} with an answer; or
            rollouts: a parquet file, or the folder of an evaluation or of a run. A task that is
            not named is found by the grids of the prompt.
        out: JSONL to write, a line for each judged completion, as `judge` does.
        dataset: arc-agi-1, arc-agi-2, or a path (Kaggle JSON, task file or folder, BARC JSONL).
        split: training or evaluation; both where it is left out.
        k: of pass@k, over the tasks that have completions.
        by_task: also print a line for each task that has completions.
        workers: processes that run programs here; one a core where it is left out.
        timeout_s: wall clock for one program on all its inputs.
        pool: local, or ray: all nodes of a Ray cluster.
        ray_address: with --pool ray: auto (this machine's cluster), local, or host:port.
        python: another interpreter to run the programs, e.g. of an environment with numpy 1.26.
        reuse: run a program that was written several times for a task once.
        require_isolation: refuse to start where a layer of the sandbox is off.
    """
    tasks = read_tasks(dataset, split)
    limits = Limits(timeout_s=timeout_s, require_isolation=require_isolation)
    with _pool(pool, limits, workers=workers, ray_address=ray_address, python=python) as runner:
        tally = Tally(tasks)
        summary = _judge(completions, out, tasks, scheme("staged"), runner, tally, reuse=reuse)
        where = _where(runner)
    if summary.judged:
        _print_figures(tally, k, by_task=by_task)
    OUT.print(f"{summary}; {where}", markup=False, highlight=False)
    if not summary.judged:
        raise UserError(f"no completion of {completions} could be judged")


@contextmanager
def _pool(
    kind: PoolKind,
    limits: Limits,
    *,
    workers: int | None,
    ray_address: str | None,
    python: Path | None,
    check_determinism: bool = False,
) -> Iterator[SandboxPool | RayPool]:
    """The pool that the words ask for; UserError where one is of no use to the other kind."""
    if kind == "ray" and workers is not None:
        raise UserError("--workers is for --pool local: a Ray node runs as many as it has CPUs")
    if kind == "ray" and python is not None:
        raise UserError("--python is for --pool local: start the Ray node with that interpreter")
    if kind == "local" and ray_address is not None:
        raise UserError(f"--ray-address {ray_address} needs --pool ray")
    runner: SandboxPool | RayPool
    if kind == "local":
        interpreter = None if python is None else str(python)
        runner = SandboxPool(workers, limits, interpreter, check_determinism=check_determinism)
    else:
        runner = RayPool(ray_address or "auto", limits, check_determinism=check_determinism)
    with runner:
        yield runner


def _judge(
    completions: Path,
    out: Path | None,
    tasks: TaskSet,
    rewards: RewardScheme,
    runner: SandboxPool | RayPool,
    tally: Tally,
    *,
    reuse: bool = False,
) -> JudgeSummary:
    """Judge the file, with a bar, and count what comes of it."""
    total = count_attempts(completions)
    with progress() as bar:
        done = bar.add_task("judging", total=total)
        return judge_file(
            completions,
            out,
            tasks=tasks,
            judge=Judge(pool=runner, scheme=rewards),
            report=lambda message: ERR.print(message, markup=False, style="yellow"),
            progress=lambda n: bar.advance(done, n),
            on_rollout=lambda rollout: tally.add(record(rollout)),
            reuse=reuse,
        )


def _where(runner: SandboxPool | RayPool) -> str:
    nodes = f" on {runner.nodes} Ray nodes" if isinstance(runner, RayPool) else ""
    return f"{runner.workers} workers{nodes}"


def _print_figures(tally: Tally, ks: tuple[int, ...], *, by_task: bool = False) -> None:
    results = tally.results(ks, np.random.default_rng(0))
    for warning in results.warnings:
        ERR.print(f"note: {warning}", markup=False, style="yellow")
    if by_task:
        OUT.print(results.table(tasks=True, width=OUT.width))
    OUT.print(results.table())
