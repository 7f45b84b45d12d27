"""Forking a process of one thread, without the work that Python's own fork does for many.

`os.fork` runs hooks (locks, `random`, `threading`) that touch hundreds of pages in the child; they
are most of what an empty child costs. The zygote has one thread and no locks, and seeds for itself.
"""

import ctypes
import os
import random
from functools import partial

from arcbench.sandbox import clone

_CLONE_PIDFD = 0x1000

_libc = ctypes.PyDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class Forker:
    """Forks this process; the random draws of all its children repeat."""

    def __init__(self, seed: int) -> None:
        random.seed(seed)
        os.register_at_fork(after_in_child=partial(random.seed, seed))
        self._pidfd = ctypes.c_int(-1)
        self._arguments = None
        if os.uname().machine in clone.NUMBERS:
            self._arguments = clone.arguments(_CLONE_PIDFD, ctypes.byref(self._pidfd))

    def fork(self) -> tuple[int, int]:
        """The child's number and a descriptor for it in this process, (0, -1) in the child."""
        if self._arguments is None:
            pid = os.fork()
            return pid, os.pidfd_open(pid) if pid else -1
        pid = _libc.syscall(*self._arguments)
        if pid < 0:
            raise OSError(ctypes.get_errno(), "cannot fork")
        return pid, self._pidfd.value if pid else -1
