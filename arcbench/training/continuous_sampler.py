"""Samples with transformers' continuous batching: paged attention, a row freed as it finishes."""

from collections.abc import Sequence
from typing import Any

from arcbench.policies.base import Completion
from arcbench.policies.chat import ChatTokenizer, Job
from arcbench.training.sampler import Logprobs, StepSampler, logprobs_of

CACHE_SHARE = 0.5  # of the memory that is free, for keys and values; the rest is to train
_SEEDS = 2**31


class ContinuousSampler(StepSampler):
    """Samples with the trainer's own weights, whatever their attention; as TRL does it.

    The recorded log-probabilities are of the distribution that it drew from. Unlike TRL it leaves
    the precision of the trained weights alone.
    """

    __slots__ = ()

    def draw(self, jobs: Sequence[Job], trainer: Any) -> list[Completion]:
        """The completions that the jobs ask for, in order."""
        import torch
        from transformers.generation import ContinuousBatchingConfig

        model = trainer.accelerator.unwrap_model(trainer.model)
        sampling = self.sampling(int(trainer.state.global_step) + 1)
        batching = ContinuousBatchingConfig(
            max_memory_percent=CACHE_SHARE,
            return_logprobs=True,
            seed=(sampling.seed + self.processes.rank) % _SEEDS,
        )
        trains = model.training
        attention = model.config._attn_implementation
        model.eval()
        with torch.no_grad():
            found = model.generate_batch(
                [list(job.ids) for job in jobs for _ in range(job.count)],
                generation_config=trainer.generation_config,
                continuous_batching_config=batching,
                progress_bar=False,
            )
        model.train(trains)
        model.set_attn_implementation(attention)
        asked = sum(job.count for job in jobs)
        problems = {str(out.error) for out in found.values() if out.error}
        if problems or len(found) != asked:
            raise RuntimeError(f"{len(found)} of {asked} completions were written: {problems}")
        chat = ChatTokenizer(self.tokenizer, self.config.policy.model)
        stops = set(trainer.eos_token_ids)
        written = [(out.generated_tokens, out.logprobs) for out in found.values()]
        return [
            chat.completion(tokens, logprobs, stopped=bool(tokens) and tokens[-1] in stops)
            for tokens, logprobs in written
        ]

    def drawn_from(self, completions: Sequence[Completion]) -> Logprobs:
        """Log-probabilities under the distribution that was drawn from."""
        return logprobs_of(completions)
