"""The guard of a run: reads each step's line, tells what is wrong, and stops the run or rewinds it.

`findings.json` has what was found and what was done about it:

    {"step": 120, "findings": [...], "acts": [{"action": "rewind", "step": 118, "kind": ...}]}
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from arcbench.diagnostics import Diagnoser, Finding, Kind, Severity
from arcbench.files import write_json
from arcbench.runs import RunStore
from arcbench.training import rewind
from arcbench.training.config import TrainConfig
from arcbench.training.processes import ALONE, Processes
from arcbench.training.tracking import Tell

FINDINGS = "findings.json"


@dataclass(kw_only=True)
class Watch:
    """One run's guard, in each of its processes; only the main one's reads and decides."""

    store: RunStore
    config: TrainConfig
    say: Callable[[str], None]
    processes: Processes = ALONE
    stop_with: Callable[[str], None] = lambda _: None  # the run's word for why it ended
    going_back: bool = False  # the trainer was ended for a rewind that `go_back` carries out
    _diagnoser: Diagnoser = field(init=False)
    _acts: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._diagnoser = Diagnoser()
        if self.config.guard.action != "off":
            self.processes.from_main(self._begin)

    def _begin(self) -> None:
        """Read what the run has written, without telling it again."""
        self._diagnoser = Diagnoser(self.config.to_dict())
        for line in self.store.metrics():
            self._diagnoser.update(line)
        self._acts = read_findings(self.store)["acts"]
        self._write()

    def hearing(self, tell: Tell) -> Tell:
        """Passes a step's line on, and reads it."""

        def heard(step: int, metrics: Mapping[str, float]) -> None:
            tell(step, metrics)
            if self.config.guard.action != "off":
                clean = {k: float(v) if isfinite(v) else None for k, v in metrics.items()}
                self._read({"step": step, **clean})

        return heard

    def _read(self, line: Mapping[str, float | None]) -> None:
        held = len(self._diagnoser.holding)
        new = self._diagnoser.update(dict(line))
        for finding in new:
            if finding.severity > Severity.INFO:
                self.say(f"{finding.sentence}. Try: {finding.advice[0]}")
            else:
                self.say(finding.sentence)
        if new or len(self._diagnoser.holding) != held:
            self._write()

    @property
    def healthy(self) -> bool:
        """Whether the policy of this moment is worth going back to."""
        return self._diagnoser.healthy(k for k in Kind if k.value in self.config.guard.kinds)

    def decide(self, step: int) -> str:
        """ "stop", "rewind" or "": what has to be done after a step, and done about it on paper."""
        guard = self.config.guard
        # A resumed run does not stop for the same again. After a rewind all is found anew.
        acted = {(a["kind"], a["first_step"]) for a in self._acts if a["action"] == "stop"}
        for finding in self._diagnoser.holding:
            if (
                finding.kind.value in guard.kinds
                and finding.severity >= Severity[guard.severity.upper()]
                and step - finding.found_step >= guard.patience
                and (finding.kind.value, finding.first_step) not in acted
            ):
                return self._act(finding, step)
        return ""

    def _act(self, finding: Finding, step: int) -> str:
        done = [a for a in self._acts if a["action"] == "rewind"]
        why = f"{finding.kind.value} since step {finding.first_step} ({finding.evidence})"
        act = {
            "action": "stop",
            "step": step,
            "kind": finding.kind.value,
            "first_step": finding.first_step,
            "finding": finding.to_dict(),
        }
        to_step = rewind.target(self.store, finding.first_step)
        guard = self.config.guard
        if guard.action == "rewind" and to_step is not None and len(done) < guard.max_rewinds:
            was = self.config.grpo.learning_rate
            plan = rewind.Rewind(
                number=len(done) + 1,
                from_step=step,
                to_step=to_step,
                learning_rate=was * guard.lr_factor,
                was=was,
                reason=why,
            )
            act |= {"action": "rewind", "to_step": to_step, "sentence": plan.sentence}
            self._acts.append(act)
            self._write()
            rewind.begin(self.store, plan)
            return "rewind"
        act["sentence"] = f"the guard stopped the run because of {why}; {self._way_out(done)}"
        self._acts.append(act)
        self._write()
        return "stop"

    def _way_out(self, done: list[dict[str, Any]]) -> str:
        steps = rewind.healthy_steps(self.store)
        if self.config.guard.action == "rewind" and done:
            tried = f"rewinds did not help ({len(done)} of {self.config.guard.max_rewinds}); "
        else:
            tried = ""
        if not steps:
            return f"{tried}no checkpoint was healthy: start again with a smaller learning rate"
        what = "policy.adapter" if self.config.policy.lora is not None else "policy.model"
        return (
            f"{tried}start a run from its healthy checkpoint with a smaller grpo.learning_rate: "
            f"{what}={self.store.checkpoints / f'healthy-{steps[-1]}'}"
        )

    def agreed(self, step: int) -> str:
        """What is to be done, the same in all processes; tells a stop to the run."""
        if not self.config.guard.acts:
            return ""
        do, why = self.processes.from_main(
            lambda: (self.decide(step), self._acts[-1]["sentence"] if self._acts else "")
        )
        if do == "stop":
            self.stop_with(why)
        self.going_back = do == "rewind"
        return do

    def saved(self, step: int) -> None:
        """A checkpoint is whole: keep it apart if it is healthy."""
        if self.config.guard.action != "off" and self.processes.main and self.healthy:
            rewind.keep_healthy(self.store, step, self.config.guard.keep_healthy)

    def go_back(self) -> TrainConfig:
        """Carry out what was decided; the settings to go on with."""
        self.going_back = False

        def back() -> float:
            plan = rewind.finish(self.store)
            if plan is None:
                raise RuntimeError("no rewind was decided")
            self.say(plan.sentence)
            return plan.learning_rate

        rate = self.processes.from_main(back)
        self.config = replace(self.config, grpo=replace(self.config.grpo, learning_rate=rate))
        self.processes.from_main(self._begin)
        return self.config

    def _write(self) -> None:
        write_json(
            self.store.path / FINDINGS,
            {
                "step": self._diagnoser.signals.step,
                "findings": [f.to_dict() for f in self._diagnoser.findings],
                "acts": self._acts,
            },
        )


def read_findings(store: RunStore) -> dict[str, Any]:
    """The content of findings.json; empty where no guard has written one."""
    file = store.path / FINDINGS
    if not file.is_file():
        return {"step": 0, "findings": [], "acts": []}
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return known


def watch_callback(watch: Watch, *, steps_per_sampling: int = 1) -> Any:
    """The guard as a callback that TRL accepts; it comes after the recorder's."""
    from transformers import TrainerCallback

    class Guard(TrainerCallback):  # type: ignore[misc]
        def on_log(
            self, _args: Any, state: Any, control: Any, logs: Mapping[str, Any], **_: Any
        ) -> None:
            step = int(state.global_step)
            # A resumed run begins with a sampling.
            if "loss" not in logs or step % steps_per_sampling:
                return
            if do := watch.agreed(step):
                control.should_training_stop = True
                control.should_save = do == "stop"

        def on_save(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            watch.saved(int(state.global_step))

    return Guard()
