"""One OpenAI-compatible server: vLLM, SGLang, llama.cpp, `arcbench serve` and the like."""

import json
from codecs import getincrementaldecoder
from collections.abc import Sequence
from functools import partial
from typing import Any

from arcbench.policies.base import Ask, Completion, Message, SamplingConfig
from arcbench.policies.http import TRANSIENT, Http, ServerGone

# They know the parameters beyond OpenAI's, and fill in a model's own where they are left out.
_TOLD_ALL = frozenset({"vllm", "sglang", "arcbench"})


class Server:
    """Samples by POST {url}/chat/completions. Safe to use from several threads.

    A prompt that ends with an assistant's prefix is sent with `continue_final_message`, which
    vLLM and SGLang understand; a server that ignores it would answer with a new turn.
    """

    def __init__(
        self, url: str, *, api_key: str | None, timeout_s: float, patience_s: float
    ) -> None:
        root = url.rstrip("/").removesuffix("/v1")
        self._api = url.rstrip("/").removeprefix(root)
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else None
        connect = partial(
            Http,
            root,
            timeout_s=timeout_s,
            patience_s=patience_s,
            transient=TRANSIENT | {500},
            headers=headers,
        )
        self._http, self._writing = connect(), connect()  # `abandon` ends only what is written
        self._tell_all = False

    @property
    def url(self) -> str:
        """Its address, without the version of the interface."""
        return self._http.base_url

    def models(self) -> list[str]:
        """The models that it serves; raises ServerGone if there is none."""
        return self._served(self._http.get(f"{self._api}/models"))

    def look(self) -> list[str] | None:
        """The same, asked once; None if it does not answer within some seconds."""
        try:
            return self._served(json.loads(self._http.look(f"{self._api}/models") or b""))
        except (ValueError, LookupError, TypeError):  # ServerGone is a ValueError
            return None

    def complete(self, model: str, ask: Ask, config: SamplingConfig) -> list[Completion]:
        """The completions asked for, in order, by one request; raises ServerGone."""
        body: dict[str, Any] = {
            "model": model,
            "messages": list(ask.messages),
            "n": ask.count,
            "temperature": config.temperature,
            "top_p": config.top_p,
            "max_tokens": config.max_new_tokens,
            "seed": ask.seed(config.seed),
            "logprobs": True,
        }
        if config.top_k or self._tell_all:
            body["top_k"] = config.top_k or -1
        if config.min_p or self._tell_all:
            body["min_p"] = config.min_p
        if config.repetition_penalty != 1 or self._tell_all:
            body["repetition_penalty"] = config.repetition_penalty
        answer = self._writing.post(f"{self._api}/chat/completions", body | _turn(ask.messages))
        choices = sorted(answer["choices"], key=lambda choice: int(choice.get("index", 0)))
        if len(choices) != ask.count:
            raise ServerGone(f"{self.url} gave {len(choices)} completions instead of {ask.count}")
        return [_completion(choice) for choice in choices]

    def count_tokens(self, model: str, messages: Sequence[Message]) -> int:
        """Length of the prompt in tokens, by vLLM's `/tokenize`.

        Raises ServerGone if the server has no such address.
        """
        body = {"model": model, "messages": list(messages)} | _turn(messages)
        return int(self._http.post("/tokenize", body)["count"])

    def abandon(self) -> None:
        """Let every `complete` that is running raise ServerGone; vLLM stops to write then."""
        self._writing.abandon()

    def _served(self, answer: Any) -> list[str]:
        entries = answer["data"]
        if not entries:
            raise ServerGone(f"{self.url} serves no model")
        self._tell_all = entries[0].get("owned_by") in _TOLD_ALL
        return [str(entry["id"]) for entry in entries]


def _turn(messages: Sequence[Message]) -> dict[str, bool]:
    """What a server must be told if the last turn is to be continued; strict ones know no more."""
    if messages[-1]["role"] != "assistant":
        return {}
    return {"add_generation_prompt": False, "continue_final_message": True}


def _completion(choice: dict[str, Any]) -> Completion:
    tokens = (choice.get("logprobs") or {}).get("content") or []
    return Completion(
        text=choice["message"].get("content") or "",
        token_ids=tuple(choice.get("token_ids") or ()),
        logprobs=tuple(float(token["logprob"]) for token in tokens),
        finish_reason="length" if choice.get("finish_reason") == "length" else "stop",
        token_texts=_token_texts(tokens),
    )


def _token_texts(tokens: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """What each token added; a character of several tokens stands at its last one.

    Empty for a server that names tokens by their numbers, as vLLM does when asked to.
    """
    # What is no character (half of a pair) is "?": neither a page nor a file takes it.
    named = [str(token.get("token", "")).encode(errors="replace").decode() for token in tokens]
    if any(name.startswith("token_id:") for name in named):
        return ()
    if not all(isinstance(token.get("bytes"), list) for token in tokens):
        return tuple(named)
    decoder = getincrementaldecoder("utf-8")("replace")
    return tuple(decoder.decode(bytes(token["bytes"])) for token in tokens)
