"""Counting the tokens of prompts from a process that must not load a tokenizer's libraries.

A child loads each tokenizer when it is first asked for and keeps it. Parent and child speak JSON
lines; the child ends when its stdin closes, that is, with its parent.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from arcbench.background import end_child
from arcbench.errors import UserError
from arcbench.policies.base import Message
from arcbench.policies.llama3 import NAME as LLAMA_3
from arcbench.prompts import messages_hash

CLOSE_S = 5.0  # how long the child gets to end by itself


def known_tokenizers() -> tuple[str, ...]:
    """The tokenizers that are here without a download."""
    # Its vocabulary comes in a package, which tiktoken reads.
    has_llama = all(find_spec(name) is not None for name in ("llama_models", "tiktoken"))
    return ("embedded", LLAMA_3) if has_llama else ("embedded",)


class TokenCounter:
    """Counts prompts by the names that `load_tokenizer` takes. Several threads may ask at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._known: dict[tuple[str, str], int] = {}

    def count(self, spec: str, messages: Sequence[Message]) -> int:
        """Length of the prompt in tokens, chat template included; counted once.

        UserError for a policy without a tokenizer here.
        """
        key = (spec, messages_hash(messages))
        with self._lock:
            if key not in self._known:
                self._known[key] = self._ask(spec, messages)
            return self._known[key]

    def close(self) -> None:
        """End the child; the counter may be used again afterwards."""
        with self._lock:
            child, self._child = self._child, None
            if child is not None:
                end_child(child, CLOSE_S)

    def _ask(self, spec: str, messages: Sequence[Message]) -> int:
        child = self._ready()
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(json.dumps({"spec": spec, "messages": list(messages)}) + "\n")
            child.stdin.flush()
            line = child.stdout.readline()
        except OSError:
            line = ""
        if not line:
            child.kill()
            child.wait()
            raise UserError(
                f"the process that counts tokens ended at the tokenizer of {spec}: its libraries "
                "may not be whole; `arcbench doctor` tells"
            )
        answer: dict[str, Any] = json.loads(line)
        if "user_error" in answer:
            raise UserError(answer["user_error"])
        return int(answer["count"])

    def _ready(self) -> subprocess.Popen[str]:
        if self._child is None or self._child.poll() is not None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "arcbench.policies.counting"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
        return self._child


def main() -> None:
    """The child: answers each line until there are no more."""
    from arcbench.policies import load_tokenizer

    # Libraries print; what they print must not stand between the answers.
    sink = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    tokenizers: dict[str, Any] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        spec = asked["spec"]
        try:
            if spec not in tokenizers:
                tokenizers[spec] = load_tokenizer(spec)
            answer: dict[str, Any] = {"count": tokenizers[spec].count_tokens(asked["messages"])}
        except UserError as error:
            answer = {"user_error": str(error)}
        sink.write(json.dumps(answer) + "\n")
        sink.flush()


if __name__ == "__main__":
    main()
