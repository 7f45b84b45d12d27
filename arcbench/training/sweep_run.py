"""Runs the points of a sweep, each in a process of its own, and goes on where it was cut.

Nothing but the run folders is remembered: what is finished stays, what is running is waited for
(it outlives a killed sweep), everything else is started, from its newest whole checkpoint.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TextIO

from arcbench import jobs
from arcbench.console import taking_signals
from arcbench.errors import UserError, unknown
from arcbench.runs import RunState, RunStore, is_alive, process_start
from arcbench.training.sweep import Point, SweepFolder, SweepPlan
from arcbench.training.sweep_results import SweepResults, collect, save

GRACE_S = 300.0  # for a run that was asked to stop: a step and a checkpoint of a large model
EXIT_S = 30.0  # for the process of a run that is over, to give its memory back


@dataclass(kw_only=True, slots=True)
class _Running:
    point: Point
    store: RunStore
    gpu: str | None
    over_since: float | None = None  # monotonic


@dataclass(kw_only=True, slots=True)
class SweepRunner:
    """Runs a sweep: at most `parallel` runs at a time, spread over `gpus` (none: no choice).

    `say` is told of every beginning and end, `progress` how many steps are done in all.
    """

    folder: SweepFolder
    plan: SweepPlan
    parallel: int = 1
    gpus: Sequence[str] = ()
    say: Callable[[str], None] = print
    progress: Callable[[int], None] = lambda _: None
    _running: list[_Running] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _why: str = ""

    def run(self) -> SweepResults:
        """Run all that is not finished; returns what came of it, also after a wish to stop.

        UserError if the sweep is being run by another process.
        """
        with alone(self.folder), self._listening():
            clear_leftovers(self.folder.path)
            waiting = self._sort_points()
            try:
                while waiting or self._running:
                    self._take_finished()
                    if self._stop.is_set():
                        break
                    while waiting and len(self._running) < self.parallel:
                        self._start(waiting.pop(0))
                    self.progress(self._steps())
                    self._stop.wait(0.2)
            finally:
                # Also where this process fails: nobody would wait for them.
                self._stop_running()
            return self._refresh()

    @property
    def stopped(self) -> str:
        """Why it stopped before its end, or ""."""
        return self._why

    def _sort_points(self) -> list[Point]:
        """Take over what is running; returns what is to be started."""
        waiting = []
        for point in self.plan.points:
            store = self.folder.run(point)
            status = None if store is None else store.status()
            if (
                status is None
                or status.state is RunState.CREATED
                or (status.state.over and status.state is not RunState.FINISHED)
            ):
                waiting.append(point)
            elif store is not None and status.state is RunState.RUNNING:
                self.say(f"{point.run}: is running (process {status.pid} on {status.host})")
                gpu = store.info().get("cuda_visible_devices")
                self._running.append(_Running(point=point, store=store, gpu=gpu))
        return waiting

    def _start(self, point: Point) -> None:
        store = self.folder.run(point)
        begins = store is None
        if store is None:
            store = RunStore.create(self.folder.path, point.run, point.config)
        gpu = self._free_gpu()
        if gpu is not None:
            store.add_info(cuda_visible_devices=gpu)
        jobs.launch(store, environment=environment(point, gpu, self.parallel))
        self._running.append(_Running(point=point, store=store, gpu=gpu))
        place = "" if gpu is None else f" on GPU {gpu}"
        self.say(f"{point.run}: {'begins' if begins else 'goes on'}{place}")

    def _free_gpu(self) -> str | None:
        """The GPU that fewest of the running ones use."""
        used = [r.gpu for r in self._running]
        return min(self.gpus, key=used.count, default=None)

    def _take_finished(self) -> None:
        for r in list(self._running):
            status = r.store.status()
            if not status.state.over:
                continue
            r.over_since = r.over_since or time.monotonic()
            if is_alive(status.pid, status.pid_started):
                if time.monotonic() - r.over_since < EXIT_S:
                    continue
                self.say(f"{r.point.run}: process {status.pid} does not end")
            self._running.remove(r)
            result = next(x for v in self._refresh().values for x in v.runs if x.run == r.point.run)
            told = f" ({result.reason})" if result.reason else ""
            self.say(
                f"{r.point.run}: {result.state}{told} after step {result.step}; {result.verdict}: "
                f"{result.evidence}"
            )

    def _steps(self) -> int:
        done = 0
        for point in self.plan.points:
            store = self.folder.run(point)
            done += 0 if store is None else store.status().step
        return done

    def _stop_running(self) -> None:
        """Ask all to save and end, then wait for each."""
        for r in self._running:
            if not r.store.status().state.over:
                r.store.request_stop()
        for r in self._running:
            status = jobs.stop(r.store, grace_s=GRACE_S)
            self.say(f"{r.point.run}: {status.state.value} after step {status.step}")
        self._running.clear()

    def _refresh(self) -> SweepResults:
        results = collect(self.folder, self.plan)
        save(self.folder, results)
        return results

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Take SIGTERM and Ctrl-C as wishes; a second Ctrl-C does not wait for the runs."""

        def take(number: int, _frame: FrameType | None) -> None:
            if self._why and number == signal.SIGINT:
                raise KeyboardInterrupt
            self._why = f"{signal.Signals(number).name} was received"
            self._stop.set()

        with taking_signals(take):
            yield


def environment(point: Point, gpu: str | None, parallel: int) -> dict[str, str]:
    """Variables of a run's process: its GPU; on a CPU its share of the cores.

    One GPU each: transformers' trainer would split a run over all that it sees.
    """
    if gpu is not None:
        return {"CUDA_VISIBLE_DEVICES": gpu}
    if parallel == 1 or point.config["threads"] or "OMP_NUM_THREADS" in os.environ:
        return {}
    # Runs whose threads wait for each other's cores are many times slower.
    return {"OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) // parallel))}


def visible_gpus() -> tuple[str, ...]:
    """The GPUs that a process started here may use, as CUDA_VISIBLE_DEVICES names them."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is not None:
        return tuple(g.strip() for g in told.split(",") if g.strip() and g.strip() != "-1")
    if shutil.which("nvidia-smi") is None:
        return ()
    query = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    found = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
    return tuple(found.stdout.split()) if found.returncode == 0 else ()


def chosen_slots(
    plan: SweepPlan, parallel: int | None, gpus: str | None
) -> tuple[int, tuple[str, ...]]:
    """How many runs at a time, on which GPUs, from what was asked for.

    UserError for a number that the GPUs or the engine do not allow.
    """
    on_cpu = all(p.config["device"] == "cpu" for p in plan.points)
    cards = () if on_cpu else visible_gpus()
    if gpus is not None:
        asked = tuple(g.strip() for g in gpus.split(",") if g.strip())
        if unknown_ones := [g for g in asked if g not in cards]:
            raise unknown("GPU", unknown_ones[0], cards or ["(there is none for this sweep)"])
        if not asked or len(set(asked)) != len(asked):
            raise UserError(f"--gpus {gpus}: name each once, as in 0,1")
        cards = asked
    at_once = parallel or (len(cards) if gpus is not None else 1)
    if parallel is not None and parallel < 1:
        raise UserError(f"--parallel must be at least 1, not {parallel}")
    if gpus is not None and at_once < len(cards):
        raise UserError(f"--parallel {at_once} leaves some of --gpus {gpus} without work")
    for point in plan.points:
        if at_once > 1 and point.config["engine"]["kind"] == "vllm-server":
            raise UserError(
                f"{at_once} runs at a time with engine vllm-server: a server holds the weights of "
                "one run; use --parallel 1"
            )
    return at_once, cards


@contextmanager
def alone(folder: SweepFolder) -> Iterator[None]:
    """Hold the sweep's lock; UserError if another process runs it. Ends with the process."""
    with folder.lock_file.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, _ = read_lock(folder)
            raise UserError(f"the sweep in {folder.path} is running (process {pid})") from None
        handle.truncate(0)
        write_lock(handle, os.getpid())
        yield


def write_lock(handle: TextIO, pid: int) -> None:
    """Note the process that runs a sweep."""
    handle.write(f"{pid} {process_start(pid)}")
    handle.flush()


def read_lock(folder: SweepFolder) -> tuple[int, int]:
    """The process that ran the sweep last and when that began, for `is_alive`; (0, 0): none."""
    try:
        pid, started = folder.lock_file.read_text().split()
    except (FileNotFoundError, ValueError):
        return 0, 0
    return int(pid), int(started)


def clear_leftovers(path: Path) -> None:
    """Remove what a kill left half written in the sweep's own folder."""
    for leftover in path.glob(".*.partial"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()
