"""The commands of `arcbench`. Each one checks its words, calls the library and prints."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from arcbench import cli_checks, cli_data, cli_eval, cli_policies, cli_serve, cli_sweep
from arcbench.errors import UserError
from arcbench.rewards import Pairs
from arcbench.tasks import TaskSet, load_tasks

OUT = Console(soft_wrap=True)
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

RUNS = Path("runs")
OVERFIT_TASK = "67a3c6ac"  # small, and solved by the embedded policy in some samples of many


def _tasks(dataset: str, split: str | None) -> TaskSet:
    """The tasks of a data set; what could not be read of it is reported."""
    tasks = load_tasks(dataset, split)
    for problem in tasks.problems:
        ERR.print(f"left out: {problem}", markup=False)
    return tasks


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=ERR, transient=True)


def prompt(
    task_id: tyro.conf.Positional[str],
    /,
    dataset: str = "arc-agi-1",
    split: str | None = None,
    template: str = "arcbench",
    test_index: int = 0,
    policy: str = "embedded",
) -> None:
    """Print the prompt of one task and its length in tokens.

    Args:
        task_id: for example 6150a2bd.
        dataset: arc-agi-1, arc-agi-2, or a path (Kaggle JSON, task file or folder, BARC JSONL).
        split: training or evaluation; both where it is left out.
        template: a template's name or TOML file.
        test_index: which test input is shown.
        policy: whose tokenizer counts; "none" counts nothing.
    """
    from arcbench.policies import load_tokenizer
    from arcbench.prompts import PromptTemplate

    task = _tasks(dataset, split).task(task_id)
    messages = PromptTemplate.load(template).messages(task, test_index)
    tokens = None if policy == "none" else load_tokenizer(policy).count_tokens(messages)
    for message in messages:
        OUT.rule(message["role"], align="left", style="dim")
        sys.stdout.write(message["content"] + ("" if message["content"].endswith("\n") else "\n"))
        sys.stdout.flush()
    if tokens is not None:
        OUT.rule(f"{tokens} tokens ({policy})", align="left", style="dim")


def template(
    source: Annotated[Path, tyro.conf.arg(name="from")],
    out: Path,
) -> None:
    """Derive a model's exact prompt template from its own chat records.

    Args:
        source: JSONL with {"messages": [{"role", "content"}, ...]} a line.
        out: the TOML file to write; give it to --template elsewhere.
    """
    from arcbench.files import write_text
    from arcbench.template_derive import derive_template, read_records

    records = read_records(source)
    derived = derive_template(records, name=out.stem)
    write_text(out, derived.to_toml())
    OUT.print(f"{out}: rebuilds all {len(records)} records byte by byte", markup=False)


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
    pool: Literal["local", "ray"] = "local",
    ray_address: str | None = None,
    python: Path | None = None,
    check_determinism: bool = False,
    require_isolation: bool = False,
) -> None:
    """Run and score completions that lie in a file.

    Args:
        completions: JSONL, {"task_id", "completion"} a line.
        out: JSONL to write, a line for each judged completion, in input order.
        dataset: arc-agi-1, arc-agi-2, or a path (Kaggle JSON, task file or folder, BARC JSONL).
        split: training or evaluation; both where it is left out.
        reward: staged, arc25-v1, arc25-v2.
        pairs: which pairs the reward counts.
        workers: processes that run programs here; one a core where it is left out.
        timeout_s: wall clock for one program on all its inputs.
        k: also print pass@k over all tasks of the data set.
        pool: local, or ray: all nodes of a Ray cluster.
        ray_address: with --pool ray: auto (this machine's cluster), local, or host:port.
        python: another interpreter to run the programs, e.g. of an environment with numpy 1.26.
        check_determinism: run each program a second time under other seeds and tell what differs.
        require_isolation: refuse to start where a layer of the sandbox is off.
    """
    from arcbench.judge import Judge
    from arcbench.judge_file import judge_file
    from arcbench.rewards import scheme
    from arcbench.sandbox import Limits, RayPool, SandboxPool

    if pool == "ray" and workers is not None:
        raise UserError("--workers is for --pool local: a Ray node runs as many as it has CPUs")
    if pool == "ray" and python is not None:
        raise UserError("--python is for --pool local: start the Ray node with that interpreter")
    if pool == "local" and ray_address is not None:
        raise UserError(f"--ray-address {ray_address} needs --pool ray")
    rewards = scheme(reward, pairs=pairs)
    tasks = _tasks(dataset, split)
    if not completions.is_file():
        raise UserError(f"no such file: {completions}")
    with completions.open("rb") as lines:
        total = sum(bool(line.strip()) for line in lines)
    limits = Limits(timeout_s=timeout_s, require_isolation=require_isolation)
    with (
        SandboxPool(
            workers,
            limits,
            None if python is None else str(python),
            check_determinism=check_determinism,
        )
        if pool == "local"
        else RayPool(ray_address or "auto", limits, check_determinism=check_determinism) as runner,
        _progress() as bar,
    ):
        done = bar.add_task("judging", total=total)
        summary = judge_file(
            completions,
            out,
            tasks=tasks,
            judge=Judge(pool=runner, scheme=rewards),
            report=lambda message: ERR.print(message, markup=False, style="yellow"),
            progress=lambda n: bar.advance(done, n),
        )
        where = f"{runner.workers} workers"
        if isinstance(runner, RayPool):
            where += f" on {runner.nodes} Ray nodes"
    if k:
        _print_pass_at_k(out, tasks, k)
    OUT.print(f"{summary}; {where}", markup=False, highlight=False)


def _print_pass_at_k(judged: Path, tasks: TaskSet, ks: tuple[int, ...]) -> None:
    import numpy as np

    from arcbench.evaluation import TaskCount, evaluate_counts

    solved = dict.fromkeys(tasks, 0)
    samples = dict.fromkeys(tasks, 0)
    with judged.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            samples[record["task_id"]] += 1
            solved[record["task_id"]] += bool(record["pairs"]) and all(
                p["exact"] for p in record["pairs"]
            )
    counts = {t: TaskCount(samples=samples[t], solved=solved[t]) for t in tasks}
    for result in evaluate_counts(counts, ks, np.random.default_rng(0)):
        OUT.print(str(result), markup=False, highlight=False)


def sample(
    out: Path,
    policy: str = "embedded",
    adapter: str | None = None,
    dataset: str = "arc-agi-1",
    split: str | None = "training",
    task: tuple[str, ...] = (),
    template: str | None = None,
    n: int = 8,
    temperature: float = 0.8,
    max_new_tokens: int = 192,
    seed: int = 0,
) -> None:
    """Write completions of a policy, ready for `arcbench judge`.

    Args:
        out: JSONL to write: {"task_id", "completion", "finish_reason"} a line.
        policy: embedded, barc, a folder or hub id, the folder of a run (its newest checkpoint) or
            of an adapter, or the address of a server (http://host:port/v1).
        adapter: a run or a folder whose LoRA adapter is put on top of the policy.
        dataset: arc-agi-1, arc-agi-2, or a path (Kaggle JSON, task file or folder, BARC JSONL).
        split: training or evaluation.
        task: only these tasks.
        template: a template's name or TOML file; left out, that which the policy was trained with
            where a run or the folder tells it, else arcbench.
        n: completions a task.
        temperature: 0 is greedy.
        max_new_tokens: longer completions are cut.
        seed: of the sampling.
    """
    from arcbench.files import replacing
    from arcbench.policies import SamplingConfig, load_policy
    from arcbench.policies.sources import template_of
    from arcbench.prompts import PromptTemplate

    tasks = _tasks(dataset, split)
    chosen = [tasks.task(t) for t in task] if task else list(tasks.values())
    wording = PromptTemplate.load(template or template_of(policy, adapter=adapter) or "arcbench")
    config = SamplingConfig(n=n, temperature=temperature, max_new_tokens=max_new_tokens, seed=seed)
    model = load_policy(policy, adapter=adapter)
    prompts = [wording.messages(t) for t in chosen]
    with _progress() as bar, replacing(out) as partial, partial.open("w", encoding="utf-8") as sink:
        done = bar.add_task("sampling", total=len(prompts) * n)
        for s in model.stream(prompts, config):
            record = {
                "task_id": chosen[s.prompt_index].id,
                "completion": s.completion.text,
                "finish_reason": s.completion.finish_reason,
            }
            sink.write(json.dumps(record, ensure_ascii=False) + "\n")
            bar.advance(done)
    wrote = f"{len(prompts) * n} completions of {len(prompts)} tasks by {model.name}"
    OUT.print(f"{out}: {wrote}", markup=False)


def overfit(
    task: str = OVERFIT_TASK,
    policy: str = "embedded",
    steps: int = 30,
    learning_rate: float = 1e-4,
    num_generations: int = 16,
    reward: str = "arc25-v2",
    seed: int = 0,
    name: str | None = None,
    runs: Path = RUNS,
) -> None:
    """Train on one small task: the quickest way to see that a policy learns.

    Args:
        task: an ARC-AGI-1 training task that the policy solves sometimes, but not always.
        policy: embedded, or a folder or hub id.
        steps: of the optimiser.
        learning_rate: flat where it is too small, a ruined policy where it is too large.
        num_generations: completions a step, compared with each other.
        reward: staged, arc25-v1, arc25-v2.
        seed: of everything that is drawn.
        name: of the run folder.
        runs: where run folders lie.
    """
    from arcbench.rewards import scheme
    from arcbench.training import grpo
    from arcbench.training.config import GrpoConfig, PolicyConfig, overfit_config

    config = overfit_config(
        task,
        policy=PolicyConfig(model=policy),
        steps=steps,
        seed=seed,
        reward=scheme(reward),
        grpo=GrpoConfig(learning_rate=learning_rate, num_generations=num_generations),
    )
    grpo.overfit(task, config=config, root=runs, name=name)


def train(
    config: Path | None = None,
    changes: Annotated[tuple[str, ...], tyro.conf.arg(name="set")] = (),
    resume: Path | None = None,
    steps: int | None = None,
    name: str | None = None,
    runs: Path = RUNS,
    show: bool = False,
) -> None:
    """Train with GRPO, or go on with a run that was cut short.

    Args:
        config: JSON or YAML with any part of a training run's settings; config.json of a run
            repeats it. What it leaves out has its default.
        changes: settings by name, e.g. --set grpo.learning_rate=1e-5 engine.kind=vllm-colocate
            policy.lora.rank=16 data.tasks=67a3c6ac,68b16354 reward=staged.
        resume: the folder of a run to go on with, from its newest whole checkpoint.
        steps: another number of steps than the settings say.
        name: of the run folder.
        runs: where run folders lie.
        show: only print all settings as they would be, in JSON.
    """
    from dataclasses import replace

    from arcbench.training import grpo
    from arcbench.training.config import TrainConfig

    if resume is not None:
        if config is not None or changes or show:
            raise UserError("--resume goes on with the run's own settings: only --steps may change")
        grpo.resume(resume, steps=steps)
        return
    if config is None and not changes and not show:
        raise UserError("train needs one of --config FILE, --set name=value and --resume FOLDER")
    settings = TrainConfig.load(config, changes)
    if steps is not None:
        settings = replace(settings, steps=steps)
    if show:
        sys.stdout.write(json.dumps(settings.to_dict(), indent=2, ensure_ascii=False) + "\n")
        return
    grpo.train(settings, root=runs, name=name)


def pretrain(
    out: Path,
    minutes: float | None = None,
    tokens: int | None = None,
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
) -> None:
    """Train the embedded policy from nothing, on procedural tasks only; goes on where it was cut.

    Args:
        out: the folder of the model, and of the checkpoint while it is made.
        minutes: wall clock to spend, which the learning rates follow.
        tokens: or a number of tokens.
        seed: of the tasks and of the first weights.
        device: auto, cpu, cuda.
        workers: processes that make tasks; all cores but one where it is left out.
    """
    import logging

    from arcbench.training.build import prepare_libraries

    prepare_libraries()
    from arcbench.training.pretrain import PretrainConfig
    from arcbench.training.pretrain import pretrain as run

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    config = PretrainConfig(
        out=out, minutes=minutes, tokens=tokens, seed=seed, device=device, workers=workers
    )
    OUT.print(str(run(config)), markup=False)


def app(host: str = "127.0.0.1", port: int = 7860, runs: Path = RUNS) -> None:
    """Open the workbench in the browser.

    Args:
        host: the address to listen on.
        port: the next free one is taken where it is in use.
        runs: the folder of run folders.
    """
    from arcbench.ui import launch

    launch(host=host, port=port, runs_root=runs)


COMMANDS: dict[str, Callable[..., Any]] = {
    "app": app,
    "prompt": prompt,
    "template": template,
    "sample": sample,
    "judge": judge,
    "eval": cli_eval.evaluate_policy,
    "overfit": overfit,
    "train": train,
    "sweep": cli_sweep.sweep,
    "pretrain": pretrain,
    "merge": cli_policies.merge,
    "export": cli_policies.export,
    "serve": cli_serve.serve,
    "check-sync": cli_serve.check_sync,
    "doctor": cli_checks.doctor,
    "fix-tokenizer": cli_checks.fix_tokenizer,
    "lengths": cli_checks.lengths,
    "curriculum": cli_data.curriculum,
    "memory": cli_checks.memory,
}


def main(args: list[str] | None = None) -> None:
    """Run one command. Exit code 2 and one line for a mistake of the caller."""
    try:
        tyro.extras.subcommand_cli_from_dict(
            COMMANDS, prog="arcbench", description=__doc__, args=args
        )
    except UserError as error:
        ERR.print(f"error: {error}", markup=False, style="red")
        sys.exit(2)
    except BrokenPipeError:
        # The reader of a pipe went away (`arcbench … | head`): nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
