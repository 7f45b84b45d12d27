"""Small evaluations, a process that runs them in no time, and how to compare them."""

import json
import os
import resource
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from arcbench import jobs
from arcbench.evaluation import EvalConfig, EvalStore
from arcbench.rollouts import rollout_to_dict

TASKS = ("67a3c6ac", "6150a2bd", "3c9b0459", "74dd1130")  # small; the tiny policy solves them
SHARD = 7


def make_config(model: Path | str, **changes: Any) -> EvalConfig:
    """A few hundred quick samples of the tiny policy."""
    base = EvalConfig(
        policy=str(model),
        tasks=TASKS,
        n=40,
        views=3,
        k=(1, 8),
        max_new_tokens=6,
        template="arcbench",
    )
    return replace(base, **changes)


def num_lines(store: EvalStore) -> int:
    """How many samples were drawn."""
    file = store.completions_file
    return file.read_bytes().count(b"\n") if file.is_file() else 0


def wait_until_over(store: EvalStore) -> None:
    """Until the evaluation has ended, in whatever way."""
    jobs.wait(store, timeout_s=120)


def wait_until_gone(pid: int) -> None:
    """Until a process has ended: one that is killed may write its status a moment later."""
    deadline = time.monotonic() + 120
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)


def samples(store: EvalStore) -> dict[tuple[str, int], dict[str, Any]]:
    """All judged samples without their times and log-probabilities; each must be there once."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for rollout in store.rollouts():
        key = (rollout.task_id, rollout.index)
        assert key not in found, f"{key} is judged twice"
        found[key] = rollout_to_dict(rollout)
        found[key].pop("run_id")
        found[key]["execution"].pop("seconds")
        found[key]["completion"].pop("logprobs")  # the last digit depends on the batch
    return found


def figures(store: EvalStore) -> dict[str, Any]:
    """The content of results.json but for its name and its times."""
    results = json.loads((store.path / "results.json").read_text())
    for name in ("speed", "name"):
        del results["facts"][name]
    return results


def assert_whole(store: EvalStore, config: EvalConfig) -> None:
    """No sample is missing, none is there twice, and what was judged is what was drawn."""
    drawn = [(w.task_id, w.index) for w in store.completions()]
    wanted = {(task_id, j) for task_id in config.tasks for j in range(config.n)}
    assert len(drawn) == len(set(drawn)), "a sample was drawn twice"
    assert set(drawn) == wanted
    judged = samples(store)
    assert set(judged) == wanted
    for written in store.completions():
        kept = judged[written.task_id, written.index]["completion"]
        assert kept["text"] == written.completion.text


@dataclass(frozen=True, kw_only=True)
class Evaluator:
    """A process that has the libraries loaded, and evaluates each folder in a forked copy."""

    process: subprocess.Popen[str]

    def start(self, store: EvalStore, *, minutes: float = 0, max_file: int = 0) -> int:
        """Start or resume an evaluation; returns its process. 0: no limit."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{minutes} {max_file} {store.path}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def finish(self, store: EvalStore, **how: float) -> None:
        """Start or resume an evaluation, and wait for its process to end."""
        wait_until_gone(self.start(store, **how))  # type: ignore[arg-type]


@contextmanager
def evaluator() -> Iterator[Evaluator]:
    """An Evaluator."""
    command = [sys.executable, "-m", "tests.tiny_evals"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Evaluator(process=process)
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    """Load all that an evaluation needs, then fork one for each request."""
    import signal

    import matplotlib.figure  # noqa: F401
    import torch
    import transformers.models.llama.modeling_llama  # noqa: F401

    from arcbench.console import RunLog
    from arcbench.evaluation import evaluate

    torch.set_num_threads(1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies
    for line in sys.stdin:
        minutes, max_file, path = line.strip().split(" ", 2)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            if int(max_file):
                resource.setrlimit(resource.RLIMIT_FSIZE, (int(max_file), int(max_file)))
            deadline = time.monotonic() + 60 * float(minutes) if float(minutes) else None
            code = 1
            try:
                store = EvalStore.open(Path(path))
                with (store.path / "stdout.txt").open("a") as out:
                    log = RunLog(store.log, out)
                    evaluate(store.config(), store, deadline=deadline, log=log, shard=SHARD)
                code = 0
            except BaseException:
                traceback.print_exc()  # the parent would never hear of it
                raise
            finally:
                os._exit(code)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
