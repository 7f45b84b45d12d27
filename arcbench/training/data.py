"""The prompts of a run: row `index` is a pure function of (settings, seed, index).

Nothing is kept: rows are made when the trainer asks for them, so memory does not grow with the
number of steps, and any row can be made again from its index or from a rollout. The rows come in
rounds of as many as there are tasks. A step takes the next `prompts_per_step` of them; that each
stands there once for every completion of its group is TRL's part.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arcbench.augment import Augmentation
from arcbench.errors import UserError
from arcbench.parts import in_part
from arcbench.policies import model_path
from arcbench.policies.base import Message
from arcbench.prompts import PromptTemplate, messages_hash
from arcbench.rollouts import Rollout
from arcbench.tasks import Task, load_tasks
from arcbench.training.config import DataConfig, TrainConfig
from arcbench.training.curriculum import (
    LeftOut,
    Selection,
    draw_round,
    select,
)
from arcbench.training.requirements import check_packages

# What a stream of randomness is for: the same seed must not give related draws.
_ORDER, _VARIATION = 0, 1

OWN_RATES = "pass_rates.json"  # in a run folder: what the run's tasks were chosen by


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

    tasks: tuple[Task, ...]  # in the order of the first round, where it is not shuffled
    weights: tuple[float, ...] = ()  # (tasks,) how often each comes, relative; empty: equally
    template: PromptTemplate
    data: DataConfig
    seed: int

    def row(self, index: int) -> PromptRow:
        """Prompt `index`: a task of its round, which is drawn anew (see `draw_round`)."""
        number, place = divmod(index, len(self.tasks))
        drawn = draw_round(
            self.weights or (1.0,) * len(self.tasks),
            np.random.default_rng([self.seed, _ORDER, number]),
            # Going back to the short ones later would forget the long ones again and again.
            shuffled=number > 0 or self.data.order == "shuffled",
        )
        task = self.tasks[int(drawn[place])]
        rng = np.random.default_rng([self.seed, _VARIATION, index])
        test_index = int(rng.integers(len(task.test)))
        augmentation = None
        if self.data.augment:
            augmentation = Augmentation.draw(
                rng,
                task,
                keep_black=self.data.keep_black,
                symmetries=self.data.symmetries,
                colors=self.data.colors,
                order=self.data.pair_order,
            )
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
    """The tasks that the settings name, or all of the data set (or part) with test outputs.

    Raises UserError for an unknown task, a named one without test output, or if there is none.
    """
    found = load_tasks(config.data.dataset, config.data.split)
    named = [found.task(t) for t in config.data.tasks]
    wanted = named or [found[t] for t in in_part(found, config.data.part)]
    chosen = []
    for task in wanted:
        if task.test and all(p.output is not None for p in task.test):
            chosen.append(task)
        elif named:
            raise UserError(f"task {task.id} has no test output: it cannot be trained on")
    if not chosen:
        raise UserError(f"no task of {found.name} has test outputs: none can be trained on")
    return chosen


def selected_tasks(config: TrainConfig) -> Selection:
    """Those of the chosen tasks that the pass rates of data.signal_from keep, with their weights.

    Raises UserError as `chosen_tasks` and `curriculum.select` do.
    """
    return select(chosen_tasks(config), config.data, config.grpo.num_generations)


def check_names(config: TrainConfig) -> None:
    """Raise UserError for a task, template, policy, package or file of pass rates not there.

    Loads no heavy library.
    """
    check_packages(config)
    selected_tasks(config)
    PromptTemplate.load(config.policy.template)
    model_path(config.policy.model)


def prompt_source(
    config: TrainConfig, count_tokens: Callable[[Sequence[Message]], int]
) -> tuple[PromptSource, tuple[LeftOut, ...]]:
    """The prompts of a run, and the tasks that were left out.

    Raises UserError as `selected_tasks` does, or if no prompt is short enough.
    """
    selection = selected_tasks(config)
    template = PromptTemplate.load(config.policy.template)
    limit = config.lengths.max_prompt_tokens
    fitting: list[tuple[int, Task, float]] = []
    too_long: list[str] = []
    for task, weight in zip(selection.tasks, selection.weights, strict=True):
        shown = range(len(task.test))
        longest = max(count_tokens(template.messages(task, i)) for i in shown)
        if longest <= limit:
            fitting.append((longest, task, weight))
        else:
            too_long.append(task.id)
    if not fitting:
        raise UserError(
            f"no task of {config.data.dataset} is left: {len(too_long)} have prompts of more than "
            f"lengths.max_prompt_tokens = {limit} tokens"
        )
    if config.data.order == "shortest-first":
        fitting.sort(key=lambda one: one[0])
    source = PromptSource(
        tasks=tuple(task for _, task, _ in fitting),
        weights=tuple(weight for _, _, weight in fitting),
        template=template,
        data=config.data,
        seed=config.seed,
    )
    left_out = selection.left_out
    if too_long:
        why = f"with prompts of more than {limit} tokens"
        left_out = (*left_out, LeftOut(reason=why, tasks=tuple(too_long)))
    return source, left_out


def prompt_dataset(source: PromptSource, num_rows: int) -> Any:
    """A `datasets.Dataset` of `num_rows` rows {"prompt", "index"} that holds the indices only."""
    import pyarrow as pa
    from datasets import Dataset

    recent: dict[int, list[Message]] = {}

    def transform(batch: Mapping[str, list[int]]) -> dict[str, list[Any]]:
        # TRL asks for a prompt once for every completion of its group, and for all of them again
        # in every backward pass of a step.
        wanted = dict.fromkeys(batch["index"])
        if recent.keys() != wanted.keys():
            recent.clear()
            recent.update((i, list(source.row(i).messages)) for i in wanted)
        return {"prompt": [recent[i] for i in batch["index"]], "index": list(batch["index"])}

    indices = pa.table({"index": np.arange(num_rows, dtype=np.int64)})
    return Dataset(indices).with_transform(transform)
