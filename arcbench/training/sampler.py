"""Writes the completions of a step, for TRL's `rollout_func`.

TRL's own generation would start a new turn after the assistant's prefix. These samplers hand token
ids to the engine, so that it continues the prefix, and draw from (seed, step).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from arcbench.policies.base import Completion, Message, SamplingConfig
from arcbench.policies.chat import ChatTokenizer, Job
from arcbench.policies.transformers import TransformersPolicy
from arcbench.training.config import TrainConfig, VllmColocate
from arcbench.training.processes import ALONE, Processes

Logprobs = list[list[float]] | None
Finished = Callable[[int, int, int, Completion], None]  # step, group, place within it


def not_awaited(_step: int, _group: int, _place: int, _completion: Completion) -> None:
    """For a sampler whose completions are taken all together."""


@dataclass(kw_only=True, slots=True)
class StepSampler:
    """Samples with the trainer's own weights; `rollout` is the function for TRL.

    A prompt is read once for all its completions. A resumed run draws what an unbroken one would
    have drawn, and several processes together what one alone would have.
    """

    config: TrainConfig
    tokenizer: Any
    shared_prefix: bool = True  # False: `generate`, where the model brings an attention of its own
    processes: Processes = ALONE
    finished: Finished = not_awaited  # told each completion while others are still being written
    # Of the latest step
    seconds: float = 0.0
    drawn_logprobs: Logprobs = None  # see `drawn_from`

    def rollout(self, prompts: Sequence[Sequence[Message]], trainer: Any) -> dict[str, Any]:
        """One completion for each prompt of this process; those of a group stand together."""
        started = time.perf_counter()
        jobs = self.jobs(prompts)
        completions = self.draw(jobs, trainer)
        self.drawn_logprobs = self.drawn_from(completions)
        self.seconds = time.perf_counter() - started
        return {
            "prompt_ids": [list(job.ids) for job in jobs for _ in range(job.count)],
            "completion_ids": [list(c.token_ids) for c in completions],
            "logprobs": self.for_trl(completions),
            # TRL hands what it does not know to the reward function.
            "sampled": completions,
        }

    def jobs(self, prompts: Sequence[Sequence[Message]]) -> list[Job]:
        """What this process draws: the places of its prompts among those of all processes."""
        size = self.config.grpo.num_generations
        if len(prompts) * self.processes.count % size:
            raise RuntimeError(
                f"{self.processes.count} × {len(prompts)} prompts are not whole groups of {size}"
            )
        chat = ChatTokenizer(self.tokenizer, self.config.policy.model)
        first = self.processes.rank * len(prompts)
        jobs: list[Job] = []
        for i, prompt in enumerate(prompts):
            group, place = divmod(first + i, size)
            if i == 0 or place == 0:
                ids = tuple(chat.ids(prompt))
                jobs.append(Job(prompt_index=group, first_sample=place, count=1, ids=ids))
            elif prompt != prompts[i - 1]:
                raise RuntimeError(f"prompt {i} is not that of its group {group}")
            else:
                jobs[-1] = replace(jobs[-1], count=jobs[-1].count + 1)
        return jobs

    def draw(self, jobs: Sequence[Job], trainer: Any) -> list[Completion]:
        """The completions that the jobs ask for, in order."""
        step = int(trainer.state.global_step) + 1
        model = trainer.accelerator.unwrap_model(trainer.model)
        trains = model.training
        policy = TransformersPolicy(
            model,
            self.tokenizer,
            name=self.config.policy.model,
            shared_prefix=self.shared_prefix,
        )
        with trainer.accelerator.autocast():
            drawn = {}
            for s in policy.stream_jobs(jobs, self.sampling(step)):
                drawn[s.prompt_index, s.sample_index] = s.completion
                self.finished(step, s.prompt_index, s.sample_index, s.completion)
        model.train(trains)
        return [
            drawn[job.prompt_index, job.first_sample + j] for job in jobs for j in range(job.count)
        ]

    def for_trl(self, completions: Sequence[Completion]) -> Logprobs:
        """None: the weights that sampled are those that learn, and TRL counts by itself.

        The recorded ones are at temperature 1, TRL's at that of the sampling.
        """
        return None

    def drawn_from(self, completions: Sequence[Completion]) -> Logprobs:
        """Log-probabilities under the distribution that was drawn from; None: not recorded.

        The recorded ones are the model's own: the same only at temperature 1 with nothing cut off.
        """
        s = self.config.sampling
        changed = (s.temperature, s.top_p, s.repetition_penalty) != (1, 1, 1) or s.top_k or s.min_p
        return None if changed else logprobs_of(completions)

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

    def draw(self, jobs: Sequence[Job], trainer: Any) -> list[Completion]:
        """The completions that the jobs ask for, in order."""
        generation, engine = trainer.vllm_generation, self.config.engine
        together = engine.tensor_parallel if isinstance(engine, VllmColocate) else 1
        prompts = [list(job.ids) for job in jobs for _ in range(job.count)]
        # The engines of a tensor-parallel group draw the completions of all its processes.
        first = self.processes.rank // together * together * len(prompts)
        seed = step_seed(self.config.seed, int(trainer.state.global_step) + 1)
        with _each_from_its_place(generation.llm, seed, first):
            _, tokens, logprobs, _ = generation.generate(
                prompts=prompts, images=None, num_generations=self.config.grpo.num_generations
            )
        chat = ChatTokenizer(self.tokenizer, self.config.policy.model)
        stops = set(trainer.eos_token_ids)
        return [
            # vLLM has no number for a token once in a while; TRL leaves it out of the correction.
            chat.completion(
                list(t),
                [float("nan") if at[0] is None else float(at[0]) for at in row],
                stopped=bool(t) and t[-1] in stops,
            )
            for t, row in zip(tokens, logprobs, strict=True)
        ]

    def for_trl(self, completions: Sequence[Completion]) -> Logprobs:
        """What the importance correction compares with the trainer's own."""
        return logprobs_of(completions)

    def drawn_from(self, completions: Sequence[Completion]) -> Logprobs:
        """Log-probabilities under the distribution that was drawn from."""
        return logprobs_of(completions)


def logprobs_of(completions: Sequence[Completion]) -> Logprobs:
    """The recorded log-probabilities, a row a completion."""
    return [list(c.logprobs) for c in completions]


def step_seed(seed: int, step: int) -> int:
    """The seed of a step's sampling."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])


def whole_groups(jobs: Sequence[Job]) -> list[Job]:
    """The jobs of all processes, in order, with those of one prompt made one."""
    whole: dict[int, Job] = {}
    for job in jobs:
        before = whole.get(job.prompt_index)
        count = job.count + (0 if before is None else before.count)
        whole[job.prompt_index] = replace(before or job, count=count)
    return list(whole.values())


@contextmanager
def _each_from_its_place(llm: Any, seed: int, first: int) -> Iterator[None]:
    """Let request i of a vLLM engine draw from (seed, first + i).

    TRL gives all requests the same parameters and the engine the seed of its process: every run
    would draw the same noise, and what is drawn would depend on how many processes draw.
    """
    generate = llm.generate

    def seeded(prompts: Sequence[Any], *, sampling_params: Any, **options: Any) -> Any:
        each = []
        for i in range(len(prompts)):
            own = sampling_params.clone()
            own.seed = int(np.random.SeedSequence([seed, first + i]).generate_state(1)[0])
            each.append(own)
        return generate(prompts, sampling_params=each, **options)

    llm.generate = seeded
    try:
        yield
    finally:
        llm.generate = generate
