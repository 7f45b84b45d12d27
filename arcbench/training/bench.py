"""What a training step costs beside a bare TRL script: python -m arcbench.training.bench.

Both train the embedded policy on the same task with the same settings and judge the programs with
the same sandbox; the bare script generates as TRL does, and keeps nothing. They take turns in one
process. The first step of each turn, which warms up, is left out.

Beside it stands what the signals of a step cost: in that run, as part of its steps, and for a step
of a large model, 64 completions of 2,000 tokens.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
from rich.console import RenderableType

from arcbench import series
from arcbench.console import RunLog
from arcbench.judge import Attempt, Judge
from arcbench.policies.base import Completion
from arcbench.rewards import RewardBreakdown
from arcbench.rollouts import Rollout, groups
from arcbench.sandbox import SandboxPool
from arcbench.sandbox.types import Execution, Outcome
from arcbench.scoring import Score
from arcbench.series_ratio import PolicySums
from arcbench.training import build, grpo
from arcbench.training.config import GrpoConfig, MeasureConfig, TrainConfig, overfit_config
from arcbench.training.data import prompt_source
from arcbench.training.trl_args import grpo_args
from arcbench.training.usage import usage, usage_metrics

TASK = "67a3c6ac"
Steps = list[dict[str, float]]  # a step: seconds of "step", "sampling", "judging", "signals"
LARGE = (64, 2000)  # completions of a large model's step, tokens of each


class _Clock(RunLog):
    """Notes when each step's line was printed, which is the last thing in a step."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, path.open("a", encoding="utf-8"))
        self.at: list[float] = []

    def print(self, *what: RenderableType) -> None:
        super().print(*what)
        if str(what[0]).startswith("step "):
            self.at.append(time.perf_counter())


def ours(config: TrainConfig, root: Path) -> Steps:
    """The steps of a run of arcbench, but the first."""
    clock = _Clock(root / "log.txt")
    store = grpo.train(config, root=root, log=clock)
    took = [b - a for a, b in zip(clock.at, clock.at[1:], strict=False)]
    return [
        {
            "step": seconds,
            "sampling": float(m[series.SECONDS_SAMPLING] or 0),
            "judging": float(m[series.SECONDS_REWARD] or 0),
            "signals": float(m[series.SECONDS_SIGNALS] or 0),
        }
        for seconds, m in zip(took, store.metrics()[1:], strict=True)
    ]


def bare(config: TrainConfig, root: Path) -> Steps:
    """The steps of a TRL script with the same settings, but the first."""
    from datasets import Dataset
    from transformers import PrinterCallback, TrainerCallback
    from trl import GRPOTrainer

    from arcbench.runs import RunStore

    chat = build.load_tokenizer(config)
    row = prompt_source(config, chat.count_tokens)[0].row(0)
    # Text, not messages: TRL would begin a new turn after the assistant's prefix.
    text = chat.tokenizer.decode(chat.ids(row.messages)[1:])
    store = RunStore.create(root, f"bare-{time.monotonic_ns()}", config.to_dict())
    steps: Steps = []
    began = ended = time.perf_counter()

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            nonlocal began
            began = time.perf_counter()

        def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
            nonlocal ended
            if "loss" in logs:
                now = time.perf_counter()
                steps[-1]["step"], ended = now - ended, now

    with SandboxPool(**build.pool_options(config)) as pool:
        judge = Judge(pool=pool, scheme=config.reward)

        def reward(completions: list[str], **_: Any) -> list[float]:
            asked = time.perf_counter()
            attempts = [Attempt(task=row.task, completion=Completion(text=c)) for c in completions]
            rewards = [r.reward.total for r in judge.judge(attempts)]
            now = time.perf_counter()
            steps.append({"sampling": asked - began, "judging": now - asked})
            return rewards

        model = build.load_model(config, False)
        trainer = GRPOTrainer(
            model=model,
            reward_funcs=reward,
            args=grpo_args(config, store, False, build.positions(model)),
            train_dataset=Dataset.from_dict({"prompt": [text] * config.steps}),
            processing_class=chat.tokenizer,
            callbacks=[Clock()],
        )
        trainer.remove_callback(PrinterCallback)
        ended = time.perf_counter()
        trainer.train()
    return steps[1:]


def large_step(rng: np.random.Generator) -> dict[str, float]:
    """Seconds that each kind of signal takes for one large step, and that an empty call takes."""
    rows, tokens = LARGE
    text = Path(series.__file__).read_text(encoding="utf-8")[: 4 * tokens]  # as dense as programs
    grid = rng.integers(0, 10, (20, 20)).astype(np.int8)
    ok = Execution(outcome=Outcome.OK, outputs=(grid,) * 4)
    rollouts = [
        Rollout(
            task_id=TASK,
            # Few frequent tokens and many rare ones, as text has them.
            completion=Completion(text=text, token_ids=tuple(rng.zipf(1.3, tokens).tolist())),
            code=text,
            execution=ok,
            score=Score(pairs=()),
            reward=RewardBreakdown(exact=float(rng.random())),
        )
        for _ in range(rows)
    ]
    logps = rng.normal(-1, 0.5, (rows, tokens)).astype(np.float32)
    old, engine = (logps + rng.normal(0, 0.01, logps.shape).astype(np.float32) for _ in "ab")
    mask = np.ones(logps.shape, dtype=bool)
    kinds: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "text and groups": lambda: series.measure(groups(rollouts)),
        "ratios": lambda: series.policy_metrics(PolicySums.of(logps, old, engine, mask)),
        "machine": lambda: usage_metrics([usage()]),
    }
    return {name: median(_seconds(call) for _ in range(5)) for name, call in kinds.items()}


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def main() -> None:
    """Print the seconds of a step and of its parts, side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6, help="of a turn")
    parser.add_argument("--turns", type=int, default=2)
    args = parser.parse_args()
    build.prepare_libraries()
    config = overfit_config(
        TASK,
        steps=args.steps,
        checkpoint_every=args.steps,
        measure=MeasureConfig(samples=0),
        grpo=GrpoConfig(num_generations=8, learning_rate=1e-6),
        device="cpu",
        threads=1,
    )
    seen: dict[str, Steps] = {"arcbench": [], "bare TRL": []}
    kinds: dict[str, Callable[[TrainConfig, Path], Steps]] = {"arcbench": ours, "bare TRL": bare}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(args.turns):
            for name, run in kinds.items():
                seen[name] += run(config, Path(folder))
    for name, steps in seen.items():
        for step in steps:
            step["the rest"] = step["step"] - step["sampling"] - step["judging"]
        total = median(s["step"] for s in steps)
        low, _, high = quantiles((s["step"] for s in steps), n=4)
        parts = ", ".join(
            f"{part} {median(s[part] for s in steps):.3f}"
            for part in ("sampling", "judging", "the rest")
        )
        sys.stdout.write(
            f"{name:<9} {total:.2f} s a step ({low:.2f} to {high:.2f}, {len(steps)} steps): "
            f"{parts}\n"
        )
    signals = median(s["signals"] for s in seen["arcbench"])
    share = median(s["signals"] / s["step"] for s in seen["arcbench"])
    sys.stdout.write(f"signals   {signals:.4f} s a step, {share:.2%} of it\n")
    large = large_step(np.random.default_rng(0))
    parts = ", ".join(f"{name} {seconds:.4f}" for name, seconds in large.items())
    sys.stdout.write(
        f"signals of {LARGE[0]} completions of {LARGE[1]:,} tokens: {sum(large.values()):.3f} s "
        f"({parts}); 1 % of a step of {100 * sum(large.values()):.0f} s\n"
    )


if __name__ == "__main__":
    main()
