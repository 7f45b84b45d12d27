"""What programs draw repeats, and a second run under other seeds shows which depend on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from arcbench.errors import UserError
from arcbench.grids import as_grid
from arcbench.sandbox import Execution, Outcome, Program, SandboxPool
from arcbench.sandbox.types import same_outputs

GRID = as_grid([[1, 2, 0], [3, 4, 0]])
RANDOM = "import random\ndef transform(grid): return [[random.randrange(10) for _ in range(20)]]"
NUMPY = "import numpy as np\ndef transform(grid): return np.random.randint(0, 10, (5, 5))"
NUMPY_NEW = "from numpy.random import default_rng\ndef transform(g): return default_rng().integers(0, 10, (5, 5))"  # noqa: E501
SET_ORDER = "def transform(grid): return [[list(set('abcdefgh')).index(c) for c in 'abcdefgh']]"
# No word in it tells that it will draw: its worker has not loaded what it draws with.
HIDDEN = (
    "import numpy\ndef transform(grid): return getattr(numpy, 'ran' + 'dom').randint(0, 9, (5, 5))"
)
DRAWING = {
    "random": RANDOM,
    "numpy": NUMPY,
    "default_rng": NUMPY_NEW,
    "set": SET_ORDER,
    "hidden": HIDDEN,
}


def _program(code: str) -> Program:
    return Program(code=code, inputs=(GRID, GRID))


@pytest.fixture(scope="module")
def checking() -> Iterator[SandboxPool]:
    with SandboxPool(workers=2, check_determinism=True) as pool:
        yield pool


@pytest.mark.parametrize("code", DRAWING.values(), ids=DRAWING)
def test_what_depends_on_a_seed_is_found_not_deterministic(
    checking: SandboxPool, code: str
) -> None:
    (execution,) = checking.run([_program(code)])
    assert execution.outcome is Outcome.OK, execution.message
    assert execution.deterministic is False


def test_what_depends_on_its_input_alone_is_deterministic(checking: SandboxPool) -> None:
    codes = [
        "def transform(grid): return grid",
        "import random\nrandom.seed(3)\ndef transform(grid): return [[random.randrange(10)] * 9]",
        "def transform(grid): return grid[9]",
        "nonsense(",
    ]
    executions = checking.run([_program(code) for code in codes])
    assert [e.deterministic for e in executions] == [True] * 4
    assert [e.outcome.value for e in executions] == ["ok", "ok", "raised", "syntax_error"]


def test_a_checked_batch_keeps_its_places_and_may_be_left_early(checking: SandboxPool) -> None:
    batch = [_program(f"def transform(grid): return [[{i % 10}]]") for i in range(40)]
    for _, execution in checking.stream(batch):
        assert execution.deterministic
        break
    executions = checking.run(batch)
    assert [int(e.grids[0][0, 0]) for e in executions if e.grids[0] is not None] == [
        i % 10 for i in range(40)
    ]


def test_without_the_check_nothing_is_claimed_and_draws_repeat_in_every_pool() -> None:
    batch = [_program(code) for code in DRAWING.values()]
    runs: list[list[Execution]] = []
    for _ in range(2):
        with SandboxPool(workers=2, seed=7) as pool:
            runs += [pool.run(batch), pool.run(batch)]
    assert all(e.deterministic is None for run in runs for e in run)
    for run in runs[1:]:
        assert all(same_outputs(a, b) for a, b in zip(runs[0], run, strict=True))


@pytest.mark.parametrize(
    "look_up",
    [
        "globals()['flip_' + 'horizontal'](grid)",
        "eval('flip_' + 'horizontal')(grid)",
        "flip_horizontal(grid)",
        "[v for k, v in list(globals().items()) if k.startswith('flip_hor')][0](grid)",
    ],
)
def test_a_star_brings_every_name_however_it_is_looked_up(
    checking: SandboxPool, look_up: str
) -> None:
    code = f"from common import *\nfrom concepts import *\n\ndef transform(grid): return {look_up}"
    (execution,) = checking.run([_program(code)])
    assert execution.outcome is Outcome.OK, execution.message
    assert execution.grids[0] is not None
    assert execution.grids[0].tolist() == GRID[:, ::-1].tolist()


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no interpreter to run programs at"):
        SandboxPool(python=str(tmp_path / "python"))
