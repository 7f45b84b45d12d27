"""The settings of the guard, which reads each step's line and acts on what it finds."""

from dataclasses import dataclass
from typing import Literal

from arcbench.diagnostics.finding import Kind
from arcbench.errors import UserError, unknown
from arcbench.training.config_build import check_fields
from arcbench.training.config_grpo import changed, positive

Action = Literal["off", "warn", "stop", "rewind"]


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardConfig:
    """What happens where a run's figures show that it goes wrong.

    warn: a sentence in the log, once. stop: the run saves and stops too, and can be resumed.
    rewind: it goes on from its last healthy checkpoint with a smaller learning rate.
    """

    action: Action = "warn"
    # Which findings stop a run or rewind it; the others are told. A lower learning rate mends none
    # of those.
    kinds: tuple[str, ...] = (
        "falling", "length", "gibberish", "repetition", "entropy", "failing", "unstable",
    )  # fmt: skip
    severity: Literal["info", "warning", "critical"] = "critical"  # the least to act on
    patience: int = 3  # steps that it must hold: acting costs the steps since the checkpoint
    lr_factor: float = 0.3  # of the learning rate, at each rewind
    max_rewinds: int = 3  # after these the run stops
    keep_healthy: int = 2  # newest healthy checkpoints, kept apart from keep_checkpoints

    def __post_init__(self) -> None:
        where = "guard."
        check_fields(self, where)
        positive(self, where, "max_rewinds", "keep_healthy")
        if self.patience < 0:
            raise UserError(f"guard.patience must be >= 0, not {self.patience}")
        if not 0 < self.lr_factor < 1:
            raise UserError(f"guard.lr_factor must be between 0 and 1, not {self.lr_factor}")
        for kind in self.kinds:
            if kind not in list(Kind):
                raise unknown("guard.kinds", kind, [k.value for k in Kind])
        self._check_use()

    def _check_use(self) -> None:
        acting, rewinding = ("kinds", "severity", "patience"), ("lr_factor", "max_rewinds")
        if not self.acts and (useless := changed(self, *acting, *rewinding)):
            raise UserError(f"guard.{useless[0]} does nothing with guard.action {self.action}")
        if self.action == "stop" and (useless := changed(self, *rewinding)):
            raise UserError(f"guard.{useless[0]} does nothing with guard.action stop")
        if self.action == "off" and changed(self, "keep_healthy"):
            raise UserError("guard.keep_healthy does nothing with guard.action off")
        if self.acts and not self.kinds:
            raise UserError(f"guard.action {self.action} with no guard.kinds never acts: use warn")

    @property
    def acts(self) -> bool:
        """Whether a finding can end the run's course."""
        return self.action in ("stop", "rewind")
