"""The process that forks: one thread, numpy and the DSL loaded, one child a program.

It reads requests from its control socket, keeps deadlines, kills, reaps and passes on what the
children sent without looking at it. It ends when the control socket does.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import NoReturn

from arcbench.sandbox import child, isolation, wire
from arcbench.sandbox.forking import Forker

SLOW_S = 0.05  # a program that runs longer lets the next one start beside it
MAX_RUNNING = 2


class Running:
    """A program that was started: its process, its results and its deadline."""

    __slots__ = ("deadline", "job", "limit", "pid", "pidfd", "pipe", "received", "started")

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
        self.received = bytearray()
        self.started = started
        self.deadline = started + timeout_s
        self.limit = limit

    def drain(self) -> bool:
        """Take what the child has sent so far; False if that is more than it may."""
        while True:
            try:
                data = os.read(self.pipe, 1 << 16)
            except BlockingIOError:
                return True
            if not data:
                return True
            self.received += data
            if len(self.received) > self.limit:
                return False


class Zygote:
    """The loop: requests in, children out, replies back."""

    def __init__(
        self,
        control: socket.socket,
        *,
        timeout_s: float,
        max_output_cells: int,
        max_stdout_kb: int,
        forker: Forker,
        child_limits: isolation.ChildLimits,
        children: int,
    ) -> None:
        self.control = control
        self.timeout_s = timeout_s
        self.max_output_cells = max_output_cells
        self.max_stdout_kb = max_stdout_kb
        self.forker = forker
        self.child_limits = child_limits
        self.children = children  # the open list of this process's children in /proc
        self.queue: deque[tuple[int, bytes]] = deque()
        self.running: dict[int, Running] = {}  # by pidfd
        self.buffer = bytearray()
        self.poll = select.poll()
        self.poll.register(control, select.POLLIN)

    def serve(self) -> None:
        """Serve until the other end of the control socket is closed."""
        control = self.control.fileno()
        while True:
            self._start()
            for fd, _ in self.poll.poll(self._wait_ms()):
                if fd == control:
                    if not self._receive():
                        return
                else:
                    self._finish(self.running[fd], wire.EXITED)
            self._look_after_slow_ones()

    def _receive(self) -> bool:
        data = self.control.recv(1 << 18)
        self.buffer += data
        at = 0
        while len(self.buffer) - at >= wire.FRAME.size:
            size, job = wire.FRAME.unpack_from(self.buffer, at)
            end = at + 4 + size
            if len(self.buffer) < end:
                break
            self.queue.append((job, bytes(self.buffer[at + wire.FRAME.size : end])))
            at = end
        del self.buffer[:at]
        return bool(data)

    def _start(self) -> None:
        while self.queue and len(self.running) < MAX_RUNNING:
            now = time.monotonic()
            if any(now - r.started < SLOW_S for r in self.running.values()):
                return
            job, request = self.queue.popleft()
            num_inputs = wire.REQUEST.unpack_from(request)[1]
            read, write = os.pipe2(os.O_CLOEXEC)
            pid, pidfd = self.forker.fork()
            if pid == 0:
                self._be_child(write, request)
            os.close(write)
            os.set_blocking(read, False)
            limit = wire.reply_limit(num_inputs, self.max_output_cells, self.max_stdout_kb)
            new = Running(
                job=job,
                pid=pid,
                pidfd=pidfd,
                pipe=read,
                started=now,
                timeout_s=self.timeout_s,
                limit=limit,
            )
            self.running[new.pidfd] = new
            self.poll.register(new.pidfd, select.POLLIN)

    def _be_child(self, write: int, request: bytes) -> NoReturn:
        leave = os._exit
        try:
            os.dup2(write, child.RESULTS)
            os.closerange(child.RESULTS + 1, isolation.MAX_FILES)
            self.child_limits.enter()
            child.run(request, self.max_output_cells, self.max_stdout_kb)
        finally:
            leave(0)

    def _wait_ms(self) -> float | None:
        """How long to sleep at most: to the next deadline or slow program."""
        if not self.running:
            return None
        now = time.monotonic()
        wait = min(r.deadline for r in self.running.values()) - now
        # Slow programs are looked at from time to time lest they block on a full pipe.
        return max(0.0, min(wait, SLOW_S)) * 1000 + 1

    def _look_after_slow_ones(self) -> None:
        if not self.running:
            return
        now = time.monotonic()
        for one in [r for r in self.running.values() if now - r.started >= SLOW_S]:
            if not one.drain():
                self._finish(one, wire.FLOODED)
            elif now >= one.deadline:
                self._finish(one, wire.TIMED_OUT)

    def _finish(self, one: Running, ending: int) -> None:
        """Kill all that is left of a program, take its last words, reply."""
        signal.pidfd_send_signal(one.pidfd, signal.SIGKILL)
        self._kill_group(one.pid)
        status = os.waitpid(one.pid, 0)[1]
        seconds = time.monotonic() - one.started
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
        if len(self.running) == 1:  # only the program that was just reaped
            try:
                os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
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
    control = socket.socket(fileno=os.dup(0))
    log = os.dup(2)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    return control, log


def _preload(seed: int) -> None:
    """Load what programs import, seeded, under the names that they use."""
    import numpy as np

    import arcbench.dsl.common
    import arcbench.dsl.concepts

    sys.modules["common"] = arcbench.dsl.common
    sys.modules["concepts"] = arcbench.dsl.concepts
    # Children inherit the state of both of numpy's ways of drawing as it is here.
    np.random.seed(seed % 2**32)  # noqa: NPY002
    seeds, default_rng = np.random.SeedSequence(seed), np.random.default_rng
    np.random.default_rng = lambda seed=None: default_rng(
        seeds.spawn(1)[0] if seed is None else seed
    )


def _enter_removed_folder() -> None:
    """Work where no file can be found or made, and where nothing is left to clean up."""
    folder = f"{os.environ.get('TMPDIR', '/tmp')}/arcbench-{os.urandom(8).hex()}"
    os.mkdir(folder, 0o700)  # noqa: PTH102  (pathlib is not loaded here)
    os.chdir(folder)
    os.rmdir(folder)  # noqa: PTH106


def main() -> None:
    """`python -m arcbench.sandbox.zygote TIMEOUT_S MEMORY_MB CELLS STDOUT_KB SEED`."""
    timeout_s, memory_mb, cells, stdout_kb, seed = sys.argv[1:6]
    control, log = _take_descriptors()
    sys.stderr = os.fdopen(log, "w", buffering=1)
    _preload(int(seed))
    sys.argv = ["program"]
    os.environ.clear()
    _enter_removed_folder()
    children = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY)
    features = isolation.enter(int(memory_mb))
    filtered = features["system calls filtered (seccomp)"]
    child_limits = isolation.ChildLimits(int(float(timeout_s)) + 2, filtered=filtered)
    gc.collect()
    gc.freeze()
    hello = "\n".join(f"{name}={int(on)}" for name, on in features.items()).encode()
    control.sendall(wire.FRAME.pack(len(hello) + 4, wire.HELLO) + hello)
    Zygote(
        control,
        timeout_s=float(timeout_s),
        max_output_cells=int(cells),
        max_stdout_kb=int(stdout_kb),
        forker=Forker(int(seed)),
        child_limits=child_limits,
        children=children,
    ).serve()


if __name__ == "__main__":
    main()
