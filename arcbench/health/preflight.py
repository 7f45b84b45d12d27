"""The checks before a run, made in a process of their own and kept for a while."""

import json
import sys
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from arcbench import jobs
from arcbench.errors import UserError
from arcbench.files import write_json
from arcbench.folders import RunState, Status, free_name
from arcbench.health.errand import Errand, errands, forget_old, send
from arcbench.preflight import PreflightFinding, Severity
from arcbench.training.config import TrainConfig

PREFIX = "preflight-"
TIMEOUT_S = 180.0  # a hub that does not answer, a tokenizer on a slow disk
FRESH_S = 600.0  # so long an answer is good: servers come and go, disks fill
KEPT = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Preflight:
    """What is known of a run before it starts."""

    status: Status
    findings: tuple[PreflightFinding, ...] = ()
    machine: tuple[str, ...] = ()  # what can run here, a sentence each
    seconds: float = 0.0  # since it was started, or that it took

    @property
    def done(self) -> bool:
        """Whether there are findings."""
        return self.status.state is RunState.FINISHED

    @property
    def errors(self) -> tuple[PreflightFinding, ...]:
        """What would end the run, or teach it nothing."""
        return self.of(Severity.ERROR)

    @property
    def warnings(self) -> tuple[PreflightFinding, ...]:
        """What the run may go on with."""
        return self.of(Severity.WARNING)

    def of(self, severity: Severity) -> tuple[PreflightFinding, ...]:
        """The findings of one severity."""
        return tuple(f for f in self.findings if f.severity is severity)


def key(config: TrainConfig) -> str:
    """The same for the same settings, whoever asks."""
    plain = json.dumps(config.to_dict(), sort_keys=True)
    return sha256(plain.encode()).hexdigest()[:12]


def newest(root: Path, config: TrainConfig) -> Errand | None:
    """The newest check of these settings that is still good; None without one."""
    name = f"{PREFIX}{key(config)}"
    found = next(
        (e for e in errands(root) if e.name == name or e.name.startswith(f"{name}-")), None
    )
    if found is None or (time.time() - found.started > FRESH_S and found.status().state.over):
        return None
    return found


def look(root: Path, config: TrainConfig) -> Preflight | None:
    """How the check of these settings stands; None where there is none that is still good."""
    found = newest(root, config)
    return None if found is None else read(found)


def ask(root: Path, config: TrainConfig, runs_root: Path, *, again: bool = False) -> Preflight:
    """Start the check of these settings, unless one is on its way or its answer is still good.

    With `again`, or where the last one was stopped or failed, a new one is made.
    """
    found = newest(root, config)
    if found is not None:
        state = found.status().state
        if not state.over or (state is RunState.FINISHED and not again):
            return read(found)
    forget_old(root, PREFIX, KEPT)
    root.mkdir(parents=True, exist_ok=True)
    settings = root / f".{PREFIX}{key(config)}.json"
    write_json(settings, config.to_dict())

    def words(folder: Path) -> list[str]:
        own = settings.replace(folder / "settings.json")
        return [
            sys.executable, "-m", "arcbench", "doctor", "--config", str(own),
            "--runs", str(runs_root), "--out", str(folder / "result.json"),
        ]  # fmt: skip

    name = free_name(root, f"{PREFIX}{key(config)}")
    try:
        made = send(root, name, words, about={"kind": "preflight"}, timeout_s=TIMEOUT_S)
    except UserError:  # another page was faster: it asks the same
        if (other := newest(root, config)) is None:
            raise
        made = other
    return read(made)


def cancel(root: Path, config: TrainConfig) -> None:
    """Ask the check of these settings to end, if it is on its way."""
    found = newest(root, config)
    if found is not None:
        jobs.interrupt(found)


def read(errand: Errand) -> Preflight:
    """What an errand has found so far."""
    status = errand.status()  # first: what was written before the end is then read for sure
    found = errand.result() or {} if status.state is RunState.FINISHED else {}
    until = status.updated if status.state.over else time.time()
    return Preflight(
        status=status,
        findings=tuple(PreflightFinding.from_dict(f) for f in found.get("findings", ())),
        machine=tuple(found.get("machine", ())),
        seconds=max(0.0, until - errand.started),
    )
