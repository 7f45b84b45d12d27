"""What a run takes of its machine: memory, processes, open files. Cheap enough for every step."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arcbench import series

_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Most that the container of this process may use, and what it does: cgroup 2, cgroup 1.
_CGROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Of one trainer process; sizes in bytes. None where the system does not tell."""

    rss: int | None = None  # resident, shared pages included
    children_rss: int | None = None  # of all that it started, and that they started
    children: int | None = None  # how many these are
    open_files: int | None = None
    available: int | None = None  # for new programs, on this machine or in this container
    gpu_allocated: int | None = None  # by torch, for tensors
    gpu_reserved: int | None = None  # by torch, its cache included
    gpu_peak: int | None = None  # most that was allocated since the last call


def usage() -> Usage:
    """As it is now. GPU figures only where CUDA is in use by this process already."""
    torch = sys.modules.get("torch")
    gpu: dict[str, int] = {}
    if torch is not None and torch.cuda.is_initialized():
        gpu = {
            "gpu_allocated": torch.cuda.memory_allocated(),
            "gpu_reserved": torch.cuda.memory_reserved(),
            "gpu_peak": torch.cuda.max_memory_allocated(),
        }
        torch.cuda.reset_peak_memory_stats()
    if not (_PROC / "self/statm").exists():
        return Usage(**gpu)
    children = descendants(os.getpid())
    return Usage(
        rss=_rss(os.getpid()),
        children_rss=sum(_rss(pid) for pid in children),
        children=len(children),
        open_files=len(os.listdir(_PROC / "self/fd")),  # noqa: PTH208  (a hundred Paths for nothing)
        available=_available(),
        **gpu,
    )


def usage_of(pid: int) -> Usage:
    """Of another process of this machine, as it is now: its memory and that of what it started."""
    children = descendants(pid)
    return Usage(
        rss=_rss(pid),
        children_rss=sum(_rss(child) for child in children),
        children=len(children),
        available=_available(),
    )


def usage_metrics(of_all: Sequence[Usage]) -> dict[str, float]:
    """The line of a step, from the usage of all trainer processes, the main one first."""
    totals = {
        series.RSS_GB: [u.rss for u in of_all],
        series.CHILDREN_GB: [u.children_rss for u in of_all],
    }
    worst = {
        series.GPU_ALLOCATED_GB: [u.gpu_allocated for u in of_all],
        series.GPU_RESERVED_GB: [u.gpu_reserved for u in of_all],
        series.GPU_PEAK_GB: [u.gpu_peak for u in of_all],
    }
    metrics = {
        name: how(known) / 1e9
        for how, group in ((sum, totals), (max, worst))
        for name, values in group.items()
        if (known := [v for v in values if v is not None])
    }
    if (available := of_all[0].available) is not None:
        metrics[series.AVAILABLE_GB] = available / 1e9
    if children := [u.children for u in of_all if u.children is not None]:
        metrics[series.PROCESSES] = float(sum(children) + len(of_all))
    if files := [u.open_files for u in of_all if u.open_files is not None]:
        metrics[series.OPEN_FILES] = float(max(files))
    return metrics


def descendants(pid: int) -> list[int]:
    """What the process started and is still there, and what that started."""
    parents: dict[int, list[int]] = {}
    for name in os.listdir(_PROC):  # noqa: PTH208
        if name.isdecimal() and (stat := _read(f"{name}/stat")):
            # The command in parentheses may have blanks and parentheses itself.
            parent = int(stat[stat.rindex(b")") + 2 :].split(maxsplit=2)[1])
            parents.setdefault(parent, []).append(int(name))
    found, asked = [], [pid]
    while asked:
        children = parents.get(asked.pop(), [])
        found += children
        asked += children
    return found


def _rss(pid: int) -> int:
    """Resident bytes; 0 for a process that has ended meanwhile."""
    fields = _read(f"{pid}/statm").split()
    return int(fields[1]) * _PAGE if fields else 0


def _available() -> int | None:
    """Bytes for new programs: of the machine, or of the container if that has less."""
    free: list[int] = []
    for line in _read("meminfo").splitlines():
        if line.startswith(b"MemAvailable:"):
            free.append(int(line.split()[1]) * 1024)
    for limit, used in _CGROUPS:
        try:
            most = limit.read_text()
            if most.strip().isdecimal():
                # Pages of files count as used, and are given up when they are needed.
                free.append(int(most) - int(used.read_text()) + _cached(limit.parent))
        except OSError:  # no such kind of container
            continue
    return min(free, default=None)


def _cached(group: Path) -> int:
    words = (group / "memory.stat").read_text().split()
    stat = dict(zip(words[::2], words[1::2], strict=True))
    return int(stat.get("total_inactive_file", stat.get("inactive_file", "0")))


def _read(name: str) -> bytes:
    """The content of a file in /proc; empty where its process has ended."""
    try:
        return (_PROC / name).read_bytes()
    except OSError:
        return b""
