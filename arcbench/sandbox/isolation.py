"""What the kernel can be asked to do against programs: tried once in a zygote, then inherited.

Every layer says whether it is on; one that this kernel or container refuses is left out and shows
as off in `features()`.
"""

import ctypes
import os
import resource
import signal

_libc = ctypes.PyDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

MAX_FILES = 64  # open descriptors of a child
_SPARE_MEMORY = 64 << 20  # beyond the limit, to say that it was reached


def _prctl(option: int, value: int) -> bool:
    return bool(_libc.prctl(option, value, 0, 0, 0) == 0)


def enter(memory_mb: int) -> dict[str, bool]:
    """Isolate this process and all that it will fork; return what is on.

    Called in the zygote after everything is imported. `memory_mb` counts from what it holds now.
    """
    os.setpgid(0, 0) if os.getsid(0) != os.getpid() else None
    base = _address_space()
    soft = base + (memory_mb << 20)
    resource.setrlimit(resource.RLIMIT_AS, (soft, soft + _SPARE_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES))
    return {
        "one process a program": True,
        "deadline from outside": True,
        "memory limit": True,
        "no file content written": True,
        "descendants are found": _prctl(_PR_SET_CHILD_SUBREAPER, 1),
        "no new privileges": _prctl(_PR_SET_NO_NEW_PRIVS, 1),
        "private network": False,
        "seccomp": False,
        "landlock": False,
    }


def enter_child(cpu_s: int) -> None:
    """What cannot be inherited: a session of its own, death with the zygote, the CPU limit."""
    os.setsid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))


def _address_space() -> int:
    """Bytes of address space that this process has."""
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  (pathlib is not loaded here)
        return int(file.read().split()[0]) * resource.getpagesize()
