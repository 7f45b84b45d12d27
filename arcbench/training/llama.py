"""A Llama for packed training documents; its weights have the names of `LlamaForCausalLM`.

Made for one thing: many documents of unequal length behind one another, no padding between them.
Generation and everything else goes through transformers, on the same weights.
"""

import inspect
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch  # noqa: TID253
import torch.nn.functional as F  # noqa: TID253
from torch import Tensor, nn  # noqa: TID253

from arcbench.errors import UserError
from arcbench.training.tokenizer import MAX_POSITIONS, VOCAB_SIZE


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """The size of the model; the default has 15.8 million parameters."""

    vocab_size: int = VOCAB_SIZE
    hidden_size: int = 384
    intermediate_size: int = 960
    num_layers: int = 10
    num_heads: int = 6
    num_kv_heads: int = 2
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-5

    def __post_init__(self) -> None:
        if self.hidden_size % (2 * self.num_heads):
            raise UserError(
                f"hidden_size {self.hidden_size} is no even multiple of {self.num_heads} heads"
            )
        if self.num_heads % self.num_kv_heads:
            raise UserError(
                f"{self.num_heads} heads cannot share {self.num_kv_heads} heads of keys and values"
            )

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_heads


@dataclass(frozen=True, kw_only=True, slots=True)
class Spans:
    """Where the documents of a packed batch lie."""

    edges: Tensor  # (documents + 1,) int32, from 0 to the number of tokens
    longest: int  # no document has more tokens
    lengths: tuple[int, ...]  # (documents,) the same as plain numbers


class Llama(nn.Module):
    """Packed token ids (tokens,) → hidden states (tokens, hidden); the embedding is tied."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        self._initialise()

    def _initialise(self) -> None:
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                out = name.endswith(("o_proj.weight", "down_proj.weight"))
                # The residual stream must not grow with depth.
                std = 0.02 / (2 * self.config.num_layers) ** 0.5 if out else 0.02
                nn.init.normal_(parameter, std=std)

    @property
    def embedding(self) -> Tensor:
        """The matrix (vocabulary, hidden) of input and output."""
        return self.model.embed_tokens.weight

    def forward(self, ids: Tensor, positions: Tensor, spans: Spans, dtype: torch.dtype) -> Tensor:
        """The normed last hidden states."""
        out: Tensor = self.model(ids, positions, spans, dtype)
        return out

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits (tokens, vocabulary)."""
        return F.linear(hidden, self.embedding)


class Decoder(nn.Module):
    """Embedding, blocks and last norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.norm = Norm(config)

    def forward(self, ids: Tensor, positions: Tensor, spans: Spans, dtype: torch.dtype) -> Tensor:
        """As `Llama.forward`."""
        x = self.embed_tokens(ids).to(dtype)
        cos, sin = rotary(self.config, positions, dtype)
        for layer in self.layers:
            x = layer(x, cos, sin, spans.edges, spans.longest, spans.lengths)
        out: Tensor = self.norm(x)
        return out


class Block(nn.Module):
    """Attention and a gated feed-forward layer, each behind a norm, added to the stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = FeedForward(config)
        self.input_layernorm = Norm(config)
        self.post_attention_layernorm = Norm(config)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, edges: Tensor, longest: int,
        lengths: tuple[int, ...],
    ) -> Tensor:  # fmt: skip
        """(tokens, hidden) → the same shape."""
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, edges, longest, lengths)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Attention(nn.Module):
    """Grouped-query attention, causal within each document."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, kv_width = config.hidden_size, config.num_kv_heads * config.head_dim
        self.head_dim = config.head_dim
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, kv_width, bias=False)
        self.v_proj = nn.Linear(width, kv_width, bias=False)
        self.o_proj = nn.Linear(width, width, bias=False)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, edges: Tensor, longest: int,
        lengths: tuple[int, ...],
    ) -> Tensor:  # fmt: skip
        """(tokens, hidden) → the same shape."""
        tokens = x.shape[0]
        # One product reads the stream once instead of three times.
        weights = (self.q_proj.weight, self.k_proj.weight, self.v_proj.weight)
        joined = F.linear(x, torch.cat(weights)).view(tokens, -1, self.head_dim)
        heads = [weight.shape[0] // self.head_dim for weight in weights]
        q, k, v = torch.split(joined, heads, dim=1)
        q, k = _rotate(q, cos, sin), _rotate(k, cos, sin)
        groups = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
        if x.is_cuda:
            mixed = _varlen(q, k, v, edges, longest)
        else:
            mixed = _document_by_document(q, k, v, lengths)
        out: Tensor = self.o_proj(mixed.reshape(tokens, -1))
        return out


class Norm(nn.Module):
    """Root mean square norm, in float32 whatever the stream's type is."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.eps = config.norm_eps
        self.weight = nn.Parameter(torch.ones(config.hidden_size))

    def forward(self, x: Tensor) -> Tensor:
        """(tokens, hidden) → the same shape and type."""
        y = x.float()
        y = y * torch.rsqrt(y.square().mean(-1, keepdim=True) + self.eps)
        return (y * self.weight).to(x.dtype)


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(tokens, hidden) → the same shape."""
        joined = F.linear(x, torch.cat((self.gate_proj.weight, self.up_proj.weight)))
        gate, up = joined.chunk(2, dim=-1)
        out: Tensor = self.down_proj(F.silu(gate) * up)
        return out


def rotary(config: ModelConfig, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosine and sine (tokens, 1, head_dim) of the rotary embedding."""
    steps = torch.arange(0, config.head_dim, 2, device=positions.device, dtype=torch.float32)
    angles = positions.float()[:, None] * config.rope_theta ** (-steps / config.head_dim)
    angles = torch.cat((angles, angles), dim=-1)[:, None, :]
    return angles.cos().to(dtype), angles.sin().to(dtype)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    low, high = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-high, low), dim=-1) * sin


def _varlen(q: Tensor, k: Tensor, v: Tensor, edges: Tensor, longest: int) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    # The flag for causal attention has another name in each of torch's releases.
    causal: Any = {"is_causal": True} if _VARLEN_HAS_FLAG else {"window_size": (-1, 0)}
    # Asked for nothing else, it returns the output alone.
    out: Any = varlen_attn(q, k, v, edges, edges, longest, longest, **causal)
    return cast("Tensor", out)


def _varlen_has_flag() -> bool:
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return False
    return "is_causal" in inspect.signature(varlen_attn).parameters


_VARLEN_HAS_FLAG = _varlen_has_flag()


def _document_by_document(q: Tensor, k: Tensor, v: Tensor, lengths: tuple[int, ...]) -> Tensor:
    sizes = list(lengths)
    parts = zip(torch.split(q, sizes), torch.split(k, sizes), torch.split(v, sizes), strict=True)
    outs = [
        F.scaled_dot_product_attention(
            a.transpose(0, 1), b.transpose(0, 1), c.transpose(0, 1), is_causal=True
        ).transpose(0, 1)
        for a, b, c in parts
    ]
    return torch.cat(outs)


def to_transformers(model: Llama, tokenizer: Any, dtype: torch.dtype = torch.bfloat16) -> Any:
    """The same weights as a `LlamaForCausalLM` on the same device."""
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    sizes = asdict(model.config)
    specials = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = LlamaConfig(
        vocab_size=sizes["vocab_size"],
        hidden_size=sizes["hidden_size"],
        intermediate_size=sizes["intermediate_size"],
        num_hidden_layers=sizes["num_layers"],
        num_attention_heads=sizes["num_heads"],
        num_key_value_heads=sizes["num_kv_heads"],
        head_dim=model.config.head_dim,
        max_position_embeddings=MAX_POSITIONS,
        rms_norm_eps=sizes["norm_eps"],
        rope_parameters={"rope_type": "default", "rope_theta": sizes["rope_theta"]},
        tie_word_embeddings=True,
        dtype=dtype,
        **specials,
    )
    twin: Any = LlamaForCausalLM(config)
    twin = twin.to(device=model.embedding.device, dtype=dtype)
    weights = {name: value.to(dtype) for name, value in model.state_dict().items()}
    left = twin.load_state_dict(weights, strict=False)
    if left.unexpected_keys or left.missing_keys not in ([], ["lm_head.weight"]):
        raise RuntimeError(f"weights don't fit: {left}")
    twin.generation_config = GenerationConfig(
        do_sample=True, temperature=0.8, max_new_tokens=192, **specials
    )
    return twin.eval()


def save_transformers(model: Llama, tokenizer: Any, folder: Path) -> None:
    """Write weights (bf16, files below 16 MiB), tokenizer and configs for `from_pretrained`."""
    to_transformers(model, tokenizer).save_pretrained(folder, max_shard_size="15MB")
    tokenizer.save_pretrained(folder)
