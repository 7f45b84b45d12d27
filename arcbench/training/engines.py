"""The engines that write completions, each as the canary sees it: `sync` and `score`.

An engine's `score` goes the way that its sampling goes: the same weights, adapter and precision.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from arcbench.errors import UserError
from arcbench.training.sync import Engine, Logprobs, Probe

Autocast = Callable[[], AbstractContextManager[Any]]
# TRL's server mode with LoRA: no release without the fault is known from this one on.
STALE_LORA_SINCE = (1, 14)


@contextmanager
def scoring(model: Any, autocast: Autocast) -> Iterator[None]:
    """Without gradients and dropout, in the precision of the run."""
    import torch

    trains = model.training
    before = os.environ.get("UNSLOTH_RETURN_LOGITS")
    os.environ["UNSLOTH_RETURN_LOGITS"] = "1"  # unsloth's models leave them out otherwise
    model.eval()
    try:
        with torch.no_grad(), autocast():
            yield
    finally:
        model.train(trains)
        if before is None:
            del os.environ["UNSLOTH_RETURN_LOGITS"]
        else:
            os.environ["UNSLOTH_RETURN_LOGITS"] = before


def model_logprobs(
    model: Any, probes: Sequence[Probe], autocast: Autocast = nullcontext
) -> list[list[float]]:
    """The trainer's side: one forward pass over each whole probe, as its loss has it."""
    import torch

    rows = []
    with scoring(model, autocast):
        for probe in probes:
            ids = torch.tensor([probe.prompt_ids + probe.completion_ids], device=_device(model))
            kept = len(probe.completion_ids) + 1  # the logits of a long prompt would fill a card
            logits = model(input_ids=ids, logits_to_keep=kept).logits
            rows.append(_picked(logits[0, -kept:-1], probe))
    return rows


def _picked(logits: Any, probe: Probe) -> list[float]:
    """Log-probabilities of the completion's tokens from the logits (tokens, vocabulary)."""
    import torch

    chosen = torch.tensor(probe.completion_ids, device=logits.device)[:, None]
    return [float(x) for x in logits.float().log_softmax(-1).gather(1, chosen)[:, 0]]


def _device(model: Any) -> Any:
    return next(model.parameters()).device


@dataclass(frozen=True, kw_only=True, slots=True)
class InProcess:
    """transformers in the trainer's process: samples with the very model that is trained.

    Scored with the keys and values of the prompt in a cache, as sampling does it.
    """

    model: Callable[[], Any]  # the model that the sampler takes, asked for anew every time
    autocast: Autocast = nullcontext
    name: str = "transformers"

    def sync(self) -> None:
        """Nothing to do: there is one copy of the weights."""

    def score(self, probes: Sequence[Probe]) -> Logprobs:
        """From a pass over the prompt and one over the completion."""
        import torch

        model = self.model()
        rows = []
        with scoring(model, self.autocast):
            for probe in probes:
                prompt = torch.tensor([probe.prompt_ids], device=_device(model))
                read = model(input_ids=prompt, use_cache=True, logits_to_keep=1)
                completion = torch.tensor([probe.completion_ids], device=_device(model))
                written = model(
                    input_ids=completion, past_key_values=read.past_key_values, use_cache=True
                )
                logits = torch.cat((read.logits[0, -1:], written.logits[0, :-1]))
                rows.append(_picked(logits, probe))
        return rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Colocated:
    """vLLM in the trainer's process, driven by TRL (`vllm_mode="colocate"`)."""

    generation: Any  # the trainer's VLLMGeneration
    name: str = "vllm-colocate"

    def sync(self) -> None:
        """TRL's own transfer."""
        self.generation.sync_weights()

    def score(self, probes: Sequence[Probe]) -> Logprobs:
        """By `prompt_logprobs`; a sleeping engine is woken and reloaded as sampling would do it."""
        generation = self.generation
        if generation.enable_sleep_mode:
            if generation._llm_weights_sleeping:
                generation.sync_weights()
            generation.llm.wake_up(tags=["kv_cache"])
        rows = vllm_logprobs(generation.llm, probes)
        if generation.enable_sleep_mode:
            generation.llm.sleep(level=2)
            generation._llm_weights_sleeping = True
        return rows


@dataclass(frozen=True, kw_only=True, slots=True)
class UnslothFast:
    """unsloth's fast inference: a vLLM that shares the base weights and takes the adapter anew.

    unsloth hands the adapter to every call of its engine, so there is nothing to sync before.
    """

    model: Any  # with `load_lora` and `vllm_engine`
    name: str = "unsloth fast inference"

    def sync(self) -> None:
        """Nothing to do: see `score`."""

    def score(self, probes: Sequence[Probe]) -> Logprobs:
        """With the adapter's tensors of this moment."""
        adapter = self.model.load_lora("arcbench_canary", load_tensors=True)
        return vllm_adapter_logprobs(self.model.vllm_engine, probes, adapter)


def vllm_logprobs(llm: Any, probes: Sequence[Probe]) -> list[list[float]]:
    """Scores of probes by a vLLM `LLM` in this process, without adapters."""
    from vllm import SamplingParams

    prompts = [{"prompt_token_ids": list(p.prompt_ids + p.completion_ids)} for p in probes]
    asked = SamplingParams(prompt_logprobs=0, max_tokens=1, temperature=1.0)
    rows = []
    for probe, answer in zip(probes, llm.generate(prompts, asked, use_tqdm=False), strict=True):
        of_completion = answer.prompt_logprobs[len(probe.prompt_ids) :]
        tokens = zip(of_completion, probe.completion_ids, strict=True)
        rows.append([float(at[token].logprob) for at, token in tokens])
    return rows


def vllm_adapter_logprobs(llm: Any, probes: Sequence[Probe], adapter: Any) -> list[list[float]]:
    """The same under an adapter (a LoRARequest), from the first token after each beginning.

    Once an engine has an adapter, `prompt_logprobs` ends it.
    """
    from vllm import SamplingParams

    prompts, asked = [], []
    for probe in probes:
        for i, token in enumerate(probe.completion_ids):
            ids = list(probe.prompt_ids + probe.completion_ids[:i])
            prompts.append({"prompt_token_ids": ids})
            # Greedy: with other temperatures processed log-probabilities are not the model's.
            asked.append(SamplingParams(logprob_token_ids=[token], max_tokens=1, temperature=0.0))
    answers = iter(llm.generate(prompts, asked, use_tqdm=False, lora_request=adapter))
    return [
        [float(next(answers).outputs[0].logprobs[0][token].logprob) for token in p.completion_ids]
        for p in probes
    ]


class Scorer(Protocol):
    """The scoring side of a server: see `client.Client`."""

    def score(self, probes: Sequence[Probe], *, model: str | None = None) -> Logprobs:
        """Scores under a served model, or the only one."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class TrlServer:
    """`trl vllm-serve` with TRL's own weight transfer (`vllm_mode="server"`)."""

    generation: Any  # the trainer's VLLMGeneration
    client: Scorer
    name: str = "vllm-server"

    def sync(self) -> None:
        """TRL's own transfer."""
        self.generation.sync_weights()

    def score(self, probes: Sequence[Probe]) -> Logprobs:
        """Over HTTP."""
        return self.client.score(probes)


def trl_engine(trainer: Any) -> Engine:
    """The engine that a TRL trainer runs: vLLM in one of its ways, or its own model."""
    accelerator = trainer.accelerator
    generation = getattr(trainer, "vllm_generation", None)
    if generation is None:
        return InProcess(
            model=lambda: accelerator.unwrap_model(trainer.model), autocast=accelerator.autocast
        )
    if getattr(getattr(generation, "llm", None), "shared_weights", False):
        return UnslothFast(model=accelerator.unwrap_model(trainer.model))
    if generation.mode == "colocate":
        return Colocated(generation=generation)
    from arcbench.training.client import Client

    client = getattr(generation, "vllm_client", None)  # in the main process only
    return TrlServer(
        generation=generation, client=Client("" if client is None else client.base_url)
    )


def mend_stale_lora(trainer: Any) -> bool:
    """Keep TRL's server mode from sending base weights in place of merged ones; True if it did.

    TRL's walk over the merged weights takes the adapter out again before the last of them are
    packed and sent, and what it yields are views. Copies are sent instead. Nothing is done in other
    modes, without an adapter, or before TRL 1.14. Raises UserError where TRL has no such walk.
    """
    generation = getattr(trainer, "vllm_generation", None)
    if generation is None or generation.mode != "server":
        return False
    if not hasattr(trainer.model, "merge_adapter"):
        return False
    if _trl_version() < STALE_LORA_SINCE:
        return False
    walk = getattr(generation, "_iter_named_params", None)
    if walk is None:
        raise UserError(
            "this release of trl sends weights in another way than is known here, and with LoRA it "
            "may send stale ones: use trl 1.14, or the engine that loads adapters by name"
        )

    def copies() -> Iterator[tuple[str, Any]]:
        for name, tensor in walk():
            yield name, tensor.clone()

    generation._iter_named_params = copies
    return True


def _trl_version() -> tuple[int, ...]:
    from importlib.metadata import version

    return tuple(int(part) for part in version("trl").split(".")[:2])
