"""How the processes of a run hear that one of them has ended, so that none waits for it for ever.

Every process keeps a connection to the main one. Who fails says why before it goes; who is killed
says nothing, but the system closes its connection. Collectives alone would not do: on GPUs they
wait for a peer that is gone until their timeout.
"""

import hmac
import json
import os
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from arcbench.errors import UserError
from arcbench.training.processes import Processes

GRACE_S = 10.0  # for the main thread to end by itself once another process is gone
_KEEPALIVE_S = 5  # between two signs of life, so that a machine that vanished is noticed


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """The end of a process, as the others see it."""

    rank: int
    how: Literal["done", "stopped", "failed", "vanished"]
    reason: str = ""
    trace: str = ""  # the traceback of a failure

    def __str__(self) -> str:
        who = "the main process" if self.rank == 0 else f"process {self.rank}"
        return f"{who} ended without a word" if self.how == "vanished" else f"{who}: {self.reason}"


class LostProcess(UserError):
    """Another process of the run has ended early; the message says which, and why."""


class Lifeline:
    """The connections of one process: the main one's to all others, another's to the main one.

    `give_up(end)` is called in a thread, and the process ended, where the main thread has neither
    `told` its own end nor `let_go` of the others `GRACE_S` after one of them ended early.
    """

    def __init__(self, processes: Processes, give_up: Callable[[End], None]) -> None:
        self.processes = processes
        self._give_up = give_up
        self._lock = threading.Lock()
        self._told = False
        self._free = False
        self._lost = threading.Event()
        self._first: End | None = None
        self._peers: list[socket.socket] = []
        if processes.several:
            self._connect()

    def lost(self, *, wait_s: float = 0.0) -> End | None:
        """The first process that ended early, None if none has within `wait_s`."""
        if self.processes.several:
            self._lost.wait(wait_s)
        return self._first

    def let_go(self) -> None:
        """Say that this process waits for no other any more; it may take its time to the end."""
        with self._lock:
            self._free = True

    def tell(self, how: Literal["done", "stopped", "failed"], reason: str, trace: str = "") -> None:
        """Tell the others how this process ends; the first word counts."""
        with self._lock:
            if self._told:
                return
            self._told = True
        end = End(rank=self.processes.rank, how=how, reason=reason, trace=trace)
        for peer in self._peers:
            try:
                peer.sendall(_line(asdict(end)))
            except OSError:
                continue  # it is gone already
        if how != "done" and self.processes.several:
            # Nothing may keep this process alive: a library's last barrier, a hung collective.
            _end_later(GRACE_S, 0 if how == "stopped" else 1)

    def _connect(self) -> None:
        """Meet at a port of the main process, which strangers do not get past."""
        main, several = self.processes.main, self.processes
        local = several.on_machine == several.count
        listener = None
        if main:
            listener = socket.create_server(("127.0.0.1" if local else "", 0))
        address = several.from_main(
            lambda: (listener.getsockname()[1], secrets.token_hex(16)) if listener else (0, "")
        )
        port, token = address
        if listener is not None:
            with listener:
                while len(self._peers) < several.count - 1:
                    peer, _ = listener.accept()
                    self._welcome(peer, token)
        else:
            host = "127.0.0.1" if local else os.environ["MASTER_ADDR"]
            peer = socket.create_connection((host, port), timeout=60)
            peer.settimeout(None)
            peer.sendall(_line({"rank": several.rank, "token": token}))
            self._listen(peer, 0)

    def _welcome(self, peer: socket.socket, token: str) -> None:
        peer.settimeout(60)
        hello = json.loads(_first_line(peer) or "{}")
        peer.settimeout(None)
        if hmac.compare_digest(str(hello.get("token", "")), token):
            self._listen(peer, int(hello["rank"]))
        else:
            peer.close()

    def _listen(self, peer: socket.socket, rank: int) -> None:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
            peer.setsockopt(socket.IPPROTO_TCP, option, _KEEPALIVE_S)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        self._peers.append(peer)
        threading.Thread(target=self._hear, args=(peer, rank), daemon=True).start()

    def _hear(self, peer: socket.socket, rank: int) -> None:
        try:
            said = _first_line(peer)
        except OSError:
            said = ""
        end = End(**json.loads(said)) if said else End(rank=rank, how="vanished")
        if end.how == "done":
            return
        with self._lock:
            if self._told or self._free or self._first is not None:
                return
            self._first = end
        self._lost.set()
        threading.Event().wait(GRACE_S)
        with self._lock:
            if self._told or self._free:
                return
            self._told = True
        self._give_up(end)
        os._exit(0 if end.how == "stopped" else 1)


def _end_later(seconds: float, code: int) -> None:
    def end() -> None:
        threading.Event().wait(seconds)
        os._exit(code)

    threading.Thread(target=end, daemon=True).start()


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _first_line(peer: socket.socket) -> str:
    """A line that a peer sent; empty if it closed before the end of one."""
    with peer.makefile("rb") as stream:
        line = stream.readline()
    return line.decode() if line.endswith(b"\n") else ""
