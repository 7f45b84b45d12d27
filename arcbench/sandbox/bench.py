"""`python -m arcbench.sandbox.bench`: programs a second, side by side on the same programs.

The pool is compared with `exec` in processes that programs share (no isolation, no deadline: the
limit of what can be had) and with a fresh interpreter for each program.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from arcbench.grids import as_grid
from arcbench.sandbox.pool import SandboxPool, usable_cores
from arcbench.sandbox.types import Limits, Outcome, Program

_SIMPLE = """import numpy as np

def transform(grid):
    out = np.zeros_like(grid)
    rows, columns = grid.shape
    for r in range(rows):
        for c in range(columns):
            out[r, columns - 1 - c] = grid[r, c]
    return out
"""
_CONCEPTS = """from common import *
from concepts import *

def transform(grid):
    return np.rot90(np.where(grid == Color.BLACK, Color.RED, grid))
"""
_HANGING = "def transform(grid):\n    while True: pass\n"


def _inputs(rng: np.random.Generator, num: int = 4, side: int = 12) -> tuple[Any, ...]:
    return tuple(as_grid(rng.integers(0, 10, (side, side))) for _ in range(num))


def _exec_in_process(program: Program) -> int:
    """What an unsafe runner does: the program's result is trusted, its state stays."""
    space: dict[str, Any] = {"__name__": "program"}
    exec(compile(program.code, "<program>", "exec"), space)
    return len([np.asarray(space["transform"](g.astype(np.int64))) for g in program.inputs])


def _load_dsl() -> None:
    import arcbench.dsl.common
    import arcbench.dsl.concepts

    sys.modules["common"] = arcbench.dsl.common
    sys.modules["concepts"] = arcbench.dsl.concepts


def _rate(name: str, run: Callable[[Sequence[Program]], object], programs: Sequence[Program],
          rounds: int) -> float:  # fmt: skip
    """Print and return programs a second: the best of several rounds, which other work slows."""
    best = 0.0
    for _ in range(rounds):
        start = time.perf_counter()
        run(programs)
        best = max(best, len(programs) / (time.perf_counter() - start))
    print(f"{name:44}{best:10.0f} programs/s", flush=True)  # noqa: T201
    return best


def _fresh_interpreters(programs: Sequence[Program]) -> None:
    for program in programs:
        call = "\ntransform(np.zeros((12, 12), int))"
        subprocess.run(
            [sys.executable, "-c", "import numpy as np\n" + program.code + call], check=True
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=usable_cores())
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    num = options.programs
    simple = [Program(code=_SIMPLE, inputs=_inputs(rng)) for _ in range(num)]
    concepts = [Program(code=_CONCEPTS, inputs=_inputs(rng)) for _ in range(num)]
    with ProcessPoolExecutor(options.workers, initializer=_load_dsl) as unsafe:

        def in_process(programs: Sequence[Program]) -> None:
            list(unsafe.map(_exec_in_process, programs, chunksize=32))

        in_process(simple)
        for title, programs in (("numpy only", simple), ("common and concepts", concepts)):
            limit = _rate(
                f"exec in shared processes, {title}", in_process, programs, options.rounds
            )
            with SandboxPool(options.workers) as pool:
                pool.run(programs[:8])
                ours = _rate(f"SandboxPool, {title}", pool.run, programs, options.rounds)
            print(f"{'':44}{ours / limit:10.2f} of the limit")  # noqa: T201
    _rate("a fresh interpreter each", _fresh_interpreters, simple[:8], 2)
    with SandboxPool(options.workers, Limits(timeout_s=1.0)) as pool:
        pool.run(simple[:8])
        start = time.perf_counter()
        batch = [*simple[:64], Program(code=_HANGING, inputs=simple[0].inputs), *simple[64:127]]
        executions = pool.run(batch)
        seconds = time.perf_counter() - start
        assert sum(e.outcome is Outcome.OK for e in executions) == len(batch) - 1
        print(f"{'128 programs, one hangs (deadline 1 s)':44}{seconds:10.2f} s")  # noqa: T201


if __name__ == "__main__":
    main()
