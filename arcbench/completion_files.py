"""Files of completions, as they come from anywhere, and the attempts that are in them.

A line is a JSON object in one of these forms, told apart line by line; the file may be gzipped:

    {"task_id", "completion"}                       arcbench's own, also completions.jsonl
    {"uid", "prompt" or "messages", "responses"}    what BARC's inference writes, many a line
    {"messages": [..., {"role": "assistant"}]}      chat records; the last turn is the completion

"finish_reason" and "token_ids" count where they are there; other keys are left alone. The task is
that of "task_id" or "uid", or else the one whose train pairs the prompt shows. Rollouts in parquet
files, or in a folder that has such files, are completions as well: what was found of them is left
aside.
"""

import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from arcbench.augment import Augmentation
from arcbench.errors import UserError
from arcbench.grid_finding import DIGITS, GridFinder, exact_finder, find_format
from arcbench.grids import Grid, GridError, fingerprint
from arcbench.judge import Attempt
from arcbench.policies.base import Completion
from arcbench.prompts import DEFAULT_FORMAT, GridFormat
from arcbench.tasks import Task, TaskSet

_FORMS = (
    '{"task_id", "completion"}, {"uid", "responses"} or {"messages": [..., {"role": "assistant"}]}'
)
_REMEMBERED = 4096  # prompts and the tasks that they show
_GZIP = b"\x1f\x8b"


def read_attempts(
    source: Path, tasks: TaskSet, complain: Callable[[str], None]
) -> Iterator[Attempt]:
    """The attempts of a file or folder in their order; `complain` hears what is wrong with others.

    An attempt's index counts those of its task. UserError where there is no such file or folder.
    """
    counts: Counter[str] = Counter()
    found = _rollouts if parquet_files(source) else _lines
    for attempt in found(source, tasks, complain, counts):
        counts[attempt.task.id] += 1
        yield attempt


def count_attempts(source: Path) -> int | None:
    """How many there may be, for a bar that shows progress; None where counting takes reading."""
    if files := parquet_files(source):
        import pyarrow.parquet as pq

        rows: list[int] = [pq.ParquetFile(file).metadata.num_rows for file in files]
        return sum(rows)
    if source.is_dir():
        raise UserError(f"no rollouts (*.parquet) in the folder {source}")
    if not source.is_file():
        raise UserError(f"no such file: {source}")
    with source.open("rb") as lines:
        first = lines.readline()
        if first.startswith(_GZIP) or b'"responses"' in first:
            return None
        return bool(first.strip()) + sum(bool(line.strip()) for line in lines)


def parquet_files(source: Path) -> list[Path]:
    """The files of rollouts that `source` is, or has; none where it is something else."""
    if source.is_dir():
        inside = source / "rollouts"
        return sorted((inside if inside.is_dir() else source).glob("*.parquet"))
    return [source] if source.suffix == ".parquet" and source.is_file() else []


def _rollouts(
    source: Path, tasks: TaskSet, complain: Callable[[str], None], counts: Counter[str]
) -> Iterator[Attempt]:
    import pyarrow as pa

    from arcbench.rollouts import read_rollouts

    for file in parquet_files(source):
        try:
            rollouts = read_rollouts(file)
        except (pa.ArrowException, ValueError, KeyError) as error:
            complain(f"{file.name}: not a file of rollouts: {error}")
            continue
        for row, r in enumerate(rollouts, start=1):
            try:
                task = _augmented(tasks.task(r.task_id), r.augmentation)
            except UserError as error:
                complain(f"{file.name}, row {row}: {error}")
                continue
            yield Attempt(
                task=task,
                completion=r.completion,
                index=r.index,
                group=r.group,
                test_index=r.test_index,
                augmentation=r.augmentation,
                messages_hash=r.messages_hash,
            )


def _augmented(task: Task, augmentation: Augmentation | None) -> Task:
    return task if augmentation is None else augmentation.apply(task)


def _lines(
    source: Path, tasks: TaskSet, complain: Callable[[str], None], counts: Counter[str]
) -> Iterator[Attempt]:
    if not source.is_file():
        raise UserError(f"no such file: {source}")
    shown = ShownTasks(tasks)
    views = _Views.of(source)
    with source.open("rb") as raw:
        zipped = raw.read(2) == _GZIP
        raw.seek(0)
        lines = gzip.GzipFile(fileobj=raw) if zipped else raw
        number = 0
        try:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    record = _record(line)
                    task = shown.task(record)
                    seen = None if views is None else views.seen(task, record.get("index"))
                    completions = _completions(record)
                except UserError as error:
                    complain(f"{source.name}:{number}: {error}")
                    continue
                for completion in completions:
                    index = counts[task.id]
                    if seen is None:
                        yield Attempt(task=task, completion=completion, index=index)
                    else:
                        yield replace(seen, completion=completion)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            complain(f"{source.name}: cannot be unpacked after line {number}: {error}")


def _record(line: bytes) -> Mapping[str, Any]:
    try:
        record = json.loads(line)
    # RecursionError: a line of ten thousand brackets is broken, too.
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}") from error
    if not isinstance(record, dict):
        raise UserError(f"a JSON object is expected, not {type(record).__name__}")
    return record


def _completions(record: Mapping[str, Any]) -> list[Completion]:
    """All completions of a line, at least one."""
    if "responses" in record:
        texts = record["responses"]
        if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
            raise UserError('"responses" must be a list of texts that is not empty')
        return [Completion(text=text) for text in texts]
    text = record.get("completion")
    if "completion" not in record and "messages" in record:
        turn = _turns(record["messages"])[-1]
        text = turn["content"] if turn["role"] == "assistant" else None
    if not isinstance(text, str):
        raise UserError(f"needs a text that is the completion: a line is {_FORMS}")
    reason, ids = record.get("finish_reason"), record.get("token_ids")
    numbers = isinstance(ids, list) and all(isinstance(i, int) for i in ids)
    return [
        Completion(
            text=text,
            finish_reason="length" if reason == "length" else "stop",
            token_ids=tuple(ids) if isinstance(ids, list) and numbers else (),
        )
    ]


def _turns(messages: Any) -> Sequence[Mapping[str, str]]:
    if not isinstance(messages, list) or not messages:
        raise UserError('"messages" must be a list of turns that is not empty')
    for turn in messages:
        if not isinstance(turn, dict) or not isinstance(turn.get("content"), str):
            raise UserError('a turn of "messages" is {"role", "content"} with a text as content')
        turn.setdefault("role", "")
    return messages


def _prompt(record: Mapping[str, Any]) -> str | None:
    """What the policy read, or the user's part of it; None where the line does not tell."""
    prompt = record.get("prompt") or record.get("messages")
    if prompt is None or isinstance(prompt, str):
        return prompt
    said = [turn["content"] for turn in _turns(prompt) if turn["role"] == "user"]
    return "\n".join(said) or None


class ShownTasks:
    """Finds the task of a line: by its name, or by the grids that its prompt shows."""

    def __init__(self, tasks: TaskSet) -> None:
        self._tasks = tasks
        self._pairs: dict[str, frozenset[str]] = {}  # task → its train pairs
        self._by_pair: dict[str, list[str]] = {}  # the first train pair → tasks
        self._finders = [(f, exact_finder(f)) for f in (DEFAULT_FORMAT, GridFormat(colors=DIGITS))]
        self._seen: dict[bytes, str] = {}  # prompts that were read lately → task, or why none

    def task(self, record: Mapping[str, Any]) -> Task:
        """The task of a line; UserError where no one task of the data set can be told.

        A "uid" may be a task's id with something behind it ("6150a2bd-0"), where there is no
        prompt that tells more.
        """
        name = record.get("task_id", record.get("uid"))
        if name is not None and not isinstance(name, str):
            raise UserError(f"the name of a task is a text, not {name!r}")
        if name is not None and name in self._tasks:
            return self._tasks[name]
        prompt = _prompt(record)
        if prompt is not None:
            found = self._shown(prompt)
            if found in self._tasks:
                return self._tasks[found]
            if name is None:
                raise UserError(found)
        if name is None:
            raise UserError(f'needs a text "task_id" or "uid", or a prompt: a line is {_FORMS}')
        stem = re.split("[-_.]", name, maxsplit=1)[0]
        if "task_id" not in record and stem in self._tasks and prompt is None:
            return self._tasks[stem]
        return self._tasks.task(name)

    def _shown(self, prompt: str) -> str:
        """The one task whose train pairs the prompt has, or a sentence that says why there is none.

        Most files have many completions of a prompt, so that the answer is kept.
        """
        key = blake2b(prompt.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if key not in self._seen:
            if len(self._seen) >= _REMEMBERED:
                del self._seen[next(iter(self._seen))]
            self._seen[key] = self._search(prompt)
        return self._seen[key]

    def _search(self, prompt: str) -> str:
        if not self._pairs:
            for task in self._tasks.values():
                pairs = [_pair_name(p.input, p.output) for p in task.train if p.output is not None]
                self._pairs[task.id] = frozenset(pairs)
                self._by_pair.setdefault(pairs[0], []).append(task.id)
        most = 0
        for finder, form in self._ways(prompt):
            grids = [_grid(form, prompt[a:b]) for a, b in finder.spans(prompt)]
            most = max(most, len(grids))
            neighbours = list(pairwise(grids))
            # An input and its output, unless a grid before them has nothing to do with the task.
            for shown in (neighbours[::2], neighbours):
                fits = self._fitting(shown)
                if len(fits) == 1:
                    return fits[0]
                if fits:
                    return f"the prompt shows the train pairs of several tasks: {', '.join(fits)}"
        return (
            f"the prompt shows no task of {self._tasks.name} ({len(self._tasks)} tasks): "
            f"{most} grids were found in it"
        )

    def _fitting(self, pairs: Sequence[tuple[Grid | None, Grid | None]]) -> list[str]:
        """The tasks all of whose train pairs are among these."""
        shown = {_pair_name(a, b) for a, b in pairs if a is not None and b is not None}
        candidates = {t for pair in shown for t in self._by_pair.get(pair, ())}
        return sorted(t for t in candidates if self._pairs[t] <= shown)

    def _ways(self, prompt: str) -> Iterator[tuple[GridFinder, GridFormat]]:
        """The ways of writing grids, those that are known first."""
        for form, finder in self._finders:
            yield finder, form
        with suppress(UserError):  # there are no grids in it
            form = find_format([prompt])
            if all(form != known for known, _ in self._finders):
                self._finders.append((form, exact_finder(form)))
                yield self._finders[-1][1], form


def _grid(form: GridFormat, text: str) -> Grid | None:
    try:
        return form.read(text)
    except GridError:
        return None


def _pair_name(first: Grid, second: Grid) -> str:
    return fingerprint(first) + fingerprint(second)


@dataclass(slots=True)
class _Views:
    """What the policy saw of a task, where the completions are those of an evaluation's views."""

    views: int
    seed: int
    template: Any
    _seen: dict[tuple[str, int], Attempt] = field(default_factory=dict)

    @classmethod
    def of(cls, source: Path) -> Self | None:
        """None where every sample is of the task as it is."""
        if source.name != "completions.jsonl" or not (source.parent / "config.json").is_file():
            return None
        from arcbench.evaluation.store import EvalStore
        from arcbench.prompts import PromptTemplate

        try:
            config = EvalStore.open(source.parent).config()
        except UserError:  # the folder is that of something else
            return None
        if config.views == 1:
            return None
        return cls(config.views, config.seed, PromptTemplate.load(config.template or ""))

    def seen(self, task: Task, index: Any) -> Attempt:
        """An attempt without its completion; UserError where `index` is none."""
        from arcbench.evaluation.views import view

        if not isinstance(index, int):
            raise UserError('needs the number "index", which tells the view of the task')
        key = task.id, index % self.views
        if key not in self._seen:
            shown = view(task, key[1], seed=self.seed, template=self.template)
            self._seen[key] = Attempt(
                task=shown.task,
                completion=Completion(text=""),
                test_index=shown.test_index,
                augmentation=shown.augmentation,
                messages_hash=shown.messages_hash,
            )
        return replace(self._seen[key], index=index)
