"""The engine that loads each step's adapter under a new name into one or several vLLM servers.

Every request names the adapter that it wants, so that a stale weight cannot be sampled by mistake.
Nothing goes from process to process but files and HTTP: servers may stand on other machines that
see the run's folder, on the trainer's own GPU, or on a CPU.
"""

import shutil
import uuid
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from arcbench.errors import UserError
from arcbench.training.client import Client, ServerGone, gather
from arcbench.training.sync import Logprobs, Probe

KEPT = 2  # adapters that stay loaded: the newest, and the one before it


@dataclass(kw_only=True, slots=True)
class AdapterServers:
    """Servers started with --enable-lora, and the adapter that they have now."""

    clients: Sequence[Client]
    folder: Path  # adapters are written below it; the servers must see it under the same path
    adapter: Callable[[], Any]  # the trainer's PeftModel, asked for anew every time
    main: bool = True  # whether this process writes and loads; the others only learn the name
    share: Callable[[str], str] = lambda name: name  # the main process's word, to all processes
    name: str = ""  # of the newest adapter
    _loaded: list[str] = field(default_factory=list)
    # A server remembers a prompt's keys and values by the adapter's name: none comes twice.
    _nonce: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    _count: int = 0

    def __post_init__(self) -> None:
        if not self.clients:
            raise UserError("the engine that loads adapters needs the address of a server")

    def sync(self) -> None:
        """Save the adapter of this moment and load it everywhere; then drop the old ones."""
        name = ""
        if self.main:
            self._count += 1
            name = f"arcbench-{self._nonce}-{self._count:06}"
            path = (self.folder / name).resolve()
            self.adapter().save_pretrained(
                str(path), selected_adapters=["default"], save_embedding_layers=False
            )
            self._loaded.append(name)  # before: what one server has already is taken back, too
            gather([(c, partial(c.load_adapter, name, str(path))) for c in self.clients])
            while len(self._loaded) > KEPT:
                self._drop(self._loaded.pop(0), self.clients)
        self.name = self.share(name)

    def close(self, *, quiet: bool = False) -> None:
        """Unload what is still loaded and remove its files.

        With `quiet` a server that is gone is no error: the run ends because of it.
        """
        clients = [c for c in self.clients if c.healthy()] if quiet else self.clients
        while self._loaded:
            with suppress(ServerGone) if quiet else nullcontext():
                self._drop(self._loaded.pop(), clients)
        if self.main and self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _drop(self, name: str, clients: Sequence[Client]) -> None:
        try:
            gather([(c, partial(c.unload_adapter, name)) for c in clients])
        finally:
            shutil.rmtree(self.folder / name)

    def engines(self) -> list["AdapterServer"]:
        """Each server as the canary sees it."""
        return [AdapterServer(servers=self, client=client) for client in self.clients]


@dataclass(frozen=True, kw_only=True, slots=True)
class AdapterServer:
    """One of the servers; the newest adapter is the one that is sampled."""

    servers: AdapterServers
    client: Client

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"the vLLM server {self.client.base_url}"

    def sync(self) -> None:
        """The run's own way, to all servers."""
        self.servers.sync()

    def score(self, probes: Sequence[Probe]) -> Logprobs:
        """Under the newest adapter."""
        return self.client.score(probes, model=self.servers.name)
