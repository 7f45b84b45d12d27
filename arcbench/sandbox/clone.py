"""The raw system call behind `fork`: its number and its arguments on each kind of machine."""

import ctypes
import os
import signal
from typing import Any

NUMBERS = {"x86_64": 56, "aarch64": 220}
_CHILD_CLEARTID, _CHILD_SETTID = 0x200000, 0x1000000
_PR_GET_TID_ADDRESS = 40
_MACHINE = os.uname().machine

_libc = ctypes.PyDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4


def arguments(flags: int, pidfd: Any) -> tuple[Any, ...]:
    """What `syscall` is called with to go on, in a copy of this process, with the same stack.

    For machines in `NUMBERS` and processes of one thread. `pidfd` is where the kernel puts the
    descriptor that CLONE_PIDFD asks for.
    """
    # Where the C library keeps the number of this thread: the kernel writes the child's there.
    where = ctypes.c_ulong(0)
    _libc.prctl(_PR_GET_TID_ADDRESS, ctypes.addressof(where), 0, 0, 0)
    flags |= signal.SIGCHLD
    if where.value:
        flags |= _CHILD_CLEARTID | _CHILD_SETTID
    tid, zero = ctypes.c_ulong(where.value), ctypes.c_ulong(0)
    # The last two arguments stand in another order on arm64; there is no new TLS.
    last = (tid, zero) if _MACHINE == "x86_64" else (zero, tid)
    return ctypes.c_long(NUMBERS[_MACHINE]), ctypes.c_ulong(flags), zero, pidfd, *last
