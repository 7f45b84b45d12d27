"""Landlock: of all files, programs may read those of the interpreter and its libraries.

It also keeps them from the memory of processes outside (`/proc/PID/mem`) and, on newer kernels,
from signalling them.
"""

# ruff: noqa: PTH112, PTH118, PTH208  (a zygote does not load pathlib)

import ctypes
import errno
import os
import struct
from collections.abc import Iterator

from arcbench.sandbox import readable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on all machines
_ABI_VERSION = 1  # flag: return the version instead of a ruleset
_PATH_BENEATH = 1

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3


def _handled(version: int) -> tuple[int, int, int]:
    """All rights over files, over TCP, and scopes that this version knows: they are taken away."""
    files = 13 + (version >= 2) + (version >= 3) + (version >= 5)
    return (1 << files) - 1, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0


def restrict(libc: ctypes.PyDLL) -> str:
    """Restrict this process and all that it will make, for good; why that failed, or "".

    Needs `no_new_privs`.
    """
    call = libc.syscall
    version = call(ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint(1))
    if version < 1:
        if ctypes.get_errno() == errno.ENOSYS:
            return "needs Linux 5.13, and a container whose seccomp profile allows it"
        if ctypes.get_errno() == errno.EOPNOTSUPP:
            return "the kernel was started without it: add landlock to its lsm= parameter"
        return _refused()
    files, network, scopes = _handled(version)
    attributes = struct.pack("<QQQ", files, network, scopes)[
        : 24 if scopes else 16 if network else 8
    ]
    ruleset = call(ctypes.c_long(_CREATE_RULESET), attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return _refused()
    try:
        for path, rights in _rules():
            _allow(libc, ruleset, path, rights)
        return _refused() if call(ctypes.c_long(_RESTRICT_SELF), ruleset, 0) != 0 else ""
    finally:
        os.close(ruleset)


def _refused() -> str:
    return f"the kernel refused: {os.strerror(ctypes.get_errno())}"


def _rules() -> Iterator[tuple[str, int]]:
    """Paths with the rights on them: what imports and the interpreter itself may need."""
    hidden = readable.hidden()
    for path in dict.fromkeys(map(os.path.realpath, readable.paths())):
        yield from _around(path, hidden)
    yield os.devnull, _READ_FILE | _WRITE_FILE


def _around(path: str, hidden: set[str]) -> Iterator[tuple[str, int]]:
    """`path` as a whole, or piece by piece if something beneath it is to stay hidden."""
    if not any(inner == path or inner.startswith(path + "/") for inner in hidden):
        yield path, _READ_FILE | (_READ_DIR if os.path.isdir(path) else 0)
    elif path not in hidden:
        yield path, _READ_DIR  # names may be listed, beneath the hidden too
        for name in os.listdir(path):
            inner = os.path.realpath(os.path.join(path, name))
            if inner.startswith(path + "/"):  # a link that leads elsewhere is not followed
                yield from _around(inner, hidden)


def _allow(libc: ctypes.PyDLL, ruleset: int, path: str, rights: int) -> None:
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("<Qi", rights, fd)
        libc.syscall(ctypes.c_long(_ADD_RULE), ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(fd)
