"""Servers that write completions, as processes of their own that outlive who started them."""

import sys
from dataclasses import dataclass
from pathlib import Path

from arcbench import jobs
from arcbench.errors import unknown
from arcbench.folders import Status, free_name
from arcbench.health.errand import Errand, errands, send
from arcbench.ports import free_port
from arcbench.training.client import Client
from arcbench.training.serving import ServerConfig

PREFIX = "server-"
PORTS_TRIED = 100
LOOK_S = 1.0  # that a server has to say that it is well
GRACE_S = 30.0  # that it has to end well


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerState:
    """A server of ours and how it is."""

    name: str
    url: str
    kind: str
    model: str
    status: Status
    answers: bool  # says that it is well, now
    started: float  # seconds since the epoch
    log: Path

    @property
    def word(self) -> str:
        """starting, up, or how it ended."""
        if self.status.state.over:
            return self.status.state.value
        return "up" if self.answers else "starting"


def start_server(root: Path, config: ServerConfig) -> str:
    """Start `arcbench serve` with these settings; returns the server's name.

    The port is the next free one from that of the settings on. UserError, before anything starts,
    for a model that is not there and for a package that is missing.
    """
    port = free_port(config.host, config.port or 8000, PORTS_TRIED)
    config.command(port)

    def words(folder: Path) -> list[str]:
        told = [
            sys.executable, "-m", "arcbench", "serve", "--policy", config.model,
            "--kind", config.kind, "--host", config.host, "--port", str(port),
            "--max-lora-rank", str(config.max_lora_rank), "--dtype", config.dtype,
            "--gpu-memory-share", str(config.gpu_memory_share),
            "--data-parallel", str(config.data_parallel), "--log", str(folder / "server.log"),
        ]  # fmt: skip
        told += ["--gpus", config.gpus] if config.gpus else []
        longest = config.max_model_tokens
        told += ["--max-model-tokens", str(longest)] if longest is not None else []
        return [*told, "--eager"] if config.eager else told

    about = {
        "kind": config.kind,
        "model": config.model,
        "url": f"http://{config.host}:{port}",
    }
    return send(root, free_name(root, f"{PREFIX}{port}"), words, about=about).name


def servers(root: Path) -> list[ServerState]:
    """All servers that were started here, the newest first."""
    return [_state(errand) for errand in errands(root, PREFIX)]


def stop_server(root: Path, name: str) -> Status:
    """End a server with all that it started; wait until it has ended."""
    return jobs.stop(_named(root, name), grace_s=GRACE_S)


def server_log(root: Path, name: str, lines: int = 20) -> str:
    """The last that the server, and the command around it, have said."""
    errand = _named(root, name)
    own = errand.path / "server.log"
    text = own.read_text(encoding="utf-8", errors="replace") if own.is_file() else ""
    return "\n".join([*text.splitlines()[-lines:], *jobs.tail(errand, lines).splitlines()][-lines:])


def _named(root: Path, name: str) -> Errand:
    found = {errand.name: errand for errand in errands(root, PREFIX)}
    if name not in found:
        raise unknown("server", name, list(found) or ["(there is none)"])
    return found[name]


def _state(errand: Errand) -> ServerState:
    about, status = errand.settings(), errand.status()
    url = about["url"]
    return ServerState(
        name=errand.name,
        url=url,
        kind=about["kind"],
        model=about["model"],
        status=status,
        answers=not status.state.over and Client(url).healthy(LOOK_S),
        started=errand.started,
        log=errand.log,
    )
