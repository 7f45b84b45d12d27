"""Prompts: a template is data, and a task with a template gives chat messages.

A model wants the exact bytes that it was trained with, so every fixed part of a prompt stands in
a TOML file. `template_derive` writes such a file from a model's own chat records.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from arcbench.errors import UserError, unknown
from arcbench.extract import Extraction, extract_code
from arcbench.grids import COLOR_NAMES, NUM_COLORS, Grid, GridError, as_grid
from arcbench.policies.base import Message
from arcbench.tasks import Task

__all__ = [
    "Extraction", "GridFormat", "PromptTemplate", "extract_code", "grid_to_text", "messages_hash",
    "template_names", "text_to_grid",
]  # fmt: skip

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, kw_only=True, slots=True)
class GridFormat:
    """How a grid is written: a word a cell, and what stands between cells and between rows."""

    colors: tuple[str, ...] = COLOR_NAMES  # (10,) the word of each colour
    cell: str = " "
    row: str = "\n"

    def __post_init__(self) -> None:
        if len(self.colors) != NUM_COLORS or len(set(self.colors)) != NUM_COLORS:
            raise UserError(f"grid.colors are {NUM_COLORS} different words, not {self.colors!r}")
        if not all(self.colors):
            raise UserError("grid.colors has an empty word")
        if not self.row or (self.cell and self.row in self.cell):
            raise UserError(f"grid.row {self.row!r} must not be empty or part of grid.cell")
        if not self.cell and any(len(word) != 1 for word in self.colors):
            raise UserError("grid.cell is empty: then every word of grid.colors has one character")
        shared = {c for word in self.colors for c in word} & {*self.cell, *self.row}
        if shared:
            raise UserError(f"grid.colors share {sorted(shared)} with grid.cell or grid.row")

    def write(self, grid: Grid) -> str:
        """The grid as text; `read` is the exact inverse."""
        words = np.array(self.colors, dtype=object)[np.asarray(grid, dtype=np.intp)]
        return self.row.join(self.cell.join(row) for row in words.tolist())

    def read(self, text: str) -> Grid:
        """The grid that `write` made `text` of; raises GridError naming row, column and word."""
        numbers = {word: i for i, word in enumerate(self.colors)}
        rows: list[list[int]] = []
        for i, line in enumerate(text.split(self.row)):
            words = line.split(self.cell) if self.cell else list(line)
            for j, word in enumerate(words):
                if word not in numbers:
                    where = f"row {i}, column {j}"
                    raise GridError(f"{where}: {word!r} is no colour; one of: {', '.join(numbers)}")
            rows.append([numbers[word] for word in words])
        return as_grid(rows)


DEFAULT_FORMAT = GridFormat()


def grid_to_text(grid: Grid, form: GridFormat = DEFAULT_FORMAT) -> str:
    """The grid as text, by default a colour word a cell and a line a row."""
    return form.write(grid)


def text_to_grid(text: str, form: GridFormat = DEFAULT_FORMAT) -> Grid:
    """The exact inverse of `grid_to_text`; raises GridError for any other text."""
    return form.read(text)


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptTemplate:
    """The fixed texts of a prompt. Nothing is added between them: every newline stands in one.

    user = intro + between.join(example, one a train pair) + test + request
    """

    name: str
    system: str = ""  # empty: no system message
    intro: str = ""
    example: str  # with {input} and {output}, and {index} counted from first_index
    between: str  # what separates two examples
    test: str  # with {input}, and {index} if need be; starts with what follows the last example
    request: str = ""
    assistant: str = ""  # start of the assistant's turn, which the policy continues; empty: none
    answer: str = "```python\n{code}\n```"  # what the policy shall write then, with {code}
    first_index: int = 1
    grid: GridFormat = field(default=DEFAULT_FORMAT)

    def __post_init__(self) -> None:
        _check_places(self.name, "example", self.example, {"input": 1, "output": 1})
        _check_places(self.name, "test", self.test, {"input": 1})
        _check_places(self.name, "answer", self.answer, {"code": 1})

    @classmethod
    def load(cls, name_or_path: str | Path = "arcbench") -> "PromptTemplate":
        """A shipped template by its name, or one from a TOML file.

        Raises UserError: no such template or file, not TOML, unknown or missing keys.
        """
        path = Path(name_or_path)
        if path.suffix != ".toml" and str(name_or_path) in template_names():
            path = TEMPLATES / f"{name_or_path}.toml"
        elif path.suffix != ".toml" or not path.is_file():
            if path.suffix == ".toml" or len(path.parts) > 1:
                raise UserError(f"there is no template file {str(path)!r}")
            raise unknown("template", str(name_or_path), [*template_names(), "a .toml file"])
        try:
            data = tomllib.loads(path.read_bytes().decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: not a TOML file: {error}") from error
        try:
            return cls.from_dict(data)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "PromptTemplate":
        """The template of a TOML file's content; raises UserError naming the key that is wrong."""
        values = _checked_keys("key of a template", cls, data)
        if "grid" in values:
            if not isinstance(values["grid"], Mapping):
                raise UserError("grid must be a table with colors, cell and row")
            values["grid"] = GridFormat(**_checked_keys("key of grid", GridFormat, values["grid"]))
        for key in ("name", "example", "between", "test"):
            if key not in values:
                raise UserError(f"the template has no {key!r}")
        return cls(**values)

    def to_toml(self) -> str:
        """The file from which `load` makes this template again, exactly."""
        lines = []
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, str):
                lines.append(f"{f.name} = {_toml_text(value)}")
            elif isinstance(value, int):
                lines.append(f"{f.name} = {value}")
        colors = ", ".join(_toml_text(word) for word in self.grid.colors)
        lines += ["", "[grid]", f"colors = [{colors}]"]
        lines += [f"cell = {_toml_line(self.grid.cell)}", f"row = {_toml_line(self.grid.row)}"]
        return "\n".join(lines) + "\n"

    def user_text(self, task: Task, test_index: int = 0) -> str:
        """The user's turn for `task`, showing test input `test_index`.

        Raises UserError if the task has no such test input.
        """
        if not 0 <= test_index < len(task.test):
            allowed = range(len(task.test)) if task.test else ["none: it has no test pair"]
            raise unknown(f"test input of task {task.id}", test_index, allowed)
        examples = []
        for i, pair in enumerate(task.train, start=self.first_index):
            assert pair.output is not None  # a Task is checked for this
            grids = {"input": self.grid.write(pair.input), "output": self.grid.write(pair.output)}
            examples.append(_fill(self.example, {"index": str(i), **grids}))
        number = str(self.first_index + len(task.train))
        shown_grid = self.grid.write(task.test[test_index].input)
        shown = _fill(self.test, {"index": number, "input": shown_grid})
        return self.intro + self.between.join(examples) + shown + self.request

    def messages(self, task: Task, test_index: int = 0) -> list[Message]:
        """The chat for `task`; the last message is the assistant's prefix if there is one."""
        messages: list[Message] = []
        if self.system:
            messages.append({"role": "system", "content": self.system})
        messages.append({"role": "user", "content": self.user_text(task, test_index)})
        if self.assistant:
            messages.append({"role": "assistant", "content": self.assistant})
        return messages

    def completion(self, code: str) -> str:
        """What a policy shall write after the prefix to answer with `code`."""
        return _fill(self.answer, {"code": code.rstrip("\n")})


def template_names() -> list[str]:
    """The names of the shipped templates, the default first."""
    names = sorted(p.stem for p in TEMPLATES.glob("*.toml"))
    return sorted(names, key=lambda n: n != "arcbench")


def messages_hash(messages: Sequence[Message]) -> str:
    """A short stable name of a prompt: equal messages have equal hashes."""
    turns = [[m["role"], m["content"]] for m in messages]
    text = json.dumps(turns, ensure_ascii=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _fill(text: str, values: Mapping[str, str]) -> str:
    """Put the values in their places; any other brace is plain text."""
    return re.sub(r"\{(\w+)\}", lambda m: values.get(m[1], m[0]), text)


def _check_places(name: str, key: str, text: str, places: Mapping[str, int]) -> None:
    for place, count in places.items():
        if text.count(f"{{{place}}}") != count:
            raise UserError(f"template {name}: {key} must have {{{place}}} exactly once")


def _checked_keys(kind: str, cls: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """`data` with only known keys and values of the right type."""
    types = {f.name: f.type for f in fields(cls)}
    values = dict(data)
    for key, value in values.items():
        if key not in types:
            raise unknown(kind, key, types)
        if types[key] is str and not isinstance(value, str):
            raise UserError(f"{key} must be a string, not {value!r}")
        if types[key] is int and type(value) is not int:
            raise UserError(f"{key} must be an integer, not {value!r}")
    if "colors" in values:
        words = values["colors"]
        if not isinstance(words, list) or not all(isinstance(w, str) for w in words):
            raise UserError(f"grid.colors is a list of words, not {words!r}")
        values["colors"] = tuple(words)
    return values


def _toml_text(text: str) -> str:
    """A TOML string; with real line breaks where there are any."""
    if "\n" not in text:
        return _toml_line(text)
    lines = [_toml_line(line)[1:-1] for line in text.split("\n")]
    # Editors strip spaces at the end of a line.
    lines = [re.sub(r" $", r"\\u0020", line) for line in lines]
    return '"""\n' + "\n".join(lines) + '"""'


def _toml_line(text: str) -> str:
    """A TOML string on one line. JSON's escapes are TOML's, but for DEL and lone surrogates."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
