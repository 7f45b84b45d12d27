"""What a policy is: something that continues chat messages, many times over."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Literal, Protocol, TypedDict

import numpy as np

from arcbench.errors import UserError


class Message(TypedDict):
    """One turn of a chat. A last turn of the assistant is a prefix that the policy continues."""

    role: Literal["system", "user", "assistant"]
    content: str


FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """What a policy wrote: the text after the prompt (and after the assistant's prefix)."""

    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()  # of each sampled token; empty where the policy has none
    finish_reason: FinishReason = "stop"
    token_texts: tuple[str, ...] = ()  # of each token; empty where only a tokenizer knows

    @property
    def truncated(self) -> bool:
        """Whether the length limit cut it."""
        return self.finish_reason == "length"

    @property
    def logprob_sum(self) -> float | None:
        """Of the whole completion in nats; None without log-probabilities.

        A token for which an engine had no number (nan) counts in none of the three.
        """
        known = self._known()
        return sum(known) if known else None

    @property
    def logprob_mean(self) -> float | None:
        """Mean of a token."""
        known = self._known()
        return sum(known) / len(known) if known else None

    @property
    def logprob_min(self) -> float | None:
        """Of the token that the policy was least sure of."""
        return min(self._known(), default=None)

    def _known(self) -> Sequence[float]:
        if not isnan(sum(self.logprobs)):
            return self.logprobs
        return [x for x in self.logprobs if not isnan(x)]


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingConfig:
    """How completions are drawn."""

    n: int = 8  # completions a prompt
    temperature: float = 0.8  # as BARC's models are sampled; 0 is greedy
    top_p: float = 1.0
    top_k: int = 0  # 0: off
    min_p: float = 0.0  # share of the likeliest token's probability; 0: off
    repetition_penalty: float = 1.0  # on tokens of the prompt and of the completion; 1: off
    max_new_tokens: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n < 1:
            raise UserError(f"SamplingConfig.n must be at least 1, not {self.n}")
        if self.temperature < 0:
            raise UserError(f"SamplingConfig.temperature must be >= 0, not {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise UserError(f"SamplingConfig.top_p must be in (0, 1], not {self.top_p}")
        if self.top_k < 0:
            raise UserError(f"SamplingConfig.top_k must be >= 0, not {self.top_k}")
        if not 0 <= self.min_p < 1:
            raise UserError(f"SamplingConfig.min_p must be in [0, 1), not {self.min_p}")
        if self.repetition_penalty <= 0:
            raise UserError(
                f"SamplingConfig.repetition_penalty must be positive, not {self.repetition_penalty}"
            )
        if self.max_new_tokens < 1:
            raise UserError(f"max_new_tokens must be at least 1, not {self.max_new_tokens}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampled:
    """One completion and which prompt, and which of its n samples, it is."""

    prompt_index: int
    sample_index: int
    completion: Completion


@dataclass(frozen=True, kw_only=True, slots=True)
class Samples:
    """Which samples of which prompt. The two numbers choose the noise of a sample, so that what is
    drawn depends neither on what else is asked nor on how often a sampling was broken off.
    """

    prompt_index: int
    first_sample: int = 0
    count: int = 1

    @property
    def numbers(self) -> range:
        """The samples' own numbers."""
        return range(self.first_sample, self.first_sample + self.count)

    def seed(self, seed: int) -> int:
        """The seed under 2**31 of the first of them, for engines that take one a sample.

        That of the next is higher by one: vLLM draws choice j of a request with seed s from s + j,
        so that a sample has the same seed whichever samples it is asked together with.
        """
        base = int(np.random.SeedSequence([seed, self.prompt_index]).generate_state(1)[0])
        return (base + self.first_sample) % 2**31


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask(Samples):
    """Samples that are wanted of a prompt."""

    messages: Sequence[Message]


class Policy(Protocol):
    """A model that can be sampled; its libraries are loaded when it is built, not imported."""

    @property
    def name(self) -> str:
        """What the policy is called in run folders and tables."""
        ...

    def stream(
        self, prompts: Sequence[Sequence[Message]], config: SamplingConfig
    ) -> Iterator[Sampled]:
        """Yield `config.n` completions of every prompt, each as soon as it is finished."""
        ...

    def stream_asks(self, asks: Sequence[Ask], config: SamplingConfig) -> Iterator[Sampled]:
        """Yield what is asked for, each as soon as it is finished; `config.n` counts for nothing.

        Closing the iterator ends the sampling soon.
        """
        ...

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Length of the prompt in tokens, chat template included."""
        ...


class Asked(ABC):
    """What policies share: the streaming of whole prompts by that of asks."""

    @abstractmethod
    def stream_asks(self, asks: Sequence[Ask], config: SamplingConfig) -> Iterator[Sampled]:
        """As `Policy.stream_asks`."""

    def stream(
        self, prompts: Sequence[Sequence[Message]], config: SamplingConfig
    ) -> Iterator[Sampled]:
        """Yield `config.n` completions of every prompt, each as soon as it is finished."""
        asks = [Ask(prompt_index=i, count=config.n, messages=p) for i, p in enumerate(prompts)]
        return self.stream_asks(asks, config)


def sample(
    policy: Policy, prompts: Sequence[Sequence[Message]], config: SamplingConfig
) -> list[list[Completion]]:
    """All completions, `config.n` for each prompt, in order."""
    found: list[list[Completion | None]] = [[None] * config.n for _ in prompts]
    for s in policy.stream(prompts, config):
        found[s.prompt_index][s.sample_index] = s.completion
    missing = sum(c is None for row in found for c in row)
    if missing:
        raise RuntimeError(f"policy {policy.name} left out {missing} completions")
    return [[c for c in row if c is not None] for row in found]
