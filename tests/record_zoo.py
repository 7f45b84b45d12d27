"""Records the zoo: real training runs of the embedded policy, healthy ones and broken ones.

    python -m tests.record_zoo --out tests/zoo                  # all, one after the other
    python -m tests.record_zoo --out tests/zoo --only lr-1e-2   # those whose name begins so
    python -m tests.record_zoo --out tests/zoo --parallel 30 --device gpu --steps 250

Each run is a process of its own and leaves `<out>/<name>-<seed>.json.gz`: its settings, the figures
of all steps and some completions. What is broken in a run is in `zoo_animals`; the diagnosis has to
find it by the figures alone. After `--minutes` runs are stopped and recorded as far as they came,
but for those whose end matters; those that don't stop are killed and left out.
"""

import argparse
import copy
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from arcbench.diagnostics.recording import SUFFIX, Recording, save
from arcbench.rewards import RewardBreakdown, RewardScheme
from arcbench.runs import RunStore
from tests.zoo_animals import ANIMALS, Animal, settings

GRACE_S = 45.0  # from the word to stop until a run is killed
SAMPLED = (1, 0.25, 0.5, 0.75, 1.0)  # the first step, then shares of the run


def main() -> None:
    """Record what is asked for. Exit code 1 if a run failed; the others are there."""
    parser = argparse.ArgumentParser(prog="tests.record_zoo", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[""], help="beginnings of names")
    parser.add_argument("--parallel", type=int, default=1, help="runs at a time")
    parser.add_argument("--device", choices=("auto", "cpu", "gpu"), default="auto")
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--threads", type=int, default=1, help="of torch in each run")
    parser.add_argument("--small", action="store_true", help="8 completions, short prompts")
    parser.add_argument("--minutes", type=float, default=1e9, help="then runs end as they are")
    parser.add_argument("--runs", type=Path, help="keep the run folders here")
    parser.add_argument("--list", action="store_true", help="only print the names")
    asked = parser.parse_args()
    chosen = [
        (animal, seed)
        for animal, seed in ANIMALS
        if any(_name(animal, seed).startswith(begin) for begin in asked.only)
    ]
    if asked.list:
        say("\n".join(f"{_name(animal, seed):18} {animal.about}" for animal, seed in chosen))
        return
    with tempfile.TemporaryDirectory() as scratch:
        runs = Path(scratch) if asked.runs is None else asked.runs
        words = ["--device", asked.device, "--steps", asked.steps, "--threads", asked.threads]
        words += ["--small"] if asked.small else []
        failed = record_all(
            [_name(animal, seed) for animal, seed in chosen],
            ["--out", asked.out, "--runs", runs, *words],
            parallel=asked.parallel,
            until=time.monotonic() + 60 * asked.minutes,
            logs=runs,
        )
    sys.exit(1 if failed else 0)


def say(line: str) -> None:
    """A line for who waits."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def record_all(
    names: Sequence[str], words: Sequence[Any], *, parallel: int, until: float, logs: Path
) -> list[str]:
    """Record runs in processes of their own, so many at a time; returns the names that failed."""
    logs.mkdir(parents=True, exist_ok=True)
    left, going, failed = list(names), {}, []
    while left or going:
        while left and len(going) < parallel and time.monotonic() < until:
            name = left.pop(0)
            command = [sys.executable, "-m", "tests.record_zoo_one", name, *map(str, words)]
            log = (logs / f"{name}.log").open("w")
            going[name] = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT), log
        for name, (process, log) in list(going.items()):
            late = time.monotonic() - until
            if process.poll() is None and late >= 0:
                _end(process, logs / name, by_force=late >= GRACE_S)
            if process.poll() is not None:
                del going[name]
                log.close()
                told = "recorded" if process.returncode == 0 else "failed"
                if told == "failed":
                    failed.append(name)
                    say((logs / f"{name}.log").read_text()[-1500:])
                say(f"{name}: {told}; {len(left) + len(going)} left")
        if not going and time.monotonic() >= until:
            break
        time.sleep(0.2)
    return [*failed, *left]


def _end(process: subprocess.Popen[bytes], folder: Path, *, by_force: bool) -> None:
    """Ask a run to stop after its step, so that it is recorded as far as it came; or kill it."""
    if by_force:
        process.kill()
        process.wait()
    elif (folder / "config.json").is_file():
        RunStore(folder).request_stop()


def record(animal: Animal, seed: int, asked: argparse.Namespace) -> None:
    """Train one run in this process and write its file."""
    from arcbench.training.grpo import train

    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    config = settings(
        animal, steps=asked.steps, seed=seed, device=asked.device, threads=asked.threads,
        small=asked.small,
    )  # fmt: skip
    started = time.monotonic()
    with FAULTS[animal.fault]():
        store = train(config, root=asked.runs, name=_name(animal, seed))
    lines = store.metrics()
    if not lines or (animal.warmup and len(lines) < config.steps):
        raise SystemExit(
            f"{store.name}: ended at step {len(lines)}, before anything was to be seen"
        )
    recording = Recording(
        name=store.name,
        expected=animal.expected,
        about=animal.about,
        config=config.to_dict(),
        lines=lines,
        samples=_samples(store),
        seconds=time.monotonic() - started,
        held_back=seed >= animal.tuned,
    )
    save(recording, asked.out / f"{store.name}{SUFFIX}")


def _samples(store: RunStore) -> list[dict[str, Any]]:
    """Two completions of some steps."""
    steps = store.rollout_steps()
    chosen = sorted({steps[0], *(steps[round(s * (len(steps) - 1))] for s in SAMPLED[1:])})
    return [
        {
            "step": step,
            "text": r.completion.text[:600],
            "outcome": r.execution.outcome.value,
            "reward": round(r.reward.total, 3),
        }
        for step in chosen
        for r in store.rollouts(step)[:2]
    ]


@contextmanager
def swallowed_transfers() -> Iterator[None]:
    """Every run in the block samples from a copy of its first weights, as a server would have it.

    The trainer is told the copy's log-probabilities, and asks for a transfer before each sampling
    that never happens.
    """
    from arcbench.training.engine_setup import RunEngine, _Transfer
    from arcbench.training.sampler import StepSampler

    class Stale(StepSampler):
        def draw(self, jobs: Any, trainer: Any) -> Any:
            if not copies:
                copies.append(copy.deepcopy(trainer.accelerator.unwrap_model(trainer.model)))
            own, trainer.model = trainer.model, copies[0]
            try:
                return super().draw(jobs, trainer)
            finally:
                trainer.model = own

        def for_trl(self, completions: Any) -> Any:
            return [list(c.logprobs) for c in completions]

    def attach(self: Any, trainer: Any) -> None:
        attached(self, trainer)
        trainer.use_vllm, trainer.vllm_mode = True, "adapters"
        trainer.vllm_generation = _Transfer(lambda: None)
        trainer._last_loaded_step = -1

    copies: list[Any] = []
    made, attached = RunEngine._sampler, RunEngine.attach
    RunEngine._sampler = lambda self: Stale(config=self.config, tokenizer=self.chat.tokenizer)
    RunEngine.attach = attach
    try:
        yield
    finally:
        RunEngine._sampler, RunEngine.attach = made, attached


@contextmanager
def long_programs_pay() -> Iterator[None]:
    """In the block a program of 400 characters earns 20 points for its length alone."""
    rewarded = RewardScheme.reward

    def reward(self: RewardScheme, **facts: Any) -> RewardBreakdown:
        earned = rewarded(self, **facts)
        return replace(earned, length=20 * min(1.0, facts.get("code_chars", 0) / 400))

    RewardScheme.reward = reward  # type: ignore[method-assign]
    try:
        yield
    finally:
        RewardScheme.reward = rewarded  # type: ignore[method-assign]


FAULTS = {"": nullcontext, "transfer": swallowed_transfers, "length": long_programs_pay}


def _name(animal: Animal, seed: int) -> str:
    return f"{animal.name}-{seed}"


if __name__ == "__main__":
    main()
