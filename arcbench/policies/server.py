"""A policy behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp and the like."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from arcbench.policies.base import Completion, Message, Sampled, SamplingConfig
from arcbench.policies.http import CONCURRENCY, TRANSIENT, Http, ServerGone, as_answered


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
        patience_s: float = 10.0,
        concurrency: int = CONCURRENCY,
    ) -> None:
        root = url.rstrip("/").removesuffix("/v1")
        self._api = url.rstrip("/").removeprefix(root)
        self._http = Http(
            root,
            timeout_s=timeout_s,
            patience_s=patience_s,
            transient=TRANSIENT | {500},
            headers={"Authorization": f"Bearer {api_key}"} if api_key else None,
        )
        self._concurrency = concurrency
        self._model = model or self._only_model()

    @property
    def name(self) -> str:
        """The served model's name."""
        return self._model

    def _only_model(self) -> str:
        served = [entry["id"] for entry in self._http.get(f"{self._api}/models")["data"]]
        if not served:
            raise ServerGone(f"{self._http.base_url} serves no model")
        return str(served[0])

    def stream(
        self, prompts: Sequence[Sequence[Message]], config: SamplingConfig
    ) -> Iterator[Sampled]:
        """Yield the samples of each prompt when the server has answered.

        Raises ServerGone once its patience is used up; requests not yet sent are left out then.
        """
        calls = [partial(self._complete, prompt, config, i) for i, prompt in enumerate(prompts)]
        for i, completions in as_answered(calls, concurrency=self._concurrency):
            for j, completion in enumerate(completions):
                yield Sampled(prompt_index=i, sample_index=j, completion=completion)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Length of the prompt in tokens, by vLLM's `/tokenize`.

        Raises ServerGone if the server has no such address.
        """
        body = {"model": self._model, "messages": list(messages)} | _turn(messages)
        return int(self._http.post("/tokenize", body)["count"])

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
        answer = self._http.post(f"{self._api}/chat/completions", body | _turn(messages))
        choices = sorted(answer["choices"], key=lambda choice: int(choice.get("index", 0)))
        if len(choices) != config.n:
            raise ServerGone(
                f"{self._http.base_url} gave {len(choices)} completions instead of {config.n}"
            )
        return [_completion(choice) for choice in choices]


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
