"""The run folder: what a run leaves on disk, and how others read it while it is written.

    runs/<name>/
      config.json   fully resolved      info.json      versions, git revision, start
      status.json   state, pid, step    metrics.jsonl  one line a step
      rollouts/000120.parquet           eval/  plots/  checkpoints/  log.txt

Step k is the k-th optimiser step, from 1: its line in metrics.jsonl, its rollouts (written by the
weights before it) and the checkpoint after it carry the same number.
"""

import fcntl
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from pathlib import Path
from typing import Any

from arcbench import __version__
from arcbench.errors import UserError
from arcbench.files import write_json
from arcbench.rollouts import Rollout, read_rollouts, write_rollouts

Metrics = dict[str, float | None]  # "step" and the names of arcbench.series; None: not finite

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PACKAGES = ("numpy", "torch", "transformers", "trl", "peft", "accelerate", "datasets")


class RunState(StrEnum):
    """Where a run stands."""

    CREATED = "created"  # the folder is there, nothing has started
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"  # on request, after a checkpoint
    FAILED = "failed"  # an error, told in the reason and in log.txt
    DIED = "died"  # says running, but its process is gone

    @property
    def over(self) -> bool:
        """Whether nothing more will come unless the run is resumed."""
        return self not in (RunState.CREATED, RunState.RUNNING)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStatus:
    """The content of status.json."""

    state: RunState = RunState.CREATED
    step: int = 0  # steps that are done
    total_steps: int = 0
    phase: str = ""  # what it is doing: "loading", "measuring before", "training" …
    reason: str = ""  # why it ended, empty for a plain end
    pid: int = 0
    pid_started: int = 0  # tells a process from a later one with the same number; 0: unknown
    host: str = ""
    updated: float = 0.0  # seconds since the epoch


class MetricsReader:
    """Reads metrics.jsonl as it grows: whole lines only, each once.

    A resumed run drops lines; the file is then another one and the reader starts again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metrics: list[Metrics] = []  # everything read so far
        self._offset = 0
        self._inode = 0

    def poll(self) -> list[Metrics]:
        """Read what has been added; return the new lines (all of them after a rewind)."""
        try:
            handle = self.path.open("rb")
        except FileNotFoundError:
            return []
        with handle:
            stat = os.fstat(handle.fileno())
            if stat.st_ino != self._inode or stat.st_size < self._offset:
                self._inode, self._offset, self.metrics = stat.st_ino, 0, []
            handle.seek(self._offset)
            whole = handle.read()
        whole = whole[: whole.rfind(b"\n") + 1]
        self._offset += len(whole)
        new: list[Metrics] = [json.loads(line) for line in whole.splitlines() if line.strip()]
        self.metrics += new
        return new


@dataclass(frozen=True, slots=True)
class RunStore:
    """One run folder. Made by `create` or `open`; safe for one writer and many readers."""

    path: Path

    @classmethod
    def create(cls, root: Path, name: str, config: Mapping[str, Any]) -> "RunStore":
        """Make the folder `root/name`, whole or not at all. Raises UserError if it exists."""
        path = _run_path(root, name)
        if path.exists():
            raise UserError(f"run {name!r} exists in {root}: resume it, or choose another name")
        root.mkdir(parents=True, exist_ok=True)
        partial = root / f".{name}.{os.getpid()}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        write_json(partial / "config.json", config)
        write_json(partial / "info.json", _info())
        store = cls(partial)
        store.write_status(RunStatus(updated=time.time()))
        try:
            partial.rename(path)
        except OSError as error:  # another process was faster
            shutil.rmtree(partial, ignore_errors=True)
            if path.exists():
                raise UserError(f"run {name!r} exists in {root}: choose another name") from error
            raise
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> "RunStore":
        """The run in the folder `path`; UserError if there is none."""
        if not (path / "config.json").is_file():
            raise UserError(f"no run in {path}: it has no config.json")
        return cls(path)

    @property
    def name(self) -> str:
        """The name of the run."""
        return self.path.name

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def log(self) -> Path:
        """What the run printed."""
        return self.path / "log.txt"

    @property
    def stop_file(self) -> Path:
        """The run stops after the current step once this file is there."""
        return self.path / "stop"

    def config(self) -> dict[str, Any]:
        """The content of config.json."""
        return self._json("config.json")

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Replace config.json (a resumed run may be given more steps)."""
        write_json(self.path / "config.json", config)

    def info(self) -> dict[str, Any]:
        """The content of info.json."""
        return self._json("info.json")

    def add_info(self, **values: Any) -> None:
        """Put more facts into info.json."""
        write_json(self.path / "info.json", {**self.info(), **values})

    # Status

    def status(self) -> RunStatus:
        """Where the run stands; a run whose process is gone without a word has died."""
        data = self._json("status.json")
        status = RunStatus(**{**data, "state": RunState(data["state"])})
        if status.state is RunState.RUNNING and not _alive(status):
            return replace(status, state=RunState.DIED, reason="its process ended without a word")
        return status

    def write_status(self, status: RunStatus) -> None:
        """Replace status.json."""
        write_json(self.path / "status.json", {**asdict(status), "state": status.state.value})

    def set_status(self, state: RunState, **changes: Any) -> RunStatus:
        """Change the given fields. RUNNING notes this process (or another `pid`) as the run's."""
        with self.locked():
            return self.set_status_locked(state, **changes)

    def set_status_locked(self, state: RunState, **changes: Any) -> RunStatus:
        """`set_status` for who holds the lock."""
        data = self._json("status.json")
        old = RunStatus(**{**data, "state": RunState(data["state"])})
        if state is RunState.RUNNING:
            pid = changes.setdefault("pid", os.getpid())
            changes |= {"pid_started": process_start(pid), "host": socket.gethostname()}
            changes.setdefault("reason", "")
        status = replace(old, state=state, updated=time.time(), **changes)
        self.write_status(status)
        return status

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the status: who starts a run writes before the run itself does."""
        with (self.path / ".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    # Metrics

    @property
    def metrics_file(self) -> Path:
        """One JSON object a line, one line a step."""
        return self.path / "metrics.jsonl"

    def append_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add the line of a step, all of it or (on a full disk) nothing; not finite is null."""
        clean = {k: float(v) if isfinite(v) else None for k, v in metrics.items()}
        line = json.dumps({"step": step, **clean}, allow_nan=False) + "\n"
        rest = line.encode()
        with self.metrics_file.open("ab", buffering=0) as handle:
            whole = handle.seek(0, os.SEEK_END)
            try:
                # A write on a full disk may take a part and say nothing until the next one.
                while rest:
                    rest = rest[handle.write(rest) :]
            except OSError:
                handle.truncate(whole)
                raise

    def metrics(self) -> list[Metrics]:
        """All whole lines of metrics.jsonl."""
        return self.metrics_reader().poll()

    def metrics_reader(self) -> MetricsReader:
        """A reader that follows the metrics of a run in progress."""
        return MetricsReader(self.metrics_file)

    # Rollouts

    def write_rollouts(self, step: int, rollouts: Iterable[Rollout]) -> None:
        """Write the rollouts of a step, whole or not at all."""
        write_rollouts(self._rollout_file(step), rollouts)

    def rollouts(self, step: int) -> list[Rollout]:
        """The rollouts of a step; UserError if there are none."""
        path = self._rollout_file(step)
        if not path.is_file():
            steps = self.rollout_steps()
            there = f"steps {steps[0]}-{steps[-1]}" if steps else "no step yet"
            raise UserError(f"run {self.name} has no rollouts of step {step}; there are: {there}")
        return read_rollouts(path)

    def rollout_steps(self) -> list[int]:
        """The steps that have rollouts, in order."""
        folder = self.path / "rollouts"
        return sorted(int(p.stem) for p in folder.glob("*.parquet") if p.stem.isdecimal())

    def _rollout_file(self, step: int) -> Path:
        return self.path / "rollouts" / f"{step:06d}.parquet"

    # Evaluations, plots

    def write_eval(self, name: str, value: Mapping[str, Any]) -> None:
        """Write eval/<name>.json."""
        write_json(self.path / "eval" / f"{name}.json", value)

    def read_eval(self, name: str) -> dict[str, Any] | None:
        """The content of eval/<name>.json, None where it was not made."""
        return self._json(f"eval/{name}.json") if self._has(f"eval/{name}.json") else None

    def plot_file(self, name: str) -> Path:
        """Where the plot of that name lies."""
        folder = self.path / "plots"
        folder.mkdir(exist_ok=True)
        return folder / f"{name}.png"

    # Stop and resume

    def request_stop(self) -> None:
        """Ask the run to save and end after its current step."""
        self.stop_file.touch()

    def rewind(self, step: int) -> None:
        """Forget what came after `step`: metrics (a torn line too), rollouts, partial files."""
        kept = [m for m in self.metrics() if m["step"] is not None and m["step"] <= step]
        text = "".join(json.dumps(m) + "\n" for m in kept)
        partial = self.metrics_file.with_name(".metrics.rewound")
        partial.write_text(text, encoding="utf-8")
        partial.replace(self.metrics_file)  # a new file, so that readers notice
        for later in self.rollout_steps():
            if later > step:
                self._rollout_file(later).unlink()
        for leftover in [*self.path.glob(".*.partial"), *self.path.glob("*/.*.partial")]:
            leftover.unlink()

    def _has(self, name: str) -> bool:
        return (self.path / name).is_file()

    def _json(self, name: str) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        return value


def list_runs(root: Path) -> list[RunStore]:
    """All runs under `root`, the newest first."""
    found = [
        RunStore(p.parent) for p in root.glob("*/config.json") if _NAME.fullmatch(p.parent.name)
    ]
    return sorted(found, key=lambda s: (s.path / "config.json").stat().st_mtime, reverse=True)


def free_name(root: Path, wanted: str) -> str:
    """`wanted`, or `wanted-2`, `wanted-3` … : the first that is not taken."""
    _run_path(root, wanted)
    name, n = wanted, 1
    while (root / name).exists():
        n += 1
        name = f"{wanted}-{n}"
    return name


def _run_path(root: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise UserError(
            f"not a name for a run: {name!r}; it starts with a letter or digit and has letters, "
            "digits, '.', '_' and '-' only, at most 100"
        )
    return root / name


def process_start(pid: int) -> int:
    """When the process started, in the kernel's ticks; 0 where that cannot be told."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[19])


def is_alive(pid: int, started: int = 0) -> bool:
    """Whether that very process is running (a zombie is not)."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is there, but another user's
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return not Path("/proc/self").exists()  # no /proc to ask: take the signal's word
    fields = stat.rpartition(")")[2].split()
    return fields[0] not in "ZX" and started in (0, int(fields[19]))


def _alive(status: RunStatus) -> bool:
    if status.host != socket.gethostname():
        return True  # a run of another machine: nothing can be told from here
    return is_alive(status.pid, status.pid_started)


def _info() -> dict[str, Any]:
    """Facts that make a run comparable: versions, revision, start."""
    return {
        "arcbench": __version__,
        "git": git_revision(Path(__file__).parent),
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": dict(_versions(_PACKAGES)),
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _versions(names: Sequence[str]) -> Iterable[tuple[str, str]]:
    for name in names:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def git_revision(folder: Path) -> str:
    """The commit that is checked out there, with "+" if files differ; empty outside a checkout."""
    git = ["git", "-C", str(folder), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(git, capture_output=True, text=True, timeout=10, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
