"""What writes the completions of a training run: one dataclass for each kind of engine."""

from dataclasses import dataclass
from typing import Literal

from arcbench.errors import UserError
from arcbench.training.config_build import check_fields

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
    """The trainer's own model writes: nothing can be out of step, on a GPU or a CPU."""

    kind: Literal["transformers"] = "transformers"


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


EngineConfig = TransformersEngine | VllmColocate
