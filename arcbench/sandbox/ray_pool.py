"""The sandbox pool on all nodes of a Ray cluster (extra `ray`).

One actor a node holds a `SandboxPool` with as many workers as the node offers CPUs to Ray. Programs
go there and executions come back as plain values (text, numbers, cells as bytes); what a program
sent is checked where it ran, by the decoder of the local pool.

The actors ask Ray for no CPU: a trainer that has reserved every CPU of a node must neither keep
the pool from starting there nor find them gone, and programs run while it waits for their rewards.
Start a node with `--num-cpus N` to lend N cores to programs, with 0 to lend none.

Every node needs this version of arcbench, and the same Python and numpy, since outcomes depend on
them: install it there, or send the checkout along with
`ray job submit --working-dir . -- python -m arcbench judge … --pool ray`. Whoever reaches a Ray
cluster can run anything on it: keep it in a private network and use Ray's tokens. What keeps a
program from its node's files, memory and sockets is the isolation there; `features` names the
layers that all nodes have.
"""

import logging
import os
import platform
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

import arcbench
from arcbench.errors import MissingExtra, UserError
from arcbench.grids import Grid
from arcbench.sandbox.pool import SandboxPool
from arcbench.sandbox.ray_dispatcher import RayDispatcher
from arcbench.sandbox.ray_nodes import Work
from arcbench.sandbox.types import (
    Execution,
    Failure,
    Feed,
    Limits,
    News,
    Outcome,
    Program,
    ProgramRunner,
)

_PATIENCE_S = 5.0  # for a cluster to accept a connection
_GATHER_S = 0.01  # results of that long travel together
_LOCAL_STORE_BYTES = 100 * 2**20  # chunks are small: Ray's default is a third of the memory


class RayPool(ProgramRunner):
    """Runs programs on every node of a Ray cluster; used just as `SandboxPool` is.

    `address` is "auto" (the cluster that this machine belongs to, or the one that this process is
    connected to already), "local" (one node, here, for as long as the pool lives) or "host:port".
    A lost node's programs run again elsewhere; nodes that join later get their share.
    """

    def __init__(
        self,
        address: str = "auto",
        limits: Limits | None = None,
        seed: int = 0,
        check_determinism: bool = False,
    ) -> None:
        self.address = _checked_address(address)
        self.limits = limits or Limits()
        self.seed = seed
        self.check_determinism = check_determinism
        self._lock = threading.Lock()  # guards the next four
        self._dispatcher: RayDispatcher | None = None
        self._connected_here = False
        self._owner = os.getpid()
        self._closed = False

    @property
    def workers(self) -> int:
        """Programs that run at a time, over the nodes there are now."""
        return self._live().workers

    @property
    def nodes(self) -> int:
        """Nodes that run programs now."""
        return self._live().num_nodes

    def open(self, deliver: Callable[[News], None]) -> Feed:
        """A feed of this pool; see ProgramRunner."""
        return _RayFeed(self._live(), deliver)

    def features(self) -> dict[str, bool]:
        """What protects this pool's programs on every node: name → whether it is on."""
        return self._live().features()

    def close(self) -> None:
        """End the actors, and the connection to the cluster if this pool made it."""
        with self._lock:
            self._closed = True
            dispatcher, self._dispatcher = self._dispatcher, None
            disconnect, self._connected_here = self._connected_here, False
        if self._owner != os.getpid():
            return
        if dispatcher is not None:
            dispatcher.stop()
        if disconnect:
            import ray

            ray.shutdown()

    def _live(self) -> RayDispatcher:
        """The dispatcher, after the first look at the cluster; UserError if none can be had."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the Ray pool is closed")
            if self._owner != os.getpid():
                raise RuntimeError("a Ray pool cannot be used in a forked copy of its process")
            if self._dispatcher is None:
                self._connected_here = _connect(self.address) or self._connected_here
                settings = {
                    "limits": self.limits,
                    "seed": self.seed,
                    **({"check_determinism": True} if self.check_determinism else {}),
                }
                self._dispatcher = RayDispatcher(NodeActor, settings, versions())
                self._dispatcher.start()
                weakref.finalize(self, self._dispatcher.stop)
            dispatcher = self._dispatcher
        dispatcher.wait_until_ready()
        return dispatcher


class NodeActor:
    """What runs on each node: a pool, its finished executions, and who waits for them."""

    def __init__(self, workers: int, settings: dict[str, Any]) -> None:
        self._pool = SandboxPool(workers=workers, **settings)
        self._done: SimpleQueue[Any] = SimpleQueue()
        self._cancelled: set[int] = set()

    def hello(self) -> tuple[dict[str, str], dict[str, bool]]:
        """The versions here and the isolation; the pool is up when it returns."""
        return versions(), self._pool.features()

    def give(self, batch: int, chunk: list[Work]) -> None:
        """Run the chunk, a list of (job, program); returns when all are done or cancelled."""
        jobs = [job for job, _ in chunk]
        for i, execution in self._pool.stream([_unpack_program(p) for _, p in chunk]):
            if batch in self._cancelled:
                return
            self._done.put((jobs[i], _pack_execution(execution)))

    def take(self, wait_s: float) -> list[tuple[int, Any]]:
        """(job, execution) of what finished since the last call; waits for the first."""
        try:
            found = [self._done.get(timeout=wait_s)]
        except Empty:
            return []
        time.sleep(_GATHER_S)
        while not self._done.empty():
            found.append(self._done.get())
        return found

    def cancel(self, batch: int) -> None:
        """Start no more programs of this batch."""
        self._cancelled.add(batch)

    def close(self) -> None:
        """End the node's pool."""
        self._pool.close()


def versions() -> dict[str, str]:
    """What must be the same on all nodes."""
    return {
        "arcbench": arcbench.__version__,
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "numpy": np.__version__,
    }


class _RayFeed(Feed):
    """Packs programs for a batch of the dispatcher, and unpacks what comes back."""

    def __init__(self, dispatcher: RayDispatcher, deliver: Callable[[News], None]) -> None:
        self._dispatcher = dispatcher
        self._deliver = deliver
        self._batch = dispatcher.open(self._hear)

    def hand_in(self, programs: Sequence[tuple[int, Program]]) -> None:
        packed = [(number, _pack_program(program)) for number, program in programs]
        self._dispatcher.submit(self._batch, packed)

    def close(self) -> None:
        self._dispatcher.done_with(self._batch)

    def _hear(self, news: tuple[int, Any] | Exception) -> None:
        if isinstance(news, Exception):
            self._deliver(news)
        else:
            number, packed = news
            self._deliver([(number, _unpack_execution(packed))])


def _checked_address(address: str) -> str:
    host, _, port = address.rpartition(":")
    if address not in ("auto", "local") and not (host and "/" not in host and port.isdecimal()):
        raise UserError(f'a Ray address is "auto", "local" or "host:port", not {address!r}')
    return address


def _connect(address: str) -> bool:
    """Connect this process to the cluster; False when it was connected before."""
    if not sys.platform.startswith("linux"):
        raise UserError(f"the sandbox needs Linux, this is {sys.platform!r}: use a container")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("a pool on a Ray cluster", "ray") from error
    if ray.is_initialized():
        there = ray.get_runtime_context().gcs_address
        if address not in ("auto", "local", there):
            raise UserError(f"this process is connected to the Ray cluster {there}, not {address}")
        return False
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        options |= {"include_dashboard": False, "object_store_memory": _LOCAL_STORE_BYTES}
    elif address != "auto":
        host, _, port = address.rpartition(":")
        try:  # Ray itself would try for minutes
            socket.create_connection((host.strip("[]"), int(port)), _PATIENCE_S).close()
        except (OSError, OverflowError) as error:
            raise UserError(f"no Ray cluster answers at {address}: {error}") from error
    try:
        ray.init(address=address, **options)
    # RuntimeError: another version of Ray or Python, or nothing of Ray's behind that port.
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(
            f"cannot join the Ray cluster {address!r} (`ray start --head` starts one; a cluster "
            f"with token authentication needs RAY_AUTH_MODE=token and its token here): {error}"
        ) from error
    return True


# Values on the wire: a grid is (rows, columns, cells), a failure (outcome, message).


def _pack_program(program: Program) -> Any:
    for grid in program.inputs:
        if grid.ndim != 2:
            raise ValueError(f"an input has {grid.ndim} dimensions, a grid has two")
    return program.code, [_pack_grid(grid) for grid in program.inputs]


def _unpack_program(packed: Any) -> Program:
    code, inputs = packed
    return Program(code=code, inputs=tuple(_unpack_grid(*grid) for grid in inputs))


def _pack_execution(execution: Execution) -> Any:
    outputs = [
        (o.outcome.value, o.message) if isinstance(o, Failure) else _pack_grid(o)
        for o in execution.outputs
    ]
    return (
        execution.outcome.value, outputs, execution.message, execution.stdout, execution.seconds,
        execution.deterministic,
    )  # fmt: skip


def _unpack_execution(packed: Any) -> Execution:
    outcome, outputs, message, stdout, seconds, deterministic = packed
    return Execution(
        outcome=Outcome(outcome),
        outputs=tuple(
            Failure(outcome=Outcome(o[0]), message=o[1]) if len(o) == 2 else _unpack_grid(*o)
            for o in outputs
        ),
        message=message,
        stdout=stdout,
        seconds=seconds,
        deterministic=deterministic,
    )


def _pack_grid(grid: Grid) -> tuple[int, int, bytes]:
    rows, columns = grid.shape
    return rows, columns, grid.astype(np.int8).tobytes()


def _unpack_grid(rows: int, columns: int, cells: bytes) -> Grid:
    return np.frombuffer(cells, dtype=np.int8).reshape(rows, columns)
