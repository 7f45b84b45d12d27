"""Runs the Python programs of a model: one process a program, killed from outside.

The parent starts a few *zygotes* (clean processes that hold numpy and `arcbench.dsl`), each of
which forks one child a program. A child gets source text and input grids, never an expected
output, and answers in a fixed binary layout that the parent checks; nothing from a child is ever
unpickled or evaluated.

What a program cannot do: end, slow or change another program; outlive its deadline, whatever it
swallows or blocks; use more memory than its limit; leave a process or an open descriptor.

What is *not* protected against yet (`features()` says what of the rest is on):
- reading files that the user of this process may read (`/etc/passwd`, the checkout, datasets);
- reading the memory of the zygote or of the parent where the kernel lets processes of one user
  trace each other, and so, in principle, expected outputs in the parent;
- writing files where `seccomp` is off, beyond the file size limit of zero bytes;
- sockets, signals to other processes of the same user and new processes where `seccomp` is off;
- two programs that run at the same time telling each other something through the machine's load.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arcbench.sandbox.pool import SandboxPool, features
    from arcbench.sandbox.types import Execution, Failure, Limits, Outcome, Program, failed

__all__ = [
    "Execution",
    "Failure",
    "Limits",
    "Outcome",
    "Program",
    "SandboxPool",
    "failed",
    "features",
]

_HOMES = dict.fromkeys(__all__, "types") | {"SandboxPool": "pool", "features": "pool"}


def __getattr__(name: str) -> Any:
    """Load a name when it is first used: the zygote lives in this package and needs none."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
