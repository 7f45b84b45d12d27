"""The engine that loads each step's adapter under a new name into one or several vLLM servers.

Every request names the adapter that it wants, so that a stale weight cannot be sampled by mistake.
Nothing goes from process to process but files and HTTP: servers may stand on other machines that
see the run's folder, on the trainer's own GPU, or on a CPU.
"""

import shutil
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from arcbench.errors import UserError
from arcbench.policies.base import Completion, Message, SamplingConfig
from arcbench.policies.chat import ChatTokenizer
from arcbench.training.client import Client, Written, gather
from arcbench.training.sampler import StepSampler
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
            gather([(c, partial(c.load_adapter, name, str(path))) for c in self.clients])
            self._loaded.append(name)
            while len(self._loaded) > KEPT:
                self._drop(self._loaded.pop(0))
        self.name = self.share(name)

    def close(self) -> None:
        """Unload what is still loaded and remove its files."""
        while self._loaded:
            self._drop(self._loaded.pop())

    def _drop(self, name: str) -> None:
        gather([(c, partial(c.unload_adapter, name)) for c in self.clients])
        shutil.rmtree(self.folder / name)

    def complete(
        self, prompts: Sequence[Sequence[int]], sampling: SamplingConfig
    ) -> list[list[Written]]:
        """`sampling.n` completions of each prompt; every server writes a part of each group."""
        calls, owners = [], []
        servers = len(self.clients)
        for p, ids in enumerate(prompts):
            for s, client in enumerate(self.clients):
                # The first server of a prompt changes, so that none gets all the odd ones.
                count = sampling.n // servers + ((s - p) % servers < sampling.n % servers)
                if count:
                    part = replace(sampling, n=count)
                    seed = (sampling.seed + 7919 * p + 104_729 * s) % 2**31
                    call = partial(client.complete, ids, part, model=self.name, seed=seed)
                    calls.append((client, call))
                    owners.append(p)
        groups: list[list[Written]] = [[] for _ in prompts]
        for p, written in zip(owners, gather(calls), strict=True):
            groups[p].extend(written)
        return groups

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
        """By `prompt_logprobs` under the newest adapter."""
        return self.client.score(probes, model=self.servers.name)


@dataclass(kw_only=True, slots=True)
class AdapterSampler(StepSampler):
    """Samples from the servers, after giving them the adapter of this step."""

    servers: AdapterServers

    def draw(
        self, firsts: Sequence[Sequence[Message]], ids: Sequence[Sequence[int]], trainer: Any
    ) -> list[Completion]:
        """The completions of the prompts, group by group."""
        self.servers.sync()
        sampling = self.sampling(int(trainer.state.global_step) + 1)
        chat = ChatTokenizer(self.tokenizer, self.config.policy.model)
        return [
            Completion(
                text=chat.decode(w.token_ids[:-1] if w.finish_reason == "stop" else w.token_ids),
                token_ids=w.token_ids,
                logprobs=w.logprobs,
                finish_reason=w.finish_reason,
            )
            for group in self.servers.complete(ids, sampling)
            for w in group
        ]
