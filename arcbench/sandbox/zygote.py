"""The process that forks: one thread, numpy and the DSL loaded, one child a program.

It reads requests from its control socket, keeps deadlines, kills, reaps and passes on what the
children sent without looking at it. It ends when the control socket does.
"""

import contextlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NoReturn

from arcbench.sandbox import isolation, namespaces, pages, preload, wire
from arcbench.sandbox.child import RESULTS, Cells, Driver
from arcbench.sandbox.forking import Forker

SLOW_S = 0.05  # a program that runs longer lets the next one start beside it
MAX_RUNNING = 2
_SLOW_MS = SLOW_S * 1000 + 1
_PIPE_SIZE = 1 << 16  # bytes that the kernel holds at most


class Running:
    """A program that was started: its process, its results and its deadline."""

    __slots__ = ("deadline", "job", "limit", "pid", "pidfd", "pipe", "received", "slow", "started")

    def __init__(
        self,
        *,
        job: int,
        pid: int,
        pidfd: int,
        pipe: int,
        started: float,
        timeout_s: float,
        limit: int,
    ) -> None:
        self.job = job
        self.pid = pid
        self.pidfd = pidfd
        self.pipe = pipe
        self.received = b""
        self.started = started
        self.deadline = started + timeout_s
        self.limit = limit
        self.slow = False

    def drain(self) -> bool:
        """Take what the child has sent so far; False if that is more than it may."""
        while True:
            try:
                data = os.read(self.pipe, _PIPE_SIZE)
            except BlockingIOError:
                return True
            self.received += data
            if len(self.received) > self.limit:
                return False
            if len(data) < _PIPE_SIZE:
                return True


class Zygote:
    """The loop: requests in, children out, replies back."""

    def __init__(
        self,
        control: socket.socket,
        *,
        timeout_s: float,
        max_output_cells: int,
        max_stdout_kb: int,
        driver: Driver,
        forker: Forker,
        child_limits: isolation.ChildLimits,
        children: int,
    ) -> None:
        self.control = control
        self.timeout_s = timeout_s
        self.max_output_cells = max_output_cells
        self.max_stdout_kb = max_stdout_kb
        self.driver = driver
        self.stars = preload.StarImports()
        self.forker = forker
        self.child_limits = child_limits
        self.children = children  # the open list of this process's children in /proc
        self.waiting: tuple[int, bytes] | None = None  # the request that is to start now
        self.running: dict[int, Running] = {}  # by pidfd
        self.poll = select.poll()
        self.poll.register(control, select.POLLIN)

    def serve(self) -> None:
        """Serve until the other end of the control socket is closed; no program outlives that."""
        try:
            self._serve()
        finally:
            for one in self.running.values():
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(one.pidfd, signal.SIGKILL)
                self._kill_group(one.pid)
            self.running.clear()
            self._kill_orphans()

    def _serve(self) -> None:
        control = self.control.fileno()
        running = self.running
        listening = True
        while True:
            if self.waiting is not None:
                self._start(*self.waiting)
            accept = self._may_start()
            if accept is not listening:
                # Only what can start at once is read: a child is a copy of all that is held here.
                self.poll.modify(control, select.POLLIN if accept else 0)
                listening = accept
            # Slow programs are looked at from time to time lest they block on a full pipe.
            for fd, _ in self.poll.poll(_SLOW_MS if running or self.waiting else None):
                if fd != control:
                    self._finish(running[fd], wire.EXITED)
                elif not self._receive():
                    return
            if running:
                self._look_after_slow_ones()

    def _receive(self) -> bool:
        """Take the next request; False if there will be none, the other end being closed."""
        head = self.control.recv(wire.FRAME.size, socket.MSG_WAITALL)
        if len(head) < wire.FRAME.size:
            return False
        size, job = wire.FRAME.unpack(head)
        request = self.control.recv(size - 4, socket.MSG_WAITALL)
        self.waiting = job, request
        return bool(len(request) == size - 4)

    def _may_start(self) -> bool:
        """One program at a time, and one more beside those that are slow."""
        running = self.running.values()
        return self.waiting is None and (
            not running or (len(running) < MAX_RUNNING and all(r.slow for r in running))
        )

    def _start(self, job: int, request: bytes) -> None:
        code, inputs = self.driver.prepare(request)
        self.stars.fit(code)
        started = time.monotonic()
        read, write = os.pipe()
        try:
            pid, pidfd = self.forker.fork()
        except BlockingIOError:  # the machine has no process to spare: it stays waiting
            os.close(read)
            os.close(write)
            time.sleep(SLOW_S)
            return
        self.waiting = None
        if pid == 0:
            self._be_child(write, code, inputs)
        os.close(write)
        self.running[pidfd] = Running(
            job=job,
            pid=pid,
            pidfd=pidfd,
            pipe=read,
            started=started,
            timeout_s=self.timeout_s,
            limit=wire.reply_limit(len(inputs), self.max_output_cells, self.max_stdout_kb),
        )
        self.poll.register(pidfd, select.POLLIN)

    def _be_child(self, write: int, code: str, inputs: Sequence[Cells]) -> NoReturn:
        leave = os._exit
        try:
            if self.running:
                self.running.clear()  # what the neighbours have sent so far
            os.dup2(write, RESULTS)
            os.closerange(RESULTS + 1, isolation.MAX_FILES)
            self.child_limits.enter()
            self.driver.run(code, inputs)
        finally:
            leave(0)

    def _look_after_slow_ones(self) -> None:
        now = time.monotonic()
        for one in [r for r in self.running.values() if now - r.started >= SLOW_S]:
            if not one.slow:
                one.slow = True
                os.set_blocking(one.pipe, False)
            if not one.drain():
                self._finish(one, wire.FLOODED)
            elif now >= one.deadline:
                self._finish(one, wire.TIMED_OUT)

    def _finish(self, one: Running, ending: int) -> None:
        """Kill all that is left of a program, take its last words, reply."""
        if ending != wire.EXITED:
            signal.pidfd_send_signal(one.pidfd, signal.SIGKILL)
        sealed = self.child_limits.sealed  # the child could make no process
        if not sealed:
            self._kill_group(one.pid)
        status = os.waitpid(one.pid, 0)[1]
        seconds = time.monotonic() - one.started
        if not sealed:
            self._kill_orphans()
        if not one.drain() and ending == wire.EXITED:
            ending = wire.FLOODED
        self.poll.unregister(one.pidfd)
        del self.running[one.pidfd]
        os.close(one.pidfd)
        os.close(one.pipe)
        body = wire.REPLY.pack(ending, status, seconds) + one.received[: one.limit]
        self.control.sendall(wire.FRAME.pack(len(body) + 4, one.job) + body)

    @staticmethod
    def _kill_group(pid: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)

    def _children(self) -> Iterator[int]:
        yield from map(int, os.pread(self.children, 1 << 16, 0).split())

    def _kill_orphans(self) -> None:
        """Kill what programs forked and left behind: it became a child of this process."""
        known = {r.pid for r in self.running.values()}
        while True:
            orphans = [pid for pid in self._children() if pid not in known]
            if not orphans:
                return
            for pid in orphans:
                os.kill(pid, signal.SIGKILL)
            for pid in orphans:
                os.waitpid(pid, 0)


def _take_descriptors() -> tuple[socket.socket, int]:
    """Put the control socket and the error log out of the way of 0–3, which become empty."""
    control = socket.socket(fileno=os.dup2(0, 10, inheritable=False))
    log = os.dup2(2, 11, inheritable=False)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(RESULTS + 1):
        os.dup2(null, fd)
    return control, log


def _enter_removed_folder() -> None:
    """Work where no file can be found or made, and where nothing is left to clean up."""
    folder = f"{os.environ.get('TMPDIR', '/tmp')}/arcbench-{os.urandom(8).hex()}"
    os.mkdir(folder, 0o700)  # noqa: PTH102  (pathlib is not loaded here)
    os.chdir(folder)
    os.rmdir(folder)  # noqa: PTH106


def main(namespaces_off: dict[str, str]) -> None:
    """Arguments: TIMEOUT_S MEMORY_MB CELLS STDOUT_KB SEED EXTRAS REQUIRE_ISOLATION.

    Called after `namespaces.launch`, with what that returned.
    """
    timeout_s, memory_mb, cells, stdout_kb, seed, extras, required = sys.argv[1:8]
    control, log = _take_descriptors()
    # The name keeps it open in children, which have lost its descriptor: Python 3.13 prints that.
    sys.stderr = errors = os.fdopen(log, "w", buffering=1)  # noqa: F841
    preload.load(int(seed), extras=extras == "1")
    make_driver = partial(Driver, int(cells), int(stdout_kb))
    preload.warm_up(make_driver)
    sys.argv = ["program"]
    os.environ.clear()
    if namespaces_off[namespaces.FILES]:  # otherwise it is in an empty one that cannot change
        _enter_removed_folder()
    children = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY)
    pages.settle()
    off = isolation.enter(int(memory_mb), namespaces_off)
    filtered = not off[isolation.FILTERED]
    child_limits = isolation.ChildLimits(
        int(float(timeout_s)) + 2,
        filtered=filtered,
        own_processes=not namespaces_off[namespaces.PROCESSES],
    )
    hello = "\n".join(f"{name}={why or 1}" for name, why in off.items()).encode()
    control.sendall(wire.FRAME.pack(len(hello) + 4, wire.HELLO) + hello)
    if required == "1" and any(off.values()):
        return
    Zygote(
        control,
        timeout_s=float(timeout_s),
        max_output_cells=int(cells),
        max_stdout_kb=int(stdout_kb),
        driver=make_driver(),
        forker=Forker(int(seed)),
        child_limits=child_limits,
        children=children,
    ).serve()
