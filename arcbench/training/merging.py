"""A LoRA adapter worked into the weights of its base: one plain model that needs no PEFT.

The folder is read back before it gets its name, and its log-probabilities are compared with those
of the adapter on top of its base, token by token. Both are computed in float32, so that nothing but
the rounding of the merged weights is between them.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from arcbench.errors import UserError
from arcbench.files import new_folder, write_text
from arcbench.policies.adapter import attach
from arcbench.policies.chat import ChatTokenizer
from arcbench.policies.padding import model_facts, repair_padding
from arcbench.policies.sources import PolicySource, resolve
from arcbench.training.engines import model_logprobs
from arcbench.training.exporting import Origin, card, write_template
from arcbench.training.probes import fixed_probes
from arcbench.training.sync import Probe, flat, logprob_gap

Dtype = Literal["base", "float32", "bfloat16", "float16"]
# The largest mean |difference| that rounding of the merged weights explains: so much of the mean
# log-probability, or of what the adapter changes if that is more. In bfloat16 a third was seen.
ROUNDING = {"float32": 1e-4, "float16": 1e-3, "bfloat16": 4e-3}
ROUNDING_OF_EFFECT = 0.1
LOST_SHARE = 0.25  # rounding that takes away so much of what the adapter changes is worth a word


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """A merged model, and how far its log-probabilities are from those of the adapter."""

    folder: Path
    base: str
    adapter: Path
    dtype: str
    mean_gap: float  # mean |merged, read back − adapter on its base|
    max_gap: float
    effect: float  # mean |adapter on its base − base alone|
    tokens: int  # that were compared
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"{self.folder}: {self.adapter} merged into {self.base} in {self.dtype}; over "
            f"{self.tokens} tokens its log-probabilities differ from the adapter's by "
            f"{self.mean_gap:.2g} on average ({self.max_gap:.2g} at most), where the adapter's "
            f"differ from the base's by {self.effect:.2g}"
        )


def merge(
    spec: str,
    out: Path,
    *,
    base: str | None = None,
    dtype: Dtype = "base",
    say: Callable[[str], None] = lambda message: None,
) -> Merged:
    """Merge the adapter of a run, a checkpoint or a folder into `out`, whole or not at all.

    `base` replaces the model that the adapter names. UserError: `out` is there, no adapter, a base
    of less than 16 bits, or a merged model that does not write what the adapter does.
    """
    source = resolve(spec) if base is None else resolve(base, adapter=spec)
    if source.adapter is None:
        raise UserError(f"{spec} is a whole model, there is nothing to merge: arcbench export")
    origin = Origin.of(source.adapter)
    notes = _quantization_notes(origin)
    with new_folder(out) as partial:
        chat = ChatTokenizer.load(source.model)
        stop_ids, rows = model_facts(source.model)
        repaired = repair_padding(chat.tokenizer, stop_ids=stop_ids, rows=rows)
        if repaired:
            notes.append(f"the tokenizer in {out.name}: {repaired}")
        asked = fixed_probes(chat)
        say(f"loading {source.model}")
        kind, before, adapted = _write(source, chat, asked, partial, dtype, bool(repaired))
        gc.collect()  # the first model's memory, before the second comes
        say(f"comparing {out.name} with the adapter")
        after = _read_back(partial, chat, asked)
        mean_gap, effect = logprob_gap(adapted, after), logprob_gap(adapted, before)
        _check(mean_gap, effect, float(np.abs(adapted).mean()), kind)
        if mean_gap > LOST_SHARE * effect:
            notes.append(
                f"rounding to {kind} takes away much of what the adapter changes: sample with the "
                "adapter itself, or merge with --dtype float32"
            )
        merged = Merged(
            folder=out,
            base=source.model,
            adapter=source.adapter,
            dtype=kind,
            mean_gap=mean_gap,
            max_gap=float(np.abs(adapted - after).max()),
            effect=effect,
            tokens=len(after),
            notes=(*notes, *write_template(partial, origin)),
        )
        text = card(origin, base=source.model, kind="merged", notes=(str(merged), *merged.notes))
        write_text(partial / "README.md", text)
    return merged


def _quantization_notes(origin: Origin) -> list[str]:
    if origin.config is None or origin.config.policy.quantization == "none":
        return []
    bits = origin.config.policy.quantization
    return [
        f"the adapter was trained on {bits} weights and is merged into the unrounded ones, so "
        "what it writes differs a little from what it wrote in training: measure it"
    ]


def _write(
    source: PolicySource,
    chat: ChatTokenizer,
    asked: list[Probe],
    folder: Path,
    dtype: Dtype,
    new_padding: bool,
) -> tuple[str, np.ndarray, np.ndarray]:
    """Save the merged model; its dtype, and the log-probabilities of base and adapter."""
    from safetensors import SafetensorError

    assert source.adapter is not None
    model = _load(source.model, "auto" if dtype == "base" else dtype)
    if getattr(model.config, "quantization_config", None) is not None:
        raise UserError(
            f"{source.model} is stored in fewer than 16 bits, into which nothing can be merged: "
            "name the unrounded model with --base"
        )
    kind = str(model.dtype).removeprefix("torch.")
    before = _scores(model, asked)
    adapted_model = attach(model, source.adapter)
    adapted = _scores(adapted_model, asked)
    try:
        merged = adapted_model.merge_and_unload(safe_merge=True)
    except ValueError as error:  # numbers that are not finite
        raise UserError(f"adapter {source.adapter} cannot be merged: {error}") from error
    if new_padding:
        for settings in (merged.config, merged.generation_config):
            settings.pad_token_id = chat.tokenizer.pad_token_id
    try:
        merged.save_pretrained(folder)
    except SafetensorError as error:  # it has its own word for a full disk
        raise UserError(f"the merged model cannot be written: {error}") from error
    chat.tokenizer.save_pretrained(folder)
    return kind, before, adapted


def _read_back(folder: Path, chat: ChatTokenizer, asked: list[Probe]) -> np.ndarray:
    """The log-probabilities of what was saved, loaded as anybody would load it."""
    if fixed_probes(ChatTokenizer.load(folder)) != asked:
        raise UserError(f"the tokenizer of {chat.name} is another one once it is saved")
    return _scores(_load(str(folder), "auto"), asked)


def _load(folder_or_id: str, dtype: str) -> Any:
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(folder_or_id, dtype=dtype).eval()
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"no model in {folder_or_id!r}: {reason}") from error


def _check(gap: float, effect: float, size: float, dtype: str) -> None:
    limit = max(ROUNDING[dtype] * max(1.0, size), ROUNDING_OF_EFFECT * effect)
    if not gap <= limit:  # not a number, too
        raise UserError(
            f"the merged model does not write what the adapter does: a log-probability differs by "
            f"{gap:.2g} on average, where rounding to {dtype} makes {limit:.2g} at most; nothing "
            "was written. Sample with the adapter itself"
        )


def _scores(model: Any, asked: list[Probe]) -> np.ndarray:
    """Log-probabilities of the probes' tokens, computed in float32 whatever the weights are."""
    with _computing_in_float32(model):
        return flat(model_logprobs(model, asked), asked)


@contextmanager
def _computing_in_float32(model: Any) -> Iterator[None]:
    """Widen the weights of each module only while it computes: a copy of all may have no room."""
    stored: dict[Any, list[Any]] = {}

    def widen(module: Any, _args: Any) -> None:
        own = list(module.parameters(recurse=False))
        stored[module] = [p.dtype for p in own]
        for p in own:
            p.data = p.data.float()

    def narrow(module: Any, _args: Any, _output: Any) -> None:
        for p, dtype in zip(module.parameters(recurse=False), stored.pop(module), strict=True):
            p.data = p.data.to(dtype)  # exact: it came from there

    hooks = []
    for module in model.modules():
        if next(module.parameters(recurse=False), None) is not None:
            hooks += [module.register_forward_pre_hook(widen), module.register_forward_hook(narrow)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
