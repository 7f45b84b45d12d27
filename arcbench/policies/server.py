"""A policy behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp and the like."""

import json
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

from arcbench.errors import UserError
from arcbench.policies.base import Completion, Message, Sampled, SamplingConfig

RETRY_STATUS = frozenset({408, 429, 500, 502, 503, 504})
FIRST_WAIT_S = 0.5


class ServerError(UserError):
    """The server could not be reached, or answered with an error."""


class ServerPolicy:
    """Samples by POST {url}/chat/completions, several prompts at once.

    A prompt that ends with an assistant's prefix is sent with `continue_final_message`, which
    vLLM and SGLang understand; a server that ignores it would answer with a new turn.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 300.0,
        retries: int = 4,
        concurrency: int = 16,
    ) -> None:
        self._url = url.rstrip("/")
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._retries = retries
        self._concurrency = concurrency
        self._model = model or self._only_model()

    @property
    def name(self) -> str:
        """The served model's name."""
        return self._model

    def _only_model(self) -> str:
        served = [entry["id"] for entry in self._call("GET", "/models")["data"]]
        if not served:
            raise ServerError(f"{self._url} serves no model")
        return str(served[0])

    def stream(
        self, prompts: Sequence[Sequence[Message]], config: SamplingConfig
    ) -> Iterator[Sampled]:
        """Yield the samples of each prompt when the server has answered.

        Raises ServerError once the retries are used up; requests not yet sent are left out then.
        """
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for i in range(len(prompts)):
            waiting.put(i)
        answers: queue.SimpleQueue[tuple[int, list[Completion] | Exception]] = queue.SimpleQueue()
        stopped = threading.Event()

        def work() -> None:
            while not stopped.is_set():
                try:
                    i = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    answers.put((i, self._complete(prompts[i], config, i)))
                except ServerError as error:
                    answers.put((i, error))

        for _ in range(min(self._concurrency, len(prompts))):
            threading.Thread(target=work, daemon=True).start()
        try:
            for _ in range(len(prompts)):
                i, answer = answers.get()
                if isinstance(answer, Exception):
                    raise answer
                for j, completion in enumerate(answer):
                    yield Sampled(prompt_index=i, sample_index=j, completion=completion)
        finally:
            stopped.set()

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Length of the prompt in tokens, by vLLM's `/tokenize`.

        Raises ServerError if the server has no such address.
        """
        body = {"model": self._model, "messages": list(messages)} | _turn(messages)
        root = self._url.removesuffix("/v1")
        return int(self._call("POST", "/tokenize", body, root=root)["count"])

    def _complete(
        self, messages: Sequence[Message], config: SamplingConfig, prompt_index: int
    ) -> list[Completion]:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": list(messages),
            "n": config.n,
            "temperature": config.temperature,
            "top_p": config.top_p,
            "max_tokens": config.max_new_tokens,
            "seed": config.seed + prompt_index,
            "logprobs": True,
        }
        if config.top_k:
            body["top_k"] = config.top_k
        if config.min_p:
            body["min_p"] = config.min_p
        if config.repetition_penalty != 1:
            body["repetition_penalty"] = config.repetition_penalty
        answer = self._call("POST", "/chat/completions", body | _turn(messages))
        choices = sorted(answer["choices"], key=lambda choice: int(choice.get("index", 0)))
        if len(choices) != config.n:
            raise ServerError(f"{self._url} gave {len(choices)} completions instead of {config.n}")
        return [_completion(choice) for choice in choices]

    def _call(
        self, method: str, path: str, body: Any = None, *, root: str | None = None
    ) -> dict[str, Any]:
        """One request with retries; the JSON of the answer."""
        url = (root or self._url) + path
        headers = {"Content-Type": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        for attempt in range(self._retries + 1):
            try:
                with urllib.request.urlopen(request, timeout=self._timeout_s) as response:
                    answer: dict[str, Any] = json.load(response)
                    return answer
            except urllib.error.HTTPError as error:
                detail = error.read(2000).decode(errors="replace").strip()
                problem = f"{url} answered {error.code}: {detail or error.reason}"
                if error.code not in RETRY_STATUS:
                    raise ServerError(problem) from error
            except (OSError, ValueError) as error:
                # OSError: not reached, cut off or too slow; ValueError: no JSON.
                problem = f"{url}: {getattr(error, 'reason', None) or error}"
            if attempt < self._retries:
                time.sleep(FIRST_WAIT_S * 2**attempt)
        raise ServerError(f"{problem} (after {self._retries + 1} tries)")


def _turn(messages: Sequence[Message]) -> dict[str, bool]:
    """What a server must be told if the last turn is to be continued; strict ones know no more."""
    if messages[-1]["role"] != "assistant":
        return {}
    return {"add_generation_prompt": False, "continue_final_message": True}


def _completion(choice: dict[str, Any]) -> Completion:
    tokens = (choice.get("logprobs") or {}).get("content") or []
    return Completion(
        text=choice["message"].get("content") or "",
        logprobs=tuple(float(token["logprob"]) for token in tokens),
        finish_reason="length" if choice.get("finish_reason") == "length" else "stop",
    )
