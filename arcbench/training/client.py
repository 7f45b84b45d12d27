"""Talks to a vLLM server in token ids: samples, scores, and loads adapters by name.

Requests are vLLM's: POST /v1/completions with `prompt` as ids, `logprob_token_ids`,
`return_token_ids`; POST /v1/load_lora_adapter and /v1/unload_lora_adapter.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from arcbench.policies.base import FinishReason, SamplingConfig
from arcbench.policies.http import CONCURRENCY, Http, ServerGone, as_answered
from arcbench.training.sync import Logprobs, Probe

__all__ = ["Client", "ServerGone", "Written", "gather"]

T = TypeVar("T")
_COUNTER = re.compile(r"^vllm:(?:prompt|generation)_tokens_total(?:\{.*\})? (\S+)$", re.MULTILINE)
PATIENCE_S = 30.0  # how long a server may be away before the run ends
LOOK_EVERY_S = 2.0  # how often a server that has not answered yet is asked for its health
ANSWER_S = 3600.0  # a batch of long completions; a dead server is found by its health, not by this
STUCK_S = 45.0  # without a token read or written, while a request waits
MAX_TOLD = 128  # token ids whose log-probabilities vLLM tells in one answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """One completion as a server tells it."""

    token_ids: tuple[int, ...]  # with the token that ended it
    logprobs: tuple[float, ...]  # of the distribution that it was drawn from
    finish_reason: FinishReason


class Client:
    """One server. Safe to use from several threads."""

    def __init__(self, url: str, *, patience_s: float = PATIENCE_S) -> None:
        self.base_url = url.rstrip("/").removesuffix("/v1")
        self.patience_s = patience_s
        self._http = Http(self.base_url, timeout_s=ANSWER_S, patience_s=patience_s)

    def healthy(self, timeout_s: float = 5.0) -> bool:
        """Whether the server says that it is well, now."""
        return self._http.look("/health", timeout_s) is not None

    def progress(self) -> float | None:
        """Tokens that the server has read and written so far; None where it does not count them."""
        told = (self._http.look("/metrics") or b"").decode(errors="replace")
        counts = [float(n) for n in _COUNTER.findall(told)]
        return sum(counts) if counts else None

    def models(self) -> list[str]:
        """Names that may be sampled: the base model, then the adapters."""
        return [str(entry["id"]) for entry in self._http.get("/v1/models")["data"]]

    def max_length(self) -> int | None:
        """Longest prompt and completion together, in tokens, if the server tells it."""
        found = self._http.get("/v1/models")["data"][0].get("max_model_len")
        return None if found is None else int(found)

    def score(self, probes: Sequence[Probe], *, model: str | None = None) -> Logprobs:
        """Log-probability of each completion token of the probes under `model`, or the base.

        Asked as the first token after each beginning of a completion, because `prompt_logprobs`
        ends a vLLM that has an adapter.
        """
        named = model or self.models()[0]
        rows: list[list[float]] = []
        for prompts, tokens in _askings(probes):
            body = {
                "model": named,
                "prompt": prompts,
                "max_tokens": 1,
                "temperature": 0.0,
                "logprobs": 1,
                "logprob_token_ids": sorted(set(tokens)),
                "return_tokens_as_token_ids": True,
            }
            choices = self._choices(body, len(prompts))
            rows.append([self._told(choice, t) for choice, t in zip(choices, tokens, strict=True)])
        told = iter([value for row in rows for value in row])
        return [[next(told) for _ in probe.completion_ids] for probe in probes]

    def complete(
        self, prompt_ids: Sequence[int], sampling: SamplingConfig, *, model: str, seed: int
    ) -> list[Written]:
        """`sampling.n` completions of one prompt."""
        body = {
            "model": model,
            "prompt": list(prompt_ids),
            "n": sampling.n,
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            # All are said, because a server takes what is left out from generation_config.
            "top_p": sampling.top_p,
            "top_k": sampling.top_k or -1,
            "min_p": sampling.min_p,
            "repetition_penalty": sampling.repetition_penalty,
            "seed": seed,
            "logprobs": 0,
            "return_token_ids": True,
        }
        return [
            Written(
                token_ids=tuple(choice["token_ids"]),
                logprobs=tuple(float(x) for x in choice["logprobs"]["token_logprobs"]),
                finish_reason="length" if choice["finish_reason"] == "length" else "stop",
            )
            for choice in self._choices(body, sampling.n)
        ]

    def load_adapter(self, name: str, folder: str) -> None:
        """Make the adapter in `folder`, which the server must see, available under a new name."""
        try:
            self._http.call(
                "POST", "/v1/load_lora_adapter", {"lora_name": name, "lora_path": folder}
            )
        except ServerGone as error:
            if error.status == 400 and "already" in str(error):  # an earlier try did arrive
                return
            raise ServerGone(
                f"adapter {name} could not be loaded: {error}. The server must see {folder} and "
                "must have been started with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING="
                "True, as `arcbench serve` does it",
                error.status,
            ) from error

    def unload_adapter(self, name: str) -> None:
        """Forget an adapter; one that is not there any more is no error."""
        try:
            self._http.call("POST", "/v1/unload_lora_adapter", {"lora_name": name})
        except ServerGone as error:
            if error.status != 404:
                raise

    def _choices(self, body: dict[str, Any], count: int) -> list[dict[str, Any]]:
        answer = self._http.post("/v1/completions", body)
        choices = sorted(answer["choices"], key=lambda choice: int(choice["index"]))
        if len(choices) != count:
            raise ServerGone(f"{self.base_url} gave {len(choices)} answers instead of {count}")
        return choices

    def _told(self, choice: dict[str, Any], token: int) -> float:
        """What a server tells about a token at the first place of its answer."""
        told = ((choice.get("logprobs") or {}).get("top_logprobs") or [{}])[0]
        value = told.get(f"token_id:{token}")
        if value is None:
            raise ServerGone(
                f"{self.base_url} does not tell the log-probability of a given token "
                "(logprob_token_ids): it is no vLLM server, or one before 0.26"
            )
        return float(value)


def _askings(probes: Sequence[Probe]) -> Iterator[tuple[list[list[int]], list[int]]]:
    """All beginnings of the probes and the token after each, as few requests as vLLM allows."""
    prompts: list[list[int]] = []
    tokens: list[int] = []
    for probe in probes:
        for i, token in enumerate(probe.completion_ids):
            if len({*tokens, token}) > MAX_TOLD:
                yield prompts, tokens
                prompts, tokens = [], []
            prompts.append([*probe.prompt_ids, *probe.completion_ids[:i]])
            tokens.append(token)
    if prompts:
        yield prompts, tokens


def gather(calls: Sequence[tuple[Client, Callable[[], T]]], *, stuck_s: float = STUCK_S) -> list[T]:
    """Results of calls to servers, made side by side, in order.

    While it waits, it looks after the servers. One that was away for its `patience_s`, even if it
    holds its connection open, and one whose engine has stood still for `stuck_s`, raise ServerGone.
    The first error ends the waiting.
    """
    results: dict[int, T] = {}
    watched = {id(client): _Watched(client) for client, _ in calls}

    def look() -> None:
        pending = {id(c) for k, (c, _) in enumerate(calls) if k not in results}
        looks = [partial(watched[key].look, stuck_s) for key in pending]
        for _ in as_answered(looks, every_s=60):
            pass

    found = as_answered(
        [call for _, call in calls],
        concurrency=CONCURRENCY * len(watched),
        waiting=look,
        every_s=LOOK_EVERY_S,
    )
    for i, result in found:
        results[i] = result
    return [results[i] for i in range(len(calls))]


class _Watched:
    """A server that somebody waits for."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.progress: float | None = None
        self.well_at = self.moved_at = time.monotonic()

    def look(self, stuck_s: float) -> None:
        """Raise ServerGone if it has been away, or has stood still, for too long."""
        url = self.client.base_url
        if not self.client.healthy():
            away = time.monotonic() - self.well_at
            if away > self.client.patience_s:
                raise ServerGone(f"{url} has not answered for {away:.0f} s")
            return
        progress = self.client.progress()
        self.well_at = time.monotonic()
        if progress is None or progress != self.progress:
            self.progress, self.moved_at = progress, self.well_at
        still = self.well_at - self.moved_at
        if still > stuck_s:
            raise ServerGone(
                f"{url} is up, but its engine has neither read nor written a token for {still:.0f} "
                "s: the log of the server tells more"
            )
