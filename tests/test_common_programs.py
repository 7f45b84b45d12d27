import re
from pathlib import Path

import numpy as np
import pytest

from arcbench.dsl import common
from arcbench.grids import same_grid
from arcbench.prompts import extract_code
from arcbench.sandbox import Limits, Program, SandboxPool
from arcbench.tasks import load_tasks

PROGRAMS = {
    path.stem: path.read_text() for path in Path(__file__).with_name("programs").glob("*.py")
}


@pytest.fixture(scope="module")
def tasks():
    return load_tasks("arc-agi-1", "training")


@pytest.fixture(scope="module")
def executions(tasks):
    programs = [
        Program(code=code, inputs=tuple(p.input for p in (*tasks[name].train, *tasks[name].test)))
        for name, code in PROGRAMS.items()
    ]
    with SandboxPool(workers=2, limits=Limits(timeout_s=10)) as pool:
        return dict(zip(PROGRAMS, pool.run(programs), strict=True))


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_known_program_solves_all_pairs_of_its_task(name, tasks, executions):
    execution = executions[name]
    assert execution.outcome.ok, execution.message
    pairs = (*tasks[name].train, *tasks[name].test)
    for grid, pair in zip(execution.grids, pairs, strict=True):
        assert grid is not None
        assert pair.output is not None
        assert same_grid(grid, pair.output)


def test_the_known_programs_use_every_name_of_the_library():
    bodies = [re.sub(r"^(from|import) .*$", "", code, flags=re.M) for code in PROGRAMS.values()]
    words = {word for body in bodies for word in re.findall(r"\w+", body)}
    assert set(common.__all__) <= words


@pytest.fixture(scope="module")
def generations():
    """What the generators draw and what their programs make of it, of every program twice."""
    call = """
_solve = globals().get("transform") or main
def transform(grid):
    drawn = generate_input()
    return {result}
"""
    generators = [name for name, code in PROGRAMS.items() if "def generate_input" in code]
    keys = [(name, result) for name in generators for result in ("drawn", "_solve(drawn)")] * 2
    programs = [
        Program(
            code=PROGRAMS[name] + call.format(result=result), inputs=(np.eye(3, dtype=np.int8),) * 4
        )
        for name, result in keys
    ]
    with SandboxPool(workers=2, limits=Limits(timeout_s=10)) as pool:
        executions = pool.run(programs)
    half = len(keys) // 2
    return list(zip(keys, executions[:half], executions[half:], strict=False))


def test_generators_of_inputs_draw_grids_that_their_program_takes(generations):
    assert len(generations) >= 2 * 15
    for (name, result), execution, _ in generations:
        assert execution.outcome.ok, (name, result, execution.message)
        for grid in execution.grids:
            assert grid is not None
            assert 0 < max(grid.shape) <= 30, name
            assert set(grid.flatten().tolist()) <= set(range(10)), name


def test_what_a_program_draws_is_drawn_again_when_it_is_run_again(generations):
    for (name, _), first, second in generations:
        assert all(map(same_grid, first.grids, second.grids)), name


def test_there_are_many_known_programs_and_each_is_found_in_a_completion():
    assert len(PROGRAMS) >= 100
    for code in PROGRAMS.values():
        completion = f"Here is the program.\n\n```python\n{code}```\n"
        found = extract_code(completion).code
        assert found is not None
        assert found.strip() == code.strip()
