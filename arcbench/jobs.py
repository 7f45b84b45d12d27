"""Runs as processes of their own: start, look, stop. They outlive who started them.

A job is a folder (of a run, of an evaluation) and the process that its status.json names; nothing
else is remembered, so any process may look at it or stop it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from arcbench.errors import UserError
from arcbench.folders import RunState, S, Status, WorkFolder, is_alive
from arcbench.runs import RunStore
from arcbench.training.config import TrainConfig
from arcbench.training.data import check_names
from arcbench.turns import ENVIRONMENT, FOLDER, reserve

KILLED_S = 10.0  # until the system has taken a killed process down
# The job begins when its pid is on record, and not at all if its starter dies before: whoever looks
# then would take it for one that never started, and start a second.
AFTER_A_WORD = ("/bin/sh", "-c", 'read -r word && exec "$@" </dev/null', "arcbench")


def start(config: TrainConfig, *, root: Path, name: str, in_turn: bool = False) -> RunStore:
    """Make the run folder and train in a new process.

    With `in_turn` it begins when all runs of `root` have ended that were started so before it.
    Raises UserError for a taken name and for a task, template or policy that is not there.
    """
    check_names(config)
    store = RunStore.create(root, name, config.to_dict())
    launch(store, environment=turns_of(root) if in_turn else None)
    return store


def turns_of(root: Path) -> dict[str, str]:
    """The environment of works that take turns with all others of a folder of runs."""
    return {ENVIRONMENT: str((root / FOLDER).resolve())}


def launch(
    store: WorkFolder[Any],
    command: Sequence[str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run (or resume) the run in a session of its own, with its output in log.txt; returns its pid.

    `command` replaces `python -m arcbench train --resume RUN`; `environment` adds variables.
    """
    status = store.status()
    if status.state is RunState.RUNNING:
        raise UserError(f"{store.KIND} {store.name} is running already (process {status.pid})")
    store.stop_file.unlink(missing_ok=True)
    if command is None:
        command = [sys.executable, "-m", "arcbench", "train", "--resume", str(store.path.resolve())]
    with store.locked(), store.log.open("ab") as log:
        process = subprocess.Popen(
            [*AFTER_A_WORD, *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the starter's terminal is not for the job
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
        )
        if turns := (environment or {}).get(ENVIRONMENT):
            reserve(Path(turns), store.name, process.pid)
        # Until the run writes its own status, this tells that it is coming up, or that it died.
        store.set_status_locked(RunState.RUNNING, phase="starting", pid=process.pid)
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.close()
    return process.pid


def stop(store: WorkFolder[S], *, grace_s: float = 60.0) -> S:
    """Ask the run to save and end; kill it if it has not after `grace_s` seconds."""
    status = store.status()
    if status.state is not RunState.RUNNING:
        return status
    store.request_stop()
    if status.phase != "training":
        _signal(status, signal.SIGTERM)  # there is no step to finish first
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline:
        now = store.status()
        if now.state is RunState.DIED:
            return store.set_status(RunState.STOPPED, phase="", reason=f"stopped while {now.phase}")
        if now.state is not RunState.RUNNING and not is_alive(now.pid, now.pid_started):
            return now
        time.sleep(0.1)
    _signal(store.status(), signal.SIGKILL)
    store.stop_file.unlink(missing_ok=True)
    return store.set_status(
        RunState.STOPPED, phase="", reason=f"killed, {grace_s:.0f} s after it was asked to stop"
    )


def interrupt(store: WorkFolder[Any]) -> None:
    """Ask whoever works in the folder to end now, and do not wait for it."""
    status = store.status()
    if status.state is RunState.RUNNING:
        store.request_stop()
        _signal(status, signal.SIGTERM)


def kill(store: WorkFolder[S]) -> S:
    """End the run at once, with all steps since its newest checkpoint lost; it can be resumed."""
    status = store.status()
    if status.state is not RunState.RUNNING:
        return status
    _signal(status, signal.SIGKILL)
    deadline = time.monotonic() + KILLED_S
    while is_alive(status.pid, status.pid_started) and time.monotonic() < deadline:
        time.sleep(0.02)
    store.stop_file.unlink(missing_ok=True)
    now = store.status()
    if now.state is not RunState.DIED:  # it came to its end meanwhile, or no signal ends it
        return now
    return store.set_status(RunState.STOPPED, phase="", reason=f"killed while {now.phase}")


def resume(store: RunStore, *, steps: int | None = None, in_turn: bool = False) -> int:
    """Go on with a run in a new process, from its newest whole checkpoint; returns its pid.

    `steps` sets another last step; with `in_turn` it waits as with `start`. UserError where the
    run goes on already, or has nothing left to do.
    """
    status = store.status()
    config = TrainConfig.from_dict(store.config())
    last = config.steps if steps is None else steps
    if status.state is RunState.FINISHED and status.step >= last:
        raise UserError(
            f"run {store.name} has done its {status.step} steps: say to which step it shall go on"
        )
    replace(config, steps=last)  # names what does not fit before anything starts
    command = [sys.executable, "-m", "arcbench", "train", "--resume", str(store.path.resolve())]
    command += [] if steps is None else ["--steps", str(steps)]
    return launch(store, command, environment=turns_of(store.path.parent) if in_turn else None)


def wait(store: WorkFolder[S], *, timeout_s: float) -> S:
    """Wait until the run is over; returns its status, whatever it is after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not store.status().state.over and time.monotonic() < deadline:
        time.sleep(0.1)
    return store.status()


def tail(store: WorkFolder[Any], lines: int = 20) -> str:
    """The last lines of log.txt."""
    try:
        with store.log.open("rb") as handle:
            size = handle.seek(0, os.SEEK_END)
            handle.seek(max(0, size - 400 * lines))
            text = handle.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _signal(status: Status, number: signal.Signals) -> None:
    """Send a signal to the session of the job, if it is still that process."""
    if not is_alive(status.pid, status.pid_started):
        return
    try:
        os.killpg(status.pid, number)
    except ProcessLookupError:
        # Not started by us, so not the leader of its group: the process alone.
        os.kill(status.pid, number)
