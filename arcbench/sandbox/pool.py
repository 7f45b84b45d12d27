"""The pool that everything else uses."""

import os
import sys
import threading
import weakref
from collections.abc import Iterator, Sequence
from functools import cache
from types import TracebackType

from arcbench.errors import UserError
from arcbench.sandbox.dispatcher import Batch, Dispatcher
from arcbench.sandbox.types import Execution, Limits, Program


class SandboxPool:
    """Runs programs, each in a process of its own; may be used from several threads at once.

    Its processes start with the first use and stay until `close`. `python` is the interpreter of
    the workers (this one by default; it needs numpy); `seed` makes the programs' random draws
    repeat.
    """

    def __init__(
        self,
        workers: int | None = None,
        limits: Limits | None = None,
        python: str | None = None,
        seed: int = 0,
    ) -> None:
        if not sys.platform.startswith("linux"):
            raise UserError(f"the sandbox needs Linux, this is {sys.platform!r}: use a container")
        if workers is not None and workers < 1:
            raise UserError(f"workers must be at least 1, not {workers}")
        self.workers = workers or usable_cores()
        self.limits = limits or Limits()
        self.python = python or sys.executable
        self.seed = seed
        self._lock = threading.Lock()  # guards the next three
        self._dispatcher: Dispatcher | None = None
        self._owner = os.getpid()
        self._closed = False

    def __enter__(self) -> "SandboxPool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def run(self, programs: Sequence[Program]) -> list[Execution]:
        """Run all programs; the executions come in the same order."""
        found: list[Execution | None] = [None] * len(programs)
        for i, execution in self.stream(programs):
            found[i] = execution
        return [execution for execution in found if execution is not None]

    def stream(self, programs: Sequence[Program]) -> Iterator[tuple[int, Execution]]:
        """Yield (place in `programs`, execution) as they finish.

        All are handed in at once, before the first is asked for; leaving the loop early cancels
        those that have not started. RuntimeError if the pool is closed or its workers cannot run.
        """
        dispatcher = self._live()
        return _collect(dispatcher, dispatcher.submit(programs), len(programs))

    def features(self) -> dict[str, bool]:
        """What protects this pool's programs: name → whether it is on."""
        dispatcher = self._live()
        dispatcher.ready.wait()
        if not dispatcher.features:
            raise RuntimeError(dispatcher.problem)
        return dict(dispatcher.features)

    def close(self) -> None:
        """End all processes of the pool; programs that still run are lost."""
        with self._lock:
            self._closed = True
            dispatcher, self._dispatcher = self._dispatcher, None
        if dispatcher is not None and self._owner == os.getpid():
            dispatcher.stop()

    def _live(self) -> Dispatcher:
        with self._lock:
            if self._closed:
                raise RuntimeError("the sandbox pool is closed")
            if self._dispatcher is None or self._owner != os.getpid():
                # A forked copy of this process has neither the thread nor a right to its sockets.
                self._owner = os.getpid()
                self._dispatcher = Dispatcher(self.workers, self.limits, self.python, self.seed)
                self._dispatcher.start()
                weakref.finalize(self, self._dispatcher.stop)
            return self._dispatcher


def _collect(
    dispatcher: Dispatcher, batch: Batch, num_programs: int
) -> Iterator[tuple[int, Execution]]:
    try:
        while num_programs:
            results = batch.results.get()
            if results is None:
                raise RuntimeError(dispatcher.problem)
            yield from results
            num_programs -= len(results)
    finally:
        dispatcher.done_with(batch)


def usable_cores() -> int:
    """Cores that this process may run on, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0))


@cache
def features() -> dict[str, bool]:
    """What of the isolation this machine can switch on: name → whether it is on."""
    with SandboxPool(workers=1) as pool:
        return pool.features()
