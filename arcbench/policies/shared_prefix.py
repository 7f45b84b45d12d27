"""Prompts read once for all their samples: their keys and values, and the attention to them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import frexp
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Ids = Sequence[int]
ATTENTION = "arcbench_shared_prefix"
# Prompts are read together if the shortest has this share of the longest's length. A CPU gains
# nothing by more rows, and without padding its attention leaves out what is masked.
ALIKE = {"cpu": 1.0, "cuda": 0.9}
# Of the mask of their attention: prompts · length · length.
MOST_READ = {"cpu": 3e7, "cuda": 4e8}


@dataclass(kw_only=True, slots=True)
class Prefix:
    """Keys and values of prompts of about the same length, and which rows belong to which of them.

    Rows are numbered within those that it is for, prompts within the batch.
    """

    keys: list[Any]  # a layer: (prompts, kv heads, length, head_dim)
    values: list[Any]
    bias: Any  # (prompts, 1, 1, length) float: 0, or minus infinity on padding
    numbers: Any  # (prompts,) ascending: which prompts of the batch are held
    rows: Any = None  # (prompts, slots) the row in each slot; 0 where the slot is empty
    place: Any = None  # (rows,) prompt · slots + slot of each row

    @property
    def length(self) -> int:
        """Tokens of the longest prompt that it was made for."""
        return int(self.bias.shape[-1])


def read_prompts(
    model: Any, prompts: Sequence[Ids], new_cache: Callable[[], Any], first: int = 0
) -> tuple["Tensor", Prefix]:
    """Logits (prompts, vocabulary) behind each prompt, and its keys and values.

    The prompts are numbered from `first`.
    Prompts of about the same length are read together, and padded to that of all afterwards.
    """
    import torch

    longest = max(len(ids) for ids in prompts)
    kind = "cuda" if model.device.type == "cuda" else "cpu"
    logits, caches, bias = [], [], []
    for group in _alike(prompts, ALIKE[kind], MOST_READ[kind]):
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
    numbers = np.arange(first, first + len(prompts))
    return torch.cat(logits), Prefix(
        keys=keys, values=values, bias=torch.cat(bias), numbers=numbers
    )


def _alike(prompts: Sequence[Ids], share: float, most: float) -> Iterator[list[Ids]]:
    """Neighbours of about the same length: the shortest has this share of the longest's."""
    group: list[Ids] = []
    for prompt in prompts:
        lengths = [len(ids) for ids in (*group, prompt)]
        if group and (
            min(lengths) < share * max(lengths) or len(lengths) * max(lengths) ** 2 > most
        ):
            yield group
            group = []
        group.append(prompt)
    yield group


def _padded(found: "Tensor", length: int, value: float = 0.0) -> "Tensor":
    """With positions added on the left, in the dimension before the last."""
    import torch

    missing = length - found.shape[-2]
    return torch.nn.functional.pad(found, (0, 0, missing, 0), value=value) if missing else found


def _read(model: Any, prompts: Sequence[Ids], cache: Any) -> tuple["Tensor", "Tensor"]:
    """Logits (prompts, vocabulary) behind each prompt, and where in the `cache` its tokens are."""
    import torch

    longest = max(len(prompt) for prompt in prompts)
    ids = torch.zeros((len(prompts), longest), dtype=torch.long)
    mask = torch.zeros((len(prompts), longest), dtype=torch.bool)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = True
    padded = not bool(mask.all())  # asked here, where a GPU need not be waited for
    mask = mask.to(model.device)
    out = model(
        input_ids=ids.to(model.device),
        # Without padding a causal mask need not be made at all.
        attention_mask=mask.long() if padded else None,
        position_ids=(mask.long().cumsum(-1) - 1).clamp(min=0),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return out.logits[:, -1], mask


def assign(prefix: Prefix, of_prompt: Any, device: Any) -> None:
    """Give each row a slot of its prompt; `of_prompt` (rows,) is sorted, no other prompt held."""
    import torch

    of_prompt = np.searchsorted(prefix.numbers, of_prompt)
    counts = np.bincount(of_prompt, minlength=len(prefix.bias))
    slots = int(counts.max())
    slot = np.arange(len(of_prompt)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = of_prompt * slots + slot
    rows = np.zeros(len(counts) * slots, dtype=np.int64)
    rows[place] = np.arange(len(of_prompt))
    prefix.rows = torch.from_numpy(rows.reshape(len(counts), slots)).to(device)
    prefix.place = torch.from_numpy(place).to(device)


def without_finished(prefix: Prefix, of_prompt: Any, device: Any) -> Prefix:
    """The prefix for the rows that are left, of the prompts `of_prompt`; others are dropped."""
    import torch

    left = np.unique(of_prompt)
    if len(left) < len(prefix.numbers):
        index = torch.from_numpy(np.searchsorted(prefix.numbers, left)).to(device)
        prefix = Prefix(
            keys=[k[index] for k in prefix.keys],
            values=[v[index] for v in prefix.values],
            bias=prefix.bias[index],
            numbers=left,
        )
    assign(prefix, of_prompt, device)
    return prefix


def joined(prefixes: Sequence[Prefix], of_prompt: Any, device: Any) -> Prefix:
    """One for all their rows, whose prompts are `of_prompt`, padded to the longest of them."""
    import torch

    longest = max(prefix.length for prefix in prefixes)
    pad = torch.nn.functional.pad
    whole = Prefix(
        keys=[
            torch.cat([_padded(keys, longest) for keys in layer])
            for layer in zip(*(prefix.keys for prefix in prefixes), strict=True)
        ],
        values=[
            torch.cat([_padded(values, longest) for values in layer])
            for layer in zip(*(prefix.values for prefix in prefixes), strict=True)
        ],
        bias=torch.cat(
            [pad(p.bias, (longest - p.length, 0), value=float("-inf")) for p in prefixes]
        ),
        numbers=np.concatenate([prefix.numbers for prefix in prefixes]),
    )
    assign(whole, of_prompt, device)
    return whole


def register() -> None:
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
    shared_prefix: Sequence[Prefix] = (),
    **kwargs: Any,
) -> tuple["Tensor", None]:
    """Attention over the prompt, once for all its rows, joined with that over the new tokens.

    The rows stand in the order of the prefixes that they are for.
    """
    import torch

    if not shared_prefix:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        out = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **kwargs
        )
        return out[0], None
    rows, heads, _, width = query.shape
    kv_heads = key.shape[1]
    if frexp(scaling)[0] == 0.5:  # exact for a power of two, and fewer numbers than the scores
        query, scaling = query * scaling, 1.0
    grouped = query.view(rows, kv_heads, heads // kv_heads, width)
    parts, at = [], 0
    for prefix in shared_prefix:
        mine = grouped[at : at + len(prefix.place)]
        parts.append(_over_prompts(prefix, mine, module.layer_idx, scaling))
        at += len(prefix.place)
    old, weight_old = parts[0]
    if len(parts) > 1:
        old, weight_old = (torch.cat(found) for found in zip(*parts, strict=True))
    new, weight_new = _attended(_scores(grouped, key, scaling), value)  # (rows, kv heads, groups)
    share = torch.sigmoid(weight_old - weight_new)[..., None].to(query.dtype)
    mixed = share * old + (1 - share) * new
    return mixed.reshape(rows, 1, heads, width), None


def _over_prompts(
    prefix: Prefix, asked: "Tensor", layer: int, scaling: float
) -> tuple["Tensor", "Tensor"]:
    """What rows (rows, kv heads, groups, head_dim) find in their prompts, and its weight."""
    _, kv_heads, groups, width = asked.shape
    prompts, slots = prefix.rows.shape
    asked = asked[prefix.rows].transpose(1, 2).reshape(prompts, kv_heads, slots * groups, width)
    scores = _scores(asked, prefix.keys[layer], scaling)
    # weights: (prompts, kv heads, slots · groups)
    found, weights = _attended(scores.add_(prefix.bias), prefix.values[layer])
    found = found.view(prompts, kv_heads, slots, groups, width).transpose(1, 2)
    found = found.reshape(prompts * slots, kv_heads, groups, width)[prefix.place]
    weights = weights.view(prompts, kv_heads, slots, groups).transpose(1, 2)
    return found, weights.reshape(prompts * slots, kv_heads, groups)[prefix.place]


def _scores(query: "Tensor", keys: "Tensor", scaling: float) -> "Tensor":
    scores = (query @ keys.transpose(-1, -2)).float()
    return scores if scaling == 1 else scores.mul_(scaling)


def _attended(scores: "Tensor", values: "Tensor") -> tuple["Tensor", "Tensor"]:
    """The mean of the values by the softmax of the scores, and the scores' logsumexp.

    The scores are overwritten: on a CPU their exponentials take most of the time.
    """
    top = scores.amax(-1, keepdim=True)
    weights = scores.sub_(top).exp_()
    total = weights.sum(-1, keepdim=True)
    mean = (weights.to(values.dtype) @ values) / total.to(values.dtype)
    return mean, (top + total.log())[..., 0]
