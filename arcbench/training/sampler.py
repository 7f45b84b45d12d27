"""Writes the completions of a step, for TRL's `rollout_func`.

TRL's own generation would start a new turn after the assistant's prefix. These samplers hand token
ids to the engine, so that it continues the prefix, and draw from (seed, step).
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from arcbench.policies.base import Completion, Message, SamplingConfig, sample
from arcbench.policies.chat import ChatTokenizer
from arcbench.policies.transformers import TransformersPolicy
from arcbench.training.config import TrainConfig

Logprobs = list[list[float]] | None


@dataclass(kw_only=True, slots=True)
class StepSampler:
    """Samples with the trainer's own weights; `rollout` is the function for TRL.

    A prompt is read once for all its completions, and a resumed run draws what an unbroken one
    would have drawn.
    """

    config: TrainConfig
    tokenizer: Any
    seconds: float = 0.0  # of the latest step

    def rollout(self, prompts: Sequence[Sequence[Message]], trainer: Any) -> dict[str, Any]:
        """One completion for each prompt; a group's prompts stand together and are equal."""
        started = time.perf_counter()
        size = self.config.grpo.num_generations
        firsts = prompts[::size]
        if len(prompts) % size or any(p != firsts[i // size] for i, p in enumerate(prompts)):
            raise RuntimeError(f"{len(prompts)} prompts are not whole groups of {size}")
        chat = ChatTokenizer(self.tokenizer, self.config.policy.model)
        ids = [chat.ids(messages) for messages in firsts]
        completions = self.draw(firsts, ids, trainer)
        self.seconds = time.perf_counter() - started
        return {
            "prompt_ids": [prompt for prompt in ids for _ in range(size)],
            "completion_ids": [list(c.token_ids) for c in completions],
            "logprobs": self.for_trl(completions),
            # TRL hands what it does not know to the reward function.
            "sampled": completions,
        }

    def draw(
        self, firsts: Sequence[Sequence[Message]], ids: Sequence[Sequence[int]], trainer: Any
    ) -> list[Completion]:
        """The completions of the prompts, group by group."""
        model = trainer.accelerator.unwrap_model(trainer.model)
        trains = model.training
        policy = TransformersPolicy(model, self.tokenizer, name=self.config.policy.model)
        with trainer.accelerator.autocast():
            groups = sample(policy, firsts, self.sampling(int(trainer.state.global_step) + 1))
        model.train(trains)
        return [c for group in groups for c in group]

    def for_trl(self, completions: Sequence[Completion]) -> Logprobs:
        """None: the weights that sampled are those that learn, and TRL counts by itself.

        The recorded ones are at temperature 1, TRL's at that of the sampling.
        """
        return None

    def sampling(self, step: int) -> SamplingConfig:
        """How the completions of a step are drawn."""
        s = self.config.sampling
        return SamplingConfig(
            n=self.config.grpo.num_generations,
            temperature=s.temperature,
            top_p=s.top_p,
            top_k=s.top_k,
            min_p=s.min_p,
            repetition_penalty=s.repetition_penalty,
            max_new_tokens=self.config.lengths.max_completion_tokens,
            seed=step_seed(self.config.seed, step),
        )


@dataclass(kw_only=True, slots=True)
class VllmSampler(StepSampler):
    """Samples with the vLLM that TRL drives; TRL has sent it the weights before `rollout`.

    The recorded log-probabilities are vLLM's, of the distribution that it really drew from.
    """

    def draw(
        self, firsts: Sequence[Sequence[Message]], ids: Sequence[Sequence[int]], trainer: Any
    ) -> list[Completion]:
        """The completions of the prompts, group by group."""
        size = self.config.grpo.num_generations
        step = int(trainer.state.global_step) + 1
        with _drawing_from(step_seed(self.config.seed, step), trainer.accelerator.device):
            _, tokens, logprobs, _ = trainer.vllm_generation.generate(
                prompts=[list(prompt) for prompt in ids for _ in range(size)],
                images=None,
                num_generations=size,
            )
        chat = ChatTokenizer(self.tokenizer, self.config.policy.model)
        stops = set(trainer.eos_token_ids)
        return [
            _completion(chat, list(t), logprob, stops)
            for t, logprob in zip(tokens, logprobs, strict=True)
        ]

    def for_trl(self, completions: Sequence[Completion]) -> Logprobs:
        """What the importance correction compares with the trainer's own."""
        return [list(c.logprobs) for c in completions]


def sampler_for(config: TrainConfig, tokenizer: Any) -> StepSampler:
    """The sampler of the run's engine."""
    kind = StepSampler if config.engine.kind == "transformers" else VllmSampler
    return kind(config=config, tokenizer=tokenizer)


def step_seed(seed: int, step: int) -> int:
    """The seed of a step's sampling."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])


@contextmanager
def _drawing_from(seed: int, device: Any) -> Iterator[None]:
    """Let vLLM in this process draw from `seed`, and give torch its own state back.

    TRL seeds the engine with the number of the process: every run would draw the same noise.
    """
    import torch

    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _completion(
    chat: ChatTokenizer,
    tokens: list[int],
    logprobs: Sequence[Sequence[float | None]],  # of the sampled token first
    stops: set[int],
) -> Completion:
    stopped = bool(tokens) and tokens[-1] in stops
    return Completion(
        text=chat.decode(tokens[:-1] if stopped else tokens),
        token_ids=tuple(tokens),
        # vLLM has no number for a token once in a while; TRL leaves it out of the correction.
        logprobs=tuple(float("nan") if at[0] is None else float(at[0]) for at in logprobs),
        finish_reason="stop" if stopped else "length",
    )
