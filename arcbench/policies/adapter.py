"""LoRA adapters in PEFT's format: reading what a folder holds, and putting it on a model.

PEFT only warns where tensors are missing, and a half-loaded adapter is another policy: here it is
an error.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arcbench.errors import MissingExtra, UserError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_TENSOR = re.compile(r"base_model\.model\.(.+)\.lora_(?:embedding_)?([AB])(?:\.weight)?")
_SHOWN = 3  # names in a message
_SERVED_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM takes


@dataclass(frozen=True, kw_only=True, slots=True)
class Factors:
    """The two low-rank matrices of one module: out × rank and rank × in."""

    module: str  # its path in the base model
    inputs: int
    outputs: int
    rank: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """What the files of an adapter say; the weights themselves are not read."""

    folder: Path
    base: str  # the model that it was trained on, as its trainer named it
    rank: int
    alpha: float
    dropout: float
    factors: tuple[Factors, ...]  # by module
    tensors: frozenset[str]

    @classmethod
    def read(cls, folder: Path) -> "Adapter":
        """From a folder; UserError if files are missing, half-written, or not of a LoRA adapter."""
        config = _config(folder)
        tensors = _shapes(folder / WEIGHTS)
        factors = _factors(folder, tensors)
        if not factors:
            raise UserError(f"adapter {folder}: {WEIGHTS} has no LoRA matrices")
        return cls(
            folder=folder,
            base=str(config.get("base_model_name_or_path") or ""),
            rank=int(config["r"]),
            alpha=float(config["lora_alpha"]),
            dropout=float(config.get("lora_dropout") or 0.0),
            factors=factors,
            tensors=frozenset(tensors),
        )

    @property
    def modules(self) -> tuple[str, ...]:
        """The last names of the modules that it changes, sorted: q_proj, v_proj …"""
        return tuple(sorted({f.module.rpartition(".")[2] for f in self.factors}))

    def check_fits(self, model: Any) -> None:
        """Raise UserError where the base `model` lacks a module, or has it in another size."""
        there = dict(model.named_modules())
        name = getattr(model.config, "_name_or_path", "") or "this model"
        for f in self.factors:
            wrong = ""
            if f.module not in there:
                wrong = "which it does not have"
            elif (sizes := _sizes(there[f.module])) not in (None, (f.inputs, f.outputs)):
                assert sizes is not None
                wrong = (
                    f"from {f.inputs} to {f.outputs} numbers, where it goes from {sizes[0]} to "
                    f"{sizes[1]}"
                )
            if wrong:
                raise UserError(
                    f"adapter {self.folder} does not fit {name}: it changes {f.module}, {wrong}; "
                    f"it was made for {self.base or 'a model that it does not name'}"
                )


def attach(model: Any, folder: Path, *, trainable: bool = False) -> Any:
    """The base `model` with the adapter of `folder` on top, as PEFT's model.

    Raises UserError if the adapter is not whole or was made for another model.
    """
    try:
        from peft import PeftModel, get_peft_model_state_dict
    except ModuleNotFoundError as error:
        raise MissingExtra("an adapter", "train") from error
    adapter = Adapter.read(folder)
    adapter.check_fits(model)
    try:
        adapted = PeftModel.from_pretrained(model, str(folder), is_trainable=trainable)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"adapter {folder} cannot be loaded: {reason}") from error
    wanted = set(get_peft_model_state_dict(adapted, save_embedding_layers=False))
    lost = sorted(wanted - adapter.tensors)
    if lost:
        raise UserError(f"adapter {folder} is not whole: {_some(lost)} are missing in {WEIGHTS}")
    unused = sorted(n for n in adapter.tensors - wanted if _TENSOR.fullmatch(n))
    if unused:
        raise UserError(
            f"adapter {folder}: {CONFIG} leaves {_some(unused)} of {WEIGHTS} out: the two files "
            "are not of the same adapter"
        )
    return adapted


def served_rank(rank: int) -> int:
    """The lowest of vLLM's ranks that has room for adapters of this one."""
    return next((r for r in _SERVED_RANKS if r >= rank), rank)


def _config(folder: Path) -> dict[str, Any]:
    """The settings of a LoRA adapter."""
    path = folder / CONFIG
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"no adapter in {str(folder)!r}: it has no {CONFIG}") from None
    except ValueError as error:
        raise UserError(f"{path} is broken or half-written: {error}") from error
    kind = value.get("peft_type") if isinstance(value, dict) else None
    if kind != "LORA":
        raise UserError(f"adapter {folder} is of the kind {kind}; one of: LORA")
    for key in ("r", "lora_alpha"):
        if not isinstance(value.get(key), int | float) or value[key] <= 0:
            raise UserError(f"{path}: {key} must be a positive number, not {value.get(key)!r}")
    return dict(value)


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors in a safetensors file, whose length is checked."""
    # The format: 8 bytes with the length of a JSON table, the table, the numbers.
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            table: Any = json.loads(file.read(length)) if length <= size else {}
        tensors: Mapping[str, Any] = {k: v for k, v in table.items() if k != "__metadata__"}
        end = max((t["data_offsets"][1] for t in tensors.values()), default=0)
        shapes = {name: tuple(t["shape"]) for name, t in tensors.items()}
    except FileNotFoundError:
        old = path.with_name("adapter_model.bin")
        hint = f"; {old.name} is of an old PEFT: load and save it with a new one"
        raise UserError(
            f"adapter {path.parent} has no {path.name}{hint if old.exists() else ''}"
        ) from None
    except (ValueError, AttributeError, KeyError, TypeError, IndexError) as error:
        raise UserError(f"{path} is broken or half-written: its table cannot be read") from error
    if size != 8 + length + end:
        raise UserError(
            f"{path} is broken or half-written: it has {size:,} bytes of {8 + length + end:,}"
        )
    return shapes


def _factors(folder: Path, tensors: Mapping[str, tuple[int, ...]]) -> tuple[Factors, ...]:
    halves: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in tensors.items():
        if found := _TENSOR.fullmatch(name):
            halves.setdefault(found[1], {})[found[2]] = shape
    factors = []
    for module, pair in sorted(halves.items()):
        a, b = pair.get("A"), pair.get("B")
        if a is None or b is None:
            raise UserError(f"adapter {folder} is not whole: {module} has one matrix of two")
        if len(a) != 2 or len(b) != 2 or a[0] != b[1]:
            raise UserError(f"adapter {folder}: the matrices of {module}, {b} and {a}, do not fit")
        factors.append(Factors(module=module, inputs=a[1], outputs=b[0], rank=a[0]))
    return tuple(factors)


def _sizes(module: Any) -> tuple[int, int] | None:
    """Inputs and outputs of a linear layer or an embedding; None for another kind."""
    for inputs, outputs in (("in_features", "out_features"), ("num_embeddings", "embedding_dim")):
        if hasattr(module, inputs):
            return int(getattr(module, inputs)), int(getattr(module, outputs))
    return None


def _some(names: list[str]) -> str:
    """The first of many names."""
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
