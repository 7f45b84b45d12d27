"""A policy behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp and the like."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from arcbench.policies.base import Ask, Asked, Completion, Message, Sampled, Samples, SamplingConfig
from arcbench.policies.http import CONCURRENCY, TRANSIENT, Http, ServerGone, as_answered

MOST_CHOICES = 16  # of one request
_SEEDS = 2**31  # that a server takes


class ServerPolicy(Asked):
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

    def stream_asks(self, asks: Sequence[Ask], config: SamplingConfig) -> Iterator[Sampled]:
        """Yield the samples of each request when the server has answered.

        Raises ServerGone once its patience is used up; requests not yet sent are left out then.
        """
        parts = [part for ask in asks for part in _parts(ask)]
        calls = [partial(self._complete, part, config) for part in parts]
        for i, completions in as_answered(calls, concurrency=self._concurrency):
            for j, completion in zip(parts[i].numbers, completions, strict=True):
                yield Sampled(
                    prompt_index=parts[i].prompt_index, sample_index=j, completion=completion
                )

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Length of the prompt in tokens, by vLLM's `/tokenize`.

        Raises ServerGone if the server has no such address.
        """
        body = {"model": self._model, "messages": list(messages)} | _turn(messages)
        return int(self._http.post("/tokenize", body)["count"])

    def _complete(self, ask: Ask, config: SamplingConfig) -> list[Completion]:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": list(ask.messages),
            "n": ask.count,
            "temperature": config.temperature,
            "top_p": config.top_p,
            "max_tokens": config.max_new_tokens,
            "seed": request_seed(config.seed, ask),
            "logprobs": True,
        }
        if config.top_k:
            body["top_k"] = config.top_k
        if config.min_p:
            body["min_p"] = config.min_p
        if config.repetition_penalty != 1:
            body["repetition_penalty"] = config.repetition_penalty
        answer = self._http.post(f"{self._api}/chat/completions", body | _turn(ask.messages))
        choices = sorted(answer["choices"], key=lambda choice: int(choice.get("index", 0)))
        if len(choices) != ask.count:
            raise ServerGone(
                f"{self._http.base_url} gave {len(choices)} completions instead of {ask.count}"
            )
        return [_completion(choice) for choice in choices]


def request_seed(seed: int, samples: Samples) -> int:
    """The seed of a request for these samples.

    vLLM draws choice j of a request with seed s from s + j, so that a sample has the same seed
    whichever samples it is asked together with.
    """
    base = int(np.random.SeedSequence([seed, samples.prompt_index]).generate_state(1)[0])
    return (base % _SEEDS + samples.first_sample) % _SEEDS


def _parts(ask: Ask) -> list[Ask]:
    """The ask in requests of at most MOST_CHOICES, so that answers come while others are written.

    They are cut where the number of a sample is a multiple of it, wherever the ask begins.
    """
    end = ask.first_sample + ask.count
    inner = range(ask.first_sample // MOST_CHOICES + 1, (end - 1) // MOST_CHOICES + 1)
    cuts = [ask.first_sample, *(i * MOST_CHOICES for i in inner), end]
    return [replace(ask, first_sample=a, count=b - a) for a, b in itertools.pairwise(cuts)]


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
