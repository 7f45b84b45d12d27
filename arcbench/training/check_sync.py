"""The weight-sync canary alone: does a server follow an adapter that is changed here?

For a server that will sample for a run, before the run. The model is loaded here as a trainer has
it, with a new adapter; the server gets every change of it as in a run, and nothing is kept.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from math import inf, isfinite
from pathlib import Path
from typing import Any, Literal

from arcbench.errors import UserError
from arcbench.prompts import PromptTemplate
from arcbench.tasks import load_tasks
from arcbench.training.adapters import AdapterServers
from arcbench.training.client import Client, ServerGone
from arcbench.training.perturb import proof_parameters
from arcbench.training.probes import drawn_probes, smallest_tasks
from arcbench.training.sync import (
    EXACT,
    ROUNDED,
    Canary,
    OutOfSync,
    Probe,
    SyncCheck,
    Verdict,
)

STEP = 1e-3  # how far each weight moves between two checks: an AdamW step at this learning rate
PATIENCE_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSync:
    """What was seen of one server."""

    url: str
    checks: tuple[SyncCheck, ...]  # before, during and after the change on purpose; then each more
    seconds: float
    problem: str = ""  # why it cannot be trusted

    @property
    def healthy(self) -> bool:
        """Whether it followed every change."""
        return not self.problem

    @property
    def limit(self) -> float | None:
        """The gap that a run would allow; None if no check was made."""
        return self.checks[-1].threshold if self.checks else None

    @property
    def steps(self) -> tuple[SyncCheck, ...]:
        """The checks after a movement as of a training step."""
        return self.checks[3:]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values; a gap that is not finite is null."""
        checks = [
            {**asdict(c), "gap": c.gap if isfinite(c.gap) else None, "verdict": c.verdict.value}
            for c in self.checks
        ]
        return {**asdict(self), "checks": checks}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ServerSync":
        """The inverse of `to_dict`."""
        checks = [
            {**c, "gap": inf if c["gap"] is None else c["gap"], "verdict": Verdict(c["verdict"])}
            for c in data["checks"]
        ]
        return cls(**{**data, "checks": tuple(SyncCheck(**c) for c in checks)})


def check_sync(
    urls: Sequence[str],
    *,
    policy: str = "embedded",
    rank: int = 16,
    checks: int = 0,
    device: Literal["auto", "cpu", "gpu"] = "auto",
    folder: Path | None = None,
    seed: int = 0,
    report: Callable[[str], None] = lambda _: None,
) -> list[ServerSync]:
    """Prove each server alone: change an adapter on purpose, see the server follow, change it back.

    Then `checks` times more, each after a small step of the weights. Adapters are written to a
    temporary folder, or below `folder` where a server sees no other; none is left behind. A server
    that is gone or does not follow is a `problem`, and the others are checked all the same.
    Raises UserError for a policy that cannot be loaded.
    """
    if not urls:
        raise UserError("check-sync needs the address of a server: --url http://host:port")
    if checks < 0:
        raise UserError(f"checks must be at least 0, not {checks}")
    trainer = _Trainer.load(policy, rank, device, seed)
    found = []
    for url in urls:
        with _folder(folder) as path:
            found.append(_one(url, trainer, path, checks, seed, report))
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class _Trainer:
    """The model as a run would train it."""

    model: Any
    autocast: Callable[[], AbstractContextManager[Any]]
    exact: bool  # computes in float32
    probes: Sequence[Probe]

    @classmethod
    def load(
        cls, policy: str, rank: int, device: Literal["auto", "cpu", "gpu"], seed: int
    ) -> "_Trainer":
        from arcbench.policies.transformers import TransformersPolicy
        from arcbench.training import build
        from arcbench.training.config import LoraConfig, PolicyConfig, TrainConfig

        config = TrainConfig(
            policy=PolicyConfig(model=policy, lora=LoraConfig(rank=rank, alpha=2.0 * rank)),
            device=device,
        )
        build.prepare_libraries()
        import torch
        from peft import get_peft_model

        gpu = build.on_gpu(config)
        chat = build.load_tokenizer(config)
        model = get_peft_model(build.load_model(config, gpu), build.peft_config(config))
        kind = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(build.precision(config, gpu))
        autocast = nullcontext if kind is None else partial(
            torch.autocast, "cuda" if gpu else "cpu", dtype=kind
        )  # fmt: skip
        template = PromptTemplate.load(config.policy.template)
        tasks = smallest_tasks(list(load_tasks("arc-agi-1", "training").values()))
        with autocast():
            probes = drawn_probes(
                TransformersPolicy(model, chat.tokenizer, name=policy),
                [template.messages(task) for task in tasks],
                seed=seed,
            )
        return cls(model=model, autocast=autocast, exact=kind is None, probes=probes)

    def step(self, seed: int) -> None:
        """Move every trained weight by `STEP`, up or down."""
        import torch

        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for p in self.model.parameters():
                if p.requires_grad:
                    noise = torch.randn(p.shape, generator=generator)
                    p += STEP * noise.sign().to(p.device, p.dtype)


def _one(
    url: str,
    trainer: _Trainer,
    folder: Path,
    checks: int,
    seed: int,
    report: Callable[[str], None],
) -> ServerSync:
    from arcbench.training.engines import model_logprobs

    client = Client(url, patience_s=PATIENCE_S)
    servers = AdapterServers(clients=[client], folder=folder, adapter=lambda: trainer.model)
    (engine,) = servers.engines()
    canary = Canary(
        engine=engine,
        trainer_scores=lambda asked: model_logprobs(trainer.model, asked, trainer.autocast),
        probes=trainer.probes,
        report=report,
        strict=EXACT if trainer.exact else ROUNDED,
    )
    started, problem = time.monotonic(), ""
    try:
        if not client.healthy():
            raise ServerGone(f"{client.base_url} does not answer: start it with arcbench serve")
        canary.prove(proof_parameters(trainer.model, seed=seed), seed=seed)
        for number in range(1, checks + 1):
            trainer.step(seed + number)
            servers.sync()
            canary.check(number)
    except (OutOfSync, ServerGone) as error:
        problem = str(error)
    finally:
        servers.close(quiet=bool(problem))
    return ServerSync(
        url=client.base_url,
        checks=tuple(canary.checks),
        seconds=time.monotonic() - started,
        problem=problem,
    )


@contextmanager
def _folder(parent: Path | None) -> Iterator[Path]:
    """A new folder that a server of another user can read, too; it is gone afterwards."""
    if parent is not None:
        parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="arcbench-check-sync-", dir=parent) as made:
        Path(made).chmod(0o755)
        yield Path(made) / "adapters"
