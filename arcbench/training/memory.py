"""The GPU memory that a training run needs, before it starts: from the shape of the model alone.

All functions are pure; sizes are bytes, and a GB is 10⁹ bytes as on the cards' labels. Formulas
follow what runs: transformers 5.17's Llama, PEFT 0.21's LoRA layers, accelerate's autocast and
TRL 1.14's GRPOTrainer. T below is the number of tokens in one forward pass (rows × length).

A peak is not a sum: completions are written before activations exist, and the logits are gone
when a layer is computed again. So a plan has what always stays, and phases of which the largest
counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from arcbench.errors import UserError, unknown

# A server has a card of its own: nothing of it is on the trainer's.
Engine = Literal["transformers", "vllm-colocate", "server"]
Bits = Literal[16, 8, 4]

GB = 10**9
HALF, FLOAT = 2, 4  # bytes of bfloat16 and float32
# Bytes of the optimiser's states for each byte of what is trained: AdamW keeps two values for each
# weight, in 8 bits those are a quarter of float32; Adafactor keeps sums of rows and columns.
OPTIMIZER_STATES: Mapping[str, float] = {
    "adamw": 2.0,
    "adamw_8bit": 0.5,
    "sgd": 0.0,
    "adafactor": 0.01,
}
CONTEXT = 600_000_000  # what the driver, kernels and libraries take beside torch's own memory
WORKSPACE = 34_000_000  # cuBLAS on Hopper takes 32 MiB from torch's memory
FRAGMENTATION = 0.06  # of the peak: blocks that torch holds and cannot use
LINEAR_MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
# bytes a weight of a linear layer: bitsandbytes' NF4 keeps a float32 scale for each 64 weights,
# LLM.int8 a float32 scale a row, which is nothing beside it
LINEAR_BYTES: Mapping[int, float] = {16: 2.0, 8: 1.0, 4: 0.5 + 4 / 64}


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelShape:
    """What of a model's config.json decides about memory: a decoder with a gated MLP."""

    vocab: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    tied: bool = False  # the embedding is also the output layer
    positions: int = 1 << 30

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "ModelShape":
        """From the values of config.json; UserError naming the one that is missing."""
        config = {**config, **(config.get("text_config") or {})}

        def value(name: str) -> int:
            if not isinstance(config.get(name), int):
                raise UserError(f"the model's config has no number {name!r}: no plan can be made")
            return int(config[name])

        heads = value("num_attention_heads")
        return cls(
            vocab=value("vocab_size"),
            hidden=value("hidden_size"),
            layers=value("num_hidden_layers"),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head_dim=int(config.get("head_dim") or value("hidden_size") // heads),
            intermediate=value("intermediate_size"),
            tied=bool(config.get("tie_word_embeddings", False)),
            positions=int(config.get("max_position_embeddings") or 1 << 30),
        )

    @property
    def linears(self) -> dict[str, tuple[int, int]]:
        """Inputs and outputs of each linear layer of a block."""
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        return {
            "q_proj": (self.hidden, queries),
            "k_proj": (self.hidden, keys),
            "v_proj": (self.hidden, keys),
            "o_proj": (queries, self.hidden),
            "gate_proj": (self.hidden, self.intermediate),
            "up_proj": (self.hidden, self.intermediate),
            "down_proj": (self.intermediate, self.hidden),
        }

    @property
    def linear_weights(self) -> int:
        """Weights of the linear layers of all blocks: what quantisation makes smaller."""
        return self.layers * sum(i * o for i, o in self.linears.values())

    @property
    def weights(self) -> int:
        """All weights: Llama-3.1-8B has 8,030,261,248."""
        tables = self.vocab * self.hidden * (1 if self.tied else 2)
        norms = (2 * self.layers + 1) * self.hidden
        return tables + self.linear_weights + norms

    def adapter_weights(self, rank: int, modules: tuple[str, ...] = LINEAR_MODULES) -> int:
        """Weights of a LoRA adapter: rank · (inputs + outputs) for each layer that has one.

        Hu et al. 2021 (arXiv 2106.09685). Rank 16 on Llama-3.1-8B: 41,943,040.
        """
        for name in modules:
            if name not in self.linears:
                raise unknown("module for an adapter", name, self.linears)
        return self.layers * rank * sum(sum(self.linears[name]) for name in modules)

    @property
    def cache_bytes_per_token(self) -> int:
        """Keys and values of all layers in bfloat16; Llama-3.1-8B: 131,072."""
        return 2 * self.layers * self.kv_heads * self.head_dim * HALF


@dataclass(frozen=True, kw_only=True, slots=True)
class MemorySetup:
    """A training run as far as its memory goes."""

    shape: ModelShape
    prompt_tokens: int  # of the longest prompt
    completion_tokens: int
    lora_rank: int = 0  # 0: all weights are trained, in float32
    lora_modules: tuple[str, ...] = LINEAR_MODULES
    bits: Bits = 16  # of the frozen weights under an adapter
    num_generations: int = 8
    prompts_per_step: int = 1
    micro_batch: int = 0  # completions in one forward pass; 0: all of a step
    checkpointing: bool = True  # activations are computed again, layer by layer
    chunked_logits: bool = False  # TRL's use_liger_kernel: no whole logits
    optimizer: str = "adamw"  # a name of OPTIMIZER_STATES
    reference: bool = False  # beta > 0 without an adapter keeps a second model
    engine: Engine = "transformers"
    unsloth: bool = False  # its kernels; a colocated vLLM then shares the frozen weights
    utilization: float = 0.3  # share of the card that a colocated vLLM takes
    sleep: bool = False  # vLLM gives its share back while the trainer works
    padded: bool = True  # completions of different lengths: attention needs a whole mask

    def __post_init__(self) -> None:
        for name in ("prompt_tokens", "completion_tokens", "num_generations", "prompts_per_step"):
            if getattr(self, name) <= 0:
                raise UserError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("lora_rank", "micro_batch"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} must be >= 0, not {getattr(self, name)}")
        if self.bits not in LINEAR_BYTES:
            raise unknown("number of bits", self.bits, LINEAR_BYTES)
        if self.optimizer not in OPTIMIZER_STATES:
            raise unknown("optimizer", self.optimizer, OPTIMIZER_STATES)
        updates = self.num_generations * self.prompts_per_step
        if self.micro_batch and updates % self.micro_batch:
            raise UserError(
                f"micro_batch {self.micro_batch} does not divide the {updates} completions of a "
                "step"
            )
        if self.bits != 16 and not self.lora_rank:
            raise UserError(f"{self.bits}-bit weights cannot be trained: they need an adapter")
        if not 0 < self.utilization < 1:
            raise UserError(f"utilization must be between 0 and 1, not {self.utilization}")

    @property
    def rows(self) -> int:
        """Completions in one forward pass of the trainer."""
        return self.micro_batch or self.num_generations * self.prompts_per_step

    @property
    def accumulates(self) -> bool:
        """Whether an update needs several forward passes, between which gradients are kept."""
        return self.rows < self.num_generations * self.prompts_per_step

    @property
    def trained_bytes(self) -> int:
        """What is trained, at the width in which it is kept: as large as its gradients."""
        if not self.lora_rank:
            return self.shape.weights * FLOAT
        # PEFT raises adapters to float32; TRL puts those of quantised models back to bfloat16.
        width = FLOAT if self.bits == 16 else HALF
        return self.shape.adapter_weights(self.lora_rank, self.lora_modules) * width

    @property
    def length(self) -> int:
        """Tokens of the longest sequence."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def tokens(self) -> int:
        """T: tokens in one forward pass."""
        return self.rows * self.length


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One line of a plan."""

    name: str
    bytes: int
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryPlan:
    """What a run holds all the time, and what it needs on top in each phase."""

    setup: MemorySetup
    card_bytes: int
    resident: tuple[Part, ...]
    phases: Mapping[str, tuple[Part, ...]]  # each on top of the resident parts

    @property
    def resident_bytes(self) -> int:
        """What is there all the time."""
        return sum(p.bytes for p in self.resident)

    @property
    def phase_bytes(self) -> dict[str, int]:
        """The extra of each phase."""
        return {name: sum(p.bytes for p in parts) for name, parts in self.phases.items()}

    @property
    def peak_phase(self) -> str:
        """The phase that needs most."""
        extra = self.phase_bytes
        return max(extra, key=lambda name: extra[name])

    @property
    def peak_bytes(self) -> int:
        """What torch (and a colocated engine) will hold at most: compare max_memory_allocated."""
        return self.resident_bytes + self.phase_bytes[self.peak_phase]

    @property
    def needed_bytes(self) -> int:
        """What the card must have: the peak, unusable blocks and the CUDA context."""
        return int(self.peak_bytes * (1 + FRAGMENTATION)) + CONTEXT

    @property
    def fits(self) -> bool:
        """Whether the card has that much."""
        return self.needed_bytes <= self.card_bytes


def plan(setup: MemorySetup, card_bytes: int) -> MemoryPlan:
    """The plan of a run on a card of `card_bytes`."""
    return MemoryPlan(
        setup=setup,
        card_bytes=card_bytes,
        resident=tuple(p for p in _resident(setup) if p.bytes),
        phases={
            name: tuple(p for p in parts if p.bytes)
            for name, parts in _phases(setup, card_bytes).items()
        },
    )


def frozen_bytes(setup: MemorySetup) -> int:
    """The weights below an adapter: all but the linear layers stay in bfloat16 when quantised."""
    linear, rest = setup.shape.linear_weights, setup.shape.weights - setup.shape.linear_weights
    return int(linear * LINEAR_BYTES[setup.bits]) + rest * HALF


def _resident(setup: MemorySetup) -> Iterator[Part]:
    """Weights, and what the optimiser keeps from its first step on."""
    shape, rank, trained = setup.shape, setup.lora_rank, setup.trained_bytes
    if rank:
        count = shape.adapter_weights(rank, setup.lora_modules)
        yield Part(name="weights", bytes=frozen_bytes(setup), note=f"frozen, {setup.bits} bit")
        yield Part(name="adapter", bytes=trained, note=f"rank {rank}, {count:,} weights")
    else:
        yield Part(name="weights", bytes=trained, note="float32, all trained")
        if setup.reference:
            yield Part(name="reference model", bytes=trained, note="because beta > 0")
    if setup.accumulates:
        yield Part(name="gradients", bytes=trained, note="kept between micro-batches")
    states = int(trained * OPTIMIZER_STATES[setup.optimizer])
    yield Part(name="optimiser", bytes=states, note=setup.optimizer)
    yield Part(name="workspace", bytes=WORKSPACE, note="cuBLAS")


def _phases(setup: MemorySetup, card_bytes: int) -> dict[str, tuple[Part, ...]]:
    """What comes and goes."""
    engine: tuple[Part, ...] = ()
    if setup.engine == "vllm-colocate":
        share = int(setup.utilization * card_bytes)
        note = f"{setup.utilization:.0%} of the card"
        if setup.unsloth:
            share, note = max(0, share - frozen_bytes(setup)), f"{note}, less the shared weights"
        engine = (Part(name="vLLM", bytes=share, note=note),)
    stays = () if setup.sleep else engine
    # In the only pass of an update the gradients grow while the activations go.
    gradients = () if setup.accumulates else (Part(name="gradients", bytes=setup.trained_bytes),)
    return {
        "writing": (*engine, *_writing(setup)),
        "forward": (*stays, *_kept(setup), *_cast_weights(setup), *_logits(setup, 3 * HALF)),
        "logits": (*stays, *_kept(setup), *_logits(setup, 2 * FLOAT)),
        "first block back": (*stays, *_kept(setup), *_one_block(setup)),
        "last block back": (*stays, *gradients, *_one_block(setup)),
    }


def _writing(setup: MemorySetup) -> Iterator[Part]:
    """Completions by transformers: the keys and values of each prompt once, and of each new token.

    The cache of a layer grows by copying, so one layer counts twice.
    """
    if setup.engine != "transformers":
        return
    shape = setup.shape
    rows = setup.num_generations * setup.prompts_per_step
    prompts = setup.prompts_per_step * setup.prompt_tokens
    cache = (prompts + rows * setup.completion_tokens) * shape.cache_bytes_per_token
    yield Part(name="KV cache", bytes=cache + cache // shape.layers, note=f"{rows} completions")
    # Reading a prompt: the MLP's last layer with nothing kept, and the mask where prompts differ.
    reading = prompts * shape.intermediate * (HALF + FLOAT + HALF)
    mask = prompts * setup.prompt_tokens * 3 if setup.prompts_per_step > 1 else 0
    yield Part(name="reading prompts", bytes=reading + mask)
    # logits, log-probabilities, probabilities and their sums, in float32
    yield Part(name="logits of one token", bytes=rows * shape.vocab * FLOAT * 4)


def _mask_bytes(setup: MemorySetup) -> int:
    """A mask as attention takes it: (rows, length, length) in bfloat16."""
    return setup.rows * setup.length**2 * HALF if setup.padded else 0


def _block_saved(setup: MemorySetup) -> int:
    """What autograd keeps of one block, without its mask.

    Bytes a token, H hidden, Q heads · head_dim, K kv_heads · head_dim, I intermediate:
    RMSNorm keeps its input in float32 (4H, and its result where its weight is trained: 4H more);
    each linear layer its input in bfloat16 if it or its adapter is trained (under autocast a copy
    of its own); attention query, key, value and result; SiLU and the gate's product 3 · 2I.
    """
    s = setup.shape
    queries, keys = s.heads * s.head_dim, s.kv_heads * s.head_dim
    inputs = sum(s.linears[name][0] for name in LINEAR_MODULES)
    if setup.lora_rank:
        norms = 2 * FLOAT * s.hidden
        inputs = sum(s.linears[name][0] for name in setup.lora_modules)
        inputs += len(setup.lora_modules) * setup.lora_rank
    else:
        norms = 4 * FLOAT * s.hidden
        inputs -= queries  # the result of attention is kept already
    # With a mask keys and values are repeated for each head.
    attention = 2 * queries + 2 * (queries if setup.padded else keys)
    mlp = 3 * s.intermediate
    return setup.tokens * (norms + HALF * (inputs + attention + mlp))


def _kept(setup: MemorySetup) -> Iterator[Part]:
    """Activations that wait for the backward pass: all, or the input of each block."""
    s = setup.shape
    width = HALF if setup.lora_rank else FLOAT  # of the stream between the blocks
    if setup.padded:
        yield Part(name="mask", bytes=setup.rows * setup.length**2, note="one for all blocks")
    if not setup.checkpointing:
        yield from _cast_weights(setup)
    if setup.checkpointing:
        kept = s.layers * setup.tokens * s.hidden * width
        note = "input of each block"
        if setup.unsloth:
            kept, note = setup.tokens * s.hidden * width, "kept in the machine's memory"
    else:
        kept = s.layers * (_block_saved(setup) + _mask_bytes(setup))
        note = "all blocks"
    yield Part(name="activations", bytes=kept, note=note)
    # the last norm, its input in float32, and rotations
    yield Part(name="last norm", bytes=setup.tokens * s.hidden * (FLOAT + HALF))


def _cast_weights(setup: MemorySetup) -> Iterator[Part]:
    """autocast's bfloat16 copies of the trained weights: until the forward pass is over.

    Without checkpointing autograd holds them for longer.
    """
    if setup.lora_rank:
        count = setup.shape.adapter_weights(setup.lora_rank, setup.lora_modules)
    else:
        count = setup.shape.weights
    yield Part(name="copies in bfloat16", bytes=count * HALF)


def _logits(setup: MemorySetup, width: int) -> Iterator[Part]:
    """Logits of the completion only (logits_to_keep), `width` bytes each.

    They come in bfloat16 and accelerate hands them over in float32 (6 bytes). TRL's fused kernel
    keeps the latter and makes a gradient of the same size (8); the slice before it makes another
    one of that size, when the logits are gone.
    """
    s = setup.shape
    if setup.chunked_logits or setup.unsloth:
        # _ChunkedLogProbFunction: tiles of 4096 tokens × 8192 words, bfloat16 and float32
        tile = min(setup.rows * setup.completion_tokens, 4096) * min(s.vocab, 8192)
        yield Part(name="logits", bytes=tile * (HALF + 3 * FLOAT), note="in tiles")
        return
    cells = setup.rows * (setup.completion_tokens + 1) * s.vocab
    note = "and their gradient, float32" if width == 2 * FLOAT else "bfloat16 and float32"
    yield Part(name="logits", bytes=cells * width, note=note)


def _one_block(setup: MemorySetup) -> Iterator[Part]:
    """The block that is in work on its way back.

    With checkpointing all of it is computed again. On top come, at the last linear layer of the
    MLP: its input (2I), that input in the adapter's float32 (4I; where all is trained, gradients
    of SiLU and the gate instead) and the streams into and out of the block (4H).
    """
    s = setup.shape
    width = HALF if setup.lora_rank else FLOAT
    work = setup.tokens * (HALF + FLOAT) * s.intermediate
    streams = setup.tokens * 2 * s.hidden * width
    weights = 0
    if setup.bits != 16:  # made anew in bfloat16 for each product
        weights = max(i * o for i, o in s.linears.values()) * HALF
    elif not setup.lora_rank and setup.checkpointing:
        weights = s.linear_weights // s.layers * HALF
    again = _block_saved(setup) + _mask_bytes(setup) if setup.checkpointing else 0
    yield Part(name="one block", bytes=again + work + streams + weights)
