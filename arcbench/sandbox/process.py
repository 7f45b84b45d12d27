"""The parent's end of a zygote: starting it, frames to and from it, ending it."""

import os
import socket
import subprocess
import sys
import tempfile
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from arcbench.sandbox import wire
from arcbench.sandbox.types import Limits, Program

_ROOT = str(Path(__file__).resolve().parents[2])  # the folder that holds the package
_START = (
    "import sys; root = sys.argv.pop(1); sys.path.insert(0, root)\n"
    "from arcbench.sandbox.namespaces import launch; off = launch()\n"
    "from arcbench.sandbox.zygote import main; sys.path.remove(root); main(off)"
)
_RECEIVE = 1 << 18


def encode(program: Program) -> bytes:
    """The request for a program, without its frame; raises ValueError if an input is no grid."""
    code = program.code.encode("utf-8", wire.TEXT_ERRORS)
    parts = [wire.REQUEST.pack(len(code), len(program.inputs)), code]
    for grid in program.inputs:
        if grid.ndim != 2:
            raise ValueError(f"an input has {grid.ndim} dimensions, a grid has two")
        parts.append(wire.SHAPE.pack(*grid.shape))
        parts.append(grid.astype("int8", order="C").tobytes())
    return b"".join(parts)


@dataclass(slots=True, eq=False)
class Zygote:
    """A running zygote and what was sent to it and not answered yet."""

    limits: Limits
    python: str
    seed: int
    extras: bool = False  # with the libraries that few programs need already loaded
    jobs: dict[int, float] = field(default_factory=dict)  # job → when it was sent
    layers: dict[str, str] | None = None  # None until it has said hello
    last_heard: float = 0.0
    channel: socket.socket = field(init=False)
    process: subprocess.Popen[bytes] = field(init=False)
    _log: IO[bytes] = field(init=False)
    _unsent: deque[memoryview] = field(default_factory=deque)
    _received: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.channel, theirs = socket.socketpair()
        self.channel.setblocking(False)
        self._log = tempfile.TemporaryFile(prefix="arcbench-")  # noqa: SIM115  (closed in `end`)
        limits = self.limits
        numbers = (
            limits.timeout_s, limits.memory_mb, limits.max_output_cells, limits.max_stdout_kb,
            self.seed, int(self.extras), int(limits.require_isolation),
        )  # fmt: skip
        try:
            self.process = subprocess.Popen(
                [self.python, "-P", "-B", "-c", _START, _ROOT, *map(str, numbers)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                env=_environment(self.seed),
                start_new_session=True,
            )
        except BaseException:
            self.channel.close()
            self._log.close()
            raise
        finally:
            theirs.close()

    def send(self, job: int, request: bytes) -> None:
        """Queue a request; `flush` moves what the socket takes."""
        head = wire.FRAME.pack(len(request) + 4, job)
        self._unsent.append(memoryview(head + request))
        self.flush()

    @property
    def has_unsent(self) -> bool:
        """Whether the socket was too full for all that was queued."""
        return bool(self._unsent)

    def flush(self) -> None:
        """Write as much as the socket takes now; a dead zygote shows when it is read."""
        try:
            while self._unsent:
                data = self._unsent[0]
                sent = self.channel.send(data)
                if sent < len(data):
                    self._unsent[0] = data[sent:]
                    return
                self._unsent.popleft()
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            self._unsent.clear()

    def receive(self) -> list[tuple[int, bytes]] | None:
        """The frames that have come, as (job, body); None when the zygote is gone."""
        try:
            data = self.channel.recv(_RECEIVE)
        except BlockingIOError:
            return []
        except ConnectionResetError:
            return None
        if not data:
            return None
        self._received += data
        frames = []
        at = 0
        while len(self._received) - at >= wire.FRAME.size:
            size, job = wire.FRAME.unpack_from(self._received, at)
            end = at + 4 + size
            if len(self._received) < end:
                break
            frames.append((job, bytes(self._received[at + wire.FRAME.size : end])))
            at = end
        del self._received[:at]
        return frames

    def said(self) -> str:
        """What it wrote to its error output, for the case that it could not start."""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace").strip()

    def hang_up(self) -> None:
        """Tell it to end, whoever else holds copies of the socket."""
        try:
            self.channel.shutdown(socket.SHUT_RDWR)
        except OSError:  # it is gone already
            return

    def end(self, patience_s: float = 0.0) -> None:
        """End it, by force if it does not go by itself in time, and free all that it used."""
        self.hang_up()
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.channel.close()
        self._log.close()


def _environment(seed: int) -> dict[str, str]:
    """All that a zygote gets of the environment; programs see none of it."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        **kept,
        **dict.fromkeys(threads, "1"),
        "PYTHONHASHSEED": str(seed % 2**32),  # the order of sets repeats from run to run
        "PYTHONNOUSERSITE": "" if sys.flags.no_user_site == 0 else "1",
        "LC_ALL": "C.UTF-8",
        "MALLOC_ARENA_MAX": "1",  # otherwise each thread takes 64 MB of a program's address space
    }
