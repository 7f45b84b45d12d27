"""Talks to a vLLM server in token ids: samples, scores, and loads adapters by name.

Requests are vLLM's: POST /v1/completions with `prompt` as ids, `prompt_logprobs`,
`return_token_ids`; POST /v1/load_lora_adapter and /v1/unload_lora_adapter.
"""

import json
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, TypeVar

from arcbench.errors import UserError
from arcbench.policies.base import FinishReason, SamplingConfig
from arcbench.training.sync import Logprobs, Probe

T = TypeVar("T")
TRANSIENT = frozenset({408, 429, 502, 503, 504})
PATIENCE_S = 30.0  # how long a server may be away before the run ends
FIRST_WAIT_S = 0.25
LOOK_EVERY_S = 2.0  # how often a server that has not answered yet is asked for its health
ANSWER_S = 3600.0  # a batch of long completions; a dead server is found by its health, not by this


class ServerGone(UserError):
    """A server does not answer any more, or refused a request; the message has its last words."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status  # of HTTP; None where there was no answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """One completion as a server tells it."""

    token_ids: tuple[int, ...]  # with the token that ended it
    logprobs: tuple[float, ...]  # of the model itself: temperature 1
    finish_reason: FinishReason


class Client:
    """One server. Safe to use from several threads."""

    def __init__(self, url: str, *, patience_s: float = PATIENCE_S) -> None:
        self.base_url = url.rstrip("/").removesuffix("/v1")
        self.patience_s = patience_s

    def healthy(self, timeout_s: float = 5.0) -> bool:
        """Whether the server says that it is well, now."""
        try:
            with urllib.request.urlopen(f"{self.base_url}/health", timeout=timeout_s) as answer:
                return int(answer.status) == 200
        except OSError:
            return False

    def models(self) -> list[str]:
        """Names that may be sampled: the base model, then the adapters."""
        return [str(entry["id"]) for entry in self._get("/v1/models")["data"]]

    def max_length(self) -> int | None:
        """Longest prompt and completion together, in tokens, if the server tells it."""
        found = self._get("/v1/models")["data"][0].get("max_model_len")
        return None if found is None else int(found)

    def score(self, probes: Sequence[Probe], *, model: str | None = None) -> Logprobs:
        """Log-probability of each completion token of the probes under `model`, or the base."""
        body = {
            "model": model or self.models()[0],
            "prompt": [list(p.prompt_ids + p.completion_ids) for p in probes],
            "max_tokens": 1,
            "temperature": 1.0,
            "prompt_logprobs": 0,
        }
        choices = self._choices(body, len(probes))
        rows = []
        for probe, choice in zip(probes, choices, strict=True):
            told = choice.get("prompt_logprobs")
            if told is None:
                raise ServerGone(f"{self.base_url} tells no prompt_logprobs: it is no vLLM server")
            of_completion = told[len(probe.prompt_ids) :]
            tokens = zip(of_completion, probe.completion_ids, strict=True)
            rows.append([float(at[str(token)]["logprob"]) for at, token in tokens])
        return rows

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
            "top_p": sampling.top_p,
            "top_k": sampling.top_k or -1,
            # Said, because a server takes what is left out from the model's generation_config.
            "min_p": 0.0,
            "repetition_penalty": 1.0,
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
            self._post("/v1/load_lora_adapter", {"lora_name": name, "lora_path": folder})
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
            self._post("/v1/unload_lora_adapter", {"lora_name": name})
        except ServerGone as error:
            if error.status != 404:
                raise

    def _choices(self, body: dict[str, Any], count: int) -> list[dict[str, Any]]:
        answer = json.loads(self._post("/v1/completions", body))
        choices = sorted(answer["choices"], key=lambda choice: int(choice["index"]))
        if len(choices) != count:
            raise ServerGone(f"{self.base_url} gave {len(choices)} answers instead of {count}")
        return choices

    def _get(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._call("GET", path, None))
        return answer

    def _post(self, path: str, body: dict[str, Any]) -> bytes:
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> bytes:
        """One request; what may pass is tried again for `patience_s` seconds."""
        url = self.base_url + path
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        deadline, wait, status = None, FIRST_WAIT_S, None
        while True:
            try:
                with urllib.request.urlopen(request, timeout=ANSWER_S) as response:
                    answer: bytes = response.read()
                    return answer
            except urllib.error.HTTPError as error:
                detail = error.read(2000).decode(errors="replace").strip()
                problem = f"{url} answered {error.code}: {detail or error.reason}"
                status = error.code
                if status not in TRANSIENT:
                    raise ServerGone(problem, status) from error
            except (OSError, HTTPException) as error:
                problem = f"{url}: {getattr(error, 'reason', None) or error}"
            now = time.monotonic()
            deadline = now + self.patience_s if deadline is None else deadline
            if now + wait > deadline:
                raise ServerGone(f"{problem} (tried again for {self.patience_s:.0f} s)", status)
            time.sleep(wait)
            wait = min(2 * wait, 4.0)


def gather(calls: Sequence[tuple[Client, Callable[[], T]]], *, concurrency: int = 64) -> list[T]:
    """Results of calls to servers, made side by side, in order.

    While it waits, it asks the servers for their health: one that was away for its `patience_s`,
    even if it holds its connection open, raises ServerGone. The first error ends the waiting.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for i in range(len(calls)):
        waiting.put(i)
    answers: queue.SimpleQueue[tuple[int, Callable[[], T]]] = queue.SimpleQueue()
    stopped = threading.Event()

    def work() -> None:
        while not stopped.is_set():
            try:
                i = waiting.get_nowait()
            except queue.Empty:
                return
            answers.put((i, _attempt(calls[i][1])))

    for _ in range(min(concurrency, len(calls))):
        threading.Thread(target=work, daemon=True).start()
    results: dict[int, T] = {}
    well = {id(client): time.monotonic() for client, _ in calls}
    try:
        while len(results) < len(calls):
            try:
                i, outcome = answers.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                pending = {id(c): c for k, (c, _) in enumerate(calls) if k not in results}
                for client in pending.values():
                    _look(client, well)
                continue
            results[i] = outcome()
    finally:
        stopped.set()
    return [results[i] for i in range(len(calls))]


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


def _look(client: Client, well: dict[int, float]) -> None:
    if client.healthy():
        well[id(client)] = time.monotonic()
        return
    away = time.monotonic() - well[id(client)]
    if away > client.patience_s:
        raise ServerGone(f"{client.base_url} has not answered for {away:.0f} s")
