"""Errands: commands that run beside the runs, each in a folder that tells how it stands.

    <root>/<name>/
      config.json   the command, and what it is about    status.json   state, process, reason
      log.txt       what it printed                      result.json   what it found

`python -m arcbench.health.errand FOLDER` runs the command, ends it when its time is over, and
leaves the last word. Whoever looks later, also after a restart, finds all of it in the folder.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from arcbench.errors import UserError
from arcbench.folders import RunState, Status, WorkFolder, list_folders

ENDING_S = 5.0  # that a command has to end after its time is over
RESULT = "result.json"
_ERROR = "error: "  # what a command's last words begin with


@dataclass(frozen=True, slots=True)
class Errand(WorkFolder[Status]):
    """One such folder."""

    KIND: ClassVar[str] = "errand"
    STATUS: ClassVar[type[Status]] = Status

    def status(self) -> Status:
        """Where it stands; one that was asked to end before it could answer was stopped."""
        found = WorkFolder.status(self)
        if found.state is RunState.DIED and self.stop_file.is_file():
            return replace(found, state=RunState.STOPPED, phase="", reason="stopped at its start")
        return found

    @property
    def result_file(self) -> Path:
        """What the command writes when it has found something."""
        return self.path / RESULT

    def result(self) -> Any:
        """The content of result.json; None where there is none."""
        if not self.result_file.is_file():
            return None
        return json.loads(self.result_file.read_text(encoding="utf-8"))

    @property
    def started(self) -> float:
        """When it was made, in seconds since the epoch."""
        return (self.path / "config.json").stat().st_mtime

    def last_words(self) -> str:
        """Why the command failed, as it said itself; empty where it said nothing."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        said = [line.strip() for line in lines if line.strip()]
        errors = [line.removeprefix(_ERROR) for line in said if line.startswith(_ERROR)]
        return (errors or said or [""])[-1]


def send(
    root: Path,
    name: str,
    words: Callable[[Path], Sequence[str]],
    *,
    about: Mapping[str, Any],
    timeout_s: float | None = None,
) -> Errand:
    """Run the command `words(folder)` in a new process with the folder `root/name`.

    `about` is kept in config.json. UserError where the name is taken.
    """
    from arcbench import jobs  # knows runs, too, which the process itself has no need of

    settings = {**about, "timeout_s": timeout_s}
    errand = Errand.create(root, name, settings)
    command = list(words(errand.path.resolve()))
    errand.write_config({**settings, "command": command})
    jobs.launch(
        errand, [sys.executable, "-m", "arcbench.health.errand", str(errand.path.resolve())]
    )
    return errand


def errands(root: Path, prefix: str = "") -> list[Errand]:
    """All errands whose name begins so, the newest first."""
    return [e for e in list_folders(root, Errand) if e.name.startswith(prefix)]


def forget_old(root: Path, prefix: str, keep: int) -> None:
    """Remove all but the newest `keep` of those that are over."""
    for old in errands(root, prefix)[keep:]:
        if old.status().state.over:
            shutil.rmtree(old.path, ignore_errors=True)


def run(errand: Errand) -> Status:
    """Run the command of an errand to its end, as the process that its status names."""
    settings = errand.settings()
    asked: list[int] = []
    # Whoever stops an errand signals the whole group: the command hears it, too, and may take its
    # time to end well.
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    errand.set_status(RunState.RUNNING, phase="running")
    process = subprocess.Popen(settings["command"], stdin=subprocess.DEVNULL)
    started, limit = time.monotonic(), settings["timeout_s"]
    late = False
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        late = True
        process.terminate()
        try:
            process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    seconds = time.monotonic() - started
    if asked:
        return errand.set_status(
            RunState.STOPPED, phase="", reason=f"stopped after {seconds:.0f} s"
        )
    if late:
        reason = f"it was not done after {limit:.0f} s and was ended"
        return errand.set_status(RunState.FAILED, phase="", reason=reason)
    if errand.result_file.is_file() or not process.returncode:
        return errand.set_status(RunState.FINISHED, phase="", reason="")
    reason = errand.last_words() or f"it ended with code {process.returncode} and no word"
    return errand.set_status(RunState.FAILED, phase="", reason=reason)


def wait(errand: Errand, timeout_s: float) -> Status:
    """Wait until it is over; UserError if that takes longer."""
    deadline = time.monotonic() + timeout_s
    while not (status := errand.status()).state.over:
        if time.monotonic() > deadline:
            raise UserError(f"{errand.name} is not done after {timeout_s:.0f} s: see {errand.log}")
        time.sleep(0.05)
    return status


if __name__ == "__main__":
    run(Errand.open(Path(sys.argv[1])))
