import ast
import json
import re
import sys
from pathlib import Path

import pytest

from arcbench.notebook.strip import stripped

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
ALLOWED = {"arcbench", "ipywidgets", *sys.stdlib_module_names}
MOST_CODE_CELLS = 25
MOST_LINES = 25  # of a cell

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def cells(path, kind=None):
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [c for c in found if kind in (None, c["cell_type"])]


def source(cell):
    return "".join(cell["source"])


def trees(path):
    return [ast.parse(source(c)) for c in cells(path, "code")]


def test_the_notebooks_are_numbered_without_a_gap():
    numbers = [int(p.stem.split("_")[0]) for p in NOTEBOOKS]
    assert numbers == list(range(1, len(NOTEBOOKS) + 1))


@every_notebook
def test_a_notebook_asks_a_question_with_its_number(path):
    title = source(cells(path)[0]).splitlines()[0]
    assert re.fullmatch(rf"# {path.stem[:2]} · .+\?", title), title


def test_the_readme_tells_what_each_asks():
    readme = (NOTEBOOKS[0].parent.parent / "README.md").read_text(encoding="utf-8")
    for path in NOTEBOOKS:
        question = source(cells(path)[0]).splitlines()[0].split(" · ")[1]
        assert f"| `{path.stem}` | {question} |\n" in readme


@every_notebook
def test_outputs_counts_and_an_editor_s_notes_are_stripped(path):
    text = path.read_text(encoding="utf-8")
    assert text == stripped(text), f"python -m arcbench.notebook.strip {path}"


@every_notebook
def test_the_first_code_cell_has_the_parameters_and_nothing_else(path):
    first = cells(path, "code")[0]
    assert first["metadata"].get("tags") == ["parameters"]
    names = set()
    for statement in ast.parse(source(first)).body:
        if isinstance(statement, ast.ImportFrom):
            assert (statement.module, [a.name for a in statement.names]) == (
                "arcbench.notebook",
                ["quick"],
            )
            continue
        assert isinstance(statement, ast.Assign), ast.unparse(statement)
        (target,) = statement.targets
        assert isinstance(target, ast.Name), ast.unparse(statement)
        assert target.id.isupper()
        names.add(target.id)
        value = statement.value
        if isinstance(value, ast.Call):
            assert ast.unparse(value.func) == "quick"
            for argument in value.args:
                ast.literal_eval(argument)
        else:
            ast.literal_eval(value)
    assert "RUNS" in names
    assert names & {"POLICY", "TOKENIZER"}, "a model is chosen in the first cell"


@every_notebook
def test_only_the_library_and_the_standard_library_are_imported_and_that_in_one_cell(path):
    where = set()
    for number, tree in enumerate(trees(path)):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module]
            else:
                continue
            where.add(number)
            assert {m.split(".")[0] for m in modules} <= ALLOWED, modules
    assert where <= {0, 1}


@every_notebook
def test_nothing_is_defined_and_no_cell_is_a_program(path):
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Try, ast.While)
    for cell, tree in zip(cells(path, "code"), trees(path), strict=True):
        wrong = [ast.unparse(n) for n in ast.walk(tree) if isinstance(n, defined)]
        assert wrong == []
        assert len(source(cell).splitlines()) <= MOST_LINES, source(cell)
    assert len(cells(path, "code")) <= MOST_CODE_CELLS


@every_notebook
def test_a_notebook_asks_the_workbench_shows_a_plot_and_ends_in_the_diary(path):
    code = "\n".join(source(c) for c in cells(path, "code"))
    assert "bench = Workbench(RUNS" in code
    assert "figure=" in code
    assert "bench.log(" in code


@every_notebook
def test_the_reader_is_told_what_to_expect_and_what_follows(path):
    text = "\n".join(source(c) for c in cells(path, "markdown"))
    assert text.count("*Expect*") >= 2
    assert "## What follows" in text


@every_notebook
def test_no_value_of_a_first_cell_is_left_unused(path):
    first, *rest = trees(path)
    set_ = {t.id for s in first.body if isinstance(s, ast.Assign) for t in s.targets}
    used = {n.id for tree in rest for n in ast.walk(tree) if isinstance(n, ast.Name)}
    assert set_ - used == set()
