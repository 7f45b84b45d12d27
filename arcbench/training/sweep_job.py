"""Sweeps as processes of their own, which outlive who started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from arcbench.errors import UserError
from arcbench.folders import is_alive
from arcbench.runs import RunState
from arcbench.training.sweep import SweepFolder, SweepPlan
from arcbench.training.sweep_run import chosen_slots, read_lock, write_lock


def start_sweep(
    plan: SweepPlan, root: Path, name: str, *, parallel: int | None = None, gpus: str | None = None
) -> SweepFolder:
    """Make the folder `root/name` and run the plan in a new process, with its output in log.txt.

    UserError, before anything starts, for a name that is taken and for slots that do not fit.
    """
    chosen_slots(plan, parallel, gpus)
    folder = SweepFolder.create(root, name, plan)
    resume_sweep(folder, parallel=parallel, gpus=gpus)
    return folder


def resume_sweep(
    folder: SweepFolder, *, parallel: int | None = None, gpus: str | None = None
) -> int:
    """Go on with what is not finished, in a new process; returns its pid."""
    if goes_on(folder):
        raise UserError(f"the sweep in {folder.path} is running already")
    command = [sys.executable, "-m", "arcbench", "sweep", "--resume", str(folder.path.resolve())]
    command += [] if parallel is None else ["--parallel", str(parallel)]
    command += [] if gpus is None else ["--gpus", gpus]
    with folder.log.open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the starter's terminal is not for the sweep
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    # Until it holds the lock itself, this tells that it is coming up.
    with folder.lock_file.open("w") as handle:
        write_lock(handle, process.pid)
    return process.pid


def goes_on(folder: SweepFolder) -> bool:
    """Whether the process of a sweep, or a run that it started, is there."""
    if is_alive(*read_lock(folder)):
        return True
    stores = [folder.run(point) for point in folder.plan().points]
    return any(s is not None and s.status().state is RunState.RUNNING for s in stores)


def stop_sweep(folder: SweepFolder, *, grace_s: float = 300.0) -> None:
    """Ask its runs to save and end and start no other; wait until that is done (or so long).

    A run whose sweep was killed goes on alone, and is asked as well.
    """
    pid, started = read_lock(folder)
    if is_alive(pid, started):
        os.kill(pid, signal.SIGTERM)
    else:
        for point in folder.plan().points:
            store = folder.run(point)
            if store is not None and not store.status().state.over:
                store.request_stop()
    end = time.monotonic() + grace_s
    while goes_on(folder) and time.monotonic() < end:
        time.sleep(0.1)
