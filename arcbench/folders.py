"""A folder that one process writes for long while others read it: settings, facts, status, a lock.

    <root>/<name>/
      config.json   fully resolved      info.json   versions, git revision, start
      status.json   state, pid, phase   log.txt     what it printed
      stop          there: somebody asked it to end

Runs and evaluations are such folders. A kill at any instant leaves every file whole.
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
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

from arcbench import __version__
from arcbench.errors import UserError
from arcbench.files import write_json

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PACKAGES = ("numpy", "torch", "transformers", "trl", "peft", "accelerate", "datasets")


class RunState(StrEnum):
    """Where a run stands."""

    CREATED = "created"  # the folder is there, nothing has started
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"  # on request, with all that is needed to go on
    FAILED = "failed"  # an error, told in the reason and in log.txt
    DIED = "died"  # says running, but its process is gone

    @property
    def over(self) -> bool:
        """Whether nothing more will come unless the run is resumed."""
        return self not in (RunState.CREATED, RunState.RUNNING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """What every status.json has."""

    state: RunState = RunState.CREATED
    phase: str = ""  # what it is doing: "loading", "measuring before", "training" …
    reason: str = ""  # why it ended, empty for a plain end
    pid: int = 0
    pid_started: int = 0  # tells a process from a later one with the same number; 0: unknown
    host: str = ""
    updated: float = 0.0  # seconds since the epoch


S = TypeVar("S", bound=Status)


@dataclass(frozen=True, slots=True)
class WorkFolder(Generic[S]):
    """One such folder. Made by `create` or `open`; safe for one writer and many readers."""

    path: Path

    KIND: ClassVar[str]  # what it is called in messages
    STATUS: ClassVar[type[Any]]  # S

    @classmethod
    def create(cls, root: Path, name: str, config: Mapping[str, Any]) -> Self:
        """Make the folder `root/name`, whole or not at all. Raises UserError if it exists."""
        path = folder_path(root, name, cls.KIND)
        if path.exists():
            raise UserError(
                f"{cls.KIND} {name!r} exists in {root}: resume it, or choose another name"
            )
        root.mkdir(parents=True, exist_ok=True)
        partial = root / f".{name}.{os.getpid()}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        write_json(partial / "config.json", config)
        write_json(partial / "info.json", _info())
        store = cls(partial)
        store.write_status(cls.STATUS(updated=time.time()))
        try:
            partial.rename(path)
        except OSError as error:  # another process was faster
            shutil.rmtree(partial, ignore_errors=True)
            if path.exists():
                raise UserError(
                    f"{cls.KIND} {name!r} exists in {root}: choose another name"
                ) from error
            raise
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """The one in the folder `path`; UserError if there is none."""
        if not (path / "config.json").is_file():
            raise UserError(f"no {cls.KIND} in {path}: it has no config.json")
        return cls(path)

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.path.name

    @property
    def log(self) -> Path:
        """What was printed."""
        return self.path / "log.txt"

    @property
    def stop_file(self) -> Path:
        """The work ends at its next good moment once this file is there."""
        return self.path / "stop"

    def request_stop(self) -> None:
        """Ask the work to end so that it can be resumed."""
        self.stop_file.touch()

    # Facts

    def settings(self) -> dict[str, Any]:
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

    def status(self) -> S:
        """Where the work stands; it has died where its process is gone without a word."""
        status = self._last_status()
        if status.state is RunState.RUNNING and not _alive(status):
            return replace(status, state=RunState.DIED, reason="its process ended without a word")
        return status

    def write_status(self, status: S) -> None:
        """Replace status.json."""
        write_json(self.path / "status.json", {**asdict(status), "state": status.state.value})

    def set_status(self, state: RunState, **changes: Any) -> S:
        """Change the given fields. RUNNING notes this process (or another `pid`) as the worker."""
        with self.locked():
            return self.set_status_locked(state, **changes)

    def set_status_locked(self, state: RunState, **changes: Any) -> S:
        """`set_status` for who holds the lock."""
        if state is RunState.RUNNING:
            pid = changes.setdefault("pid", os.getpid())
            changes |= {"pid_started": process_start(pid), "host": socket.gethostname()}
            changes.setdefault("reason", "")
        status = replace(self._last_status(), state=state, updated=time.time(), **changes)
        self.write_status(status)
        return status

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the status: who starts a run writes before the run itself does."""
        with (self.path / ".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def plot_file(self, name: str) -> Path:
        """Where the plot of that name lies."""
        folder = self.path / "plots"
        folder.mkdir(exist_ok=True)
        return folder / f"{name}.png"

    def _last_status(self) -> S:
        data = self._json("status.json")
        status: S = self.STATUS(**{**data, "state": RunState(data["state"])})
        return status

    def _json(self, name: str) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        return value


F = TypeVar("F", bound=WorkFolder[Any])


def list_folders(root: Path, kind: type[F]) -> list[F]:
    """All folders of that kind under `root`, the newest first."""
    found = [kind(p.parent) for p in root.glob("*/config.json") if _NAME.fullmatch(p.parent.name)]
    return sorted(found, key=lambda s: (s.path / "config.json").stat().st_mtime, reverse=True)


def find_folder(root: Path, name: str, kind: type[F]) -> F | None:
    """The one of that kind called `name`; None where there is none. No name leaves the root."""
    there = _NAME.fullmatch(name) is not None and (root / name / "config.json").is_file()
    return kind(root / name) if there else None


def free_name(root: Path, wanted: str) -> str:
    """`wanted`, or `wanted-2`, `wanted-3` … : the first that is not taken."""
    folder_path(root, wanted)
    name, n = wanted, 1
    while (root / name).exists():
        n += 1
        name = f"{wanted}-{n}"
    return name


def folder_path(root: Path, name: str, kind: str = "run") -> Path:
    """`root/name`; UserError for a name that could leave the root or that a shell would mangle."""
    if not _NAME.fullmatch(name):
        article = "an" if kind[0] in "aeiou" else "a"
        raise UserError(
            f"not a name for {article} {kind}: {name!r}; it starts with a letter or digit and has "
            "letters, digits, '.', '_' and '-' only, at most 100"
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


def _alive(status: Status) -> bool:
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
