"""How long the prompts of tasks are, and what follows for the lengths of a run."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from arcbench.errors import UserError
from arcbench.policies.base import Message
from arcbench.prompts import PromptTemplate
from arcbench.tasks import DATASETS, Task

ALL = "all"  # stands for every data set that needs no file
LIMITS = (1024, 2048, 4096, 8192)  # prompt tokens that are commonly allowed


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskLength:
    """The longest prompt of a task: it has one for each test input."""

    dataset: str
    task_id: str
    test_index: int  # which test input makes it
    tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Lengths:
    """The prompt lengths of a data set (or of several together), the longest first."""

    name: str
    tasks: tuple[TaskLength, ...]

    def __post_init__(self) -> None:
        if not self.tasks:
            raise UserError(f"{self.name} has no task with a test input: there are no prompts")

    @property
    def longest(self) -> TaskLength:
        """The task with the longest prompt."""
        return self.tasks[0]

    @property
    def tokens(self) -> list[int]:
        """The lengths alone, the longest first."""
        return [t.tokens for t in self.tasks]

    def fitting(self, max_prompt_tokens: int) -> int:
        """How many tasks have no prompt longer than that."""
        return sum(t.tokens <= max_prompt_tokens for t in self.tasks)

    def quantile(self, share: float) -> int:
        """The length that this share of the tasks does not exceed; share in (0, 1]."""
        if not 0 < share <= 1:
            raise UserError(f"share must be in (0, 1], not {share}")
        ascending = self.tokens[::-1]
        return ascending[max(0, -int(-share * len(ascending) // 1) - 1)]

    def model_tokens(self, max_completion_tokens: int) -> int:
        """What an engine's max_model_len must be for the longest prompt and its completion."""
        if max_completion_tokens < 1:
            raise UserError(f"a completion has at least 1 token, not {max_completion_tokens}")
        return self.longest.tokens + max_completion_tokens

    def fitting_model(self, max_model_tokens: int, max_completion_tokens: int) -> int:
        """How many tasks an engine of that length can answer with completions of that length."""
        return self.fitting(max_model_tokens - max_completion_tokens)


def task_lengths(
    tasks: Iterable[Task],
    template: PromptTemplate,
    count_tokens: Callable[[Sequence[Message]], int],
    *,
    dataset: str,
    progress: Callable[[int], None] = lambda n: None,
) -> Lengths:
    """Count the prompts of all tasks; `progress` hears of each task. Tasks without test are left.

    UserError if none is left.
    """
    found: list[TaskLength] = []
    for task in tasks:
        counts = [count_tokens(template.messages(task, i)) for i in range(len(task.test))]
        if counts:
            longest = max(counts)
            index = counts.index(longest)
            found.append(
                TaskLength(dataset=dataset, task_id=task.id, test_index=index, tokens=longest)
            )
        progress(1)
    return _sorted(dataset, found)


def together(parts: Sequence[Lengths]) -> Lengths:
    """All tasks of several data sets as one."""
    return _sorted("all", [t for part in parts for t in part.tasks])


def named_splits(dataset: str, split: str | None) -> Iterator[tuple[str, str | None]]:
    """The data sets and splits that a name means: each split of each one for "all"."""
    names = DATASETS if dataset == ALL else {dataset: DATASETS.get(dataset, ())}
    for name, splits in names.items():
        if split is None and splits:
            yield from ((name, s) for s in splits)
        else:
            yield name, split


def _sorted(name: str, tasks: list[TaskLength]) -> Lengths:
    return Lengths(name=name, tasks=tuple(sorted(tasks, key=lambda t: (-t.tokens, t.task_id))))
