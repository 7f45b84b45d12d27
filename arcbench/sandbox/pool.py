"""The pool that everything else uses."""

import os
import shutil
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial

from arcbench.errors import UserError
from arcbench.sandbox.dispatcher import Dispatcher
from arcbench.sandbox.types import (
    Execution,
    Feed,
    Limits,
    News,
    Program,
    ProgramRunner,
    same_outputs,
)


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

    def open(self, deliver: Callable[[News], None]) -> Feed:
        """A feed of this pool; see ProgramRunner."""
        live = self._live()
        if not self.check_determinism:
            return live[0].open(deliver)
        comparing = _Comparing(deliver)
        comparing.feeds = tuple(d.open(partial(comparing.hear, i)) for i, d in enumerate(live))
        return comparing

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


class _Comparing(Feed):
    """Runs each program in both of two pools, and tells when both are done."""

    def __init__(self, deliver: Callable[[News], None]) -> None:
        self.feeds: tuple[Feed, ...] = ()
        self._deliver = deliver
        self._lock = threading.Lock()  # guards the next
        self._halves: dict[int, Execution] = {}  # of programs that one pool is done with

    def hand_in(self, programs: Sequence[tuple[int, Program]]) -> None:
        for feed in self.feeds:
            feed.hand_in(programs)

    def close(self) -> None:
        for feed in self.feeds:
            feed.close()

    def hear(self, pool: int, news: News) -> None:
        """Take news of the first (0) or of the second (1) pool."""
        if isinstance(news, Exception):
            self._deliver(news)
            return
        both: list[tuple[int, Execution]] = []
        with self._lock:
            for number, execution in news:
                other = self._halves.pop(number, None)
                if other is None:
                    self._halves[number] = execution
                else:
                    mine = other if pool else execution
                    same = same_outputs(mine, execution if pool else other)
                    both.append((number, replace(mine, deterministic=same)))
        if both:
            self._deliver(both)


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
