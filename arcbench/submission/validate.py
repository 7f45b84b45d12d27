"""Every defect of a submission file, with its place.

Kaggle's form: a JSON object with, for each task id of the challenges, a list of one object for each
test input, of exactly {"attempt_1": grid, "attempt_2": grid}; a grid is a list of 1–30 rows of
equally many, 1–30, integers 0–9.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arcbench.grids import MAX_SIDE, NUM_COLORS
from arcbench.submission.challenges import read_bytes

ATTEMPTS = ("attempt_1", "attempt_2")


@dataclass(frozen=True, kw_only=True, slots=True)
class Defect:
    """One thing that is wrong, and where; a place that is None stands for all of them."""

    message: str
    task_id: str | None = None
    test_index: int | None = None
    attempt: str | None = None
    row: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = [
            f"{name} {value}"
            for name, value in (
                ("task", None if self.task_id is None else _shown(self.task_id)),
                ("test", self.test_index),
                ("", None if self.attempt is None else self.attempt),
                ("row", self.row),
                ("column", self.column),
            )
            if value is not None
        ]
        return f"{', '.join(p.strip() for p in place)}: {self.message}" if place else self.message


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What is wrong with a submission: the first defects, and how many there are."""

    defects: tuple[Defect, ...]
    total: int
    # {task id: [{"attempt_1": …, "attempt_2": …}, …]} of a valid one, else empty
    content: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong."""
        return self.total == 0


def validate_submission(path: Path, num_tests: Mapping[str, int], *, limit: int = 50) -> Report:
    """Check a file against the challenges' number of test inputs a task.

    Raises UserError for a folder, an archive or no file.
    """
    return validate_bytes(read_bytes(path, "the submission"), num_tests, limit=limit)


def validate_bytes(data: bytes, num_tests: Mapping[str, int], *, limit: int = 50) -> Report:
    """Check the content of a file; all defects are counted, the first `limit` are told."""
    try:
        value = _parse(data)
    except UnicodeDecodeError as error:
        return _unreadable(f"not UTF-8 text: byte {error.start} is 0x{data[error.start]:02x}")
    except json.JSONDecodeError as error:
        return _unreadable(_not_json(error))
    except (ValueError, RecursionError) as error:
        return _unreadable(f"not JSON that can be read: {error}")
    found = _Found(limit=limit)
    _look_at_file(value, num_tests, found)
    if found.total:
        return Report(defects=tuple(found.defects), total=found.total)
    content = {task_id: [t.value for t in tests] for task_id, tests in value.value.items()}
    return Report(defects=(), total=0, content=content)


def _unreadable(why: str) -> Report:
    return Report(defects=(Defect(message=why),), total=1)


@dataclass(frozen=True, slots=True)
class _Object:
    """A JSON object and the keys that its text has more than once."""

    value: dict[str, Any]
    repeated: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Constant:
    """NaN, Infinity or -Infinity: Python writes and reads them, JSON has none of them."""

    name: str


def _parse(data: bytes) -> Any:
    def build(pairs: list[tuple[str, Any]]) -> _Object:
        value = dict(pairs)
        repeated: tuple[str, ...] = ()
        if len(value) < len(pairs):
            times = Counter(key for key, _ in pairs)
            repeated = tuple(key for key, count in times.items() if count > 1)
        return _Object(value, repeated)

    return json.loads(data.decode(), object_pairs_hook=build, parse_constant=_Constant)


def _not_json(error: json.JSONDecodeError) -> str:
    if not error.doc.strip():
        return "not JSON: the file is empty"
    where = f"line {error.lineno}, column {error.colno}"
    if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string"):
        return f"not JSON: the file ends before it is complete, in what begins at {where}: cut off?"
    return (
        f"not JSON at {where}: {error.msg}, found {_shown(error.doc[error.pos : error.pos + 20])}"
    )


@dataclass(kw_only=True, slots=True)
class _Found:
    """Counts defects; only the first are put into words, there may be millions."""

    limit: int
    total: int = 0
    defects: list[Defect] = field(default_factory=list)

    def add(self, message: str, **place: Any) -> None:
        self.total += 1
        if self.total <= self.limit:
            self.defects.append(Defect(message=message, **place))


def _look_at_file(value: Any, num_tests: Mapping[str, int], found: _Found) -> None:
    if not isinstance(value, _Object):
        found.add(f"the file holds {_kind(value)}, not an object of task ids")
        return
    for key in value.repeated:
        found.add("stands in the file more than once", task_id=key)
    if value.value and not value.value.keys() & num_tests.keys():
        found.add("no task of the file is a task of the challenges: made for others?")
    for task_id, count in num_tests.items():
        if task_id in value.value:
            _look_at_task(task_id, value.value[task_id], count, found)
        else:
            found.add("is missing", task_id=task_id)
    for task_id in value.value:
        if task_id not in num_tests:
            found.add("is not a task of the challenges", task_id=task_id)


def _look_at_task(task_id: str, tests: Any, count: int, found: _Found) -> None:
    if not isinstance(tests, list):
        wanted = "not a list of one object for each test input"
        found.add(f"is {_kind(tests)}, {wanted}", task_id=task_id)
        return
    if len(tests) != count:
        found.add(
            f"has attempts for {len(tests)} test inputs; the challenge has {count}", task_id=task_id
        )
    for i, test in enumerate(tests):
        here = {"task_id": task_id, "test_index": i}
        if not isinstance(test, _Object):
            found.add(f"is {_kind(test)}, not an object of attempt_1 and attempt_2", **here)
            continue
        for key in test.repeated:
            found.add(f"has {_shown(key)} more than once", **here)
        for name in ATTEMPTS:
            if name not in test.value:
                found.add(f"{name} is missing", **here)
            elif not _is_grid(test.value[name]):
                _look_at_grid(test.value[name], {**here, "attempt": name}, found)
        for key in test.value:
            if key not in ATTEMPTS:
                found.add(f"has {_shown(key)}, which is no attempt", **here)


def _is_grid(value: Any) -> bool:
    """Whether it is a grid, quickly; `_look_at_grid` says why one is not."""
    return (
        type(value) is list
        and 1 <= len(value) <= MAX_SIDE
        and all(type(row) is list for row in value)
        and 1 <= len(value[0]) <= MAX_SIDE
        and all(len(row) == len(value[0]) for row in value)
        and all({int}.issuperset(map(type, row)) for row in value)
        and all(min(row) >= 0 and max(row) < NUM_COLORS for row in value)
    )


def _look_at_grid(value: Any, here: Mapping[str, Any], found: _Found) -> None:
    if not isinstance(value, list):
        found.add(f"is {_kind(value)}, not a list of rows", **here)
        return
    if not value:
        found.add("has no rows", **here)
        return
    if len(value) > MAX_SIDE:
        found.add(f"has {len(value)} rows; {MAX_SIDE} is the most", **here)
    width = next((len(row) for row in value if isinstance(row, list)), 0)
    if width > MAX_SIDE:
        found.add(f"has {width} columns; {MAX_SIDE} is the most", **here)
    for i, row in enumerate(value):
        if not isinstance(row, list):
            found.add(f"is {_kind(row)}, not a list of cells", **here, row=i)
            continue
        if not row:
            found.add("is empty", **here, row=i)
        if len(row) != width:
            found.add(f"has {len(row)} cells, the first row has {width}", **here, row=i)
        for j, cell in enumerate(row):
            if type(cell) is int and 0 <= cell < NUM_COLORS:
                continue
            if found.total >= found.limit:
                found.total += 1
            elif type(cell) is int:
                found.add(f"{_shown(cell)} is no colour 0-9", **here, row=i, column=j)
            else:
                found.add(f"{_kind(cell)}, not an integer 0-9", **here, row=i, column=j)


def _kind(value: Any) -> str:
    """What a JSON value is, in JSON's words, with the value where it is small."""
    if isinstance(value, _Constant):
        return f"{value.name} (which JSON does not have)"
    if isinstance(value, _Object):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    names = {bool: "a boolean", str: "a string", float: "a decimal number", int: "a number"}
    return f"{_shown(value)} ({names[type(value)]})"


def _shown(value: Any, most: int = 40) -> str:
    """A JSON value as ASCII text of bounded length, so that no id plays tricks on a terminal."""
    if isinstance(value, int) and not -(10**most) < value < 10**most:
        return "a number of many digits"
    text = json.dumps(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"
