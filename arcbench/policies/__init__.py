"""Policies: models that continue a prompt, many times over."""

from typing import TYPE_CHECKING, Any, Literal, get_args

from arcbench.errors import UserError, unknown
from arcbench.policies.base import (
    Ask,
    Completion,
    FinishReason,
    Message,
    Policy,
    Sampled,
    SamplingConfig,
    sample,
)
from arcbench.policies.scripted import ScriptedPolicy
from arcbench.policies.sources import ALLOWED, addresses, is_server, model_path, resolve

if TYPE_CHECKING:
    from arcbench.policies.chat import ChatTokenizer

__all__ = [
    "Ask", "Completion", "Engine", "FinishReason", "Message", "Policy", "Sampled",
    "SamplingConfig", "ScriptedPolicy", "load_policy", "load_tokenizer", "model_path", "sample",
]  # fmt: skip

Engine = Literal["auto", "transformers", "vllm"]
ENGINES: tuple[str, ...] = get_args(Engine)


def load_policy(
    spec: str, *, adapter: str | None = None, engine: Engine = "auto", **options: Any
) -> Policy:
    """The policy of that name, with its model loaded.

    "embedded", "barc", a folder or hub id, a run's folder, which stands for its newest checkpoint,
    an adapter's folder, or the address of a server, or of several of the same model with commas
    between. `adapter` is put on top of a model; `engine` is what runs it, auto being transformers.
    The options are those of `TransformersPolicy.load`, `VllmPolicy.load` or `ServersPolicy`.
    UserError for any other name.
    """
    if engine not in ENGINES:
        raise unknown("engine", engine, ENGINES)
    if is_server(spec):
        from arcbench.policies.servers import ServersPolicy

        if adapter is not None:
            raise UserError(f"a server loads its adapters itself: ask {spec} for it by its name")
        if engine != "auto":
            raise UserError(f"a server has its own engine: engine {engine} is not for {spec}")
        return ServersPolicy(addresses(spec), **options)
    source = resolve(spec, adapter=adapter)
    parts: dict[str, Any] = {"adapter": source.adapter, "name": source.name, **options}
    if engine == "vllm":
        from arcbench.policies.vllm import VllmPolicy

        return VllmPolicy.load(source.model, **parts)
    from arcbench.policies.transformers import TransformersPolicy

    return TransformersPolicy.load(source.model, **parts)


def load_tokenizer(spec: str) -> "ChatTokenizer":
    """Only the tokenizer of a policy, which counts the tokens of prompts without the weights.

    "llama-3" is that of Llama 3.1, from the package llama-models.
    """
    from arcbench.policies import llama3
    from arcbench.policies.chat import ChatTokenizer

    if spec == llama3.NAME:
        return ChatTokenizer(llama3.load(), spec)

    if is_server(spec):
        raise unknown("policy with a tokenizer here", spec, [*ALLOWED[:-1], llama3.NAME])
    return ChatTokenizer.load(resolve(spec).model)
