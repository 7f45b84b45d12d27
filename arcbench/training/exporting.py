"""What a run trained, as a plain folder for other tools: weights, tokenizer, template, card."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arcbench import __version__
from arcbench.errors import UserError
from arcbench.files import new_folder, write_text
from arcbench.policies.adapter import CONFIG, WEIGHTS, Adapter
from arcbench.policies.sources import NAMES, TEMPLATE, pinned, run_of, step_of
from arcbench.prompts import PromptTemplate
from arcbench.runs import RunStore
from arcbench.training.config import TrainConfig
from arcbench.training.measure import FIGURES

_TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json",
    "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja",
)  # fmt: skip
_MODEL = ("config.json", "generation_config.json", "model.safetensors.index.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where weights come from."""

    folder: Path  # a checkpoint of a run, or an adapter of unknown origin
    run: str = ""
    step: int = 0
    config: TrainConfig | None = None
    before: dict[str, Any] | None = None  # measured before training
    after: dict[str, Any] | None = None  # measured with these weights

    @classmethod
    def of(cls, folder: Path) -> "Origin":
        """What the run of the checkpoint `folder` tells, if it is one."""
        path = run_of(folder)
        if path is None:
            return cls(folder=folder)
        store = RunStore.open(path)
        config, step = TrainConfig.from_dict(store.config()), step_of(folder)
        return cls(
            folder=folder,
            run=store.name,
            step=step,
            config=config,
            before=store.read_eval("before"),
            after=store.read_eval("after") if step == config.steps else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """A folder that was written."""

    folder: Path
    origin: Origin
    kind: str  # adapter or model
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = "adapter" if self.kind == "adapter" else "model"
        return f"{self.folder}: the {what} of run {self.origin.run} after {self.origin.step} steps"


def export(spec: str, out: Path) -> Exported:
    """Copy what a run trained to `out`, whole or not at all; weights stay as they are.

    `spec` is a run, of which the newest whole checkpoint is taken, or one of its checkpoints.
    UserError if it is neither, or `out` is there already.
    """
    checkpoint = Path(pinned(spec))
    if run_of(checkpoint) is None:
        raise UserError(f"{spec!r} is no run and no checkpoint of one: name the folder of a run")
    origin = Origin.of(checkpoint)
    assert origin.config is not None
    is_adapter = (checkpoint / CONFIG).is_file()
    base = NAMES.get(origin.config.policy.model, origin.config.policy.model)
    if is_adapter:
        base = Adapter.read(checkpoint).base or base  # and it is whole
        names = [CONFIG, WEIGHTS]
    else:
        names = [p.name for p in checkpoint.glob("model*.safetensors")]
        if not names:
            raise UserError(f"checkpoint {checkpoint} has no weights in safetensors files")
        names += [n for n in _MODEL if (checkpoint / n).is_file()]
    names += [n for n in _TOKENIZER if (checkpoint / n).is_file()]
    kind = "adapter" if is_adapter else "model"
    with new_folder(out) as partial:
        for name in names:
            shutil.copyfile(checkpoint / name, partial / name)
        notes = tuple(write_template(partial, origin))
        write_text(partial / "README.md", card(origin, base=base, kind=kind, notes=notes))
    return Exported(folder=out, origin=origin, kind=kind, notes=notes)


def write_template(folder: Path, origin: Origin) -> list[str]:
    """Put the wording of the run's prompts beside the weights; returns what was not possible."""
    if origin.config is None:
        return []
    name = origin.config.policy.template
    try:
        template = PromptTemplate.load(name)
    except UserError as error:
        return [f"the template {name} of its prompts is not here any more: {error}"]
    write_text(folder / TEMPLATE, template.to_toml())
    return []


def card(origin: Origin, *, base: str, kind: str, notes: Sequence[str] = ()) -> str:
    """A short model card; `kind` is adapter, model or merged."""
    config = origin.config
    library = "peft" if kind == "adapter" else "transformers"
    title = {"adapter": "LoRA adapter", "model": "model", "merged": "merged model"}[kind]
    lines = ["---", f"base_model: {json.dumps(base)}", f"library_name: {library}"]
    lines += ["pipeline_tag: text-generation", "tags: [arc, grpo]", "---", ""]
    lines += [f"# {origin.run or origin.folder.name}: a {title}", ""]
    lines += [f"A language model that writes programs for ARC puzzles, on top of `{base}`."]
    if config is not None:
        g = config.grpo
        tasks = ", ".join(config.data.tasks[:5]) + (" …" if len(config.data.tasks) > 5 else "")
        split = "" if config.data.split is None else f", {config.data.split}"
        lines += [
            f"Trained by GRPO with arcbench {__version__}: run `{origin.run}`, after "
            f"{origin.step} of {config.steps} steps.",
            "",
            f"- tasks: {config.data.dataset}{split}{f' ({tasks})' if tasks else ''}, "
            f"{'augmented' if config.data.augment else 'not augmented'}",
            f"- reward {config.reward.name}, learning rate {g.learning_rate:g}, "
            f"{g.num_generations} completions a prompt, {g.prompts_per_step} prompts a step, "
            f"loss {g.loss_type}, beta {g.beta:g}",
        ]
        if (lora := config.policy.lora) is not None:
            lines.append(f"- LoRA rank {lora.rank}, alpha {lora.alpha:g}, {lora.target_modules}")
        if config.policy.quantization != "none":
            lines.append(f"- trained on {config.policy.quantization} weights")
    lines += _figures(origin)
    lines += ["", "## Use", "", "```python", *_usage(base, kind), "```", ""]
    if config is not None:
        lines += [f"Prompts are worded by `{TEMPLATE}`, which `arcbench sample --policy . "
                  "--out samples.jsonl` finds by itself."]  # fmt: skip
    lines += [*(f"Note: {note}." for note in notes)]
    lines += ["", "The terms of the base model's licence hold for these weights, too."]
    if config is not None:
        text = json.dumps(config.to_dict(), indent=2, ensure_ascii=False)
        lines += ["", "<details><summary>All settings</summary>", "", "```json", text, "```", ""]
        lines += ["</details>"]
    return "\n".join(lines) + "\n"


def _figures(origin: Origin) -> list[str]:
    """The table of what was measured."""
    measured = {"before": origin.before, "after": origin.after}
    there = {name: m for name, m in measured.items() if m is not None}
    if not there:
        return ["", "Nothing was measured before or after training."]
    one = next(iter(there.values()))
    lines = [
        "",
        f"Measured on {one['tasks']} of the training tasks, {one['samples']} samples each:",
    ]
    lines += ["", f"| | {' | '.join(there)} |", "| --- |" + " ---: |" * len(there)]
    for name, form in FIGURES.items():
        row = [form.format(m["figures"][name]) for m in there.values() if name in m["figures"]]
        if len(row) == len(there):
            lines.append(f"| {name} | {' | '.join(row)} |")
    return lines


def _usage(base: str, kind: str) -> list[str]:
    if kind == "adapter":
        return [
            "from peft import PeftModel",
            "from transformers import AutoModelForCausalLM",
            "",
            f'base = AutoModelForCausalLM.from_pretrained({json.dumps(base)}, dtype="auto")',
            'model = PeftModel.from_pretrained(base, ".")',
        ]
    return [
        "from transformers import AutoModelForCausalLM",
        "",
        'model = AutoModelForCausalLM.from_pretrained(".", dtype="auto")',
    ]
