"""A small server of a transformers model that speaks vLLM's requests, adapters by name included.

For machines without vLLM: a CPU, a laptop, tests. It answers one request at a time.
`python -m arcbench.training.plain_server --model embedded --port 8000`
"""

import argparse
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from arcbench.policies.base import Ask, Completion, Message, Sampled, SamplingConfig
from arcbench.policies.token_texts import decoded


class BadRequest(ValueError):
    """What the client asked for cannot be done."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class PlainServer:
    """The model, the adapters that were loaded by name, and what is answered to each request."""

    def __init__(self, policy: Any, name: str) -> None:
        self.name = name
        self._policy = policy
        self._base = policy.model
        self._peft: Any = None
        self._adapters: dict[str, str] = {}  # name → folder
        self._lock = threading.Lock()

    def get(self, path: str) -> dict[str, Any]:
        """Answer of a GET."""
        if path == "/health":
            return {}
        if path == "/v1/models":
            names = [self.name, *self._adapters]
            length = self._policy.max_positions
            about = {"object": "model", "owned_by": "arcbench", "max_model_len": length}
            return {"data": [{"id": name, **about} for name in names]}
        raise BadRequest(f"no such address: {path}", 404)

    def post(
        self, path: str, body: dict[str, Any], gone: Callable[[], bool] = lambda: False
    ) -> dict[str, Any]:
        """Answer of a POST; nothing more is written for a client that is `gone`."""
        if path == "/tokenize":
            return {"count": self._policy.count_tokens(_messages(body))}
        with self._lock:
            if gone():
                return {}
            if path == "/v1/completions":
                return self._completions(body)
            if path == "/v1/chat/completions":
                return self._chat_completions(body, gone)
            if path == "/v1/load_lora_adapter":
                return self._load(str(body["lora_name"]), str(body["lora_path"]))
            if path == "/v1/unload_lora_adapter":
                return self._unload(str(body["lora_name"]))
        raise BadRequest(f"no such address: {path}", 404)

    def _load(self, name: str, folder: str) -> dict[str, Any]:
        from peft import PeftModel

        if name in self._adapters or name == self.name:
            raise BadRequest(f"the adapter {name} has already been loaded")
        if not (Path(folder) / "adapter_config.json").is_file():
            raise BadRequest(f"no adapter found for {name} in {folder}", 404)
        if self._peft is None:
            self._peft = PeftModel.from_pretrained(self._base, folder, adapter_name=name)
            self._peft.eval()
        else:
            self._peft.load_adapter(folder, adapter_name=name)
        self._adapters[name] = folder
        return {}

    def _unload(self, name: str) -> dict[str, Any]:
        if name not in self._adapters:
            raise BadRequest(f"the adapter {name} cannot be found", 404)
        del self._adapters[name]
        if not self._adapters:  # PEFT cannot be without an adapter
            self._base = self._peft.unload()
            self._peft = None
            return {}
        self._peft.set_adapter(next(iter(self._adapters)))  # PEFT warns where it goes on its own
        self._peft.delete_adapter(name)
        return {}

    def _completions(self, body: dict[str, Any]) -> dict[str, Any]:
        model = str(body["model"])
        prompts = body["prompt"]
        if isinstance(prompts, str):
            prompts = [self._policy.chat.tokenizer(prompts, add_special_tokens=False)["input_ids"]]
        elif prompts and isinstance(prompts[0], int):
            prompts = [prompts]
        with self._served(model) as served:
            if body.get("logprob_token_ids"):
                choices = self._told(served, prompts, body)
            else:
                choices = self._sampled(prompts, body)
        numbered = [{**choice, "index": i} for i, choice in enumerate(choices)]
        return {"object": "text_completion", "model": model, "choices": numbered}

    def _chat_completions(self, body: dict[str, Any], gone: Callable[[], bool]) -> dict[str, Any]:
        """Choice j of seed s is choice 0 of seed s + j, as vLLM has it."""
        config = _sampling(body, max_tokens=256)
        seed, config = config.seed, replace(config, seed=0)
        ask = Ask(prompt_index=0, first_sample=seed, count=config.n, messages=_messages(body))
        model = str(body["model"])
        drawn: list[Sampled] = []
        with self._served(model), closing(self._policy.stream_asks([ask], config)) as stream:
            for s in stream:
                if gone():
                    return {}
                drawn.append(s)
        drawn.sort(key=lambda s: s.sample_index)
        tokens = sum(len(s.completion.token_ids) for s in drawn)
        return {
            "object": "chat.completion",
            "model": model,
            "choices": [
                _choice(s.sample_index - seed, s.completion, self._texts(s.completion))
                for s in drawn
            ],
            "usage": {"completion_tokens": tokens},
        }

    def _texts(self, completion: Completion) -> Sequence[str]:
        backend = getattr(self._policy.chat.tokenizer, "backend_tokenizer", None)
        if backend is None:  # a tokenizer in Python: its tokens are told by their numbers
            return [f"token_id:{token}" for token in completion.token_ids]
        return decoded(backend, completion.token_ids)

    @contextmanager
    def _served(self, name: str) -> Iterator[Any]:
        """The model of that name, which the policy has meanwhile."""
        if name != self.name and name not in self._adapters:
            raise BadRequest(f"the model {name} does not exist", 404)
        without: Any = nullcontext()
        if name in self._adapters:
            self._peft.set_adapter(name)
        elif self._peft is not None:
            without = self._peft.disable_adapter()
        self._policy.model = self._base if self._peft is None else self._peft
        with without:
            yield self._policy.model

    def _told(
        self, served: Any, prompts: list[list[int]], body: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """The likeliest next token of each prompt, and the log-probabilities of given tokens."""
        if body.get("max_tokens") != 1 or body.get("temperature") != 0:
            raise BadRequest(
                "logprob_token_ids is answered for max_tokens 1 and temperature 0 only"
            )
        asked = [int(token) for token in body["logprob_token_ids"]]
        choices = []
        for row in _next_logprobs(served, prompts):
            best = int(row.argmax())
            told = {f"token_id:{token}": float(row[token]) for token in (best, *asked)}
            choices.append(
                {
                    "text": self._policy.chat.decode([best]),
                    "token_ids": [best],
                    "finish_reason": "length",
                    "logprobs": {"token_logprobs": [float(row[best])], "top_logprobs": [told]},
                }
            )
        return choices

    def _sampled(self, prompts: list[list[int]], body: dict[str, Any]) -> list[dict[str, Any]]:
        drawn = sorted(
            self._policy.stream_ids(prompts, _sampling(body, max_tokens=16)),
            key=lambda s: (s.prompt_index, s.sample_index),
        )
        return [
            {
                "text": s.completion.text,
                "token_ids": list(s.completion.token_ids),
                "finish_reason": s.completion.finish_reason,
                "logprobs": {"token_logprobs": list(s.completion.logprobs)},
            }
            for s in drawn
        ]


def _sampling(body: dict[str, Any], *, max_tokens: int) -> SamplingConfig:
    """What a request says about it."""
    return SamplingConfig(
        n=int(body.get("n") or 1),
        temperature=float(body.get("temperature", 1.0)),
        top_p=float(body.get("top_p", 1.0)),
        top_k=max(0, int(body.get("top_k") or 0)),  # vLLM's −1: off
        min_p=float(body.get("min_p") or 0.0),
        repetition_penalty=float(body.get("repetition_penalty") or 1.0),
        max_new_tokens=int(body.get("max_tokens") or max_tokens),
        seed=int(body.get("seed") or 0),
    )


def _messages(body: dict[str, Any]) -> list[Message]:
    """The chat of a request; a last turn of the assistant is a prefix and nothing else here."""
    messages: list[Message] = body["messages"]
    if messages[-1]["role"] == "assistant" and not body.get("continue_final_message"):
        raise BadRequest("the last turn is the assistant's: say continue_final_message")
    return messages


def _choice(index: int, completion: Completion, texts: Sequence[str]) -> dict[str, Any]:
    return {
        "index": index,
        "message": {"role": "assistant", "content": completion.text},
        "token_ids": list(completion.token_ids),
        "finish_reason": completion.finish_reason,
        "logprobs": {
            "content": [
                {"token": text, "logprob": x}
                for text, x in zip(texts, completion.logprobs, strict=True)
            ]
        },
    }


def _next_logprobs(model: Any, prompts: Sequence[Sequence[int]]) -> list[Any]:
    """Log-probabilities (vocabulary,) of the token after each prompt.

    Prompts that begin others are read in the same pass.
    """
    import torch

    found: list[Any] = [None] * len(prompts)
    read: list[tuple[list[int], Any]] = []
    with torch.inference_mode():
        for i in sorted(range(len(prompts)), key=lambda i: -len(prompts[i])):
            prompt, end = list(prompts[i]), len(prompts[i])
            rows = next((logits for ids, logits in read if ids[:end] == prompt), None)
            if rows is None:
                rows = model(input_ids=torch.tensor([prompt], device=model.device)).logits[0]
                read.append((prompt, rows))
            found[i] = rows[end - 1].float().log_softmax(-1)
    return found


def handler(server: PlainServer) -> type[BaseHTTPRequestHandler]:
    """The class that http.server wants, for one server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept
        wbufsize = -1  # head and body go out together

        def do_GET(self) -> None:
            self._answer(lambda: server.get(self.path))

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            text = self.rfile.read(length)
            self._answer(lambda: server.post(self.path, json.loads(text), self._gone))

        def _gone(self) -> bool:
            """Whether the client has closed the connection."""
            try:
                return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            except BlockingIOError:  # it waits in silence
                return False
            except OSError:
                return True

        def _answer(self, make: Any) -> None:
            try:
                status, answer = 200, make()
            except BadRequest as error:
                status, answer = error.status, {"error": {"message": str(error)}}
            except (ValueError, KeyError, TypeError) as error:
                status, answer = 400, {"error": {"message": f"{type(error).__name__}: {error}"}}
            data = json.dumps(answer).encode()
            with suppress(ConnectionError):  # who has asked is gone
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

    return Handler


class Listener(ThreadingHTTPServer):
    """The connections, each in a thread; that a client went away is no error."""

    request_queue_size = 256  # clients that connect at the same moment

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong with a connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="embedded, a folder, or a hub id")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    args = parser.parse_args()
    from arcbench.policies import model_path
    from arcbench.policies.transformers import TransformersPolicy

    policy = TransformersPolicy.load(model_path(args.model), device=args.device, dtype=args.dtype)
    server = PlainServer(policy, args.model)
    Listener((args.host, args.port), handler(server)).serve_forever()


if __name__ == "__main__":
    main()
