"""A completion as a test: a file for pytest that runs the program again and expects the same."""

import ast
import re

from arcbench.grids import Grid, same_grid, to_lists
from arcbench.rollouts import Rollout
from arcbench.sandbox.types import Failure
from arcbench.tasks import Task


def as_test(
    rollout: Rollout, task: Task, *, dataset: str, split: str = "", name: str = "completion"
) -> str:
    """The text of a file for pytest; `dataset` and `split` say where to load the task from.

    `task` is the one that the program ran on. A program that depends on the clock, on the machine's
    load or on its version of numpy may end otherwise another time.
    """
    function = f"test_{_identifier(name)}_on_{_identifier(rollout.task_id)}"
    head = f'"""What {_words(name)} for task {_words(rollout.task_id)} does, as arcbench ran it."""'
    if rollout.code is None:
        return (
            f"{head}\n\nfrom arcbench.extract import extract_code\n\n"
            f"TEXT = {_literal(rollout.completion.text)}\n\n\n"
            f"def {function}():\n"
            "    assert extract_code(TEXT).code is None  # nothing to run\n"
        )
    where = repr(dataset) + (f", {split!r}" if split else "")
    load = f"load_tasks({where}).task({rollout.task_id!r})"
    imports = ""
    if rollout.augmentation is not None and not rollout.augmentation.is_identity:
        imports = "from arcbench.augment import Augmentation\n"
        load = f"Augmentation.from_dict({rollout.augmentation.to_dict()!r}).apply({load})"
    return (
        f"{head}\n\n{imports}from arcbench.sandbox import Outcome, Program, SandboxPool\n"
        f"from arcbench.tasks import load_tasks\n\n"
        f"CODE = {_literal(rollout.code)}\n\n\n"
        f"def {function}():\n"
        f"    task = {load}\n"
        "    with SandboxPool(workers=1) as pool:\n"
        "        (execution,) = pool.run([Program(code=CODE, inputs=task.inputs)])\n"
        f"    assert execution.outcome is Outcome.{rollout.execution.outcome.name}, execution\n"
        "    grids = [None if grid is None else grid.tolist() for grid in execution.grids]\n"
        f"    assert grids == [\n{_outputs(rollout, task)}    ]\n"
    )


def _outputs(rollout: Rollout, task: Task) -> str:
    """What every pair gave, an expression a line."""
    lines = []
    counts = {"train": 0, "test": 0}
    for (split, pair), output in zip(task.pairs, rollout.execution.outputs, strict=True):
        i = counts[split]
        counts[split] += 1
        if isinstance(output, Failure):
            lines.append(f"        None,  # {split} {i + 1}: no grid\n")
        elif pair.output is not None and same_grid(output, pair.output):
            lines.append(f"        task.{split}[{i}].output.tolist(),\n")
        else:
            said = "its answer is not known" if pair.output is None else "not the right one"
            lines.append(f"        [  # {split} {i + 1}: {said}\n{_rows(output)}        ],\n")
    return "".join(lines)


def _rows(grid: Grid) -> str:
    return "".join(f"            {row},\n" for row in to_lists(grid))


def _literal(text: str) -> str:
    """Python that gives the text: in triple quotes where that reads well, else line by line."""
    plain = f'"""\\\n{text}"""'
    try:
        if ast.literal_eval(plain) == text:
            return plain
    except (SyntaxError, ValueError):  # quotes, NUL, half of a pair
        pass
    lines = text.split("\n")
    parts = [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    return "(\n" + "".join(f"    {part!r}\n" for part in parts or [""]) + ")"


def _identifier(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "it"


def _words(text: str) -> str:
    """Text that may stand in a docstring."""
    return re.sub(r"[^\w #.,-]+", " ", text).strip()
