"""The pool itself: results and messages, order, threads, workers that die, what is left over.

What single programs may try is in the catalogue, tests/hostile.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from arcbench.errors import UserError
from arcbench.grids import Grid, as_grid, same_grid
from arcbench.sandbox import Execution, Failure, Limits, Outcome, Program, SandboxPool
from tests.strategies import grids

TIMEOUT_S = 2.0
SHORT_S = 0.5
GRACE_S = 2.5  # what a busy machine may add to a deadline
ENDLESS = "def transform(grid):\n    while True: pass\n"

GRID = as_grid([[1, 2, 3], [4, 5, 6]])
OTHER = as_grid([[7, 0], [0, 7]])
NEIGHBOUR = Program(
    code="import numpy as np\n\ndef transform(grid):\n    return np.flip(grid, axis=1)\n",
    inputs=(GRID, OTHER),
)


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    with SandboxPool(workers=2, limits=Limits(timeout_s=TIMEOUT_S, memory_mb=256)) as pool:
        yield pool


@pytest.fixture(scope="module")
def impatient() -> Iterator[SandboxPool]:
    """A pool for programs that are known to stall."""
    with SandboxPool(workers=2, limits=Limits(timeout_s=SHORT_S, memory_mb=256)) as pool:
        yield pool


def program(code: str, *inputs: Grid) -> Program:
    return Program(code=code, inputs=inputs or (GRID, OTHER))


def run_one(pool: SandboxPool, code: str, *inputs: Grid) -> Execution:
    """What one program comes to."""
    (execution,) = pool.run([program(code, *inputs)])
    return execution


def transform(*lines: str) -> str:
    return "\n".join(("def transform(grid):", *(f"    {line}" for line in lines)))


def test_an_output_is_a_read_only_grid_of_int8(pool: SandboxPool) -> None:
    for line in ("return grid", "return grid.tolist()", "return grid.astype(float)"):
        for grid in run_one(pool, transform(line)).grids:
            assert grid is not None
            assert grid.dtype == np.int8
            assert not grid.flags.writeable


def test_huge_lazy_outputs_are_refused_without_being_filled() -> None:
    with SandboxPool(workers=1, limits=Limits(memory_mb=16_000)) as roomy:
        code = transform("import numpy as np", "return np.zeros((10**9, 1), dtype=np.int8)")
        assert roomy.run([program(code)])[0].outcome is Outcome.BAD_OUTPUT


def test_printing_a_lot_is_cut_and_the_grids_still_come(pool: SandboxPool) -> None:
    execution = run_one(pool, transform("for i in range(20_000): print('line', i)", "return grid"))
    assert execution.outcome is Outcome.OK
    assert execution.stdout.startswith("line 0\nline 1\n")
    assert len(execution.stdout) == pool.limits.max_stdout_kb * 1024


def test_a_failing_input_leaves_the_others_their_grids(pool: SandboxPool) -> None:
    code = transform("return grid if grid.shape == (2, 2) else grid[9]")
    execution = run_one(pool, code, OTHER, GRID, OTHER)
    assert execution.outcome is Outcome.RAISED
    assert [grid is not None for grid in execution.grids] == [True, False, True]
    failure = execution.outputs[1]
    assert isinstance(failure, Failure)
    assert failure.message.startswith("line 2: return grid if grid.shape == (2, 2) else grid[9]\n")
    assert "IndexError: index 9 is out of bounds" in failure.message


def test_a_timeout_keeps_what_came_before_it(impatient: SandboxPool) -> None:
    code = transform(
        "if grid.shape == (2, 2):", "    print('stuck'); i = 1", "    while i: pass", "return grid"
    )
    execution = run_one(impatient, code, GRID, GRID, OTHER, GRID)
    assert execution.outcome is Outcome.TIMEOUT
    assert [grid is not None for grid in execution.grids] == [True, True, False, False]
    assert execution.stdout == "stuck\n"
    assert SHORT_S <= execution.seconds < SHORT_S + GRACE_S


def test_programs_that_do_not_start_say_why(pool: SandboxPool) -> None:
    execution = run_one(pool, "x = 1\ny = (2")
    assert execution.outcome is Outcome.SYNTAX_ERROR
    assert execution.message == "line 2: y = (2\nSyntaxError: '(' was never closed"
    assert run_one(pool, "x = '\ud800'\0").outcome is Outcome.SYNTAX_ERROR


def test_random_draws_repeat_from_program_to_program_and_pool_to_pool(pool: SandboxPool) -> None:
    code = "import random, numpy as np\n" + transform(
        "words = {'a', 'b', 'c', 'd'}",
        "new = np.random.default_rng().integers(10)",
        "by_hash = ord(min(words, key=hash)) % 10",
        "return [[random.randrange(10), np.random.randint(10), new, by_hash]]",
    )
    found = [e.grids[0] for e in pool.run([program(code, GRID)] * 6)]
    with SandboxPool(workers=1) as again:
        found += [e.grids[0] for e in again.run([program(code, GRID)])]
    assert len({None if grid is None else grid.tobytes() for grid in found}) == 1
    assert found[0] is not None


@given(grid=grids())
@settings(max_examples=50, deadline=None)
def test_the_identity_program_returns_any_grid(pool: SandboxPool, grid: Grid) -> None:
    (execution,) = pool.run([program("def transform(grid): return grid", grid)])
    (output,) = execution.grids
    assert output is not None
    assert same_grid(output, grid)


def test_results_keep_the_order_of_the_programs_and_a_stream_names_their_places(
    impatient: SandboxPool,
) -> None:
    programs = [program(f"def transform(grid): return [[{i % 10}]]", GRID) for i in range(50)]
    programs[0] = program(ENDLESS, GRID)
    streamed = list(impatient.stream(programs))
    assert sorted(i for i, _ in streamed) == list(range(50))
    assert streamed[0][0] != 0
    for i, execution in streamed:
        if i:
            assert execution.grids[0] is not None
            assert execution.grids[0].item() == i % 10
    assert impatient.run([]) == []


def test_several_threads_may_use_one_pool_at_once(pool: SandboxPool) -> None:
    found: dict[int, list[int]] = {}

    def use(n: int) -> None:
        code = f"def transform(grid): return [[{n}]]"
        found[n] = [e.grids[0].item() for e in pool.run([program(code, GRID)] * 30) if e.grids[0] is not None]  # fmt: skip  # noqa: E501

    threads = [threading.Thread(target=use, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [n] * 30 for n in range(4)}


def test_a_stream_left_early_blocks_nobody(pool: SandboxPool) -> None:
    slow = program("import time\ndef transform(grid):\n    time.sleep(0.1)\n    return grid")
    stream = pool.stream([slow] * 2000)  # minutes
    next(stream)
    del stream
    start = time.monotonic()
    assert pool.run([NEIGHBOUR])[0].outcome is Outcome.OK
    assert time.monotonic() - start < 20.0


def test_a_killed_worker_is_replaced_without_losing_a_program() -> None:
    others = zygotes()
    with SandboxPool(workers=2, limits=Limits(timeout_s=TIMEOUT_S)) as pool:
        stream = pool.stream([NEIGHBOUR] * 100)
        next(stream)
        victim = next(pid for pid in zygotes() if pid not in others)
        os.kill(victim, 9)
        assert all(execution.outcome is Outcome.OK for _, execution in stream)


def test_a_stopped_worker_counts_as_dead() -> None:
    others = zygotes()
    with SandboxPool(workers=1, limits=Limits(timeout_s=0.2)) as pool:
        pool.run([NEIGHBOUR])
        (victim,) = set(zygotes()) - set(others)
        os.kill(victim, 19)
        assert pool.run([NEIGHBOUR])[0].outcome is Outcome.OK


def zygotes() -> list[int]:
    """The children of this process, which are the workers of its pools."""
    own = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [int(pid) for path in own for pid in path.read_text().split()]


@pytest.mark.long
def test_two_thousand_programs_leave_nothing_behind() -> None:
    def descriptors() -> set[str]:
        return set(os.listdir("/proc/self/fd"))  # noqa: PTH208

    processes, before = zygotes(), descriptors()
    with SandboxPool() as pool:
        executions = pool.run([NEIGHBOUR] * 2000)
        workers = [pid for pid in zygotes() if pid not in processes]
        assert len(workers) == pool.workers
        for pid in workers:
            assert len(os.listdir(f"/proc/{pid}/fd")) < 12  # noqa: PTH208
            below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            assert len(below) <= 1  # the zygote proper, where it has a namespace of its own
            for child in below:
                assert Path(f"/proc/{child}/task/{child}/children").read_text() == ""
    assert all(execution.outcome is Outcome.OK for execution in executions)
    assert zygotes() == processes
    assert len(descriptors()) <= len(before)


def cpu_seconds() -> float:
    """What this process and its children that have ended have used."""
    return sum(os.times()[:4])


def test_a_pool_is_ready_at_once_and_refuses_work_after_its_end() -> None:
    start, before = time.monotonic(), cpu_seconds()
    with SandboxPool(workers=1) as pool:
        assert pool.run([NEIGHBOUR])[0].outcome is Outcome.OK
        assert time.monotonic() - start < 30.0  # 0.3 s on a machine that has nothing else to do
    assert cpu_seconds() - before < 3.0
    with pytest.raises(RuntimeError, match="closed"):
        pool.run([NEIGHBOUR])


def test_an_interpreter_without_numpy_says_so(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no numpy here' >&2\nexit 1\n")
    broken.chmod(0o755)
    pool = SandboxPool(workers=1, python=str(broken))
    with pytest.raises(RuntimeError, match="no numpy here"):
        pool.run([NEIGHBOUR])


def test_workers_and_programs_end_with_a_parent_that_was_killed() -> None:
    code = (
        "import ctypes, numpy as np, os, threading\n"
        "from arcbench.sandbox import Program, SandboxPool\n"
        "from tests.test_sandbox import NEIGHBOUR, ENDLESS, program, zygotes\n"
        "pool = SandboxPool(workers=2)\n"
        "pool.run([NEIGHBOUR])\n"
        "stream = pool.stream([NEIGHBOUR, program(ENDLESS)])\n"
        "next(stream)\n"
        "print(*zygotes(), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    workers = [int(pid) for pid in done.stdout.split()]
    assert len(workers) == 2
    for _ in range(60):
        if not any(Path(f"/proc/{pid}").exists() for pid in workers):
            return
        time.sleep(0.05)
    pytest.fail(f"workers {workers} go on without their parent")


def test_a_wrong_number_of_workers_is_named() -> None:
    with pytest.raises(UserError, match="-2"):
        SandboxPool(workers=-2)


def test_a_worker_loads_nothing_that_it_does_not_need(pool: SandboxPool) -> None:
    code = transform("import sys", "print(*sys.modules)", "return grid")
    loaded = set(run_one(pool, code, GRID).stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"torch", "scipy", "subprocess", "arcbench.sandbox.pool", "arcbench.grids"}
    assert sys.modules["arcbench.sandbox"].__doc__ is not None
