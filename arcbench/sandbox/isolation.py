"""What the kernel can be asked to do against programs: tried once in a zygote, then inherited.

Every layer says whether it is on; one that this kernel or container refuses is left out, with the
reason. The order matters: namespaces need privileges that are dropped after them,
Landlock and seccomp need `no_new_privs`, and seccomp comes last because it refuses set-up calls.
"""

import ctypes
import os
import resource
import signal

from arcbench.sandbox import landlock, namespaces, seccomp

_libc = ctypes.PyDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

FILTERED = "system calls filtered (seccomp)"

MAX_FILES = 64  # open descriptors of a child
MAX_TASKS = 256  # processes and threads of a zygote and its children together
# Written files, core dumps, locked memory, message queues, better scheduling.
_FORBIDDEN = (
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_CORE,
    resource.RLIMIT_MEMLOCK,
    resource.RLIMIT_MSGQUEUE,
    resource.RLIMIT_RTPRIO,
    resource.RLIMIT_NICE,
)
_RLIMIT_SIGPENDING = 11  # of Linux; the module has no name for it
_SPARE_MEMORY = 64 << 20  # beyond the limit, to say that it was reached

_MACHINE = os.uname().machine


def _prctl(option: int, value: int) -> bool:
    return bool(_libc.prctl(option, value, 0, 0, 0) == 0)


def enter(memory_mb: int, namespaces_off: dict[str, str]) -> dict[str, str]:
    """Isolate this process and all that it will fork; why each layer is off ("" if it is on).

    Called in the zygote after everything is imported. `memory_mb` counts from what it holds now,
    `namespaces_off` is what `namespaces.launch` returned.
    """
    soft = _address_space() + (memory_mb << 20)
    _limit(resource.RLIMIT_AS, soft, soft + _SPARE_MEMORY)
    for kind in _FORBIDDEN:
        _limit(kind, 0, 0)
    _limit(resource.RLIMIT_NOFILE, MAX_FILES, MAX_FILES)
    _limit(_RLIMIT_SIGPENDING, MAX_TASKS, MAX_TASKS)  # timers are counted as signals that wait
    stack = resource.getrlimit(resource.RLIMIT_STACK)[0]
    if stack != resource.RLIM_INFINITY:
        _limit(resource.RLIMIT_STACK, stack, stack)
    off = {"memory limit": "", **namespaces_off}
    own_processes = not namespaces_off[namespaces.PROCESSES]
    if own_processes:
        # Counted within the user namespace if there is one; a superuser is not held by it.
        _limit(resource.RLIMIT_NPROC, MAX_TASKS, MAX_TASKS)
    reaps = own_processes or _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    off["descendants killed"] = "" if reaps else _refused()
    if not namespaces_off[namespaces.FILES]:
        namespaces.hide_proc()
    _prctl(_PR_SET_DUMPABLE, 0)  # no core file, which a limit of 0 bytes leaves to collectors
    alone = _drop_capabilities() and _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    off["no privileges"] = "" if alone else _refused()
    off["files hidden (Landlock)"] = landlock.restrict(_libc)
    files_open = bool(namespaces_off[namespaces.FILES] and off["files hidden (Landlock)"])
    code = seccomp.zygote_filter(_MACHINE, refuse_writing=files_open)
    if code is None:
        off[FILTERED] = f"arcbench has no filter for {_MACHINE}"
    else:
        off[FILTERED] = "" if seccomp.Filter(code).install(_libc.prctl) else _refused()
    return off


def _limit(kind: int, soft: int, hard: int) -> None:
    """Set a limit, or what of it a lower one of the machine leaves."""
    allowed = resource.getrlimit(kind)[1]
    if allowed != resource.RLIM_INFINITY:
        soft, hard = min(soft, allowed), min(hard, allowed)
    resource.setrlimit(kind, (soft, hard))


def _refused() -> str:
    return f"the kernel refused: {os.strerror(ctypes.get_errno())}"


class ChildLimits:
    """What a child cannot inherit: death with its zygote, CPU limit, second filter.

    Where it may make processes, it is the head of a session, so that all of them can be killed.
    """

    def __init__(self, cpu_s: int, *, filtered: bool, own_processes: bool) -> None:
        self._cpu = (cpu_s, cpu_s)
        self._own_processes = own_processes  # the kernel ends them with the zygote
        code = seccomp.child_filter(_MACHINE) if filtered else None
        self._filter = None if code is None else seccomp.Filter(code)

    @property
    def sealed(self) -> bool:
        """Whether a child can make no process."""
        return self._filter is not None

    def enter(self) -> None:
        """Called in the child, before anything of the program runs."""
        if not self.sealed:
            os.setsid()
        if not self._own_processes:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_CPU, self._cpu)
        if self._filter is not None and not self._filter.install(_libc.prctl):
            raise OSError(ctypes.get_errno(), "the child's system call filter")


def _drop_capabilities() -> bool:
    """Give up all that a superuser may do beyond an ordinary one."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    nothing = (ctypes.c_uint32 * 6)()
    return bool(_libc.capset(header, nothing) == 0)


def _address_space() -> int:
    """Bytes of address space that this process has."""
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  (pathlib is not loaded here)
        return int(file.read().split()[0]) * resource.getpagesize()
