"""Short runs of the tiny policy, how to compare them, and a process that runs them in no time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from arcbench import jobs, series
from arcbench.rollouts import rollout_to_dict
from arcbench.runs import RunState, RunStatus, RunStore
from arcbench.training.config import (
    GrpoConfig,
    LengthConfig,
    MeasureConfig,
    PolicyConfig,
    TrainConfig,
    overfit_config,
)
from tests.browsing import free_port

TASK = "67a3c6ac"  # its rule is one of the tiny policy's four programs
PATIENCE_S = 300  # a busy machine is no failure
TIMES = (series.SECONDS_STEP, series.SECONDS_SAMPLING, series.SECONDS_REWARD)


def make_config(model: Path, **changes: Any) -> TrainConfig:
    """Fourteen quick steps that learn."""
    base = overfit_config(
        TASK,
        policy=PolicyConfig(model=str(model)),
        lengths=LengthConfig(max_completion_tokens=6),
        grpo=GrpoConfig(num_generations=8, learning_rate=1e-2),
        measure=MeasureConfig(samples=0),
        steps=14,
        checkpoint_every=5,
        threads=1,
    )
    return replace(base, **changes)


def assert_same_course(a: RunStore, b: RunStore, *, steps: int | None = None) -> None:
    """The same metrics and rollouts, but for the times, the machine and the name of the run.

    With `steps` only the first so many are looked at.
    """
    for x, y in zip(a.metrics()[:steps], b.metrics()[:steps], strict=True):
        assert {k: v for k, v in x.items() if not series.of_machine(k)} == {
            k: v for k, v in y.items() if not series.of_machine(k)
        }
    assert a.rollout_steps()[:steps] == b.rollout_steps()[:steps]
    for step in a.rollout_steps()[:steps]:
        for x, y in zip(a.rollouts(step), b.rollouts(step), strict=True):
            xd, yd = rollout_to_dict(x), rollout_to_dict(y)
            for d in (xd, yd):
                d.pop("run_id")
                d["execution"].pop("seconds")
            assert xd == yd


def wait_for_step(store: RunStore, step: int) -> None:
    """Until so many steps are done."""
    deadline = time.monotonic() + PATIENCE_S
    while store.status().step < step:
        assert not store.status().state.over, jobs.tail(store)
        assert time.monotonic() < deadline, jobs.tail(store)
        time.sleep(0.005)


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A process that has the libraries loaded, and runs each run folder in a forked copy."""

    process: subprocess.Popen[str]

    def start(self, store: RunStore) -> int:
        """Start or resume a run; returns its process."""
        pid = int(self.ask(f"run {store.path}"))
        store.set_status(RunState.RUNNING, phase="starting", pid=pid)
        return pid

    def finish(self, store: RunStore) -> RunStatus:
        """Start or resume a run, and wait for its end."""
        self.start(store)
        return jobs.wait(store, timeout_s=PATIENCE_S)

    @contextmanager
    def pair(self, store: RunStore, *, steps: int | None = None) -> Iterator["Pair"]:
        """Go on with a run in two processes that know of each other as `torchrun` tells them.

        `steps` sets another last step. They are ended at last.
        """
        words = f"pair {free_port()} {steps or 0} {store.path}"
        pids = [int(pid) for pid in self.ask(words).split()]
        try:
            yield Pair(runner=self, pids=tuple(pids))
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def ask(self, request: str) -> str:
        """`run PATH`, `pair PORT STEPS PATH`, `wait PID` or `sh COMMAND`; the answer is a line."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the runner is gone"
        return answer


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The two processes of a run, of which the first is the main one."""

    runner: Runner
    pids: tuple[int, ...]

    def wait(self) -> list[int]:
        """Wait for their ends; returns their exit codes."""
        return [int(self.runner.ask(f"wait {pid}")) for pid in self.pids]


@contextmanager
def runner(*prefix: str) -> Iterator[Runner]:
    """A Runner, started through the command `prefix` if one is given."""
    command = [*prefix, sys.executable, "-m", "tests.tiny_runs"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Runner(process=process)
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    """Load all that a run needs, then fork one for each request."""
    from arcbench.training import build

    build.prepare_libraries()
    import torch
    import trl.trainer.grpo_trainer  # noqa: F401

    from arcbench.training.grpo import resume

    torch.set_num_threads(1)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def forked(path: str, environment: dict[str, str], steps: int = 0) -> int:
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.environ.update(environment)
            code = 1
            try:
                resume(Path(path), steps=steps or None)
                code = 0
            finally:
                os._exit(code)
        return pid

    for line in sys.stdin:
        what, _, rest = line.strip().partition(" ")
        if what == "sh":
            answer = str(subprocess.run(rest, shell=True).returncode)
        elif what == "wait":
            answer = str(os.waitstatus_to_exitcode(os.waitpid(int(rest), 0)[1]))
        elif what == "pair":
            port, steps, path = rest.split(" ", 2)
            together = {
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2",
                "LOCAL_WORLD_SIZE": "2",
            }  # fmt: skip
            ranks = [{"RANK": str(r), "LOCAL_RANK": str(r)} for r in range(2)]
            pids = [forked(path, {**together, **rank}, int(steps)) for rank in ranks]
            answer = " ".join(map(str, pids))
        else:
            answer = str(forked(rest, {}))
        print(answer, file=answers, flush=True)


if __name__ == "__main__":
    _serve()
