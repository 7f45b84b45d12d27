"""What several commands print and read alike."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from arcbench.tasks import TaskSet, load_tasks

OUT = Console(soft_wrap=True)
ERR = Console(stderr=True, soft_wrap=True, highlight=False)


def read_tasks(dataset: str, split: str | None) -> TaskSet:
    """The tasks of a data set; what could not be read of it is reported."""
    tasks = load_tasks(dataset, split)
    for problem in tasks.problems:
        ERR.print(f"left out: {problem}", markup=False)
    return tasks


def progress() -> Progress:
    """A bar with counts that goes away at its end."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=ERR, transient=True)
