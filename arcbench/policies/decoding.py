"""Decoding loops over a transformers model: with a shared prefix, or with `generate`."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from arcbench.policies.base import SamplingConfig
from arcbench.policies.shared_prefix import (
    ATTENTION,
    Ids,
    assign,
    read_prompts,
    register,
    without_finished,
)

if TYPE_CHECKING:
    from torch import Tensor

    from arcbench.policies.chat import Job

    Finished = tuple[Job, int, list[int], list[float]]  # job, sample of it, tokens, log-probs

# Finished rows are dropped when they are this share, so that tensors are not cut at every step.
DROP_SHARE = 0.2


def generate_shared(
    model: Any,
    jobs: Sequence["Job"],
    config: SamplingConfig,
    stop_ids: frozenset[int],
    cancelled: Callable[[], bool],
) -> Iterator["Finished"]:
    """Sample all jobs together; yields each sample when it is finished.

    Neighbours with the same prompt share it.
    """
    import torch
    from transformers import DynamicCache

    register()
    before = model.config._attn_implementation
    model.set_attn_implementation(ATTENTION)
    try:
        with torch.inference_mode():
            yield from _run_shared(model, jobs, config, stop_ids, cancelled, DynamicCache)
    finally:
        model.set_attn_implementation(before)


def _run_shared(
    model: Any,
    jobs: Sequence["Job"],
    config: SamplingConfig,
    stop_ids: frozenset[int],
    cancelled: Callable[[], bool],
    new_cache: Callable[[], Any],
) -> Iterator["Finished"]:
    import torch

    device = model.device
    prompts = [ids for ids, _ in itertools.groupby(job.ids for job in jobs)]
    lengths = torch.tensor([len(ids) for ids in prompts])
    logits, prefix = read_prompts(model, prompts, new_cache)
    changes = [a.ids != b.ids for a, b in itertools.pairwise(jobs)]
    of_job = np.repeat(np.arange(len(jobs)), [job.count for job in jobs])  # (rows,)
    of_prompt = np.cumsum([0, *changes])[of_job]  # (rows,)
    of_sample = np.concatenate([np.arange(job.count) for job in jobs])
    noise = torch.from_numpy(_noise(jobs, config)).to(device)  # (rows, steps)
    position = lengths[of_prompt].to(device)  # (rows,)
    assign(prefix, of_prompt, device)
    index = torch.from_numpy(of_prompt).to(device)
    logits = logits[index]
    seen = None  # (rows, vocabulary) tokens that the penalty is for
    if config.repetition_penalty != 1:
        seen = _tokens_of(prompts, logits.shape[-1]).to(device)[index]
    cache = new_cache()
    tokens_of: list[list[int]] = [[] for _ in of_prompt]
    logprobs_of: list[list[float]] = [[] for _ in of_prompt]
    alive = np.arange(len(of_prompt))  # the sample that each row of the batch holds
    done = np.zeros(len(of_prompt), dtype=bool)  # of the samples
    for step in range(config.max_new_tokens):
        if cancelled():
            return
        token, logprob = pick(logits, noise[:, step], config, seen)
        if seen is not None:
            seen.scatter_(1, token[:, None], True)
        last = step == config.max_new_tokens - 1
        pairs = torch.stack((token.double(), logprob.double())).cpu().numpy()
        for row, sample in enumerate(alive):
            if done[sample]:
                continue
            drawn = int(pairs[0, row])
            tokens_of[sample].append(drawn)
            logprobs_of[sample].append(float(pairs[1, row]))
            if drawn in stop_ids or last:
                done[sample] = True
                job = jobs[of_job[sample]]
                yield job, int(of_sample[sample]), tokens_of[sample], logprobs_of[sample]
        finished = done[alive]
        if finished.all():
            return
        if finished.mean() >= DROP_SHARE:
            keep = np.flatnonzero(~finished)
            alive = alive[keep]
            index = torch.from_numpy(keep).to(device)
            token, noise, position = token[index], noise[index], position[index]
            seen = None if seen is None else seen[index]
            for layer in cache.layers:
                layer.keys, layer.values = layer.keys[index], layer.values[index]
            prefix = without_finished(prefix, of_prompt[alive], device)
        out = model(
            input_ids=token[:, None],
            position_ids=(position + step)[:, None],
            past_key_values=cache,
            use_cache=True,
            shared_prefix=prefix,
        )
        logits = out.logits[:, -1]


def _tokens_of(prompts: Sequence[Ids], vocabulary: int) -> "Tensor":
    """Which tokens each prompt has: (prompts, vocabulary) bool."""
    import torch

    found = torch.zeros((len(prompts), vocabulary), dtype=torch.bool)
    for row, ids in enumerate(prompts):
        found[row, list(ids)] = True
    return found


def pick(
    logits: "Tensor",
    noise: "Tensor",
    config: SamplingConfig,
    seen: "Tensor | None" = None,
) -> tuple["Tensor", "Tensor"]:
    """A token (rows,) for each row, by inverting the distribution at `noise` in [0, 1).

    `seen` (rows, vocabulary) are the tokens that the repetition penalty is for. The second value
    is its log-probability at temperature 1 before anything is cut off.
    """
    import torch

    logits = logits.float()
    logprobs = logits.log_softmax(-1)
    if seen is not None:
        penalty = config.repetition_penalty
        punished = torch.where(logits > 0, logits / penalty, logits * penalty)
        logits = torch.where(seen, punished, logits)
    if config.temperature == 0:
        token = logits.argmax(-1)
        return token, logprobs.gather(-1, token[:, None])[:, 0]
    probs = (logits / config.temperature).softmax(-1)
    if config.top_k and config.top_k < probs.shape[-1]:
        smallest = probs.topk(config.top_k, dim=-1).values[:, -1:]
        probs = probs.masked_fill(probs < smallest, 0.0)
        probs = probs / probs.sum(-1, keepdim=True)
    if config.top_p < 1:
        ordered, order = probs.sort(dim=-1, descending=True)
        # A token stays if those before it don't fill top_p: the first one always does.
        dropped = ordered.cumsum(-1) - ordered >= config.top_p
        probs = probs.scatter(-1, order, ordered.masked_fill(dropped, 0.0))
    if config.min_p:
        likeliest = probs.max(dim=-1, keepdim=True).values
        probs = probs.masked_fill(probs < config.min_p * likeliest, 0.0)
    edges = probs.cumsum(-1)
    # Just under the total, which rounding may leave a little above or below 1.
    aim = (noise.float() * (1 - 1e-6))[:, None] * edges[:, -1:]
    token = torch.searchsorted(edges, aim, right=True)[:, 0].clamp(max=probs.shape[-1] - 1)
    return token, logprobs.gather(-1, token[:, None])[:, 0]


def _noise(jobs: Sequence["Job"], config: SamplingConfig) -> Any:
    """Uniform numbers (rows, steps), from the seed and the indices of prompt and sample."""
    return np.concatenate(
        [
            np.stack(
                [
                    np.random.default_rng(
                        [config.seed, job.prompt_index, job.first_sample + j]
                    ).random(config.max_new_tokens, dtype=np.float32)
                    for j in range(job.count)
                ]
            )
            for job in jobs
        ]
    )


def generate_plain(
    model: Any,
    jobs: Sequence["Job"],
    config: SamplingConfig,
    stop_ids: frozenset[int],
    cancelled: Callable[[], bool],
) -> Iterator["Finished"]:
    """The same with `model.generate`, for models whose attention is not plain; job by job."""
    import torch
    from transformers import LogitsProcessorList

    for job in jobs:
        if cancelled():
            return
        rows = job.count if config.temperature > 0 else 1
        ids = torch.tensor([job.ids], device=model.device).expand(rows, -1)
        noise = torch.from_numpy(_noise([job], config)).to(model.device)
        with torch.inference_mode():
            out = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=config.max_new_tokens,
                do_sample=False,
                repetition_penalty=1.0,
                logits_processor=LogitsProcessorList([_picking(noise, config)]),
                eos_token_id=sorted(stop_ids) or None,
                pad_token_id=min(stop_ids, default=0),
                output_logits=True,
                return_dict_in_generate=True,
            )
        drawn = out.sequences[:, ids.shape[1] :]
        logits = torch.stack(out.logits, dim=1).float().log_softmax(-1)
        logprobs = logits.gather(-1, drawn[..., None])[..., 0].tolist()
        for j in range(job.count):
            row = j if len(drawn) > 1 else 0
            tokens = drawn[row].tolist()
            end = next((i + 1 for i, t in enumerate(tokens) if t in stop_ids), len(tokens))
            yield job, j, tokens[:end], logprobs[row][:end]


def _picking(noise: "Tensor", config: SamplingConfig) -> Any:
    """A processor that leaves `model.generate` the one token that `pick` takes.

    With `generate`'s own sampling the noise of a row would depend on the rows beside it.
    """
    import torch
    from transformers import LogitsProcessor

    class Picking(LogitsProcessor):  # type: ignore[misc]
        def __init__(self) -> None:
            self.step = 0

        def __call__(self, input_ids: Any, scores: Any) -> Any:
            seen = None
            if config.repetition_penalty != 1:
                seen = torch.zeros_like(scores, dtype=torch.bool).scatter_(1, input_ids, True)
            token, _ = pick(scores, noise[: len(scores), self.step], config, seen)
            self.step += 1
            return torch.full_like(scores, float("-inf")).scatter_(1, token[:, None], 0.0)

    return Picking()
