"""The command that shows what a run's settings make of its tasks."""

from pathlib import Path
from typing import Annotated

import tyro
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

OUT = Console(soft_wrap=True, highlight=False)


def curriculum(
    config: Path | None = None,
    changes: Annotated[tuple[str, ...], tyro.conf.arg(name="set")] = (),
    judged: Path | None = None,
) -> None:
    """Show for each task of a run how often it comes, or why it is left out, and its signal.

    Args:
        config: settings of a run, JSON or YAML.
        changes: settings by name, as for train, e.g. data.signal_from=judged.jsonl
            data.weights=signal data.order=shortest-first.
        judged: pass rates to show where the settings name none: a file of `arcbench judge`, or an
            eval/*.json of a run folder.
    """
    from arcbench.groups import GROUP_SIZES, signal_chance
    from arcbench.policies import load_tokenizer
    from arcbench.training.config import TrainConfig
    from arcbench.training.curriculum import check_curriculum, rate, read_pass_rates
    from arcbench.training.data import prompt_source, selected_tasks

    settings = TrainConfig.load(config, changes)
    group = settings.grpo.num_generations
    selection = selected_tasks(settings)
    counts = selection.counts if judged is None else read_pass_rates(judged)
    chat = load_tokenizer(settings.policy.model)
    source, left_out = prompt_source(settings, chat.count_tokens)

    def measured(task: str) -> tuple[str, ...]:
        count = counts.get(task)
        if count is None or not count.samples:
            return "", "", ""
        p = rate(count)
        enough = next((f"{g}" for g in GROUP_SIZES if signal_chance(p, g) >= 0.5), "more")
        return (
            f"{count.solved}/{count.samples}",
            f"{signal_chance(p, group):.0%}",
            enough if 0 < p < 1 else "none",
        )

    table = Table(title=f"tasks of {settings.data.dataset}", box=SIMPLE_HEAD, pad_edge=False)
    for column in ("task", "solved", f"signal with {group}", "group for half", "of the rows"):
        table.add_column(column, justify="left" if column == "task" else "right", no_wrap=True)
    total = sum(source.weights)
    for task, weight in zip(source.tasks, source.weights, strict=True):
        table.add_row(task.id, *measured(task.id), f"{weight / total:.2%}")
    for some in left_out:
        table.add_section()
        for name in some.tasks:
            table.add_row(name, *measured(name), some.reason)
    OUT.print(table)
    left = sum(len(some.tasks) for some in left_out)
    order = settings.data.order
    OUT.print(f"{len(source.tasks)} tasks in a round, {left} left out; order: {order}")
    for finding in check_curriculum(selection, counts, group):
        if finding.name == "group size":
            OUT.print(str(finding), markup=False)
