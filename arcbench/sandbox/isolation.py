"""What the kernel can be asked to do against programs: tried once in a zygote, then inherited.

Every layer says whether it is on; one that this kernel or container refuses is left out and shows
as off in `features()`. The order matters: namespaces need privileges that are dropped after them,
Landlock and seccomp need `no_new_privs`, and seccomp comes last because it refuses set-up calls.
"""

import ctypes
import os
import resource
import signal

from arcbench.sandbox import landlock, seccomp

_libc = ctypes.PyDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

_CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWNET = 0x08000000, 0x10000000, 0x40000000

MAX_FILES = 64  # open descriptors of a child
_SPARE_MEMORY = 64 << 20  # beyond the limit, to say that it was reached

_MACHINE = os.uname().machine


def _prctl(option: int, value: int) -> bool:
    return bool(_libc.prctl(option, value, 0, 0, 0) == 0)


def enter(memory_mb: int) -> dict[str, bool]:
    """Isolate this process and all that it will fork; return what is on.

    Called in the zygote after everything is imported. `memory_mb` counts from what it holds now.
    """
    soft = _address_space() + (memory_mb << 20)
    resource.setrlimit(resource.RLIMIT_AS, (soft, soft + _SPARE_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES))
    found = {"memory limit": True, "descendants killed": _prctl(_PR_SET_CHILD_SUBREAPER, 1)}
    found["private network"] = _unshare()
    found["no privileges"] = _drop_capabilities() and _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    found["files hidden (Landlock)"] = landlock.restrict(_libc)
    code = seccomp.zygote_filter(_MACHINE)
    found["system calls filtered (seccomp)"] = code is not None and seccomp.Filter(code).install(
        _libc.prctl
    )
    return found


class ChildLimits:
    """What a child cannot inherit: a session, death with its zygote, CPU limit, second filter."""

    def __init__(self, cpu_s: int, *, filtered: bool) -> None:
        self._cpu = (cpu_s, cpu_s)
        code = seccomp.child_filter(_MACHINE) if filtered else None
        self._filter = None if code is None else seccomp.Filter(code)

    @property
    def sealed(self) -> bool:
        """Whether a child can make no process."""
        return self._filter is not None

    def enter(self) -> None:
        """Called in the child, before anything of the program runs."""
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_CPU, self._cpu)
        if self._filter is not None and not self._filter.install(_libc.prctl):
            raise OSError(ctypes.get_errno(), "the child's system call filter")


def _unshare() -> bool:
    """Leave the machine's network and shared memory; an ordinary user needs a user namespace."""
    private = _CLONE_NEWNET | _CLONE_NEWIPC
    return bool(_libc.unshare(private) == 0 or _libc.unshare(private | _CLONE_NEWUSER) == 0)


def _drop_capabilities() -> bool:
    """Give up all that a superuser may do beyond an ordinary one."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    nothing = (ctypes.c_uint32 * 6)()
    return bool(_libc.capset(header, nothing) == 0)


def _address_space() -> int:
    """Bytes of address space that this process has."""
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  (pathlib is not loaded here)
        return int(file.read().split()[0]) * resource.getpagesize()
