"""`python -m arcbench.sandbox.bench`: programs a second, side by side on the same programs.

The pool is compared with a joblib pool that runs `exec` in processes which programs share (no
isolation, no deadline: the limit of what can be had), with a plain fork for each program, and with
a fresh interpreter for each. Rounds alternate, so that other work on the machine slows all alike;
the ratios are medians over rounds.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
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
_LIBRARY = """from common import *
from concepts import *

def transform(grid):
    return np.rot90(np.where(grid == Color.BLACK, Color.RED, grid))
"""
_HANGING = "def transform(grid):\n    while True: pass\n"
KNOWN_GOOD = Path(__file__).resolve().parents[2] / "tests" / "programs"


def repeated(code: str, num: int, side: int = 12, pairs: int = 4) -> list[Program]:
    """One program `num` times, each time on other grids."""
    rng = np.random.default_rng(0)
    return [
        Program(
            code=code,
            inputs=tuple(as_grid(rng.integers(0, 10, (side, side))) for _ in range(pairs)),
        )
        for _ in range(num)
    ]


def policy_like(num: int) -> list[Program]:
    """Programs as the embedded policy writes them, each on all grids of its task."""
    from arcbench.synth import generate

    tasks = (generate(1, i) for i in range(num))
    return [
        Program(code=t.code, inputs=tuple(p.input for p in t.task.train + t.task.test))
        for t in tasks
    ]


def known_good(num: int) -> list[Program]:
    """Programs in BARC's style on all grids of their tasks; none outside a checkout."""
    from arcbench.tasks import load_tasks

    tasks = {task.id: task for task in load_tasks("arc-agi-1", "training").values()}
    programs = [
        Program(
            code=path.read_text(),
            inputs=tuple(p.input for p in tasks[path.stem].train + tasks[path.stem].test),
        )
        for path in sorted(KNOWN_GOOD.glob("*.py"))
        if path.stem in tasks
    ]
    return (programs * (num // len(programs) + 1))[:num] if programs else []


def _exec_in_process(program: Program) -> int:
    """What an unsafe runner does: the program's result is trusted, its state stays."""
    if "common" not in sys.modules:
        import arcbench.dsl.common
        import arcbench.dsl.concepts

        sys.modules["common"] = arcbench.dsl.common
        sys.modules["concepts"] = arcbench.dsl.concepts
    space: dict[str, Any] = {"__name__": "program"}
    exec(compile(program.code, "<program>", "exec"), space)
    function = space.get("transform", space.get("main"))
    assert callable(function)
    return len([np.asarray(function(g.astype(np.int64))) for g in program.inputs])


def _fork_each(programs: Sequence[Program]) -> None:
    """A plain `os.fork` for each program, from this process, one after the other."""
    for program in programs:
        pid = os.fork()
        if pid == 0:
            _exec_in_process(program)
            os._exit(0)
        os.waitpid(pid, 0)


def _fresh_interpreters(programs: Sequence[Program]) -> None:
    for program in programs:
        call = "\ntransform(np.zeros((12, 12), int))"
        subprocess.run(
            [sys.executable, "-c", "import numpy as np\n" + program.code + call], check=True
        )


def _rate(run: Callable[[Sequence[Program]], object], programs: Sequence[Program]) -> float:
    start = time.perf_counter()
    run(programs)
    return len(programs) / (time.perf_counter() - start)


def say(name: str, value: float, unit: str, digits: int = 0) -> None:
    """Print a figure."""
    print(f"{name:58}{value:10.{digits}f} {unit}", flush=True)  # noqa: T201


def compare(title: str, programs: Sequence[Program], workers: int, rounds: int) -> float:
    """Print the rates of joblib and of the pool on the same programs; the median of their ratio."""
    from joblib import Parallel, delayed

    with Parallel(n_jobs=workers) as unsafe, SandboxPool(workers) as pool:

        def in_process(batch: Sequence[Program]) -> None:
            unsafe(delayed(_exec_in_process)(program) for program in batch)

        in_process(programs[: 8 * workers])
        assert all(e.outcome is Outcome.OK for e in pool.run(programs[: 8 * workers]))
        pairs = [(_rate(in_process, programs), _rate(pool.run, programs)) for _ in range(rounds)]
    limit, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    share = statistics.median(b / a for a, b in pairs)
    say(f"{title}: exec in a joblib pool", limit, "programs/s")
    say(f"{title}: SandboxPool", ours, "programs/s")
    say(f"{title}: share of the limit", share, "", 2)
    return share


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=usable_cores())
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    num, workers = options.programs, options.workers
    simple = repeated(_SIMPLE, num, side=20)
    compare("plain numpy", simple, workers, options.rounds)
    compare("common and concepts", repeated(_LIBRARY, num), workers, options.rounds)
    compare("as the embedded policy writes", policy_like(num), workers, options.rounds)
    if good := known_good(num):
        compare("known-good, BARC's style", good, workers, options.rounds)
    say("plain numpy: a fork for each, one core", _rate(_fork_each, simple[:200]), "programs/s")
    fresh = _rate(_fresh_interpreters, simple[:8])
    say("plain numpy: a fresh interpreter for each, one core", fresh, "programs/s")
    start = time.perf_counter()
    with SandboxPool(workers) as pool:
        pool.run(simple[:1])
        say("first result of a new pool", time.perf_counter() - start, "s", 2)
    with SandboxPool(workers, Limits(timeout_s=1.0)) as pool:
        pool.run(simple[:8])
        start = time.perf_counter()
        batch = [*simple[:64], Program(code=_HANGING, inputs=simple[0].inputs), *simple[64:127]]
        executions = pool.run(batch)
        seconds = time.perf_counter() - start
        assert sum(e.outcome is Outcome.OK for e in executions) == len(batch) - 1
        say("128 programs, one hangs (deadline 1 s)", seconds, "s", 2)


if __name__ == "__main__":
    main()
