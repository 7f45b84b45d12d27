"""A small OpenAI-compatible server in a thread, which can be told to fail."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler

from arcbench.training.plain_server import Listener


class Answering(BaseHTTPRequestHandler):
    """A small OpenAI-compatible server; `plan` holds the status codes of its next answers."""

    protocol_version = "HTTP/1.1"  # connections are kept
    timeout = 0.2  # but not for long

    def setup(self):
        super().setup()
        self.server.connections += 1

    def do_GET(self):
        self.reply(200, {"data": [{"id": self.server.model}]})

    def do_POST(self):
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        if not sent:
            return  # who wanted to ask is gone
        body = json.loads(sent)
        self.server.bodies.append(body)
        if self.path != "/tokenize":
            time.sleep(self.server.delay_s)
        status = self.server.plan.pop(0) if self.server.plan else 200
        if status != 200:
            self.reply(status, {"error": "not now"})
        elif self.path == "/tokenize":
            self.reply(200, {"count": 7})
        else:
            self.server.answered += 1
            self.reply(200, {"choices": [self.choice(i) for i in range(body["n"])][::-1]})

    def choice(self, i):
        return {
            "index": i,
            "message": {"role": "assistant", "content": f"text {i}"},
            "logprobs": {"content": [{"token": "x", "logprob": -0.5}]},
            "finish_reason": "length" if i == 1 else "stop",
        }

    def reply(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with suppress(BrokenPipeError):  # who has asked is gone
            self.wfile.write(data)

    def log_message(self, *args):
        pass


@contextmanager
def answering(
    model: str = "small", handler: type[BaseHTTPRequestHandler] = Answering
) -> Iterator[Listener]:
    """One that runs, with its `url` and what was asked of it in `bodies`."""
    httpd = Listener(("127.0.0.1", 0), handler)
    httpd.plan, httpd.bodies, httpd.delay_s, httpd.connections = [], [], 0.0, 0
    httpd.model, httpd.answered = model, 0
    httpd.url = f"http://127.0.0.1:{httpd.server_port}/v1"
    threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
    yield httpd
    httpd.shutdown()
    httpd.server_close()
