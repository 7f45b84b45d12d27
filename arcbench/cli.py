"""The commands of `arcbench`. Each one checks its words, calls the library and prints."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import tyro

from arcbench import (
    cli_checks,
    cli_compare,
    cli_data,
    cli_eval,
    cli_expert,
    cli_gains,
    cli_judge,
    cli_policies,
    cli_report,
    cli_report_page,
    cli_serve,
    cli_submit,
    cli_sweep,
    cli_synth,
)
from arcbench.cli_common import ERR, OUT, progress, read_tasks
from arcbench.errors import UserError
from arcbench.folders import free_name
from arcbench.training.presets import PRESET_HELP, read_training

RUNS = Path("runs")
OVERFIT_TASK = "67a3c6ac"  # small, and solved by the embedded policy in some samples of many


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

    task = read_tasks(dataset, split).task(task_id)
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

    tasks = read_tasks(dataset, split)
    chosen = [tasks.task(t) for t in task] if task else list(tasks.values())
    wording = PromptTemplate.load(template or template_of(policy, adapter=adapter) or "arcbench")
    config = SamplingConfig(n=n, temperature=temperature, max_new_tokens=max_new_tokens, seed=seed)
    model = load_policy(policy, adapter=adapter)
    prompts = [wording.messages(t) for t in chosen]
    with progress() as bar, replacing(out) as partial, partial.open("w", encoding="utf-8") as sink:
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
    preset: Annotated[str | None, tyro.conf.arg(help=PRESET_HELP)] = None,
    config: Path | None = None,
    changes: Annotated[tuple[str, ...], tyro.conf.arg(name="set")] = (),
    resume: Path | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int | None = None,
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
        minutes: another limit of the run's time (max_minutes): it ends after the step at which
            they are over, with its checkpoint.
        seed: another seed than the settings say.
        name: of the run folder.
        runs: where run folders lie.
        show: only print all settings as they would be, in JSON.
    """
    from arcbench.training import grpo

    if resume is not None:
        own = preset or config or changes or minutes is not None or seed is not None
        if own or show:
            raise UserError("--resume goes on with the run's own settings: only --steps may change")
        grpo.resume(resume, steps=steps)
        return
    if preset is None and config is None and not changes and not show:
        raise UserError(
            "train needs one of --preset NAME, --config FILE, --set name=value, --resume FOLDER"
        )
    settings = read_training(preset, config, changes, steps=steps, max_minutes=minutes, seed=seed)
    if show:
        sys.stdout.write(json.dumps(settings.to_dict(), indent=2, ensure_ascii=False) + "\n")
        return
    if name is None and preset is not None:
        name = free_name(runs, f"{preset}-seed-{settings.seed}")
    grpo.train(settings, root=runs, name=name)


def app(
    host: str = "127.0.0.1",
    listen: bool = False,
    port: int = 7860,
    runs: Path = RUNS,
    data: Path = Path(),
    auth: str | None = None,
) -> None:
    """Open the workbench in the browser.

    Args:
        host: the address to listen on; any but this machine's own needs --auth.
        listen: on all addresses of this machine; needs --auth.
        port: the next free one is taken where it is in use.
        runs: the folder of run folders.
        data: the folder that data sets of one's own are read from.
        auth: NAME:PASSWORD, asked of whoever opens the page; in ARCBENCH_AUTH it does not show in
            the list of processes.
    """
    from arcbench.ui import EVERYWHERE, launch

    launch(
        host=EVERYWHERE if listen else host,
        port=port,
        runs_root=runs,
        data=data,
        auth=auth or os.environ.get("ARCBENCH_AUTH"),
    )


COMMANDS: dict[str, Callable[..., Any]] = {
    "app": app,
    "prompt": prompt,
    "template": template,
    "sample": sample,
    "judge": cli_judge.judge,
    "score": cli_judge.score,
    "eval": cli_eval.evaluate_policy,
    "compare": cli_compare.compare,
    "gains": cli_gains.tell_gains,
    "submit": cli_submit.submit,
    "validate-submission": cli_submit.validate,
    "overfit": overfit,
    "train": train,
    "expert-iteration": cli_expert.expert_iteration,
    "sweep": cli_sweep.sweep,
    "findings": cli_report.findings,
    "report": cli_report_page.report,
    "pretrain": cli_synth.pretrain,
    "synth": cli_synth.synth,
    "synth-rates": cli_synth.synth_rates,
    "synth-stats": cli_synth.synth_stats,
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
