"""Programs that come one after the other, slowly or fast, and executions as they end."""

import threading
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from queue import SimpleQueue
from typing import TypeVar

from arcbench.sandbox.types import Execution, News, Program, ProgramRunner

T = TypeVar("T")


def flow(
    pool: ProgramRunner,
    work: Iterable[tuple[T, Program | Execution]],
    *,
    window: int,
    in_order: bool = False,
    remember: int = 0,
) -> Generator[tuple[T, Execution], None, None]:
    """Run the programs of (item, program); yield (item, execution) in the order of their ends.

    `work` is pulled in a thread of its own, as long as fewer than `window` items are on their way:
    pulled, but not taken by the reader. Where it has an execution there is nothing to run. An
    error of `work` is raised here after all that came before it. Closing this generator cancels
    what has not started and ends the pulling at the next item; if `work` is a generator, it is
    closed then, in that thread.

    With `in_order` the items keep their order: what has ended waits for its turn, and counts as on
    its way meanwhile, so that a slow program holds up the work when `window` others wait for it.

    With `remember` a program that is running, or is among so many that ran last, with the same text
    and the same inputs, is not run again: its execution counts for both.
    """
    box: SimpleQueue[News | None] = SimpleQueue()  # None: all that there is has been handed in
    room = _Room(window)
    held: dict[int, T] = {}
    handed_in = 0
    ran = _Ran(remember)
    feed = pool.open(box.put)

    def pull() -> None:
        nonlocal handed_in
        try:
            for item, program in work:
                if not room.enter():
                    return
                number = handed_in
                held[number] = item
                handed_in += 1
                known = ran.look_up(number, program) if isinstance(program, Program) else program
                if isinstance(known, Program):
                    feed.hand_in([(number, known)])
                elif known is not None:
                    box.put([(number, known)])
        finally:
            if isinstance(work, Generator):
                work.close()

    puller = ThreadPoolExecutor(max_workers=1, thread_name_prefix="arcbench-flow")
    try:
        pulling = puller.submit(pull)
        pulling.add_done_callback(lambda _: box.put(None))
        ended, taken = False, 0
        ready: dict[int, Execution] = {}
        while not (ended and taken == handed_in):
            news = box.get()
            if news is None:
                ended = True
            elif isinstance(news, Exception):
                raise news
            else:
                for first, execution in news:
                    ready |= dict.fromkeys(ran.ended(first, execution), execution)
                while ready and (taken in ready or not in_order):
                    number = taken if in_order else next(iter(ready))
                    taken += 1
                    yield held.pop(number), ready.pop(number)
                    room.leave()
        pulling.result()
    finally:
        room.close()
        feed.close()
        puller.shutdown(wait=False)


class _Room:
    """Counts what is on its way. When it was full it opens again with a quarter of it free, so that
    the two threads need not wake each other for every item.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._again = size - max(1, size // 4)
        self._changed = threading.Condition()  # guards the rest
        self._inside = 0
        self._full = self._closed = False

    def enter(self) -> bool:
        """Wait for a place and take it; False when there will be none any more."""
        with self._changed:
            while self._full and not self._closed:
                self._changed.wait()
            self._inside += 1
            self._full = self._inside >= self._size
            return not self._closed

    def leave(self) -> None:
        """Give a place back."""
        with self._changed:
            self._inside -= 1
            if self._full and self._inside <= self._again:
                self._full = False
                self._changed.notify()

    def close(self) -> None:
        """Let nobody in any more, nor wait."""
        with self._changed:
            self._closed = True
            self._changed.notify()


class _Ran:
    """Which programs run, which wait for an equal one, and how the latest ended."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()  # guards the rest
        self._running: dict[int, bytes] = {}  # number → key
        self._waiting: dict[bytes, list[int]] = {}  # key of a running program → who else wants it
        self._ended: dict[bytes, Execution] = {}  # the latest last

    def look_up(self, number: int, program: Program) -> Program | Execution | None:
        """The program where it must run, its execution, or None: the news of an equal one count."""
        if not self._size:
            return program
        key = _key(program)
        with self._lock:
            if key in self._waiting:
                self._waiting[key].append(number)
                return None
            execution = self._ended.pop(key, None)
            if execution is not None:
                self._ended[key] = execution
                return execution
            self._running[number] = key
            self._waiting[key] = []
        return program

    def ended(self, number: int, execution: Execution) -> list[int]:
        """All that this execution is for."""
        if not self._size:
            return [number]
        with self._lock:
            key = self._running.pop(number, None)
            if key is None:
                return [number]
            self._ended[key] = execution
            if len(self._ended) > self._size:
                del self._ended[next(iter(self._ended))]
            return [number, *self._waiting.pop(key)]


def _key(program: Program) -> bytes:
    """Equal for programs that do the same."""
    digest = blake2b(program.code.encode("utf-8", "surrogatepass"), digest_size=16)
    for grid in program.inputs:
        digest.update(bytes(grid.shape) + grid.tobytes())
    return digest.digest()
