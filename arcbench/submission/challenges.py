"""Kaggle's file of challenges, which a submission answers: read whole, and written for practice."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arcbench.errors import UserError
from arcbench.files import write_text
from arcbench.grids import to_lists
from arcbench.tasks import LoadProblem, Task, load_tasks


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenges:
    """What a submission must have: for each task so many test inputs, in the file's order."""

    path: Path
    num_tests: Mapping[str, int]
    tasks: Mapping[str, Task]  # those of them that can be read
    problems: tuple[LoadProblem, ...] = ()

    @property
    def num_test_inputs(self) -> int:
        """Of all tasks."""
        return sum(self.num_tests.values())


def read_challenges(path: Path) -> Challenges:
    """Read Kaggle's `*_challenges.json`: {task id: {"train": […], "test": [{"input"}, …]}}.

    A task that cannot be read is asked for all the same, with as many test inputs as it seems to
    have. Raises UserError where the file as a whole is not such a file.
    """
    raw = read_object(path, "challenges")
    if isinstance(raw.get("train"), list):
        raise UserError(f"{path} is the file of one task; challenges are {{task id: task, …}}")
    if not raw:
        raise UserError(f"{path} holds no task")
    num_tests = {
        task_id: len(task["test"])
        if isinstance(task, dict) and isinstance(task.get("test"), list)
        else 1
        for task_id, task in raw.items()
    }
    if not any(isinstance(task, dict) and "test" in task for task in raw.values()):
        raise UserError(
            f"{path} holds no challenges: no task of it has a list of test inputs; Kaggle's file "
            "is called …_challenges.json"
        )
    try:
        tasks = load_tasks(path)
    except UserError as error:  # not one can be read; what is wanted is known all the same
        return Challenges(
            path=path,
            num_tests=num_tests,
            tasks={},
            problems=(LoadProblem(file=str(path), task_id="", message=str(error)),),
        )
    return Challenges(path=path, num_tests=num_tests, tasks=tasks.tasks, problems=tasks.problems)


def write_challenges(folder: Path, tasks: Iterable[Task]) -> tuple[Path, Path]:
    """Write tasks as Kaggle's two files, challenges and solutions, into `folder`; their paths.

    UserError for a task whose test outputs are not known.
    """
    challenges: dict[str, Any] = {}
    solutions: dict[str, Any] = {}
    for task in tasks:
        outputs = [p.output for p in task.test if p.output is not None]
        if len(outputs) < len(task.test):
            raise UserError(f"task {task.id} has no known test outputs: it has no solutions")
        challenges[task.id] = {
            "train": [
                {"input": to_lists(p.input), "output": to_lists(p.output)}
                for p in task.train
                if p.output is not None
            ],
            "test": [{"input": to_lists(p.input)} for p in task.test],
        }
        solutions[task.id] = [to_lists(grid) for grid in outputs]
    paths = folder / "arc-agi_test_challenges.json", folder / "arc-agi_test_solutions.json"
    for path, content in zip(paths, (challenges, solutions), strict=True):
        write_text(path, json.dumps(content))
    return paths


def read_bytes(path: Path, what: str) -> bytes:
    """The content of a JSON file; UserError for a folder, an archive or no file."""
    try:
        with path.open("rb") as handle:
            data = handle.read()
    except FileNotFoundError as error:
        raise UserError(f"no such file of {what}: {path}") from error
    except IsADirectoryError as error:
        raise UserError(f"{path} is a folder; name the JSON file of {what} in it") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    for magic, kind in ((b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "zip"), (b"BZh", "bzip2")):
        if data.startswith(magic):
            raise UserError(f"{path} is packed ({kind}); unpack it: the file of {what} is JSON")
    return data


def read_object(path: Path, what: str) -> dict[str, Any]:
    """The JSON object of a file; UserError where it is none."""
    data = read_bytes(path, what)
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text: byte {error.start}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} holds no {what} by task id, but a {type(value).__name__}")
    return value
