"""The views of a task: what a policy sees of it in each of its samples.

Sample j of a task belongs to view j modulo the number of views, so that any first samples of it
cover the views as evenly as can be. View 0 is the task as it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from arcbench.augment import Augmentation
from arcbench.grids import fingerprint
from arcbench.judge import Attempt
from arcbench.policies.base import Ask, Completion, Message
from arcbench.prompts import PromptTemplate, messages_hash
from arcbench.tasks import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A task as a policy sees it, and as its program is run on it."""

    task: Task  # augmented
    augmentation: Augmentation | None  # None: as it is in the data set
    test_index: int  # which test input the prompt shows
    messages: tuple[Message, ...]
    messages_hash: str


def view(task: Task, number: int, *, seed: int, template: PromptTemplate) -> View:
    """View `number` of the task, which follows from it, its id and the seed.

    All views but 0 are augmented as in training, and show the test inputs in turn.
    """
    augmentation = None
    if number:
        name = int.from_bytes(blake2b(task.id.encode(), digest_size=8).digest())
        rng = np.random.default_rng([seed, number, name])
        augmentation = Augmentation.draw(rng, task)
    seen = task if augmentation is None else augmentation.apply(task)
    test_index = number % len(task.test)
    messages = tuple(template.messages(seen, test_index))
    return View(
        task=seen,
        augmentation=augmentation,
        test_index=test_index,
        messages=messages,
        messages_hash=messages_hash(messages),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompts:
    """All prompts of an evaluation: every view of every task, by number.

    The number of a prompt chooses the noise of its samples. It follows from the view and from the
    place of the task in its data set, so that it is the same whatever else is evaluated.
    """

    tasks: Mapping[str, Task]  # those that are evaluated
    places: Mapping[str, int]  # of these and all other tasks of the data set
    views: int
    seed: int
    template: PromptTemplate
    _names: tuple[str, ...] = field(init=False)  # of the places
    _seen: dict[tuple[str, int], View] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", tuple(self.places))

    def view(self, task_id: str, number: int) -> View:
        """A view of a task, made once."""
        key = (task_id, number)
        if key not in self._seen:
            self._seen[key] = view(
                self.tasks[task_id], number, seed=self.seed, template=self.template
            )
        return self._seen[key]

    def all(self) -> Iterator[tuple[str, int, tuple[Message, ...]]]:
        """Task, number of the view, and messages of every prompt."""
        for task_id in self.tasks:
            for number in range(self.views):
                yield task_id, number, self.view(task_id, number).messages

    def number(self, task_id: str, view_number: int) -> int:
        """The number of the prompt of a view."""
        return view_number * len(self.places) + self.places[task_id]

    def asks(self, missing: Mapping[str, Sequence[int]]) -> list[Ask]:
        """What to ask of a policy for the samples that are missing of each task, ascending."""
        found = []
        for task_id, samples in missing.items():
            for number in range(self.views):
                mine = [j // self.views for j in samples if j % self.views == number]
                messages = self.view(task_id, number).messages if mine else ()
                found += [
                    Ask(
                        prompt_index=self.number(task_id, number),
                        first_sample=run.start,
                        count=len(run),
                        messages=messages,
                    )
                    for run in runs_of(mine)
                ]
        return found

    def sample(self, prompt_index: int, sample_index: int) -> tuple[str, int]:
        """The task and the number of its sample that a policy's sample of a prompt is."""
        number, place = divmod(prompt_index, len(self.places))
        return self._names[place], sample_index * self.views + number

    def attempt(self, task_id: str, index: int, completion: Completion) -> Attempt:
        """A sample of a task, ready to be judged on what the policy saw."""
        seen = self.view(task_id, index % self.views)
        return Attempt(
            task=seen.task,
            completion=completion,
            index=index,
            group=self.places[task_id],
            test_index=seen.test_index,
            augmentation=seen.augmentation,
            messages_hash=seen.messages_hash,
        )

    def digest(self) -> str:
        """A name of all prompts and of what is expected: equal for equal data and templates."""
        found = blake2b(digest_size=8)
        for task_id, task in self.tasks.items():
            for number in range(self.views):
                found.update(self.view(task_id, number).messages_hash.encode())
            for _, pair in task.pairs:
                for grid in (pair.input, pair.output):
                    found.update(b"-" if grid is None else fingerprint(grid).encode())
        return found.hexdigest()


def runs_of(numbers: Sequence[int]) -> list[range]:
    """Ascending numbers as runs of neighbours: 0 1 2 5 is 0–2 and 5."""
    found: list[range] = []
    for number in numbers:
        if found and found[-1].stop == number:
            found[-1] = range(found[-1].start, number + 1)
        else:
            found.append(range(number, number + 1))
    return found
