"""The pool that everything else uses."""

import os
import shutil
import sys
import threading
import weakref
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import cache

from arcbench.errors import UserError
from arcbench.sandbox.dispatcher import Batch, Dispatcher
from arcbench.sandbox.types import Execution, Limits, Program, ProgramRunner, same_outputs


class SandboxPool(ProgramRunner):
    """Runs programs, each in a process of its own; may be used from several threads at once.

    Its processes start with the first use and stay until `close`. `python` is the interpreter of
    the workers (this one by default; it needs numpy); `seed` makes the programs' random draws
    repeat. With `check_determinism` each program runs a second time, under another seed for what
    it draws and for the order of its sets, and `Execution.deterministic` says what came of it.
    """

    def __init__(
        self,
        workers: int | None = None,
        limits: Limits | None = None,
        python: str | None = None,
        seed: int = 0,
        check_determinism: bool = False,
    ) -> None:
        if not sys.platform.startswith("linux"):
            raise UserError(f"the sandbox needs Linux, this is {sys.platform!r}: use a container")
        if workers is not None and workers < 1:
            raise UserError(f"workers must be at least 1, not {workers}")
        if python is not None and shutil.which(python) is None:
            raise UserError(f"no interpreter to run programs at {python}: name one that has numpy")
        self._workers = workers or usable_cores()
        self.limits = limits or Limits()
        self.python = python or sys.executable
        self.seed = seed
        self.check_determinism = check_determinism
        self._lock = threading.Lock()  # guards the next three
        self._dispatchers: tuple[Dispatcher, ...] = ()  # one for each seed
        self._owner = os.getpid()
        self._closed = False

    @property
    def workers(self) -> int:
        """Programs that run at a time."""
        return self._workers

    def stream(self, programs: Sequence[Program]) -> Iterator[tuple[int, Execution]]:
        """Yield (place in `programs`, execution) as they finish.

        All are handed in at once, before the first is asked for; leaving the loop early cancels
        those that have not started. RuntimeError if the pool is closed or its workers cannot run.
        """
        streams = [_collect(d, d.submit(programs), len(programs)) for d in self._live()]
        return _compared(*streams) if self.check_determinism else streams[0]

    def features(self) -> dict[str, bool]:
        """What protects this pool's programs: name → whether it is on."""
        return {name: not why for name, why in self.layers().items()}

    def layers(self) -> dict[str, str]:
        """Each layer of the isolation with the reason why it is off, "" if it is on.

        UserError if the pool refuses to do without one.
        """
        dispatcher = self._live()[0]
        dispatcher.ready.wait()
        if dispatcher.refused or not dispatcher.layers:
            raise dispatcher.failure()
        return dict(dispatcher.layers)

    def close(self) -> None:
        """End all processes of the pool; programs that still run are lost."""
        with self._lock:
            self._closed = True
            dispatchers, self._dispatchers = self._dispatchers, ()
        if self._owner == os.getpid():
            for dispatcher in dispatchers:
                dispatcher.stop()

    def _live(self) -> tuple[Dispatcher, ...]:
        with self._lock:
            if self._closed:
                raise RuntimeError("the sandbox pool is closed")
            if not self._dispatchers or self._owner != os.getpid():
                # A forked copy of this process has neither the thread nor a right to its sockets.
                self._owner = os.getpid()
                seeds = (self.seed, self.seed + 1) if self.check_determinism else (self.seed,)
                self._dispatchers = tuple(
                    Dispatcher(self._workers, self.limits, self.python, seed) for seed in seeds
                )
                for dispatcher in self._dispatchers:
                    dispatcher.start()
                    weakref.finalize(self, dispatcher.stop)
            return self._dispatchers


def _collect(
    dispatcher: Dispatcher, batch: Batch, num_programs: int
) -> Generator[tuple[int, Execution], None, None]:
    try:
        while num_programs:
            results = batch.results.get()
            if results is None:
                raise dispatcher.failure()
            yield from results
            num_programs -= len(results)
    finally:
        dispatcher.done_with(batch)


def _compared(
    first: Generator[tuple[int, Execution], None, None], second: Generator[tuple[int, Execution]]
) -> Iterator[tuple[int, Execution]]:
    """The executions of `first` as soon as both runs of a program are done."""
    mine: dict[int, Execution] = {}
    theirs: dict[int, Execution] = {}
    try:
        for (i, one), (j, other) in zip(first, second, strict=True):
            mine[i], theirs[j] = one, other
            for index in {i, j} & mine.keys() & theirs.keys():
                execution = mine.pop(index)
                same = same_outputs(execution, theirs.pop(index))
                yield index, replace(execution, deterministic=same)
    finally:
        first.close()
        second.close()


def usable_cores() -> int:
    """Cores that this process may run on, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0))


@cache
def layers() -> dict[str, str]:
    """What of the isolation this machine cannot switch on and why: name → reason, "" if it can."""
    with SandboxPool(workers=1) as pool:
        return pool.layers()


def features() -> dict[str, bool]:
    """What of the isolation this machine can switch on: name → whether it is on."""
    return {name: not why for name, why in layers().items()}
