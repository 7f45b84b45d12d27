"""Whether a run fits a card, and the first change that makes it fit."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from arcbench.errors import UserError
from arcbench.training.memory import (
    GB,
    HALF,
    MemoryPlan,
    MemorySetup,
    ModelShape,
    frozen_bytes,
    plan,
)

# Activations of vLLM's trial pass and its CUDA graphs: an estimate for an 8B model.
VLLM_WORKSPACE = 1_500_000_000
# Shapes that are needed before a model is here; the values are of its config.json.
LLAMA_3_1_8B = ModelShape(
    vocab=128_256,
    hidden=4096,
    layers=32,
    heads=32,
    kv_heads=8,
    head_dim=128,
    intermediate=14_336,
    positions=131_072,
)
KNOWN = {
    "llama-3.1-8b": LLAMA_3_1_8B,
    "barc": LLAMA_3_1_8B,
    "barc0/Llama-3.1-ARC-Potpourri-Induction-8B": LLAMA_3_1_8B,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Something that a run could do otherwise, and its plan then."""

    what: str
    plan: MemoryPlan


def model_shape(policy: str) -> ModelShape:
    """The shape of a policy by its name: embedded, a folder, or a hub id that is here or known.

    UserError if its config is not here.
    """
    if policy in KNOWN:
        return KNOWN[policy]
    from arcbench.policies import model_path

    path = Path(model_path(policy)) / "config.json"
    if not path.is_file():
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(policy, "config.json")
        if not isinstance(cached, str):
            raise UserError(
                f"the config of {policy} is not in the hub's cache: load the model once, or name "
                f"a folder or one of: {', '.join(KNOWN)}"
            )
        path = Path(cached)
    return ModelShape.from_config(json.loads(path.read_text(encoding="utf-8")))


def engine_sequences(found: MemoryPlan) -> int | None:
    """How many of the longest sequences a colocated vLLM can hold at once; None without one.

    Its share of the card has its own copy of the weights, its workspace and the cache.
    """
    setup = found.setup
    if setup.engine != "vllm-colocate":
        return None
    share = setup.utilization * found.card_bytes
    weights = frozen_bytes(setup) if setup.unsloth else setup.shape.weights * HALF
    cache = share - weights - VLLM_WORKSPACE
    return max(0, int(cache // (setup.length * setup.shape.cache_bytes_per_token)))


def changes(setup: MemorySetup) -> Iterator[tuple[str, MemorySetup]]:
    """What could be changed, the cheapest for learning first; none alters the lengths but the last.

    Each changes the setup alone, not on top of the others.
    """
    total = setup.num_generations * setup.prompts_per_step
    if setup.engine == "vllm-colocate" and not setup.sleep:
        yield "vLLM gives its memory back while training (engine.sleep)", replace(setup, sleep=True)
    if setup.rows > 1:
        smaller = max(n for n in range(1, setup.rows) if total % n == 0)
        while smaller > 1:
            yield f"grpo.micro_batch {smaller}", replace(setup, micro_batch=smaller)
            smaller = max(n for n in range(1, smaller) if total % n == 0)
        yield "grpo.micro_batch 1", replace(setup, micro_batch=1)
    if not setup.checkpointing:
        yield "gradient_checkpointing on", replace(setup, checkpointing=True)
    if not setup.lora_rank:
        yield "an adapter instead of all weights (policy.lora, rank 16)", _with_adapter(setup)
    if setup.bits == 16 and setup.engine == "transformers":
        lora = setup if setup.lora_rank else _with_adapter(setup)
        yield "weights of 4 bits below an adapter (policy.quantization 4bit)", replace(lora, bits=4)
    if setup.engine in ("vllm-colocate", "transformers"):
        yield "completions written by a server on another card", replace(setup, engine="server")
    if setup.prompt_tokens > 1:
        half = setup.prompt_tokens // 2
        yield f"lengths.max_prompt_tokens {half}", replace(setup, prompt_tokens=half)


def first_that_fits(setup: MemorySetup, card_bytes: int) -> Change | None:
    """The first single change that makes it fit, else the first of them taken together; or None."""
    singles = list(changes(setup))
    for what, changed in singles:
        found = plan(changed, card_bytes)
        if found.fits:
            return Change(what=what, plan=found)
    taken: list[str] = []
    current = setup
    for _ in range(len(singles)):
        options = [(w, c) for w, c in changes(current) if w not in taken]
        # Of smaller micro-batches the smallest stands for all.
        batches = [w for w, _ in options if "micro_batch" in w]
        options = [(w, c) for w, c in options if w not in batches[:-1]]
        if not options:
            break
        what, current = options[0]
        taken.append(what)
        found = plan(current, card_bytes)
        if found.fits:
            return Change(what=" and ".join(taken), plan=found)
    return None


def verdict(found: MemoryPlan) -> str:
    """One sentence: fits, fits if …, or does not fit."""
    need, card = found.needed_bytes / GB, found.card_bytes / GB
    if found.fits:
        return f"fits: needs {need:.1f} of {card:.1f} GB"
    change = first_that_fits(found.setup, found.card_bytes)
    if change is None:
        return f"does not fit: needs {need:.1f} of {card:.1f} GB, and no change here is enough"
    return (
        f"does not fit: needs {need:.1f} of {card:.1f} GB; fits with {change.what}: "
        f"{change.plan.needed_bytes / GB:.1f} GB"
    )


def _with_adapter(setup: MemorySetup) -> MemorySetup:
    return replace(setup, lora_rank=16, reference=False)
