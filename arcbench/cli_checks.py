"""The commands that check before a run: the tokenizer, prompt lengths, memory, the machine."""

from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from arcbench.errors import UserError

OUT = Console(soft_wrap=True, highlight=False)
ERR = Console(stderr=True, soft_wrap=True, highlight=False)


def fix_tokenizer(path: tyro.conf.Positional[Path], /, write: bool = False) -> None:
    """Say what is wrong with the padding token of a model's folder, and repair it if asked.

    Args:
        path: the folder of the model or of its tokenizer.
        write: change the files; the old ones are kept beside them.
    """
    from arcbench.policies.padding import fix_tokenizer as fix

    OUT.print(str(fix(path, write=write)), markup=False)


def lengths(
    dataset: str = "all",
    split: str | None = None,
    policy: str = "embedded",
    template: str = "arcbench",
    completion: int = 2000,
    limit: tuple[int, ...] = (),
    figure: Path | None = None,
) -> None:
    """Count the prompts of whole data sets: how long an engine must be, and what fits in less.

    Args:
        dataset: all, arc-agi-1, arc-agi-2, or a path (Kaggle JSON, task folder, BARC JSONL).
        split: training or evaluation; each of them where it is left out.
        policy: whose tokenizer counts: embedded, a folder or hub id, or llama-3.
        template: a template's name or TOML file.
        completion: tokens that a completion may have on top.
        limit: prompt lengths of interest, in tokens.
        figure: where to draw the histogram (PNG, SVG or PDF).
    """
    from arcbench.lengths import LIMITS, named_splits, task_lengths, together
    from arcbench.policies import load_tokenizer
    from arcbench.prompts import PromptTemplate
    from arcbench.tasks import DATASETS, load_tasks

    wording = PromptTemplate.load(template)
    chat = load_tokenizer(policy)
    parts = []
    for name, part in named_splits(dataset, split):
        found = load_tasks(name, part)
        for problem in found.problems:
            ERR.print(f"left out: {problem}", markup=False)
        label = found.name if name in DATASETS else Path(found.name).name
        with ERR.status(f"counting {label}"):
            parts.append(task_lengths(found.values(), wording, chat.count_tokens, dataset=label))
    if len(parts) > 1:
        parts.append(together(parts))
    limits = sorted(set(limit or LIMITS))
    title = f"prompts of template {wording.name} in tokens of {policy}"
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("data set", "tasks", "median", "longest", *(f"≤{n:,}" for n in limits)):
        table.add_column(column, justify="left" if column == "data set" else "right", no_wrap=True)
    for p in parts:
        figures = (len(p.tasks), p.quantile(0.5), p.longest.tokens, *map(p.fitting, limits))
        table.add_row(p.name, *(f"{n:,}" for n in figures))
    OUT.print(table)
    whole = parts[-1]
    top = whole.longest
    OUT.print(
        f"longest: {top.tokens:,} tokens, task {top.task_id} of {top.dataset}; with {completion:,} "
        f"for the completion an engine needs max_model_len {whole.model_tokens(completion):,}",
        markup=False,
    )
    if figure is not None:
        from arcbench.plots import prompt_lengths

        drawn = prompt_lengths({p.name: p.tokens for p in parts}, limit=limit[0] if limit else None)
        try:
            drawn.savefig(figure, dpi=130)
        except (OSError, ValueError) as error:
            raise UserError(f"the figure cannot be written to {figure}: {error}") from error
        OUT.print(f"{figure}: histogram", markup=False)


def memory(
    policy: str = "embedded",
    gpu_gb: float = 80.0,
    prompt: int = 8635,
    completion: int = 2000,
    lora_rank: int = 16,
    bits: Literal[16, 8, 4] = 16,
    num_generations: int = 8,
    prompts_per_step: int = 1,
    micro_batch: int = 1,
    checkpointing: bool = True,
    optimizer: str = "adamw",
    engine: Literal["transformers", "vllm-colocate", "server"] = "transformers",
    unsloth: bool = False,
    share: float = 0.3,
    sleep: bool = False,
    beta: float = 0.0,
) -> None:
    """Plan the GPU memory of a training run, part by part, from the shape of the model alone.

    Args:
        policy: embedded, a folder or hub id, or llama-3.1-8b.
        gpu_gb: memory of the card, in 10^9 bytes.
        prompt: tokens of the longest prompt.
        completion: tokens of the longest completion.
        lora_rank: 0: all weights are trained.
        bits: of the frozen weights below an adapter.
        num_generations: completions a prompt.
        prompts_per_step: prompts that an optimiser step learns from.
        micro_batch: completions in one forward pass; 0: a whole step at once.
        checkpointing: activations are computed again instead of kept.
        optimizer: adamw, adamw_8bit, adafactor, sgd.
        engine: what writes the completions; a server has a card of its own.
        unsloth: train with its kernels; a colocated vLLM shares the frozen weights then.
        share: of the card, for a colocated vLLM.
        sleep: vLLM gives its memory back while training.
        beta: above 0 a reference model is kept, unless an adapter is trained.
    """
    from arcbench.training.memory import GB, MemorySetup, plan
    from arcbench.training.memory_advice import model_shape, verdict

    if gpu_gb <= 0:
        raise UserError(f"--gpu-gb must be positive, not {gpu_gb}")
    setup = MemorySetup(
        shape=model_shape(policy),
        prompt_tokens=prompt,
        completion_tokens=completion,
        lora_rank=lora_rank,
        bits=bits,
        num_generations=num_generations,
        prompts_per_step=prompts_per_step,
        micro_batch=micro_batch,
        checkpointing=checkpointing,
        optimizer=optimizer,
        engine=engine,
        unsloth=unsloth,
        utilization=share,
        sleep=sleep,
        reference=beta > 0,
    )
    found = plan(setup, int(gpu_gb * GB))
    table = Table(title=f"GPU memory of {policy}", box=SIMPLE_HEAD, pad_edge=False)
    for column in ("when", "what", "GB", ""):
        table.add_column(column, justify="right" if column == "GB" else "left")
    peak = found.phases[found.peak_phase]
    for when, parts in (("always", found.resident), (found.peak_phase, peak)):
        for part in parts:
            table.add_row(when, part.name, f"{part.bytes / GB:.2f}", part.note)
    table.add_section()
    for name, on_top in found.phase_bytes.items():
        note = "the peak" if name == found.peak_phase else ""
        table.add_row(name, "in all", f"{(found.resident_bytes + on_top) / GB:.2f}", note)
    OUT.print(table)
    OUT.print(
        f"peak {found.peak_bytes / GB:.1f} GB, with unusable blocks and the CUDA context "
        f"{found.needed_bytes / GB:.1f} GB"
    )
    OUT.print(verdict(found), markup=False)


def doctor(
    config: Path | None = None,
    changes: Annotated[tuple[str, ...], tyro.conf.arg(name="set")] = (),
    policy: str | None = None,
    dataset: str | None = None,
    samples: Path | None = None,
    judged: Path | None = None,
    server: tuple[str, ...] = (),
    runs: Path = Path("runs"),
    out: Path | None = None,
) -> None:
    """Say what of arcbench can run here and, with settings, what is wrong with a run.

    Args:
        config: settings of a run to check, JSON or YAML.
        changes: settings by name, as for train.
        policy: check this policy: embedded, a folder or hub id.
        dataset: check these tasks: arc-agi-1, arc-agi-2, or a path.
        samples: a file of `arcbench sample`: how many completions were cut.
        judged: a file of `arcbench judge` or an eval/*.json of a run: whether groups have a signal.
        server: addresses of servers that shall write completions.
        runs: where run folders lie.
        out: a JSON file to write, too: {"machine": [...], "findings": [...]}.
    """
    from arcbench.files import write_json
    from arcbench.preflight import Severity, environment

    machine = list(environment())
    for line in machine:
        OUT.print(line, markup=False)
    findings = []
    words = list(changes)
    words += [f"policy.model={policy}"] if policy is not None else []
    words += [f"data.dataset={dataset}"] if dataset is not None else []
    if config is not None or words or samples is not None or judged is not None:
        from arcbench.training.checks import check
        from arcbench.training.config import TrainConfig

        settings = TrainConfig.load(config, words)
        findings += check(settings, root=runs, samples=samples, judged=judged)
    if server:
        from arcbench.training.checks import check_servers

        findings += check_servers(server)
    styles = {Severity.OK: "green", Severity.WARNING: "yellow", Severity.ERROR: "red"}
    for finding in findings:
        style = styles[finding.severity]
        OUT.print(f"{finding.severity.value:7} {finding}", markup=False, style=style)
    if out is not None:
        write_json(out, {"machine": machine, "findings": [f.to_dict() for f in findings]})
    errors = sum(f.severity is Severity.ERROR for f in findings)
    if errors:
        raise UserError(f"{errors} of {len(findings)} findings would stop the run")
