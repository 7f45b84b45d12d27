"""JSON over HTTP to the servers that write completions: kept connections, retries, many at once."""

import json
import queue
import socket
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, TypeVar
from urllib.parse import urlsplit

from arcbench.errors import UserError

T = TypeVar("T")
TRANSIENT = frozenset({408, 429, 502, 503, 504})
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 4.0  # between two tries
CONCURRENCY = 64  # requests to one server at once; each may be for many completions


class ServerGone(UserError):
    """A server does not answer any more, or refused a request; the message has its last words."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status  # of HTTP; None where there was no answer

    @property
    def refused(self) -> bool:
        """Whether the server answers, but not this request: no other would, either."""
        return self.status in range(400, 500) and self.status not in TRANSIENT


class Http:
    """One server. Safe to use from several threads; connections are kept for later calls."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: float,
        patience_s: float,
        transient: frozenset[int] = TRANSIENT,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.timeout_s = timeout_s  # for one answer
        self.patience_s = patience_s  # how long what may pass is tried again
        self._transient = transient
        self._headers = {"Content-Type": "application/json", **(headers or {})}
        self._url = urlsplit(self.base_url)
        self._idle: deque[HTTPConnection] = deque()
        self._busy: set[HTTPConnection] = set()
        self._abandoned = 0  # how often

    def abandon(self) -> None:
        """Let the calls that are running raise ServerGone soon, whatever the server does."""
        self._abandoned += 1
        for connection in list(self._busy):
            if (sock := connection.sock) is not None:
                with suppress(OSError):  # it has been closed just now
                    sock.shutdown(socket.SHUT_RDWR)

    def look(self, path: str, timeout_s: float = 5.0) -> bytes | None:
        """What an address says now, on a connection of its own; None if it does not."""
        connection = self._connect(timeout_s)
        try:
            status, _, answer = self._once(connection, "GET", path, None)
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()
        return answer if status == 200 else None

    def get(self, path: str) -> dict[str, Any]:
        """The JSON of an address."""
        return self._parsed(path, self.call("GET", path))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON that is answered to JSON."""
        return self._parsed(path, self.call("POST", path, body))

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        """The answer to one request; what may pass is tried again for `patience_s` seconds.

        Raises ServerGone after that, or at once for a refusal.
        """
        data = None if body is None else json.dumps(body).encode()
        deadline, wait, abandoned = None, FIRST_WAIT_S, self._abandoned
        while True:
            status = None
            try:
                status, reason, answer = self._kept(method, path, data, abandoned)
                if 200 <= status < 300:
                    return answer
                detail = answer[:2000].decode(errors="replace").strip()
                problem = f"{self.base_url}{path} answered {status}: {detail or reason}"
                if status not in self._transient:
                    raise ServerGone(problem, status)
            except (OSError, HTTPException) as error:
                problem = f"{self.base_url}{path}: {str(error) or type(error).__name__}"
            if self._abandoned != abandoned:
                raise ServerGone(f"{self.base_url}{path} was given up")
            now = time.monotonic()
            deadline = now + self.patience_s if deadline is None else deadline
            if now + wait > deadline:
                raise ServerGone(f"{problem} (tried again for {self.patience_s:.0f} s)", status)
            time.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_S)

    def _parsed(self, path: str, answer: bytes) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(answer)
        except ValueError as error:
            shown = answer[:200].decode(errors="replace")
            raise ServerGone(f"{self.base_url}{path} answered no JSON: {shown!r}") from error
        return found

    def _kept(
        self, method: str, path: str, data: bytes | None, abandoned: int
    ) -> tuple[int, str, bytes]:
        """One request on a connection that was kept, or a new one."""
        while True:
            try:
                connection, new = self._idle.pop(), False
            except IndexError:
                connection, new = self._connect(self.timeout_s), True
            self._busy.add(connection)
            try:
                found = self._once(connection, method, path, data)
            except (OSError, HTTPException) as error:
                connection.close()
                if new or isinstance(error, TimeoutError) or self._abandoned != abandoned:
                    raise
                continue  # the server had closed it since: not its fault
            finally:
                self._busy.discard(connection)
            if connection.sock is not None:  # None: the server wants it closed
                self._idle.append(connection)
            return found

    def _once(
        self, connection: HTTPConnection, method: str, path: str, data: bytes | None
    ) -> tuple[int, str, bytes]:
        target = f"{self._url.path}{path}"
        if self._proxy() and self._url.scheme == "http":
            target = f"{self.base_url}{path}"
        connection.request(method, target, data, self._headers)
        response = connection.getresponse()
        return response.status, response.reason, response.read()

    def _connect(self, timeout_s: float) -> HTTPConnection:
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        proxy = self._proxy()
        if not proxy:
            return kind(self._url.hostname or "", self._url.port, timeout=timeout_s)
        through = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        connection = kind(through.hostname or "", through.port, timeout=timeout_s)
        if self._url.scheme == "https":
            connection.set_tunnel(self._url.hostname or "", self._url.port)
        return connection

    def _proxy(self) -> str:
        if urllib.request.proxy_bypass(self._url.hostname or ""):
            return ""
        return urllib.request.getproxies().get(self._url.scheme, "")


def as_answered(
    calls: Sequence[Callable[[], T]],
    *,
    concurrency: int = CONCURRENCY,
    waiting: Callable[[], None] = lambda: None,
    every_s: float = 2.0,
) -> Iterator[tuple[int, T]]:
    """Index and result of each call, made side by side in threads, in the order of their ends.

    At most 2 · `concurrency` results wait to be taken, those that are being made included.
    `waiting` is called whenever nothing has come for `every_s` seconds. The first error, of a call
    or of `waiting`, is raised; calls that have not begun are left out then, and also if the
    iterator is closed.
    """
    threads = min(concurrency, len(calls))
    room = threading.Semaphore(2 * concurrency)
    ahead: queue.SimpleQueue[int] = queue.SimpleQueue()
    for i in range(len(calls)):
        ahead.put(i)
    answers: queue.SimpleQueue[tuple[int, Callable[[], T]]] = queue.SimpleQueue()
    stopped = threading.Event()

    def work() -> None:
        while True:
            room.acquire()
            try:
                i = ahead.get_nowait()
            except queue.Empty:
                return
            if stopped.is_set():
                return
            answers.put((i, _attempt(calls[i])))

    for _ in range(threads):
        threading.Thread(target=work, daemon=True).start()
    left = len(calls)
    try:
        while left:
            try:
                i, outcome = answers.get(timeout=every_s)
            except queue.Empty:
                waiting()
                continue
            left -= 1
            room.release()
            yield i, outcome()
    finally:
        stopped.set()
        room.release(max(1, threads))  # for those that wait for it


def _attempt(call: Callable[[], T]) -> Callable[[], T]:
    """What a call gave, to be taken (or raised) in another thread."""
    try:
        result = call()
    except Exception as error:  # noqa: BLE001  (nothing is swallowed: who waits raises it)
        caught = error

        def fail() -> T:
            raise caught

        return fail
    return lambda: result
