"""A server that takes every update of the weights and goes on with the old ones.

It stands before a real server, passes every request on, and asks for the base model whatever
adapter was meant: what a run sees of an engine that its weights never reach. For showing that the
check of the weights finds it.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen


class DeafServer:
    """Listens on a port of its own until `stop`; a context manager."""

    def __init__(self, url: str) -> None:
        self._root = url.rstrip("/").removesuffix("/v1")
        with urlopen(f"{self._root}/v1/models") as answer:
            self._base = str(json.load(answer)["data"][0]["id"])
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> "DeafServer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Listen no more; the server behind it stays."""
        self._http.shutdown()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        root, base = self._root, self._base

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._pass_on(None)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                if "model" in body:
                    body["model"] = base
                self._pass_on(json.dumps(body).encode())

            def _pass_on(self, body: bytes | None) -> None:
                asked = Request(
                    root + self.path, data=body, headers={"Content-Type": "application/json"}
                )
                try:
                    with urlopen(asked) as answer:
                        status, data = answer.status, answer.read()
                except HTTPError as error:
                    status, data = error.code, error.read()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                """Nothing: the server behind has a log."""

        return Handler
