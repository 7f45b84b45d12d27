"""Fewer and larger pages in the zygote, so that a fork copies little and a child faults seldom.

Most of what a program costs beyond its own work is paid by the page: the fork copies an entry for
each that the zygote has, the child copies each that it writes to, be it only a reference count.
Nothing here changes what programs can do; kernels or interpreters without a feature do without.
"""

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from types import CodeType
from typing import Any

import numpy as np

_libc = ctypes.PyDLL(None, use_errno=True)
_libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
_libc.mremap.restype = ctypes.c_void_p
_libc.mremap.argtypes = [ctypes.c_void_p, *[ctypes.c_size_t] * 2, ctypes.c_int, ctypes.c_void_p]

_HUGE = 2 << 20  # bytes of a huge page on the machines that this is for
_MADV_HUGEPAGE, _MADV_COLLAPSE = 14, 25
_READ_EXECUTE, _ALL = 0x5, 0x7
_PRIVATE_ANONYMOUS = 0x22
_MOVE_TO_FIXED = 0x3  # MREMAP_MAYMOVE | MREMAP_FIXED
_FAILED = ctypes.c_void_p(-1).value
# Libraries whose code every program runs; others are hardly touched.
_HOT_LIBRARIES = ("libpython", "python3", "_multiarray_umath", "libc.so")
_UNUSED_BUFFER = 32 << 20  # mappings from this size on are reserved, not filled (OpenBLAS)
_IMMORTAL_SINCE = (3, 12)


def settle() -> None:
    """Called once, after everything is loaded and before the first fork."""
    gc.collect()
    gc.freeze()
    _make_immortal()
    if os.uname().machine == "x86_64":
        _collapse_heap()
        _collapse_code()


def _mappings() -> list[tuple[int, int, str, str]]:
    """Start, end, rights and file of each mapping of this process."""
    found = []
    with open("/proc/self/maps", encoding="ascii", errors="replace") as lines:  # noqa: PTH123
        for line in lines:
            span, rights, _, _, _, *path = line.split(None, 5)
            start, end = (int(x, 16) for x in span.split("-"))
            found.append((start, end, rights, path[0].strip() if path else ""))
    return found


def _whole_huge_pages(start: int, end: int) -> Iterator[int]:
    return iter(range(-(-start // _HUGE) * _HUGE, end - _HUGE + 1, _HUGE))


def _collapse(start: int, end: int) -> int:
    """Make huge pages of what lies in a mapping; how many it became."""
    _libc.madvise(start, end - start, _MADV_HUGEPAGE)
    pages = _whole_huge_pages(start, end)
    return sum(_libc.madvise(page, _HUGE, _MADV_COLLAPSE) == 0 for page in pages)


def _collapse_heap() -> None:
    for start, end, rights, path in _mappings():
        if rights.startswith("rw") and path in ("", "[heap]") and end - start < _UNUSED_BUFFER:
            _collapse(start, end)


def _collapse_code() -> None:
    """Replace the code of the hot libraries by a copy of itself in huge pages of memory.

    A fork does not copy the page table of a file's mapping, so that each child would fault its
    code in anew. The copy is moved over the original in one system call, which returns to the same
    instruction as before; only what is read-only is copied, so nothing can change in between.
    """
    merged: list[list[Any]] = []
    for start, end, rights, path in _mappings():
        if "w" in rights or "r" not in rights:
            continue
        if not os.path.basename(path).startswith(_HOT_LIBRARIES):  # noqa: PTH119
            continue
        if merged and merged[-1][1] == start and merged[-1][2] == path:
            merged[-1][1] = end
        else:
            merged.append([start, end, path])
    for start, end, _ in merged:
        _move_over(start, end - start)


def _move_over(start: int, size: int) -> None:
    if not any(_whole_huge_pages(start, start + size)):
        return
    room = _libc.mmap(None, size + 2 * _HUGE, _ALL, _PRIVATE_ANONYMOUS, -1, 0)
    if room == _FAILED:  # refused by a hardened kernel
        return
    copy = room + (start - room) % _HUGE  # huge pages move only between equal offsets
    ctypes.memmove(copy, start, size)
    if _collapse(copy, copy + size) and _libc.mprotect(copy, size, _READ_EXECUTE) == 0:
        _libc.munmap(room, copy - room)
        _libc.munmap(copy + size, room + 2 * _HUGE - copy)
        _libc.mremap(copy, size, size, _MOVE_TO_FIXED, start)
    else:
        _libc.munmap(room, size + 2 * _HUGE)


def _make_immortal() -> None:
    """From Python 3.12 on: stop counting references to what is there, counting is writing.

    All of it lives as long as the zygote anyway. The mark is that of `None`.
    """
    if sys.version_info < _IMMORTAL_SINCE or sys.implementation.name != "cpython":
        return
    gc.unfreeze()
    found = set(map(id, _all_objects()))
    gc.freeze()
    addresses = np.fromiter(found, dtype=np.int64, count=len(found))
    mark = ctypes.c_uint32.from_address(id(None)).value
    for start, end, rights, _ in _mappings():
        if rights.startswith("rw"):
            inside = addresses[(addresses >= start) & (addresses < end)]
            if inside.size:
                words = (ctypes.c_uint32 * ((end - start) // 4)).from_address(start)
                np.ctypeslib.as_array(words)[(inside - start) // 4] = mark


def _all_objects() -> list[Any]:
    """What the collector knows and all that this refers to."""
    found: dict[int, Any] = {}
    new = gc.get_objects()
    while new:
        level = {id(one): one for one in new if id(one) not in found}
        found.update(level)
        new = gc.get_referents(*level.values())
        for one in level.values():
            if type(one) is CodeType:  # the collector does not look into these
                new += (one.co_code, one.co_consts, one.co_names, one.co_varnames, one.co_name)
                new += (one.co_qualname, one.co_filename, one.co_linetable, one.co_exceptiontable)
    return list(found.values())
