"""Trains the embedded policy from nothing, on synthetic tasks only; one recipe, resumable.

Muon on the matrices, AdamW on the rest, both constant for the first part of the budget and then
linear to zero. `python -m arcbench.training.pretrain --out FOLDER --minutes 8` on a GPU.
"""

import argparse
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch  # noqa: TID253
import torch.nn.functional as F  # noqa: TID253
from torch import Tensor  # noqa: TID253

from arcbench.errors import UserError
from arcbench.files import replacing
from arcbench.prompts import PromptTemplate
from arcbench.synth.config import SynthConfig, read_weights
from arcbench.synth.generate import SynthTask, generate
from arcbench.training.llama import Llama, ModelConfig, save_transformers, to_transformers
from arcbench.training.muon import Muon
from arcbench.training.pretrain_batch import Batch, make_batch
from arcbench.training.pretrain_data import (
    STRIDE,
    DocumentEncoder,
    PackStream,
    make_pack,
)
from arcbench.training.tokenizer import build_tokenizer, load_tokenizer

LOG = logging.getLogger(__name__)
CHECKPOINT = "checkpoint.pt"
EVAL_SEED_OFFSET = 1_000_003  # fresh tasks for the evaluation, never trained on
EVAL_PACKS = 4
TASKS = SynthConfig(max_prompt_tokens=3_000)  # longer documents are rare and cost much


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainConfig:
    """The whole recipe. One of `minutes` and `tokens` is the budget, which the rates follow."""

    out: Path
    minutes: float | None = None  # wall clock of the training, evaluation included
    tokens: int | None = None
    seed: int = 0
    device: str = "auto"  # auto, cpu, cuda
    pack_tokens: int = 16_384  # tokens of one pack of whole documents
    packs_per_step: int = 8
    muon_lr: float = 0.02
    adam_lr: float = 2e-3
    weight_decay: float = 0.01  # of the matrices
    constant: float = 0.3  # share of the budget before the rates fall
    grid_weight: float = 0.1  # of an output grid's token, a program's token counts 1
    workers: int | None = None  # processes that make data; all cores but one
    log_every_s: float = 5.0
    eval_every_s: float = 90.0
    eval_tasks: int = 256  # tasks whose program is written greedily at each evaluation
    checkpoint_every_s: float = 60.0
    model: ModelConfig = field(default_factory=ModelConfig)
    tasks: SynthConfig = TASKS  # what the documents are made of

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.tokens is None):
            raise UserError("pretrain needs a budget: either minutes or tokens")
        for name in ("minutes", "tokens", "pack_tokens", "packs_per_step"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UserError(f"pretrain: {name} must be positive, not {value}")
        if self.device not in ("auto", "cpu", "cuda"):
            raise UserError(f"unknown device {self.device!r}; one of: auto, cpu, cuda")

    @property
    def recipe(self) -> dict[str, Any]:
        """What must not change when a run goes on."""
        names = ("seed", "pack_tokens", "packs_per_step", "muon_lr", "adam_lr", "weight_decay")
        recipe = {n: getattr(self, n) for n in names}
        return recipe | {"model": asdict(self.model), "tasks": self.tasks.to_dict()}


@dataclass(kw_only=True, slots=True)
class Progress:
    """How far a run has come; saved with the weights."""

    step: int = 0
    next_pack: int = 0
    tokens: int = 0  # without padding
    elapsed_s: float = 0.0


def pretrain(config: PretrainConfig) -> Path:
    """Train, write the model to `config.out` and return it; goes on from a checkpoint there.

    Raises UserError: the folder holds a finished model, or a run with another recipe.
    """
    out = config.out
    out.mkdir(parents=True, exist_ok=True)
    if (out / "config.json").is_file():
        raise UserError(f"{out} already holds a model; choose another folder or remove it")
    run = _Run(config)
    try:
        run.train()
    finally:
        run.stream.close()
    save_transformers(run.model, run.tokenizer, out)
    (out / CHECKPOINT).unlink(missing_ok=True)
    return out


class _Run:
    def __init__(self, config: PretrainConfig) -> None:
        self.config = config
        self.device = _device(config.device)
        self.dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        if not (config.out / "tokenizer.json").is_file():
            build_tokenizer().save_pretrained(config.out)
        self.tokenizer = load_tokenizer(config.out)
        torch.manual_seed(config.seed)
        torch.set_float32_matmul_precision("high")
        self.model = Llama(config.model).to(self.device)
        self.optimizers = _optimizers(self.model, config)
        self.progress = Progress()
        self._resume()
        workers = config.workers
        if workers is None:
            workers = max(1, len(os.sched_getaffinity(0)) - 1)
        self.stream = PackStream(
            tokenizer_folder=config.out,
            seed=config.seed,
            tokens=config.pack_tokens,
            first=self.progress.next_pack,
            workers=workers,
            config=config.tasks,
        )
        self._head: Callable[[Tensor, Tensor, Tensor], Tensor] = _head_losses
        if self.device.type == "cuda":
            # One block is compiled and serves all layers: seconds instead of a minute.
            for layer in self.model.model.layers:
                layer.compile()
            self._head = torch.compile(_head_losses, dynamic=True)

    def train(self) -> None:
        config, progress = self.config, self.progress
        start = time.monotonic() - progress.elapsed_s
        last = {"log": progress.elapsed_s, "eval": progress.elapsed_s, "save": progress.elapsed_s}
        sums = torch.zeros(2, device=self.device)
        since_log = {"steps": 0, "tokens": 0}
        packs = iter(self.stream)
        waited_s = 0.0
        while (fraction := _fraction(config, progress)) < 1:
            before = time.monotonic()
            taken = [next(packs) for _ in range(config.packs_per_step)]
            waited_s += time.monotonic() - before
            for problem in (p for pack in taken for p in pack.problems):
                LOG.warning("left out: %s", problem)
            batch = make_batch(taken, self.device)
            sums += self._step(batch, fraction)
            progress.step += 1
            progress.next_pack = taken[-1].number + 1
            progress.tokens += batch.num_tokens
            progress.elapsed_s = time.monotonic() - start
            since_log["steps"] += 1
            since_log["tokens"] += batch.num_tokens
            now = progress.elapsed_s
            if now - last["log"] >= config.log_every_s:
                program, grid = (sums / since_log["steps"]).tolist()
                now = progress.elapsed_s = time.monotonic() - start
                self._record(
                    "train",
                    loss_program=program,
                    loss_grid=grid,
                    tokens_per_s=since_log["tokens"] / (now - last["log"]),
                    waited_share=waited_s / (now - last["log"]),
                    rate=_rate(config, fraction),
                )
                sums.zero_()
                since_log = {"steps": 0, "tokens": 0}
                waited_s = 0.0
                last["log"] = now
            if now - last["eval"] >= config.eval_every_s:
                self._evaluate()
                # The evaluation's time belongs to no logging interval.
                passed = time.monotonic() - start - now
                last["log"] += passed
                now = last["eval"] = progress.elapsed_s = time.monotonic() - start
            if now - last["save"] >= config.checkpoint_every_s:
                self._save()
                last["save"] = now
        self._save()
        self._evaluate()

    def _step(self, batch: Batch, fraction: float) -> Tensor:
        """One update; the mean losses of program and grid tokens."""
        self.model.train()
        program, grid, loss = self._losses(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        rate = _rate(self.config, fraction)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["base_lr"] * rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return torch.stack((program, grid)).detach()

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            hidden = self.model(batch.ids, batch.positions, batch.spans, self.dtype)
            losses = self._head(hidden[batch.where], self.model.embedding, batch.targets)
        on_program, on_grid = batch.is_program, 1 - batch.is_program
        program_sum, grid_sum = (losses * on_program).sum(), (losses * on_grid).sum()
        programs, grids = on_program.sum(), on_grid.sum()
        weight = self.config.grid_weight
        loss = (program_sum + weight * grid_sum) / (programs + weight * grids)
        return program_sum / programs.clamp(min=1), grid_sum / grids.clamp(min=1), loss

    @torch.no_grad()
    def _evaluate(self) -> None:
        """Losses on fresh tasks, and the share of programs written greedily word by word."""
        config = self.config
        seed = config.seed + EVAL_SEED_OFFSET
        encoder = DocumentEncoder(self.tokenizer)
        packs = [
            make_pack(encoder, seed, n, config.pack_tokens, config.tasks) for n in range(EVAL_PACKS)
        ]
        self.model.eval()
        values = [self._losses(make_batch([pack], self.device))[:2] for pack in packs]
        program, grid = torch.tensor([[float(v) for v in pair] for pair in values]).mean(0).tolist()
        exact = self._exact_programs(seed) if config.eval_tasks else None
        self._record("eval", loss_program=program, loss_grid=grid, exact_program=exact)

    def _exact_programs(self, seed: int) -> float:
        from arcbench.policies.base import SamplingConfig, sample
        from arcbench.policies.transformers import TransformersPolicy

        # Behind the tasks of the packs above.
        first = EVAL_PACKS * STRIDE
        items: list[SynthTask] = []
        for index in count(first):
            if len(items) == self.config.eval_tasks:
                break
            with suppress(Exception):  # a rare task whose family raises, as in `make_pack`
                items.append(generate(seed, index, self.config.tasks))
        template = PromptTemplate.load("arcbench")
        twin = to_transformers(self.model, self.tokenizer, self.dtype)
        policy = TransformersPolicy(twin, self.tokenizer, name="pretrain")
        prompts = [template.messages(item.task) for item in items]
        greedy = SamplingConfig(n=1, temperature=0, max_new_tokens=96)
        found = sample(policy, prompts, greedy)
        right = [
            f[0].text == template.completion(i.code) for f, i in zip(found, items, strict=True)
        ]
        return float(np.mean(right))

    def _record(self, kind: str, **values: float | None) -> None:
        """A line in the log and in metrics.jsonl."""
        numbers = asdict(self.progress) | values
        line = {"kind": kind} | {
            k: round(v, 5) if isinstance(v, float) else v for k, v in numbers.items()
        }
        with (self.config.out / "metrics.jsonl").open("a", encoding="utf-8") as sink:
            sink.write(json.dumps(line) + "\n")
        shown = {k: v for k, v in line.items() if k not in ("kind", "next_pack") and v is not None}
        LOG.info("%s %s", kind, " ".join(f"{k}={_short(v)}" for k, v in shown.items()))

    def _save(self) -> None:
        state = {
            "recipe": self.config.recipe,
            "progress": asdict(self.progress),
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        with replacing(self.config.out / CHECKPOINT) as partial:
            torch.save(state, partial)

    def _resume(self) -> None:
        path = self.config.out / CHECKPOINT
        if not path.is_file():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        for key, value in self.config.recipe.items():
            if state["recipe"][key] != value:
                raise UserError(
                    f"{path} was trained with {key}={state['recipe'][key]}, not {value}; "
                    "choose another folder"
                )
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.progress = Progress(**state["progress"])
        LOG.info("goes on at step %d, pack %d", self.progress.step, self.progress.next_pack)


def _head_losses(hidden: Tensor, embedding: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy (targets,) of the tied head."""
    return F.cross_entropy(F.linear(hidden, embedding).float(), targets, reduction="none")


def _optimizers(model: Llama, config: PretrainConfig) -> list[torch.optim.Optimizer]:
    matrices: list[Tensor] = []
    rest: list[Tensor] = []
    for name, parameter in model.named_parameters():
        is_matrix = parameter.ndim == 2 and "embed" not in name
        (matrices if is_matrix else rest).append(parameter)
    on_gpu = rest[0].is_cuda
    muon = Muon(matrices, lr=config.muon_lr, weight_decay=config.weight_decay)
    adam = torch.optim.AdamW(
        rest, lr=config.adam_lr, betas=(0.9, 0.95), weight_decay=0.0, fused=on_gpu
    )
    for optimizer, rate in ((muon, config.muon_lr), (adam, config.adam_lr)):
        for group in optimizer.param_groups:
            group["base_lr"] = rate
    return [muon, adam]


def _fraction(config: PretrainConfig, progress: Progress) -> float:
    """The share of the budget that is spent."""
    if config.tokens is not None:
        return progress.tokens / config.tokens
    assert config.minutes is not None
    return progress.elapsed_s / (60 * config.minutes)


def _rate(config: PretrainConfig, fraction: float) -> float:
    """The learning rates' factor: 1, then linear to 0."""
    if fraction < config.constant:
        return 1.0
    return max(0.0, (1 - fraction) / (1 - config.constant))


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda: torch sees no GPU here; use cpu")
    return torch.device(name)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}"


def read_metrics(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of a run's metrics.jsonl."""
    with (folder / "metrics.jsonl").open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _weights(name: str) -> tuple[tuple[str, float], ...]:
    return read_weights(Path(name))


def main() -> None:
    """The recipe with a few knobs, where only torch and transformers are installed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--tokens", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    for name in ("pack-tokens", "packs-per-step", "workers", "eval-tasks"):
        parser.add_argument(f"--{name}", type=int, default=argparse.SUPPRESS)
    rates = ("muon-lr", "adam-lr", "weight-decay")
    for name in (*rates, "eval-every-s", "log-every-s", "checkpoint-every-s"):
        parser.add_argument(f"--{name}", type=float, default=argparse.SUPPRESS)
    for name in ("layers", "width", "heads", "feed-forward"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--weights", type=_weights, default=argparse.SUPPRESS)
    parser.add_argument("--max-prompt-tokens", type=int, default=argparse.SUPPRESS)
    shares = ("pairs_of_families", "triples", "disguises", "distractors")
    for name in shares:
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=float, default=argparse.SUPPRESS)
    args = vars(parser.parse_args())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    sizes = {
        "num_layers": args.pop("layers"),
        "hidden_size": args.pop("width"),
        "num_heads": args.pop("heads"),
        "intermediate_size": args.pop("feed_forward"),
    }
    model = ModelConfig(**{k: v for k, v in sizes.items() if v is not None})
    given = {n: args.pop(n) for n in ("weights", "max_prompt_tokens", *shares) if n in args}
    tasks = replace(TASKS, **given)
    pretrain(PretrainConfig(model=model, tasks=tasks, **args))


if __name__ == "__main__":
    main()
