"""The prompts of a run: row `index` is a pure function of (settings, seed, index).

Nothing is kept: rows are made when the trainer asks for them, so memory does not grow with the
number of steps, and any row can be made again from its index or from a rollout.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arcbench.augment import Augmentation
from arcbench.errors import UserError
from arcbench.policies import model_path
from arcbench.policies.base import Message
from arcbench.prompts import PromptTemplate, messages_hash
from arcbench.rollouts import Rollout
from arcbench.tasks import Task, load_tasks
from arcbench.training.config import DataConfig, TrainConfig
from arcbench.training.requirements import check_packages

# What a stream of randomness is for: the same seed must not give related draws.
_ORDER, _VARIATION = 0, 1


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptRow:
    """One prompt: a task as the policy sees it."""

    index: int
    task: Task  # augmented
    augmentation: Augmentation | None  # None: as it is in the data set
    test_index: int
    messages: tuple[Message, ...]

    @property
    def hash(self) -> str:
        """The name of the prompt's text."""
        return messages_hash(self.messages)


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptSource:
    """All prompts of a run, by index."""

    tasks: tuple[Task, ...]
    template: PromptTemplate
    data: DataConfig
    seed: int

    def row(self, index: int) -> PromptRow:
        """Prompt `index`: every task once in each round, in an order drawn for that round."""
        rounds, place = divmod(index, len(self.tasks))
        order = np.random.default_rng([self.seed, _ORDER, rounds]).permutation(len(self.tasks))
        task = self.tasks[int(order[place])]
        rng = np.random.default_rng([self.seed, _VARIATION, index])
        test_index = int(rng.integers(len(task.test)))
        augmentation = None
        if self.data.augment:
            augmentation = Augmentation.draw(rng, task, keep_black=self.data.keep_black)
        return self._row(index, task, augmentation, test_index)

    def rebuild(self, rollout: Rollout) -> PromptRow:
        """The prompt that a rollout answered (its index is not known: -1).

        Raises UserError if the task is not there or the text is no longer the same.
        """
        task = next((t for t in self.tasks if t.id == rollout.task_id), None)
        if task is None:
            raise UserError(f"task {rollout.task_id} is not among the {len(self.tasks)} tasks")
        row = self._row(-1, task, rollout.augmentation, rollout.test_index)
        if rollout.messages_hash and row.hash != rollout.messages_hash:
            raise UserError(
                f"the prompt of task {task.id} is not the one of the rollout: another template "
                f"than {self.template.name}, or other data"
            )
        return row

    def _row(
        self, index: int, task: Task, augmentation: Augmentation | None, test_index: int
    ) -> PromptRow:
        seen = task if augmentation is None else augmentation.apply(task)
        messages = tuple(self.template.messages(seen, test_index))
        return PromptRow(
            index=index,
            task=seen,
            augmentation=augmentation,
            test_index=test_index,
            messages=messages,
        )


def chosen_tasks(config: TrainConfig) -> list[Task]:
    """The tasks that the settings name, or all of the data set whose test outputs are known.

    Raises UserError for an unknown task, a named one without test output, or if there is none.
    """
    found = load_tasks(config.data.dataset, config.data.split)
    named = [found.task(t) for t in config.data.tasks]
    chosen = []
    for task in named or found.values():
        if task.test and all(p.output is not None for p in task.test):
            chosen.append(task)
        elif named:
            raise UserError(f"task {task.id} has no test output: it cannot be trained on")
    if not chosen:
        raise UserError(f"no task of {found.name} has test outputs: none can be trained on")
    return chosen


def check_names(config: TrainConfig) -> None:
    """Raise UserError for a task, template, policy or package that is not there.

    Loads no heavy library.
    """
    check_packages(config)
    chosen_tasks(config)
    PromptTemplate.load(config.policy.template)
    model_path(config.policy.model)


def prompt_source(
    config: TrainConfig, count_tokens: Callable[[Sequence[Message]], int]
) -> tuple[PromptSource, tuple[str, ...]]:
    """The prompts of a run, and the ids of the tasks that were left out as too long.

    Raises UserError as `chosen_tasks` does, or if none is left.
    """
    chosen = chosen_tasks(config)
    template = PromptTemplate.load(config.policy.template)
    limit = config.lengths.max_prompt_tokens
    fitting: list[Task] = []
    too_long: list[str] = []
    for task in chosen:
        shown = range(len(task.test))
        longest = max(count_tokens(template.messages(task, i)) for i in shown)
        if longest <= limit:
            fitting.append(task)
        else:
            too_long.append(task.id)
    if not fitting:
        raise UserError(
            f"no task of {config.data.dataset} is left: {len(too_long)} have prompts of more than "
            f"lengths.max_prompt_tokens = {limit} tokens"
        )
    source = PromptSource(
        tasks=tuple(fitting), template=template, data=config.data, seed=config.seed
    )
    return source, tuple(too_long)


def prompt_dataset(source: PromptSource, num_rows: int) -> Any:
    """A `datasets.Dataset` of `num_rows` rows {"prompt", "index"} that holds the indices only."""
    from datasets import Dataset

    def transform(batch: Mapping[str, list[int]]) -> dict[str, list[Any]]:
        rows = [source.row(i) for i in batch["index"]]
        return {"prompt": [list(r.messages) for r in rows], "index": [r.index for r in rows]}

    return Dataset.from_dict({"index": range(num_rows)}).with_transform(transform)
