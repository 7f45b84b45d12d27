"""Landlock: of all files, programs may read those of the interpreter and its libraries.

It also keeps them from the memory of processes outside (`/proc/PID/mem`) and, on newer kernels,
from signalling them.
"""

import ctypes
import os
import struct
import sys
import sysconfig
from collections.abc import Iterator

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on all machines
_ABI_VERSION = 1  # flag: return the version instead of a ruleset
_PATH_BENEATH = 1

_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache")
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
        for path in _readable():
            _allow(libc, ruleset, path)
        return bool(call(ctypes.c_long(_RESTRICT_SELF), ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _readable() -> Iterator[str]:
    """The folders and files that imports and the interpreter itself may need."""
    found = [*_LIBRARIES, *_DEVICES, *sys.path, os.path.join(sys.base_prefix, "lib")]  # noqa: PTH118
    found += [sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
    found.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    import numpy

    found.append(os.path.dirname(numpy.__file__))  # noqa: PTH120
    # What is not absolute in sys.path are names for import hooks; "/" would be everything.
    for path in dict.fromkeys(os.path.realpath(p) for p in found if os.path.isabs(p)):  # noqa: PTH117
        if path != "/" and os.path.exists(path):  # noqa: PTH110
            yield path


def _allow(libc: ctypes.PyDLL, ruleset: int, path: str) -> None:
    is_folder = os.path.isdir(path)  # noqa: PTH112
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = _READ_FILE | (_READ_DIR if is_folder else 0)
        rule = struct.pack("<Qi", rights, fd)
        libc.syscall(ctypes.c_long(_ADD_RULE), ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(fd)
