"""Policies: models that continue a prompt, many times over."""

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from arcbench.errors import MissingExtra, UserError, unknown
from arcbench.policies import embedded
from arcbench.policies.base import (
    Completion,
    FinishReason,
    Message,
    Policy,
    Sampled,
    SamplingConfig,
    sample,
)
from arcbench.policies.scripted import ScriptedPolicy

if TYPE_CHECKING:
    from arcbench.policies.chat import ChatTokenizer

__all__ = [
    "Completion", "FinishReason", "Message", "Policy", "Sampled", "SamplingConfig",
    "ScriptedPolicy", "load_policy", "load_tokenizer", "model_path", "sample",
]  # fmt: skip

ALLOWED = (
    "embedded",
    "a folder with a model",
    "a hub id (owner/name)",
    "the address of a server (http://host:port/v1)",
)


def load_policy(spec: str, **options: Any) -> Policy:
    """The policy of that name, with its model loaded.

    "embedded", a folder or hub id (`device`, `dtype` are options), or a server's address (`model`,
    `api_key`, `timeout_s`). Raises UserError for any other name.
    """
    if is_server(spec):
        from arcbench.policies.server import ServerPolicy

        return ServerPolicy(spec, **options)
    if spec == "embedded":
        return embedded.load(**options)
    from arcbench.policies.transformers import TransformersPolicy

    return TransformersPolicy.load(model_path(spec), **options)


def load_tokenizer(spec: str) -> "ChatTokenizer":
    """Only the tokenizer of a policy, which counts the tokens of prompts without the weights.

    "llama-3" is that of Llama 3.1, from the package llama-models.
    """
    from arcbench.policies import llama3
    from arcbench.policies.chat import ChatTokenizer

    if spec == llama3.NAME:
        return ChatTokenizer(llama3.load(), spec)

    if is_server(spec):
        raise unknown("policy with a tokenizer here", spec, [*ALLOWED[:3], llama3.NAME])
    return ChatTokenizer.load(model_path(spec))


def model_path(spec: str) -> str:
    """The folder or hub id to give to `from_pretrained`; raises UserError for any other name."""
    if spec == "embedded":
        return str(embedded.checked_path())
    if (Path(spec) / "config.json").is_file():
        return spec
    parts = spec.split("/")
    if Path(spec).exists() or len(parts) != 2 or not all(parts) or parts[0] in (".", "..", "~"):
        raise unknown("policy", spec, ALLOWED)
    _check_hub(spec)
    return spec


def _check_hub(hub_id: str) -> None:
    """UserError where a model is not in the hub's cache and the hub does not answer.

    transformers would find that out, too, after a minute of retries.
    """
    try:
        from huggingface_hub import constants, try_to_load_from_cache
    except ModuleNotFoundError as error:
        raise MissingExtra("a policy that runs here", "train") from error
    if isinstance(try_to_load_from_cache(hub_id, "config.json"), str):
        return
    if constants.HF_HUB_OFFLINE or not _answers(constants.ENDPOINT):
        raise UserError(
            f"policy {hub_id!r} is no folder here, not in the hub's cache, and the hub cannot be "
            f"reached; one of: {', '.join(ALLOWED)}"
        )


def _answers(address: str) -> bool:
    url = urlsplit(address)
    try:
        with socket.create_connection((url.hostname or "", url.port or 443), timeout=5):
            return True
    except OSError:
        return False


def is_server(spec: str) -> bool:
    """Whether the name of a policy is the address of a server."""
    return spec.startswith(("http://", "https://"))
