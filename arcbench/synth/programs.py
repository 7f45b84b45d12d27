"""A drafted rule as program text, in several phrasings, and the text as a function."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from arcbench.dsl import common, concepts
from arcbench.dsl.concepts._types import AnyArray
from arcbench.synth.common_phrases import common_program
from arcbench.synth.config import Phrasing
from arcbench.synth.family import Draft
from arcbench.synth.plain import plain_program

Transform = Callable[[AnyArray], Any]
IMPORTS = ("from common import *", "from concepts import *")
_GRID = re.compile(r"\bgrid\b")
_WIDTH = 96


def program_text(draft: Draft, phrasing: Phrasing = Phrasing.SHORT) -> str:
    """The draft as program text; SHORT is what the embedded policy writes."""
    if phrasing is Phrasing.PLAIN:
        return plain_program(draft)
    if phrasing is Phrasing.COMMON:
        said = [line for step in draft.steps for line in _description(step)]
        return common_program(draft, said) or program_text(draft, Phrasing.BARC)
    head = [*IMPORTS, "", "# concepts:", "# " + ", ".join(draft.concepts), ""]
    if phrasing is not Phrasing.SHORT:
        lines = [line for step in draft.steps for line in _description(step)]
        head += ["# description:", *lines, ""]
    if draft.preamble:
        head += [draft.preamble.strip("\n"), ""]
    body = _barc_body(draft) if phrasing is Phrasing.BARC else _body(draft)
    return "\n".join([*head, *body]) + "\n"


def _body(draft: Draft) -> list[str]:
    *first, last = draft.steps
    lines = ["def transform(grid):", *(f"    grid = {step}" for step in first)]
    return [*lines, f"    return {last}"]


def _barc_body(draft: Draft) -> list[str]:
    lines = ["def transform(input_grid):"]
    name = "input_grid"
    for step in draft.steps:
        lines += [f"    {line}" for line in _description(step)]
        lines.append(f"    output_grid = {_GRID.sub(name, step)}")
        name = "output_grid"
    return [*lines, "    return output_grid"]


@lru_cache(maxsize=8192)
def _said(step: str) -> str:
    """What a step does: the first sentence of each concept it calls, with the words it is given."""
    calls = [node for node in ast.walk(ast.parse(step)) if isinstance(node, ast.Call)]
    sentences = []
    for call in reversed(calls):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name not in concepts.__all__:
            continue
        function = getattr(concepts, name)
        sentence = " ".join((function.__doc__ or "").split("\n\n")[0].split()).rstrip(".")
        given = zip(inspect.signature(function).parameters, call.args, strict=False)
        words = [
            f"{parameter}: {value.value}"
            for parameter, value in given
            if isinstance(value, ast.Constant) and isinstance(value.value, str)
        ]
        sentences.append(f"{sentence} ({', '.join(words)})." if words else f"{sentence}.")
    return " ".join(dict.fromkeys(sentences))


def _description(step: str) -> list[str]:
    """Comment lines that say what a step does."""
    return [f"# {line}" for line in textwrap.wrap(_said(step), _WIDTH)]


@lru_cache(maxsize=8192)
def compile_program(code: str) -> Transform:
    """`transform` of our own program text (not a sandbox: never for code of a model)."""
    body = "\n".join(line for line in code.split("\n") if line not in IMPORTS)
    names = dict(_names())
    exec(compile(body, "<synth>", "exec"), names)
    transform: Transform = names["transform"]
    return transform


class Steps:
    """Applies steps to grids, each step once to the same array; for one draft and its inputs.

    The arrays must not change in the meantime: concepts and the checks leave theirs alone.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[AnyArray, Any]] = {}

    def __call__(self, step: str, grid: AnyArray) -> Any:
        # The grid is kept as well, so that no other one gets its id.
        key = (step, id(grid))
        found = self._known.get(key)
        if found is None:
            self._known[key] = found = (grid, step_function(step)(grid))
        return found[1]


def draft_function(draft: Draft, apply: Steps | None = None) -> Transform:
    """What the draft's program does, without compiling its text: steps are compiled once.

    `apply` remembers what the steps made of a grid.
    """
    if draft.preamble:
        return compile_program(program_text(draft))
    if len(draft.steps) == 1:
        return step_function(draft.steps[0])
    apply = Steps() if apply is None else apply

    def transform(grid: AnyArray) -> Any:
        for step in draft.steps:
            grid = apply(step, grid)
        return grid

    return transform


@lru_cache(maxsize=32_768)
def step_function(step: str) -> Transform:
    """One step, an expression in `grid`, as a function."""
    # All share one table of names: thousands of copies keep the garbage collector busy.
    function: Transform = eval(f"lambda grid: {step}", _names())
    return function


@cache
def _names() -> dict[str, Any]:
    names = {name: getattr(common, name) for name in dir(common) if not name.startswith("_")}
    return names | {name: getattr(concepts, name) for name in concepts.__all__}
