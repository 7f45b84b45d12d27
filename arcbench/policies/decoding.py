"""Decoding loops over a transformers model: with a shared prefix, or with `generate`."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from arcbench.policies.base import SamplingConfig
from arcbench.policies.noise import uniform
from arcbench.policies.shared_prefix import (
    ATTENTION,
    Ids,
    Prefix,
    assign,
    joined,
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
# Blocks become one when that takes this part of the room that all prompts took.
JOIN_SHARE = 4


def generate_shared(
    model: Any,
    blocks: Sequence[Sequence["Job"]],
    config: SamplingConfig,
    stop_ids: frozenset[int],
    cancelled: Callable[[], bool],
) -> Iterator["Finished"]:
    """Sample all jobs together; yields each sample when it is finished.

    Neighbours in a block with the same prompt share it. The prompts of a block are padded to the
    longest of them; more blocks take longer for a token, and a pass through the model is for all.
    """
    import torch
    from transformers import DynamicCache

    register()
    before = model.config._attn_implementation
    model.set_attn_implementation(ATTENTION)
    try:
        with torch.inference_mode():
            yield from _run_shared(model, blocks, config, stop_ids, cancelled, DynamicCache)
    finally:
        model.set_attn_implementation(before)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Block:
    """Rows whose prompts are about as long."""

    prefix: Prefix
    first: int  # of its samples, which stand together
    end: int

    def alive(self, alive: Any) -> Any:
        """Those of the samples (ascending numbers) that are its own."""
        return alive[slice(*np.searchsorted(alive, (self.first, self.end)))]


def _still_held(
    blocks: Sequence[_Block], alive: Any, of_prompt: Any, most_cells: int, device: Any
) -> list[_Block]:
    """The blocks with the rows that are left; one where that takes no more than so many cells.

    Of the last rows a few are of each block, and each takes as long as if it had all its rows.
    """
    left = []
    for block in blocks:
        mine = block.alive(alive)
        if 0 < len(mine) < len(block.prefix.place):
            prefix = without_finished(block.prefix, of_prompt[mine], device)
            left.append(replace(block, prefix=prefix))
        elif len(mine):
            left.append(block)
    prompts = sum(len(block.prefix.numbers) for block in left)
    if len(left) > 1 and prompts * max(b.prefix.length for b in left) <= most_cells:
        prefix = joined([block.prefix for block in left], of_prompt[alive], device)
        return [_Block(prefix=prefix, first=left[0].first, end=left[-1].end)]
    return left


def _run_shared(
    model: Any,
    blocks: Sequence[Sequence["Job"]],
    config: SamplingConfig,
    stop_ids: frozenset[int],
    cancelled: Callable[[], bool],
    new_cache: Callable[[], Any],
) -> Iterator["Finished"]:
    import torch

    device = model.device
    every = [job for jobs in blocks for job in jobs]
    of_job = np.repeat(np.arange(len(every)), [job.count for job in every])  # (samples,)
    of_sample = np.concatenate([np.arange(job.count) for job in every])
    prompts: list[Ids] = []
    held: list[_Block] = []
    numbers, first_logits = [], []
    for jobs in blocks:
        ids = [ids for ids, _ in itertools.groupby(job.ids for job in jobs)]
        changes = [a.ids != b.ids for a, b in itertools.pairwise(jobs)]
        of_prompt = np.cumsum([len(prompts), *changes]).repeat([job.count for job in jobs])
        logits, prefix = read_prompts(model, ids, new_cache, len(prompts))
        assign(prefix, of_prompt, device)
        first_logits.append(logits[torch.from_numpy(of_prompt - len(prompts)).to(device)])
        first = held[-1].end if held else 0
        held.append(_Block(prefix=prefix, first=first, end=first + len(of_prompt)))
        numbers.append(of_prompt)
        prompts += ids
    of_prompt = np.concatenate(numbers)  # (samples,)
    most_cells = sum(len(b.prefix.numbers) * b.prefix.length for b in held) // JOIN_SHARE
    noise = _noise(every, config).to(device)  # (rows, steps)
    lengths = np.array([len(ids) for ids in prompts])
    position = torch.from_numpy(lengths[of_prompt]).to(device)  # (rows,)
    logits = torch.cat(first_logits)
    del first_logits
    seen = None  # (rows, vocabulary) tokens that the penalty is for
    if config.repetition_penalty != 1:
        seen = _tokens_of(prompts, logits.shape[-1]).to(device)
        seen = seen[torch.from_numpy(of_prompt).to(device)]
    cache = new_cache()
    ends = np.array(sorted(stop_ids), dtype=np.int64)
    tokens = np.zeros((len(of_job), config.max_new_tokens), dtype=np.int64)  # (samples, steps)
    logprobs = np.zeros(tokens.shape)
    alive = np.arange(len(of_job))  # the sample that each row of the batch holds
    done = np.zeros(len(of_job), dtype=bool)  # of the samples
    for step in range(config.max_new_tokens):
        if cancelled():
            return
        token, logprob = pick(logits, noise[:, step], config, seen)
        if seen is not None:
            seen.scatter_(1, token[:, None], True)
        drawn, sure = torch.stack((token.double(), logprob.double())).cpu().numpy()
        tokens[alive, step], logprobs[alive, step] = drawn, sure
        last = step == config.max_new_tokens - 1
        ended = alive[~done[alive] & (last | np.isin(tokens[alive, step], ends))]
        done[ended] = True
        written = zip(
            tokens[ended, : step + 1].tolist(), logprobs[ended, : step + 1].tolist(), strict=True
        )
        for sample, (its_tokens, its_logprobs) in zip(ended.tolist(), written, strict=True):
            yield every[of_job[sample]], int(of_sample[sample]), its_tokens, its_logprobs
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
            held = _still_held(held, alive, of_prompt, most_cells, device)
        out = model(
            input_ids=token[:, None],
            position_ids=(position + step)[:, None],
            past_key_values=cache,
            use_cache=True,
            shared_prefix=[block.prefix for block in held],
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


def _noise(jobs: Sequence["Job"], config: SamplingConfig) -> "Tensor":
    """Uniform numbers (rows, steps), from the seed and the indices of prompt and sample."""
    import torch

    counts = [job.count for job in jobs]
    prompts = np.repeat(np.array([job.prompt_index for job in jobs]), counts)
    samples = np.concatenate([np.array(job.numbers) for job in jobs])
    return torch.from_numpy(uniform(config.seed, prompts, samples, config.max_new_tokens))


def generate_plain(
    model: Any,
    blocks: Sequence[Sequence["Job"]],
    config: SamplingConfig,
    stop_ids: frozenset[int],
    cancelled: Callable[[], bool],
) -> Iterator["Finished"]:
    """The same with `model.generate`, for models whose attention is not plain; job by job."""
    import torch
    from transformers import LogitsProcessorList

    for job in itertools.chain(*blocks):
        if cancelled():
            return
        rows = job.count if config.temperature > 0 else 1
        ids = torch.tensor([job.ids], device=model.device).expand(rows, -1)
        noise = _noise([job], config).to(model.device)
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
