"""From the libraries' docstrings and the examples to entries."""

import ast
import inspect
import random
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache
from io import StringIO
from types import ModuleType
from typing import Any, Literal, get_args, get_origin

import numpy as np

from arcbench.dsl import common, concepts
from arcbench.grids import COLOR_NAMES
from arcbench.reference import examples_common, examples_concepts, examples_concepts_more
from arcbench.reference.grids import GRIDS, grid_of
from arcbench.reference.values import Call, Choices, Entry, Example, Group, Rows

LIBRARIES: dict[str, ModuleType] = {"common": common, "concepts": concepts}
_CONCEPT_TABLES = (
    examples_concepts.COLORS,
    examples_concepts.COUNTING,
    examples_concepts.DRAWING,
    examples_concepts.FILLING,
    examples_concepts.GEOMETRY,
    examples_concepts.LAYOUT,
    examples_concepts_more.LINES,
    examples_concepts_more.OBJECTS,
    examples_concepts_more.PANELS,
    examples_concepts_more.PATTERNS,
    examples_concepts_more.PHYSICS,
    examples_concepts_more.RELATIONS,
    examples_concepts_more.SYMMETRY,
)


@cache
def entries() -> tuple[Entry, ...]:
    """Every public name of both libraries with its examples, by library, group and name."""
    calls = {"common": examples_common.CALLS, "concepts": concept_calls()}
    return tuple(
        _entry(name, item, group, calls[group.library].get(name, ()))
        for group, names in groups()
        for name, item in names
    )


@cache
def summaries() -> dict[str, str]:
    """Name → signature and summary on two lines; no example is run."""
    return {
        name: f"{signature(name, item)}\n{_doc(item)[0]}"
        for _, names in groups()
        for name, item in names
    }


@cache
def groups() -> tuple[tuple[Group, tuple[tuple[str, Any], ...]], ...]:
    """The groups with their names and what these stand for, both sorted by name."""
    found: list[tuple[Group, tuple[tuple[str, Any], ...]]] = []
    for library, package in LIBRARIES.items():
        modules: dict[str, list[tuple[str, Any]]] = {}
        for name in sorted(package.__all__):
            item = getattr(package, name)
            # What comes from elsewhere (numpy, names for annotations) is not ours to explain.
            home = getattr(item, "__module__", None) or ""
            if home.startswith(package.__name__ + "."):
                modules.setdefault(home, []).append((name, item))
        for home, names in sorted(modules.items()):
            summary = (sys.modules[home].__doc__ or "").partition("\n")[0]
            group = Group(library=library, name=home.rpartition(".")[2], summary=summary)
            found.append((group, tuple(names)))
    return tuple(found)


def concept_calls() -> dict[str, list[Call]]:
    """The tables of examples of `concepts` as calls: `grid = name(grid, …)`."""
    calls: dict[str, list[Call]] = {}
    for table in _CONCEPT_TABLES:
        for line in table.strip().splitlines():
            name, grid, *arguments = re.split(r"  +", line.strip())
            listed = ", ".join(["grid", *arguments])
            listed = re.sub(r"\b([A-Z]{3,})\b", r"Color.\1", listed)
            calls.setdefault(name, []).append(Call(code=f"grid = {name}({listed})", grid=grid))
    return calls


def _entry(name: str, item: Any, group: Group, calls: "list[Call] | tuple[()]") -> Entry:
    summary, details = _doc(item)
    return Entry(
        name=name,
        group=group,
        signature=signature(name, item),
        summary=summary,
        details="\n\n".join(filter(None, [details, *_methods(item)])),
        choices=_choices(item),
        examples=tuple(run(call) for call in calls),
    )


def _doc(item: Any) -> tuple[str, str]:
    """First paragraph and the others of a docstring, each on one line."""
    paragraphs = (inspect.getdoc(item) or "").split("\n\n")
    first, *rest = (" ".join(p.split()) for p in paragraphs)
    return first, "\n\n".join(rest)


def _methods(item: Any) -> Iterator[str]:
    """A paragraph for every public method that a class itself defines."""
    if inspect.isclass(item):
        for name, method in vars(item).items():
            if not name.startswith("_") and inspect.isfunction(method):
                yield f"`{signature(name, method)}`: {_doc(method)[0]}"


def signature(name: str, item: Any) -> str:
    """`name(a, b=1) -> result`, without the types of parameters."""
    found = _parameters(item)
    if found is None:
        return name
    parts = []
    for p in found.parameters.values():
        if p.name != "self":
            parts.append(p.name if p.default is p.empty else f"{p.name}={_default(p)}")
    result = _type(found.return_annotation)
    if "concepts" in item.__module__:
        result = result.replace("Array", "Grid")  # `common` says Grid itself where it is one
    return f"{name}({', '.join(parts)})" + (f" -> {result}" if result else "")


def _parameters(item: Any) -> inspect.Signature | None:
    """The signature; None for a class that is not called."""
    if inspect.isclass(item):
        if "__init__" not in vars(item):
            return None
        made: Callable[..., Any] = vars(item)["__init__"]
        return inspect.signature(made).replace(return_annotation=inspect.Signature.empty)
    return inspect.signature(item)


def _default(parameter: inspect.Parameter) -> str:
    """A default as a program would write it: colours by name."""
    value = parameter.default
    is_color = re.search(r"background|color(?!s)|ignore_colors", parameter.name)
    if is_color and isinstance(value, tuple):
        return "[" + ", ".join(map(_color, value)) + "]"
    if is_color and type(value) is int:  # no bool
        return _color(value)
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _color(value: int) -> str:
    """The colour's name; a number that is none (-1: leave it open) stays."""
    names = dict(enumerate(name.upper() for name in COLOR_NAMES))
    return f"Color.{names[value]}" if value in names else repr(value)


def _type(annotation: Any) -> str:
    """A result's type in short: arrays of anything are grids, those of bools masks."""
    if annotation is inspect.Signature.empty or annotation is Any:
        return ""
    if annotation is None:
        return "None"
    text = annotation.__name__ if inspect.isclass(annotation) else str(annotation)
    if get_origin(annotation) is not None:
        text = str(annotation)
    text = re.sub(
        r"numpy\.ndarray\[(?:tuple\[[^\]]*\]|typing\.Any|[^,\[\]]+), "
        r"numpy\.dtype\[([^\]]*)\]\]",
        lambda found: "Mask" if "bool" in found[1] else "Array" if "int" in found[1] else "Grid",
        text,
    )
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=\w)", "", text)


def _choices(item: Any) -> tuple[Choices, ...]:
    """The parameters that take one of several words."""
    found = _parameters(item)
    return tuple(
        Choices(parameter=p.name, words=tuple(map(str, get_args(p.annotation))))
        for p in (found.parameters.values() if found else ())
        if get_origin(p.annotation) is Literal
    )


def run(call: Call) -> Example:
    """Run the example in the names that programs have; what it draws at random depends on `seed`.

    Whatever it raises is a mistake in the example, and is not caught.
    """
    given = {**({} if call.grid is None else {"grid": call.grid}), **call.more}
    before = {name: _grid(source) for name, source in given.items()}
    space: dict[str, Any] = {}
    for package in LIBRARIES.values():
        space.update({name: getattr(package, name) for name in package.__all__})
    space.update({name: grid.copy() for name, grid in before.items()})
    printed = StringIO()
    with _seeded(call.seed), redirect_stdout(printed):
        exec(compile(call.code, "<example>", "exec"), space)
    return Example(
        code=call.code,
        before=tuple(before.items()),
        after=tuple((name, space[name]) for name in call.show or _shown(call.code, before, space)),
        printed=printed.getvalue(),
        note=call.note,
    )


def _grid(source: str | Rows) -> Any:
    return GRIDS[source] if isinstance(source, str) else grid_of(*source)


def _shown(code: str, before: dict[str, Any], space: dict[str, Any]) -> list[str]:
    """The grids that the code has changed, and what its last statement assigns to."""
    names = [name for name, grid in before.items() if not np.array_equal(grid, space[name])]
    last = ast.parse(code).body[-1]
    targets = last.targets if isinstance(last, ast.Assign) else []
    for target in targets:
        stored = [n for n in ast.walk(target) if isinstance(n, ast.Name)]
        names += [n.id for n in stored if isinstance(n.ctx, ast.Store) and n.id not in names]
    return names


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The global generators, from which `common` draws, seeded; afterwards they are as before."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
