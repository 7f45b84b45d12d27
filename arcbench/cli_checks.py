"""The commands that check before a run: the tokenizer, prompt lengths, memory, the machine."""

from pathlib import Path

import tyro
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
    from arcbench.tasks import load_tasks

    wording = PromptTemplate.load(template)
    chat = load_tokenizer(policy)
    parts = []
    for name, part in named_splits(dataset, split):
        found = load_tasks(name, part)
        for problem in found.problems:
            ERR.print(f"left out: {problem}", markup=False)
        label = found.name
        with ERR.status(f"counting {label}"):
            parts.append(task_lengths(found.values(), wording, chat.count_tokens, dataset=label))
    if len(parts) > 1:
        parts.append(together(parts))
    limits = sorted(set(limit or LIMITS))
    table = Table(title=f"prompts of template {wording.name} in tokens of {policy}")
    for column in ("data set", "tasks", "median", "longest", *(f"≤ {n:,}" for n in limits)):
        table.add_column(column, justify="left" if column == "data set" else "right")
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
