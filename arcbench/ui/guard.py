"""What stands before the page's server: who may ask, for what, and how much may be sent.

gradio's server can do more than this app needs: fetch addresses of others, keep a history on a hub,
serve what lies in a folder that all gradio apps of a machine share. What no page of arcbench asks
for is turned away here, before gradio sees it.
"""

import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost")
MAX_UPLOAD_MB = 64  # the challenges of a competition have some megabytes
MAX_UPLOADS_MB = 512  # of all that was uploaded and is still kept
FORM_BYTES = 1 << 16  # what an upload may have around its file
API = "/gradio_api"
UPLOAD = f"{API}/upload"
# Routes by which gradio would ask others, or write what nobody asked for.
CLOSED = (
    f"{API}/proxy=", f"{API}/file=http:", f"{API}/file=https:", f"{API}/run-history", f"{API}/runs",
    f"{API}/deep_link", f"{API}/component_server", f"{API}/custom_component", "/monitoring",
)  # fmt: skip


def refusal(
    method: str, path: str, headers: Mapping[str, str], *, hosts: tuple[str, ...] | None
) -> tuple[int, str] | None:
    """Status and words where a request is turned away, None where it may pass.

    `hosts` are the names that the page may be asked for by, None: any. A page of another origin may
    not use this one in its reader's name.
    """
    host = headers.get("host", "")
    if hosts is not None and urlsplit(f"//{host}").hostname not in hosts:
        return 403, f"this page is asked for as {' or '.join(hosts)} only"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return 403, "pages of other origins may not use this one"
    plain = unquote(path).lower()
    if any(plain.startswith(closed) for closed in CLOSED):
        return 404, "there is nothing here"
    if method == "POST" and plain.rstrip("/") == UPLOAD:
        return _too_much(headers.get("content-length", ""))
    return None


def _too_much(length: str) -> tuple[int, str] | None:
    if not length.isdecimal():
        return 411, "an upload tells its length"
    if int(length) > MAX_UPLOAD_MB * 1_000_000 + FORM_BYTES:
        return 413, f"an upload has at most {MAX_UPLOAD_MB} MB"
    if kept_bytes() + int(length) > MAX_UPLOADS_MB * 1_000_000:
        return 413, "too much has been uploaded already: start the app again to forget it"
    return None


def kept_bytes() -> int:
    """The size of what was uploaded to this app and made for its downloads."""
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


class Gate:
    """ASGI middleware that answers what `refusal` turns away itself."""

    def __init__(self, app: Asgi, hosts: tuple[str, ...] | None = LOOPBACK) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
            method = scope.get("method", "GET")
            refused = refusal(method, scope["path"], headers, hosts=self.hosts)
            if refused is not None:
                await _answer(send, *refused)
                return
        await self.app(scope, receive, send)


async def _answer(send: Send, status: int, words: str) -> None:
    kind = (b"content-type", b"text/plain; charset=utf-8")
    # The rest of a body that is too long is not read.
    close = (b"connection", b"close")
    await send({"type": "http.response.start", "status": status, "headers": [kind, close]})
    await send({"type": "http.response.body", "body": words.encode()})


@contextmanager
def private_files() -> Iterator[Path]:
    """A folder for uploads and downloads of this process alone, gone when it ends.

    gradio's own default is shared by all its apps on a machine, and is kept.
    """
    with tempfile.TemporaryDirectory(prefix="arcbench-app-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        os.environ["GRADIO_EXAMPLES_CACHE"] = str(Path(folder) / "examples")
        yield Path(folder)
