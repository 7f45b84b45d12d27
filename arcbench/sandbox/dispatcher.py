"""The thread that owns the zygotes: hands out programs, takes replies, replaces the dead."""

import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from arcbench.errors import UserError
from arcbench.sandbox import wire
from arcbench.sandbox.layers import parse_hello, refusal, warn_once
from arcbench.sandbox.process import Zygote, encode
from arcbench.sandbox.replies import decode, lost
from arcbench.sandbox.types import Execution, Feed, Limits, News, Program

# Words in a program that send it to a zygote which has the rarely used libraries loaded. Any
# zygote would do; the others load them for each program anew.
_EXTRAS = ("random", "scipy")
# Programs that a zygote has at hand: enough to bridge the time until this thread gets the GIL.
_AHEAD = 4
_GRACE_S = 2.0  # beyond the deadline, before a silent zygote counts as dead
_START_S = 30.0  # for a zygote to say hello
_MAX_FAILED_STARTS = 3  # in a row: one may have been killed from outside, more are a fault


@dataclass(slots=True, eq=False)
class Batch(Feed):
    """Programs that belong together, and where their results go."""

    dispatcher: "Dispatcher"
    deliver: Callable[[News], None]
    cancelled: bool = False

    def hand_in(self, programs: Sequence[tuple[int, Program]]) -> None:
        self.dispatcher.submit(self, programs)

    def close(self) -> None:
        self.dispatcher.done_with(self)


@dataclass(slots=True, eq=False)
class Job:
    """One program of a batch."""

    batch: Batch
    number: int  # the batch's own
    program: Program
    extras: bool  # it names what only zygotes with extras have loaded
    alone: bool = False  # its zygote died once: it runs in one by itself


class Dispatcher(threading.Thread):
    """Runs until `stop`; every batch gets all its results or, if that fails, the reason."""

    def __init__(self, workers: int, limits: Limits, python: str, seed: int) -> None:
        super().__init__(name="arcbench-sandbox", daemon=True)
        self._workers = workers
        self._limits = limits
        self._python = python
        self._seed = seed
        self._lock = threading.Lock()  # guards the next three
        self._inbox: deque[Job] = deque()
        self._batches: set[Batch] = set()
        self._stopping = False
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        # What waits, for zygotes without and with extras.
        self._waiting: tuple[deque[Job], deque[Job]] = (deque(), deque())
        self._done: dict[Batch, list[tuple[int, Execution]]] = {}
        self._jobs: dict[int, Job] = {}
        self._last_job = wire.HELLO
        self._zygotes: list[Zygote] = []
        self._failed_starts = 0
        self._selector = selectors.DefaultSelector()
        self.problem = ""  # why there will be no more results
        self.refused: UserError | None = None  # if that is a mistake of the caller
        self.layers: dict[str, str] = {}  # of the isolation → why it is off, "" if it is on
        self.ready = threading.Event()

    def open(self, deliver: Callable[[News], None]) -> Batch:
        """A batch without programs yet."""
        batch = Batch(dispatcher=self, deliver=deliver)
        with self._lock:
            if self._stopping:
                raise self.failure()
            self._batches.add(batch)
        return batch

    def submit(self, batch: Batch, programs: Sequence[tuple[int, Program]]) -> None:
        """Hand in programs of a batch."""
        with self._lock:
            if batch.cancelled:
                return
            if self._stopping:
                raise self.failure()
            self._inbox.extend(
                Job(batch=batch, number=n, program=p, extras=any(x in p.code for x in _EXTRAS))
                for n, p in programs
            )
        self._poke()

    def failure(self) -> Exception:
        """The error for who still waits for results."""
        return self.refused or RuntimeError(self.problem or "the sandbox pool is closed")

    def done_with(self, batch: Batch) -> None:
        """No one waits for this batch any more: what has not started will not."""
        with self._lock:
            batch.cancelled = True
            self._batches.discard(batch)

    def stop(self) -> None:
        """End the thread and all its processes, and wait for that."""
        with self._lock:
            self._stopping = True
        self._poke()
        if self.is_alive() and threading.current_thread() is not self:
            self.join()

    def _poke(self) -> None:
        try:
            self._wake.send(b"\0")
        except (BlockingIOError, OSError):  # it has enough to wake for, or has ended
            return

    def run(self) -> None:
        """The loop; whatever ends it, nobody is left waiting."""
        try:
            self._selector.register(self._woken, selectors.EVENT_READ, None)
            for _ in range(self._workers):
                self._start_zygote(extras=False)
            while not self._stopping:
                self._take_in()
                self._hand_out()
                for key, events in self._selector.select(self._patience_s()):
                    if key.data is None:
                        self._woken.recv(4096)
                    else:
                        self._serve(key.data, events)
                self._end_silent_ones()
                self._deliver()
        finally:
            with self._lock:
                self._stopping = True
                batches, self._batches = self._batches, set()
            self.problem = self.problem or "the sandbox pool was closed"
            self.ready.set()
            for batch in batches:
                batch.deliver(self.failure())
            for zygote in self._zygotes:
                zygote.hang_up()
            for zygote in self._zygotes:
                zygote.end(patience_s=1.0)
            self._zygotes.clear()
            self._selector.close()
            self._wake.close()
            self._woken.close()

    def _take_in(self) -> None:
        with self._lock:
            jobs = list(self._inbox)
            self._inbox.clear()
        for job in jobs:
            self._waiting[job.extras].append(job)
        if self._waiting[True] and not any(z.extras for z in self._zygotes):
            for _ in range(self._workers):
                self._start_zygote(extras=True)

    def _hand_out(self) -> None:
        """Fill every zygote, evenly; a job that must run alone gets an empty one."""
        for ahead in range(_AHEAD):
            for zygote in self._zygotes:
                if len(zygote.jobs) <= ahead and self._waiting[zygote.extras]:
                    self._give_one(zygote)

    def _give_one(self, zygote: Zygote) -> None:
        """Hand the next job to this zygote if there is one that it may have."""
        waiting = self._waiting[zygote.extras]
        while waiting and waiting[0].batch.cancelled:
            waiting.popleft()
        held = [self._jobs[number] for number in zygote.jobs]
        if not waiting or any(job.alone for job in held) or (waiting[0].alone and held):
            return
        job = waiting.popleft()
        number = self._number()
        now = time.monotonic()
        if not zygote.jobs:
            zygote.last_heard = now
        zygote.jobs[number] = now
        self._jobs[number] = job
        zygote.send(number, encode(job.program))
        self._watch(zygote)

    def _number(self) -> int:
        while True:
            self._last_job = self._last_job % 0xFFFF_FFFF + 1
            if self._last_job not in self._jobs:
                return self._last_job

    def _serve(self, zygote: Zygote, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            zygote.flush()
            self._watch(zygote)
        if not events & selectors.EVENT_READ:
            return
        frames = zygote.receive()
        if frames is None:
            self._bury(zygote)
            return
        zygote.last_heard = time.monotonic()
        for number, body in frames:
            if number == wire.HELLO:
                self._failed_starts = 0
                zygote.layers = self.layers = parse_hello(body)
                if self._limits.require_isolation:
                    self.refused = refusal(self.layers)
                    self._stopping = self._stopping or self.refused is not None
                warn_once(self.layers)
                self.ready.set()
            else:
                del zygote.jobs[number]
                job = self._jobs.pop(number)
                self._finish(job, decode(body, len(job.program.inputs), self._limits))

    def _finish(self, job: Job, execution: Execution) -> None:
        if not job.batch.cancelled:
            self._done.setdefault(job.batch, []).append((job.number, execution))

    def _deliver(self) -> None:
        """Pass on all that came at once: each passing on may cost a switch of threads."""
        for batch, results in self._done.items():
            batch.deliver(results)
        self._done.clear()

    def _start_zygote(self, *, extras: bool) -> None:
        zygote = Zygote(limits=self._limits, python=self._python, seed=self._seed, extras=extras)
        zygote.last_heard = time.monotonic()
        self._zygotes.append(zygote)
        self._selector.register(zygote.channel, selectors.EVENT_READ, zygote)

    def _watch(self, zygote: Zygote) -> None:
        events = selectors.EVENT_READ
        if zygote.has_unsent:
            events |= selectors.EVENT_WRITE
        if self._selector.get_key(zygote.channel).events != events:
            self._selector.modify(zygote.channel, events, zygote)

    def _bury(self, zygote: Zygote) -> None:
        """Replace a dead zygote; its jobs run once more, each alone, so that one is blamed."""
        self._selector.unregister(zygote.channel)
        self._zygotes.remove(zygote)
        self._failed_starts = self._failed_starts + 1 if zygote.layers is None else 0
        if self._failed_starts >= _MAX_FAILED_STARTS:
            self.problem = f"the sandbox could not start: {zygote.said() or 'no reason was given'}"
            self._stopping = True
            zygote.end()
            return
        zygote.end()
        for number in zygote.jobs:
            job = self._jobs.pop(number)
            if job.alone and zygote.layers is not None:
                self._finish(job, lost(len(job.program.inputs)))
            else:
                # One that died before its hello has run nothing: nobody is under suspicion.
                job.alone = job.alone or zygote.layers is not None
                self._waiting[job.extras].appendleft(job)
        self._start_zygote(extras=zygote.extras)

    def _patience_s(self) -> float | None:
        """How long the zygotes may stay silent."""
        waits = [self._due(z) for z in self._zygotes if z.jobs or z.layers is None]
        return max(0.0, min(waits) - time.monotonic()) if waits else None

    def _due(self, zygote: Zygote) -> float:
        if zygote.layers is None:
            return zygote.last_heard + _START_S
        return zygote.last_heard + self._limits.timeout_s + _GRACE_S

    def _end_silent_ones(self) -> None:
        now = time.monotonic()
        for zygote in [z for z in self._zygotes if z.jobs or z.layers is None]:
            if now >= self._due(zygote):
                zygote.process.kill()
                self._bury(zygote)
