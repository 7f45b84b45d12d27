"""Forking a process of one thread, without the work that Python's own fork does for many.

`os.fork` runs hooks (locks, `random`, `threading`) that touch hundreds of pages in the child; they
are most of what an empty child costs. The zygote has one thread and no locks, and seeds for itself.
"""

import ctypes
import os
import random
import signal
from functools import partial

_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE_PIDFD, _CLONE_CHILD_CLEARTID, _CLONE_CHILD_SETTID = 0x1000, 0x200000, 0x1000000
_PR_GET_TID_ADDRESS = 40

_libc = ctypes.PyDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4


class Forker:
    """Forks this process; the random draws of all its children repeat."""

    def __init__(self, seed: int) -> None:
        random.seed(seed)
        os.register_at_fork(after_in_child=partial(random.seed, seed))
        machine = os.uname().machine
        self._number = _CLONE.get(machine)
        self._pidfd = ctypes.c_int(-1)
        # Where the C library keeps the number of this thread: the kernel writes the child's there.
        where = ctypes.c_ulong(0)
        _libc.prctl(_PR_GET_TID_ADDRESS, ctypes.addressof(where), 0, 0, 0)
        flags = _CLONE_PIDFD | signal.SIGCHLD
        if where.value:
            flags |= _CLONE_CHILD_CLEARTID | _CLONE_CHILD_SETTID
        tid = ctypes.c_ulong(where.value)
        # The last two arguments stand in another order on arm64; there is no new TLS.
        last = (tid, ctypes.c_ulong(0)) if machine == "x86_64" else (ctypes.c_ulong(0), tid)
        self._arguments = (
            ctypes.c_long(self._number or 0),
            ctypes.c_ulong(flags),
            ctypes.c_ulong(0),  # go on with a copy of this stack
            ctypes.byref(self._pidfd),
            *last,
        )

    def fork(self) -> tuple[int, int]:
        """The child's number and a descriptor for it in this process, (0, -1) in the child."""
        if self._number is None:
            pid = os.fork()
            return pid, os.pidfd_open(pid) if pid else -1
        pid = _libc.syscall(*self._arguments)
        if pid < 0:
            raise OSError(ctypes.get_errno(), "cannot fork")
        return pid, self._pidfd.value if pid else -1
