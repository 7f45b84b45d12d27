"""Puts the engine of a run behind TRL's trainer, and the weight-sync canary beside it."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arcbench.errors import UserError
from arcbench.policies.chat import ChatTokenizer
from arcbench.policies.transformers import TransformersPolicy
from arcbench.training import build
from arcbench.training.adapters import AdapterServers
from arcbench.training.client import Client
from arcbench.training.config import (
    TrainConfig,
    TransformersEngine,
    VllmAdapters,
    VllmColocate,
    VllmServer,
)
from arcbench.training.continuous_sampler import ContinuousSampler
from arcbench.training.data import PromptSource
from arcbench.training.engines import mend_stale_lora, model_logprobs, trl_engine
from arcbench.training.probes import drawn_probes, smallest_tasks
from arcbench.training.sampler import StepSampler, VllmSampler
from arcbench.training.server_sampler import ServerSampler
from arcbench.training.sync import (
    EXACT,
    MERGED,
    ROUNDED,
    Canary,
    Engine,
    Logprobs,
    Probe,
    Strictness,
    as_callback,
)

WATCH_EVERY_S = 3.0
GRACE_S = 10.0  # between finding that a server is gone and ending a trainer that hangs on it


@dataclass(kw_only=True)
class RunEngine:
    """What writes the completions of a run; make it before the trainer, then `attach` it.

    A context manager: at its end adapters are unloaded and the watch on the servers is over.
    """

    config: TrainConfig
    chat: ChatTokenizer
    source: PromptSource
    folder: Path  # of the run
    say: Callable[[str], None]
    give_up: Callable[[str], None]  # ends the run at once, with a reason
    canaries: list[Canary] = field(default_factory=list)
    _trainer: Any = None
    _adapters: AdapterServers | None = None
    _watch: "ServerWatch | None" = None

    def __post_init__(self) -> None:
        self.clients: list[Client] = []
        engine = self.config.engine
        if isinstance(engine, VllmServer | VllmAdapters):
            self.clients = [Client(u, patience_s=engine.patience_s) for u in engine.addresses]
        self.sampler = self._sampler()

    def __enter__(self) -> "RunEngine":
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        if self._watch is not None:
            self._watch.stop()
        if self._adapters is not None:
            # Where the run fails because a server is gone, its adapters cannot be unloaded.
            self._adapters.close(quiet=kind is not None)

    def _sampler(self) -> StepSampler:
        engine, tokenizer = self.config.engine, self.chat.tokenizer
        if isinstance(engine, VllmColocate):
            return VllmSampler(config=self.config, tokenizer=tokenizer)
        if isinstance(engine, VllmAdapters):
            self._adapters = AdapterServers(
                clients=self.clients,
                folder=self.folder / "adapters",
                adapter=lambda: self._trainer.accelerator.unwrap_model(self._trainer.model),
            )
        if isinstance(engine, VllmServer | VllmAdapters):
            return ServerSampler(
                config=self.config,
                tokenizer=tokenizer,
                clients=self.clients,
                served=self._served,
            )
        if engine.continuous_batching:
            return ContinuousSampler(config=self.config, tokenizer=tokenizer)
        return StepSampler(
            config=self.config, tokenizer=tokenizer, shared_prefix=not self.config.policy.unsloth
        )

    def _from_main(self, text: str) -> str:
        return self.sampler.processes.from_main(lambda: text)

    def _served(self) -> str:
        return self._adapters.name if self._adapters is not None else self.clients[0].models()[0]

    def attach(self, trainer: Any) -> None:
        """Give the trainer its engine, and the canary its callback. Once, before it trains."""
        config = self.config
        refuse_shards(config, trainer)
        self._trainer = trainer
        main = bool(trainer.accelerator.is_main_process)
        if self._adapters is not None:
            self._adapters.main = main
            self._adapters.share = self._from_main
            # TRL drives it like one of its own engines: weights before a sampling, correction.
            trainer.use_vllm, trainer.vllm_mode = True, "adapters"
            trainer.vllm_generation = _Transfer(self._adapters.sync)
            trainer._last_loaded_step = -1
        if mend_stale_lora(trainer):
            self.say("TRL's transfer would send the weights without their adapter: mended")
        if self.clients and main:
            self._watch = ServerWatch(self.clients, self._patience_s(), self.give_up)
        if not config.sync.prove and not config.sync.every:
            return
        engines: Sequence[Engine]
        gpu = trainer.accelerator.device.type == "cuda"
        engines = [trl_engine(trainer)] if self._adapters is None else self._adapters.engines()
        probes = self._probes(trainer)
        for engine in engines:
            canary = Canary(
                engine=engine,
                trainer_scores=self.trainer_logprobs,
                probes=probes,
                report=self.say if main else lambda _: None,
                strict=strictness(config, gpu),
                # A server has one who asks; in a process each has an engine of its own.
                watching=main or not self.clients,
            )
            self.canaries.append(canary)
            trainer.add_callback(as_callback(canary, **canary_options(config)))

    def trainer_logprobs(self, probes: Sequence[Probe]) -> Logprobs:
        """Under the trainer's weights of this moment; to be asked once the trainer is attached."""
        accelerator = self._trainer.accelerator
        model = accelerator.unwrap_model(self._trainer.model)
        return model_logprobs(model, probes, accelerator.autocast)

    @property
    def whole_weights(self) -> bool:
        """Whether this process has all of the trainer's weights by itself."""
        return not _sharded(self._trainer)

    def _probes(self, trainer: Any) -> list[Probe]:
        """What the policy writes to the smallest of the run's tasks, before its first step."""
        model = trainer.accelerator.unwrap_model(trainer.model)
        trains = model.training
        policy = TransformersPolicy(
            model,
            self.chat.tokenizer,
            name=self.config.policy.model,
            shared_prefix=not self.config.policy.unsloth,
        )
        prompts = [self.source.template.messages(t) for t in smallest_tasks(self.source.tasks)]
        with trainer.accelerator.autocast():
            drawn = drawn_probes(policy, prompts, seed=self.config.seed)
        model.train(trains)
        return drawn

    def metrics(self, step: int) -> dict[str, float]:
        """What the canaries found in this step; of several servers, the one that is worst."""
        found = [c.metrics(step) for c in self.canaries]
        return {name: max(m.get(name, 0.0) for m in found) for m in found for name in m}

    def _patience_s(self) -> float:
        engine = self.config.engine
        return engine.patience_s if isinstance(engine, VllmServer | VllmAdapters) else 0.0


def refuse_shards(config: TrainConfig, trainer: Any) -> None:
    """UserError where no process has whole weights, and the run needs them."""
    if not _sharded(trainer):
        return
    if not isinstance(config.engine, VllmColocate | VllmServer):
        problem = f"engine {config.engine.kind}"
    elif config.measure.samples:
        problem = f"measure.samples {config.measure.samples}"
    elif config.sync.prove or config.sync.every:
        problem = "the weight-sync canary (sync.prove, sync.every)"
    else:
        return
    raise UserError(
        f"{problem} needs whole weights in the trainer's process, and FSDP or DeepSpeed ZeRO-3 "
        "spreads them: use ZeRO-2, or engine vllm-colocate or vllm-server with measure.samples 0, "
        "sync.prove false and sync.every 0"
    )


def _sharded(trainer: Any) -> bool:
    plugin = getattr(trainer.accelerator.state, "deepspeed_plugin", None)
    return bool(trainer.is_fsdp_enabled or (plugin is not None and plugin.zero_stage >= 3))


def strictness(config: TrainConfig, gpu: bool) -> Strictness:
    """What the canary asks of the run's engine."""
    # A vLLM on a GPU computes in 16 bits, whatever the trainer does.
    half = gpu and not isinstance(config.engine, TransformersEngine)
    if not half and build.precision(config, gpu) == "fp32":
        return EXACT
    merging = isinstance(config.engine, VllmColocate | VllmServer) and not config.policy.unsloth
    return MERGED if merging and config.policy.lora is not None else ROUNDED


def canary_options(config: TrainConfig) -> dict[str, Any]:
    """When a run's canary looks."""
    return {
        "prove": config.sync.prove,
        "every": config.sync.every,
        "generate_every": config.grpo.steps_per_sampling,
        "seed": config.seed,
    }


@dataclass(frozen=True, slots=True)
class _Transfer:
    """Stands where TRL has its vLLM: it is asked for the weights' way before each sampling."""

    sync_weights: Callable[[], None]
    mode: str = "adapters"


class ServerWatch:
    """Looks after the servers in a thread, because a transfer to one that is gone may never end.

    `give_up` is called with the reason, once, where the trainer has not ended by itself
    `GRACE_S` after a server was away for `patience_s`.
    """

    def __init__(
        self, clients: Sequence[Client], patience_s: float, give_up: Callable[[str], None]
    ) -> None:
        self._clients = clients
        self._patience_s = patience_s
        self._give_up = give_up
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, name="server-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more looks."""
        self._stopped.set()
        self._thread.join(WATCH_EVERY_S + GRACE_S)

    def _look(self) -> None:
        well = dict.fromkeys(range(len(self._clients)), time.monotonic())
        while not self._stopped.wait(WATCH_EVERY_S):
            for i, client in enumerate(self._clients):
                if client.healthy():
                    well[i] = time.monotonic()
                    continue
                away = time.monotonic() - well[i]
                if away > self._patience_s and not self._stopped.wait(GRACE_S):
                    self._give_up(f"the server {client.base_url} has not answered for {away:.0f} s")
                    return


def import_first(config: TrainConfig) -> None:
    """Load what must come before transformers and TRL, because it changes them."""
    if config.policy.unsloth:
        os.environ.setdefault("UNSLOTH_DISABLE_STATISTICS", "1")
        try:
            import unsloth  # noqa: F401
        except NotImplementedError as error:  # it finds no accelerator
            raise UserError(f"policy.unsloth: {str(error).strip()}") from error


def load_model(config: TrainConfig, gpu: bool, checkpoint: Path | None = None) -> Any:
    """The policy's model, from transformers or unsloth; with the weights of a `checkpoint`."""
    if not config.policy.unsloth:
        return build.load_model(config, gpu, checkpoint)
    from arcbench.training import unsloth_model

    return unsloth_model.load(config, gpu, checkpoint)


def peft_config(config: TrainConfig) -> Any:
    """What TRL is to make an adapter from; None without one, and where the model has it already."""
    return None if config.policy.unsloth else build.peft_config(config)
