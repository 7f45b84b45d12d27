"""Writes the completions of a step with the trainer's own weights, for TRL's `rollout_func`.

TRL's own generation would start a new turn after the assistant's prefix, read every prompt once
for each of its completions, and draw from torch's global state. This one continues the prefix,
reads a prompt once, and draws from (seed, step), so that a resumed run draws what an unbroken one
would have drawn.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arcbench.policies.base import Message, SamplingConfig, sample
from arcbench.policies.transformers import TransformersPolicy
from arcbench.training.config import TrainConfig


@dataclass(kw_only=True, slots=True)
class StepSampler:
    """`rollout` is the function for TRL."""

    config: TrainConfig
    tokenizer: Any
    seconds: float = 0.0  # of the latest step

    def rollout(self, prompts: Sequence[Sequence[Message]], trainer: Any) -> dict[str, list[Any]]:
        """One completion for each prompt; a group's prompts stand together and are equal."""
        started = time.perf_counter()
        size = self.config.grpo.num_generations
        firsts = prompts[::size]
        if len(prompts) % size or any(p != firsts[i // size] for i, p in enumerate(prompts)):
            raise RuntimeError(f"{len(prompts)} prompts are not whole groups of {size}")
        model = trainer.accelerator.unwrap_model(trainer.model)
        trains = model.training
        policy = TransformersPolicy(model, self.tokenizer, name=self.config.policy.model)
        with trainer.accelerator.autocast():
            groups = sample(policy, firsts, self._sampling(int(trainer.state.global_step) + 1))
        model.train(trains)
        completions = [c for group in groups for c in group]
        ids = [policy.chat.ids(messages) for messages in firsts]
        self.seconds = time.perf_counter() - started
        return {
            "prompt_ids": [prompt for prompt in ids for _ in range(size)],
            "completion_ids": [list(c.token_ids) for c in completions],
            "logprobs": [list(c.logprobs) for c in completions],
            # TRL hands what it does not know to the reward function.
            "sampled": completions,
        }

    def _sampling(self, step: int) -> SamplingConfig:
        s = self.config.sampling
        return SamplingConfig(
            n=self.config.grpo.num_generations,
            temperature=s.temperature,
            top_p=s.top_p,
            top_k=s.top_k,
            max_new_tokens=self.config.lengths.max_completion_tokens,
            seed=int(np.random.SeedSequence([self.config.seed, step]).generate_state(1)[0]),
        )
