"""Decoding loops over a transformers model: with a shared prefix, or with `generate`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from arcbench.policies.base import SamplingConfig

if TYPE_CHECKING:
    from torch import Tensor

    from arcbench.policies.chat import Job

    Finished = tuple[Job, int, list[int], list[float]]  # job, sample of it, tokens, log-probs

ATTENTION = "arcbench_shared_prefix"
# Finished rows are dropped when they are this share, so that tensors are not cut at every step.
DROP_SHARE = 0.2
# Prompts are read together if the shortest has this share of the longest's length. A CPU gains
# nothing by more rows, and without padding its attention leaves out what is masked.
ALIKE = {"cpu": 1.0, "cuda": 0.9}
# Of the mask of their attention: prompts · length · length.
MOST_READ = {"cpu": 3e7, "cuda": 4e8}


@dataclass(kw_only=True, slots=True)
class Prefix:
    """Keys and values of the prompts, and which rows of the batch belong to which prompt."""

    keys: list[Any]  # a layer: (prompts, kv heads, length, head_dim)
    values: list[Any]
    bias: Any  # (prompts, 1, 1, length) float: 0, or minus infinity on padding
    numbers: Any  # (prompts,) ascending: which prompts of the batch are still held
    rows: Any = None  # (prompts, slots) row of the batch in each slot; 0 where the slot is empty
    place: Any = None  # (rows,) prompt · slots + slot of each row


def generate_shared(
    model: Any,
    jobs: Sequence["Job"],
    config: SamplingConfig,
    stop_ids: frozenset[int],
    cancelled: Callable[[], bool],
) -> Iterator["Finished"]:
    """Sample all jobs together; yields each sample when it is finished."""
    import torch
    from transformers import DynamicCache

    _register()
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
    lengths = torch.tensor([len(job.ids) for job in jobs])
    logits, prefix = _read_prompts(model, jobs, new_cache)
    of_prompt = np.repeat(np.arange(len(jobs)), [job.count for job in jobs])  # (rows,)
    of_sample = np.concatenate([np.arange(job.count) for job in jobs])
    noise = torch.from_numpy(_noise(jobs, config)).to(device)  # (rows, steps)
    position = lengths[of_prompt].to(device)  # (rows,)
    _assign(prefix, of_prompt, device)
    index = torch.from_numpy(of_prompt).to(device)
    logits = logits[index]
    seen = None  # (rows, vocabulary) tokens that the penalty is for
    if config.repetition_penalty != 1:
        seen = _tokens_of(jobs, logits.shape[-1]).to(device)[index]
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
                job = jobs[of_prompt[sample]]
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
            prefix = _without_finished(prefix, of_prompt[alive], device)
        out = model(
            input_ids=token[:, None],
            position_ids=(position + step)[:, None],
            past_key_values=cache,
            use_cache=True,
            shared_prefix=prefix,
        )
        logits = out.logits[:, -1]


def _read_prompts(
    model: Any, jobs: Sequence["Job"], new_cache: Callable[[], Any]
) -> tuple["Tensor", Prefix]:
    """Logits (prompts, vocabulary) behind each prompt, and its keys and values.

    Prompts of about the same length are read together, and padded to that of all afterwards.
    """
    import torch

    longest = max(len(job.ids) for job in jobs)
    kind = "cuda" if model.device.type == "cuda" else "cpu"
    logits, caches, bias = [], [], []
    for group in _alike(jobs, ALIKE[kind], MOST_READ[kind]):
        caches.append(new_cache())
        last, mask = _read(model, group, caches[-1])
        logits.append(last)
        blocked = torch.zeros(mask.shape, device=model.device).masked_fill(~mask, float("-inf"))
        bias.append(_padded(blocked[:, None, None, :, None], longest, float("-inf"))[..., 0])
    keys, values = [], []
    for layers in zip(*(cache.layers for cache in caches), strict=True):
        keys.append(torch.cat([_padded(layer.keys, longest) for layer in layers]))
        values.append(torch.cat([_padded(layer.values, longest) for layer in layers]))
        for layer in layers:  # or the memory would be taken twice
            layer.keys = layer.values = None
    prefix = Prefix(keys=keys, values=values, bias=torch.cat(bias), numbers=np.arange(len(jobs)))
    return torch.cat(logits), prefix


def _alike(jobs: Sequence["Job"], share: float, most: float) -> Iterator[list["Job"]]:
    """Neighbours of about the same length: the shortest has this share of the longest's."""
    group: list[Job] = []
    for job in jobs:
        lengths = [len(j.ids) for j in (*group, job)]
        if group and (
            min(lengths) < share * max(lengths) or len(lengths) * max(lengths) ** 2 > most
        ):
            yield group
            group = []
        group.append(job)
    yield group


def _padded(found: "Tensor", length: int, value: float = 0.0) -> "Tensor":
    """With positions added on the left, in the dimension before the last."""
    import torch

    missing = length - found.shape[-2]
    return torch.nn.functional.pad(found, (0, 0, missing, 0), value=value) if missing else found


def _read(model: Any, jobs: Sequence["Job"], cache: Any) -> tuple["Tensor", "Tensor"]:
    """Logits (prompts, vocabulary) behind each prompt, and where in the `cache` its tokens are."""
    import torch

    longest = max(len(job.ids) for job in jobs)
    ids = torch.zeros((len(jobs), longest), dtype=torch.long)
    mask = torch.zeros((len(jobs), longest), dtype=torch.bool)
    for row, job in enumerate(jobs):
        ids[row, longest - len(job.ids) :] = torch.tensor(job.ids)
        mask[row, longest - len(job.ids) :] = True
    mask = mask.to(model.device)
    out = model(
        input_ids=ids.to(model.device),
        # Without padding a causal mask need not be made at all.
        attention_mask=None if bool(mask.all()) else mask.long(),
        position_ids=(mask.long().cumsum(-1) - 1).clamp(min=0),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return out.logits[:, -1], mask


def _tokens_of(jobs: Sequence["Job"], vocabulary: int) -> "Tensor":
    """Which tokens each prompt has: (prompts, vocabulary) bool."""
    import torch

    found = torch.zeros((len(jobs), vocabulary), dtype=torch.bool)
    for row, job in enumerate(jobs):
        found[row, list(job.ids)] = True
    return found


def _assign(prefix: Prefix, of_prompt: Any, device: Any) -> None:
    """Give each row of the batch a slot of its prompt; `of_prompt` is sorted."""
    import torch

    counts = np.bincount(of_prompt, minlength=len(prefix.bias))
    slots = int(counts.max())
    slot = np.arange(len(of_prompt)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = of_prompt * slots + slot
    rows = np.zeros(len(counts) * slots, dtype=np.int64)
    rows[place] = np.arange(len(of_prompt))
    prefix.rows = torch.from_numpy(rows.reshape(len(counts), slots)).to(device)
    prefix.place = torch.from_numpy(place).to(device)


def _without_finished(prefix: Prefix, of_prompt: Any, device: Any) -> Prefix:
    """The prefix for the rows that are left; prompts without any are dropped.

    `of_prompt` (rows,) numbers the prompts as they were when the batch began.
    """
    import torch

    left, renumbered = np.unique(of_prompt, return_inverse=True)
    if len(left) < len(prefix.numbers):
        index = torch.from_numpy(np.searchsorted(prefix.numbers, left)).to(device)
        prefix = Prefix(
            keys=[k[index] for k in prefix.keys],
            values=[v[index] for v in prefix.values],
            bias=prefix.bias[index],
            numbers=left,
        )
    _assign(prefix, renumbered, device)
    return prefix


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


def _register() -> None:
    """Make the attention known to transformers; doing it again changes nothing."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(ATTENTION, _attention)
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)


def _attention(
    module: Any,
    query: "Tensor",  # (rows, heads, 1, head_dim)
    key: "Tensor",  # (rows, kv heads, new tokens, head_dim)
    value: "Tensor",
    attention_mask: Any,
    *,
    scaling: float,
    shared_prefix: Prefix | None = None,
    **kwargs: Any,
) -> tuple["Tensor", None]:
    """Attention over the prompt, once for all its rows, joined with that over the new tokens."""
    import torch

    if shared_prefix is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        out = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **kwargs
        )
        return out[0], None
    prefix = shared_prefix
    rows, heads, _, width = query.shape
    kv_heads = key.shape[1]
    groups = heads // kv_heads
    prompts, slots = prefix.rows.shape
    grouped = query.view(rows, kv_heads, groups, width)
    asked = grouped[prefix.rows].transpose(1, 2).reshape(prompts, kv_heads, slots * groups, width)
    scores = (asked @ prefix.keys[module.layer_idx].transpose(-1, -2)).float().mul_(scaling)
    # weights: (prompts, kv heads, slots · groups)
    old, weight_old = _attended(scores.add_(prefix.bias), prefix.values[module.layer_idx])
    old = old.view(prompts, kv_heads, slots, groups, width).transpose(1, 2)
    old = old.reshape(prompts * slots, kv_heads, groups, width)[prefix.place]
    weight_old = weight_old.view(prompts, kv_heads, slots, groups).transpose(1, 2)
    weight_old = weight_old.reshape(prompts * slots, kv_heads, groups)[prefix.place]

    scores = (
        (grouped @ key.transpose(-1, -2)).float().mul_(scaling)
    )  # (rows, kv heads, groups, new)
    new, weight_new = _attended(scores, value)
    share = torch.sigmoid(weight_old - weight_new)[..., None].to(query.dtype)
    mixed = share * old + (1 - share) * new
    return mixed.reshape(rows, 1, heads, width), None


def _attended(scores: "Tensor", values: "Tensor") -> tuple["Tensor", "Tensor"]:
    """The mean of the values by the softmax of the scores, and the scores' logsumexp.

    The scores are overwritten: on a CPU their exponentials take most of the time.
    """
    top = scores.amax(-1, keepdim=True)
    weights = scores.sub_(top).exp_()
    total = weights.sum(-1, keepdim=True)
    mean = (weights.to(values.dtype) @ values) / total.to(values.dtype)
    return mean, (top + total.log())[..., 0]


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
