"""What writes the completions of a training run: one dataclass for each kind of engine."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from arcbench.errors import UserError
from arcbench.training.config_build import check_fields
from arcbench.training.config_grpo import positive

CorrectionMode = Literal["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportanceCorrection:
    """Weighs what vLLM wrote by how likely the trainer's own arithmetic finds it."""

    # Truncating keeps every token; masking drops whole completions, and once the engine's weights
    # are stale it drops them all without a word.
    mode: CorrectionMode = "token_truncate"
    cap: float | None = 3.0  # highest ratio; 2 to 3 in the literature
    floor: float | None = None  # lowest ratio; a low one only makes a token count less

    def __post_init__(self) -> None:
        check_fields(self, "engine.correction.")
        for name in ("cap", "floor"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UserError(f"engine.correction.{name} must be positive, not {value}")
        if self.cap is None and self.floor is None:
            raise UserError(
                "engine.correction has neither cap nor floor, so it limits nothing: give one, or "
                "correction = null for no correction"
            )
        if self.cap is not None and self.floor is not None and self.floor >= self.cap:
            raise UserError(f"engine.correction.floor {self.floor} must be below cap {self.cap}")


@dataclass(frozen=True, kw_only=True, slots=True)
class TransformersEngine:
    """The trainer's own model writes: nothing can be out of step, on a GPU or a CPU.

    A prompt is read once for its whole group, and rows that are finished are dropped.
    """

    kind: Literal["transformers"] = "transformers"
    # transformers' own engine with paged attention instead: for models whose attention is not
    # plain (windows, sinks), which would be sampled group by group otherwise.
    continuous_batching: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "engine.")


@dataclass(frozen=True, kw_only=True, slots=True)
class VllmColocate:
    """vLLM in the trainer's process and on its GPU, given the weights before each sampling."""

    kind: Literal["vllm-colocate"] = "vllm-colocate"
    gpu_memory_share: float = 0.3  # of the card, for its weights and cache; the rest is to train
    tensor_parallel: int = 1  # GPUs that one copy of the model is spread over
    sleep: bool = False  # give its memory back while training; costs a second or two a step
    max_model_tokens: int | None = None  # prompt + completion; None: what `lengths` allows
    correction: ImportanceCorrection | None = ImportanceCorrection()  # None: none

    def __post_init__(self) -> None:
        check_fields(self, "engine.")
        if not 0 < self.gpu_memory_share < 1:
            raise UserError(
                f"engine.gpu_memory_share must be between 0 and 1, not {self.gpu_memory_share}"
            )
        if self.tensor_parallel < 1:
            raise UserError(
                f"engine.tensor_parallel must be at least 1, not {self.tensor_parallel}"
            )
        if self.max_model_tokens is not None and self.max_model_tokens < 2:
            raise UserError(
                f"engine.max_model_tokens must be at least 2, not {self.max_model_tokens}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class VllmServer:
    """One vLLM server that TRL sends all weights to, over NCCL: on GPUs other than the trainer's.

    `arcbench serve --kind vllm-weights` starts it, with as many copies of the model as are asked.
    """

    kind: Literal["vllm-server"] = "vllm-server"
    url: str = "http://127.0.0.1:8000"
    group_port: int = 51216  # of the trainer's machine, for the transfer; another for each run
    patience_s: float = 30.0  # how long the server may be away before the run ends
    correction: ImportanceCorrection | None = ImportanceCorrection()  # None: none

    def __post_init__(self) -> None:
        check_fields(self, "engine.")
        _check_url(self.url, "engine.url")
        positive(self, "engine.", "patience_s")
        if not 1024 <= self.group_port < 65_536:
            raise UserError(f"engine.group_port must be in [1024, 65535], not {self.group_port}")

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of all servers."""
        return (self.url,)


@dataclass(frozen=True, kw_only=True, slots=True)
class VllmAdapters:
    """Servers that are given each step's adapter under a new name; every request names it.

    `arcbench serve` starts one. They may stand on the trainer's GPU, on others, on other machines
    that see the run's folder, or on a CPU.
    """

    kind: Literal["vllm-adapters"] = "vllm-adapters"
    urls: tuple[str, ...] = ("http://127.0.0.1:8000",)
    patience_s: float = 30.0  # how long a server may be away before the run ends
    correction: ImportanceCorrection | None = ImportanceCorrection()  # None: none

    def __post_init__(self) -> None:
        check_fields(self, "engine.")
        positive(self, "engine.", "patience_s")
        if not self.urls:
            raise UserError("engine.urls is empty: give the address of a server at least")
        for url in self.urls:
            _check_url(url, "engine.urls")
        if len(set(self.urls)) != len(self.urls):
            raise UserError("engine.urls names a server twice")

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of all servers."""
        return self.urls


def _check_url(url: str, where: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{where} must be an address like http://127.0.0.1:8000, not {url!r}")


EngineConfig = TransformersEngine | VllmColocate | VllmServer | VllmAdapters


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncConfig:
    """The weight-sync canary: does the engine sample with the trainer's weights?"""

    # Before the first step the weights are changed on purpose, to see the engine follow, and are
    # put back bit for bit.
    prove: bool = True
    every: int = 10  # steps between two checks; 0: none

    def __post_init__(self) -> None:
        check_fields(self, "sync.")
        if self.every < 0:
            raise UserError(f"sync.every must not be negative, not {self.every}")
