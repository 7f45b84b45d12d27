"""Samples the completions of a training step from one or several vLLM servers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from arcbench.policies.base import Completion, SamplingConfig
from arcbench.policies.chat import ChatTokenizer, Job
from arcbench.training.client import Client, Written, gather
from arcbench.training.sampler import (
    Logprobs,
    StepSampler,
    logprobs_of,
    whole_groups,
)

_SEEDS = 2**31  # that a server takes


def complete(
    clients: Sequence[Client],
    prompts: Sequence[Sequence[int]],
    sampling: SamplingConfig,
    *,
    model: str,
) -> list[list[Written]]:
    """`sampling.n` completions of each prompt; every server writes a part of each group.

    `model` is the base model's or an adapter's name. Each part has a seed of its own.
    """
    calls, owners = [], []
    servers = len(clients)
    for p, ids in enumerate(prompts):
        for s, client in enumerate(clients):
            # The first server of a prompt changes, so that none gets all the odd ones.
            count = sampling.n // servers + ((s - p) % servers < sampling.n % servers)
            if count:
                part = replace(sampling, n=count)
                seed = (sampling.seed + 7919 * p + 104_729 * s) % _SEEDS
                calls.append((client, partial(client.complete, ids, part, model=model, seed=seed)))
                owners.append(p)
    groups: list[list[Written]] = [[] for _ in prompts]
    for p, written in zip(owners, gather(calls), strict=True):
        groups[p].extend(written)
    return groups


@dataclass(kw_only=True, slots=True)
class ServerSampler(StepSampler):
    """Samples from servers that TRL has given the weights before `rollout`.

    The recorded log-probabilities are the servers', of the distribution that they drew from.
    """

    clients: Sequence[Client]
    served: Callable[[], str]  # the name of what to sample

    def draw(self, jobs: Sequence[Job], trainer: Any) -> list[Completion]:
        """The completions that the jobs ask for, in order; the main process asks for all."""
        sampling = self.sampling(int(trainer.state.global_step) + 1)
        chat = ChatTokenizer(self.tokenizer, self.config.policy.model)
        whole = whole_groups([job for share in self.processes.gather(jobs) for job in share])
        groups = self.processes.from_main(
            lambda: complete(
                self.clients, [job.ids for job in whole], sampling, model=self.served()
            )
        )
        drawn = {
            (job.prompt_index, j): w
            for job, g in zip(whole, groups, strict=True)
            for j, w in enumerate(g)
        }
        own = [
            drawn[job.prompt_index, job.first_sample + j] for job in jobs for j in range(job.count)
        ]
        return [
            chat.completion(w.token_ids, w.logprobs, stopped=w.finish_reason == "stop") for w in own
        ]

    def for_trl(self, completions: Sequence[Completion]) -> Logprobs:
        """What the importance correction compares with the trainer's own."""
        return logprobs_of(completions)

    def drawn_from(self, completions: Sequence[Completion]) -> Logprobs:
        """Log-probabilities under the distribution that was drawn from."""
        return logprobs_of(completions)
