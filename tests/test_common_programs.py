from pathlib import Path

import pytest

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


def test_there_are_many_known_programs_and_each_is_found_in_a_completion():
    assert len(PROGRAMS) >= 100
    for code in PROGRAMS.values():
        completion = f"Here is the program.\n\n```python\n{code}```\n"
        found = extract_code(completion).code
        assert found is not None
        assert found.strip() == code.strip()
