"""Programs without our libraries: the concepts that they call are written out in numpy.

A concept of one expression is put in place of its call, a longer one becomes a helper function
above `transform`, with what it needs itself. Everything is taken from the library's own source.
"""

import ast
import copy
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from arcbench.dsl import concepts
from arcbench.dsl.common.colors import Color
from arcbench.synth import plain_forms
from arcbench.synth.family import Draft

LIBRARY = "arcbench.dsl"
# In place of the definitions of the same name in a module.
SHORTER: Mapping[str, tuple[Callable[..., Any], ...]] = {
    "arcbench.dsl.common._cells": (plain_forms.components,),
    "arcbench.dsl.concepts._components": (plain_forms.Thing,),
    "arcbench.dsl.concepts.layout": (plain_forms._largest_frame,),
    "arcbench.dsl.concepts.symmetry": (plain_forms.complete_symmetry,),
}


def plain_program(draft: Draft) -> str:
    """The draft as a program that imports numpy and Python's own modules only."""
    writer = _Steps()
    steps = [writer.step(step) for step in draft.steps]
    if writer.words:  # calls share the tables of choices, which the first of them has cut
        writer = _Steps(writer.words)
        steps = [writer.step(step) for step in draft.steps]
    *first, last = steps
    lines = ["import numpy as np", *writer.imports]
    lines += ["", "# concepts:", "# " + ", ".join(draft.concepts)]
    for text in writer.helpers.values():
        lines += ["", *([""] if text.startswith(("def ", "class ")) else []), text]
    if draft.preamble:
        lines += ["", "", draft.preamble.strip("\n")]
    lines += ["", "", "def transform(grid):", *(f"    grid = {step}" for step in first)]
    return "\n".join([*lines, f"    return {last}"]) + "\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """A definition of a library module."""

    module: str
    node: ast.stmt


@cache
def _module_sources(name: str) -> Mapping[str, "_Source | ast.ImportFrom"]:
    """What the top level of a module defines or imports, by name."""
    module: ModuleType = importlib.import_module(name)
    found: dict[str, _Source | ast.ImportFrom] = {}
    written = "\n".join([inspect.getsource(module), *map(inspect.getsource, SHORTER.get(name, ()))])
    for node in ast.parse(written).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = _Source(module=name, node=node)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = _Source(module=name, node=node)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            plain = ast.Assign(targets=[node.target], value=node.value, lineno=node.lineno)
            found[node.target.id] = _Source(module=name, node=plain)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                found[alias.asname or alias.name] = node
    return found


def _source(name: str, module: str) -> "_Source | ast.ImportFrom | None":
    """Where a name of a module is defined, through imports within the library."""
    found = _module_sources(module).get(name)
    if found is None and module in SHORTER:  # what only the shorter forms need
        found = _module_sources(plain_forms.__name__).get(name)
    if isinstance(found, ast.ImportFrom) and (found.module or "").startswith(LIBRARY):
        return _source(name, str(found.module))
    return found


@cache
def _home(name: str) -> str | None:
    """The module of a concept."""
    value = getattr(concepts, name, None)
    module = getattr(value, "__module__", "") or ""
    return module if name in concepts.__all__ and module.startswith(LIBRARY) else None


class _Bare(ast.NodeTransformer):
    """Drops annotations and docstrings beyond the first paragraph."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        arguments = node.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            argument.annotation = None
        for extra in (arguments.vararg, arguments.kwarg):
            if extra is not None:
                extra.annotation = None
        self.generic_visit(node)
        _shorten_docstring(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self.generic_visit(node)
        _shorten_docstring(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt | None:
        if node.value is None:
            return None
        self.generic_visit(node)
        return ast.Assign(targets=[node.target], value=node.value, lineno=node.lineno)


def _shorten_docstring(node: ast.FunctionDef | ast.ClassDef) -> None:
    text = ast.get_docstring(node)
    if text is not None:
        assert isinstance(node.body[0], ast.Expr)
        node.body[0].value = ast.Constant(" ".join(text.split("\n\n")[0].split()))


def _names_in(node: ast.AST) -> Iterable[str]:
    return dict.fromkeys(
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
    )


Nodes = dict[str, ast.stmt]


@cache
def _written_out(
    name: str, module: str, words: frozenset[str]
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """A definition after all that it needs, by name, and the imports of Python's own modules.

    `words` are the strings of the call: of a table of choices only theirs are written out, and of
    a class only the methods that are used.
    """
    nodes: Nodes = {}
    _collect(name, module, words, nodes, {}, {})
    used = _attributes(node for node in nodes.values() if not isinstance(node, ast.ClassDef))
    classes = {n: _pruned(c, used) for n, c in nodes.items() if isinstance(c, ast.ClassDef)}
    kept: Nodes = {}
    imports: dict[str, None] = {}
    _collect(name, module, words, kept, imports, classes)
    return {n: ast.unparse(node) for n, node in kept.items()}, tuple(imports)


def _collect(
    name: str,
    module: str,
    words: frozenset[str],
    nodes: Nodes,
    imports: dict[str, None],
    classes: Mapping[str, ast.ClassDef],
) -> None:
    if name in nodes or name == "np":
        return
    found = _source(name, module)
    if found is None:
        return
    if isinstance(found, ast.ImportFrom):
        if not (found.module or "").startswith(("typing", "numpy")):
            imports.setdefault(f"from {found.module} import {name}")
        return
    node = classes.get(name) or _Bare().visit(copy.deepcopy(found.node))
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
        _keep_entries(node.value, words)
    ast.fix_missing_locations(node)
    nodes[name] = node  # a helper may call itself, or another one that calls it
    for needed in _names_in(node):
        _collect(needed, found.module, words, nodes, imports, classes)
    nodes[name] = nodes.pop(name)  # behind what it needs


def _keep_entries(table: ast.Dict, words: frozenset[str]) -> None:
    entries = [
        (key, value)
        for key, value in zip(table.keys, table.values, strict=True)
        if isinstance(key, ast.Constant) and key.value in words
    ]
    if entries:
        table.keys, table.values = [key for key, _ in entries], [value for _, value in entries]


def _attributes(nodes: Iterable[ast.AST]) -> set[str]:
    return {n.attr for node in nodes for n in ast.walk(node) if isinstance(n, ast.Attribute)}


def _pruned(node: ast.ClassDef, used: set[str]) -> ast.ClassDef:
    """The class with the methods whose names are used, or that these use."""
    names = set(used)
    while True:
        kept = [
            part
            for part in node.body
            if not isinstance(part, ast.FunctionDef)
            or part.name.startswith("__")
            or part.name in names
        ]
        more = names | _attributes(kept)
        if more == names:
            break
        names = more
    slim = copy.copy(node)
    slim.body = kept
    return slim


class _Steps(ast.NodeTransformer):
    """Writes out the calls of a program's steps."""

    def __init__(self, words: frozenset[str] = frozenset()) -> None:
        self.helpers: dict[str, str] = {}
        self.imports: dict[str, None] = {}
        self.words = words  # strings of the calls

    def step(self, text: str) -> str:
        """The expression of a step, with its calls written out."""
        return ast.unparse(ast.fix_missing_locations(self.visit(ast.parse(text, mode="eval"))))

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "Color":
            return ast.Constant(int(getattr(Color, node.attr)))
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.func, ast.Name) or (module := _home(node.func.id)) is None:
            return node
        short = _in_place(node, module)
        if short is not None:
            written: ast.expr = self.visit(short)
            return written
        self.words |= _words(node, module)
        helpers, imports = _written_out(node.func.id, module, self.words)
        for name, text in helpers.items():
            self.helpers.setdefault(name, text)
        self.imports.update(dict.fromkeys(imports))
        return node


def _words(call: ast.Call, module: str) -> frozenset[str]:
    """The strings among the arguments of a call and the defaults of what it calls."""
    assert isinstance(call.func, ast.Name)
    found = _source(call.func.id, module)
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    if isinstance(found, _Source) and isinstance(found.node, ast.FunctionDef) and not call.args[1:]:
        values += found.node.args.defaults
    strings = (v.value for v in values if isinstance(v, ast.Constant))
    return frozenset(s for s in strings if isinstance(s, str))


def _in_place(call: ast.Call, module: str) -> ast.expr | None:
    """The body of a one-expression concept with the call's arguments; None where it is longer."""
    assert isinstance(call.func, ast.Name)
    found = _source(call.func.id, module)
    if not isinstance(found, _Source) or not isinstance(found.node, ast.FunctionDef):
        return None
    function = found.node
    bound = _bound(function, call)
    if bound is None:
        return None
    for statement in function.body:
        if isinstance(statement, ast.Expr):  # the docstring
            continue
        if isinstance(statement, ast.If) and len(statement.body) == 1 and not statement.orelse:
            chosen = _constant_test(statement.test, bound)
            if chosen is None:
                return None
            if not chosen:
                continue
            statement = statement.body[0]
        if not isinstance(statement, ast.Return) or statement.value is None:
            return None
        return _substituted(statement.value, bound, found.module)
    return None


def _bound(function: ast.FunctionDef, call: ast.Call) -> dict[str, ast.expr] | None:
    names = [argument.arg for argument in function.args.args]
    if function.args.vararg or function.args.kwonlyargs or len(call.args) > len(names):
        return None
    defaults = function.args.defaults
    bound = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    bound |= dict(zip(names, call.args, strict=False))
    bound |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    return bound if len(bound) == len(names) else None


def _constant_test(test: ast.expr, bound: Mapping[str, ast.expr]) -> bool | None:
    """What an `if` on constant arguments decides; None where it depends on the grid."""
    values = {}
    for name in _names_in(test):
        value = bound.get(name)
        if not isinstance(value, ast.Constant):
            return None
        values[name] = value.value
    return bool(eval(compile(ast.Expression(test), "<plain>", "eval"), {}, values))


def _substituted(body: ast.expr, bound: Mapping[str, ast.expr], module: str) -> ast.expr | None:
    """The expression with the arguments in it; None where that would do work twice or needs more
    of its module than concepts."""
    uses = [n.id for n in ast.walk(body) if isinstance(n, ast.Name)]
    for name, value in bound.items():
        if uses.count(name) > 1 and not isinstance(value, ast.Name | ast.Constant):
            return None
    builtin = {"max", "min", "len", "set", "int", "np"}
    for name in uses:
        if name not in bound and name not in builtin and _home(name) != module:
            return None
    if any(isinstance(n, ast.comprehension | ast.Lambda) for n in ast.walk(body)):
        return None

    class _Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return copy.deepcopy(bound.get(node.id, node))

    filled: ast.expr = _Fill().visit(copy.deepcopy(body))
    return filled
