# Asks the kernel itself for processes and programs, in all the ways that it has.
# expect: OK
# needs: isolation
import ctypes
import errno
import os

X86, ARM = "x86_64", "aarch64"
SIGCHLD, VM, PARENT, NEWPID = 17, 0x100, 0x8000, 0x20000000

def transform(grid):
    libc, machine = ctypes.CDLL(None, use_errno=True), os.uname().machine
    clone = {X86: 56, ARM: 220}[machine]
    calls = [(clone, flags, 0, 0, 0, 0) for flags in (0, SIGCHLD, PARENT | SIGCHLD, NEWPID | SIGCHLD, 0x10000000 | SIGCHLD)]
    calls += [(435, 0, 0)]
    calls += [(57,), (58,), (59, b"/bin/true", 0, 0), (322, -100, b"/bin/true", 0, 0, 0)] if machine == X86 else [(221, b"/bin/true", 0, 0)]
    for call in calls:
        done = libc.syscall(*call)
        if done == 0:
            os._exit(0)
        assert done == -1, call
        assert ctypes.get_errno() in (errno.EPERM, errno.EACCES, errno.ENOSYS), (call, ctypes.get_errno())
    return grid
