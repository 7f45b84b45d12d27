"""A thread that ends the process in time and within its memory, whatever else hangs.

It protects against a policy, a server or a sandbox that does not come back. It does not protect
against a library that keeps Python's lock for ever in this very process: a model belongs into a
process of its own (`WorkerPolicy`). The file that is handed in is whole even then.
"""

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from arcbench.evaluation.meter import memory_bytes

_LOOK_EVERY_S = 0.25
_LOOK_AT_MEMORY_EVERY_S = 1.0  # the kernel walks all pages for it


class Guard:
    """Watches the clock and the memory of this process and all its descendants.

    At `end` (time.monotonic()) it calls `give_up` with the reason and then ends the process and
    all its descendants, with exit code 0. Beyond `memory_bytes` it calls `relieve` with what is in
    use, and again whenever `relief_s` brought no relief; where that returns False nothing more can
    be done, and it gives up. Both are called in the guard's thread.
    """

    def __init__(
        self,
        *,
        end: float | None,
        memory_bytes: int | None,
        relief_s: float,
        give_up: Callable[[str], None],
        relieve: Callable[[int], bool],
    ) -> None:
        self.end = end
        self.memory_bytes = memory_bytes
        self.relief_s = relief_s
        self._give_up = give_up
        self._relieve = relieve
        self._over_since: float | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="arcbench-guard", daemon=True)

    def __enter__(self) -> "Guard":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()

    def _watch(self) -> None:
        looked = float("-inf")
        while not self._done.wait(_LOOK_EVERY_S):
            now = time.monotonic()
            if self.end is not None and now >= self.end:
                self._end_process("the time is up")
            if self.memory_bytes is not None and now - looked >= _LOOK_AT_MEMORY_EVERY_S:
                looked = now
                self._look_at_memory(self.memory_bytes, now)

    def _look_at_memory(self, budget: int, now: float) -> None:
        used = memory_bytes()
        if used <= budget:
            self._over_since = None
        elif self._over_since is None or now - self._over_since > self.relief_s:
            self._over_since = now
            if not self._relieve(used):
                self._end_process(f"{gib(used)} of memory are in use, {gib(budget)} are allowed")

    def _end_process(self, why: str) -> None:
        if self._done.is_set():  # the work ended in this very moment, by itself
            return
        code = 1
        try:
            self._give_up(why)
            code = 0
        finally:
            if code:
                traceback.print_exc()  # nobody else will, the process ends here
            for pid in descendants(os.getpid()):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            os._exit(code)


def gib(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 2**30:.2f} GiB"


def process_started() -> float:
    """When this process began, on the clock of time.monotonic()."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # since the machine was started
    return time.monotonic() - (time.clock_gettime(time.CLOCK_BOOTTIME) - started_s)


def descendants(pid: int) -> list[int]:
    """The children of a process, their children, and so on."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
        except (OSError, IndexError):  # it has just ended
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found: list[int] = []
    left = [pid]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found
