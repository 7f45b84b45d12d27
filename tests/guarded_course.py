"""What a guard does in the course of a run that first goes wrong, and then is ruined."""

import tempfile
from pathlib import Path
from typing import Any

from arcbench import series
from arcbench.runs import RunStore
from arcbench.training import rewind
from arcbench.training.config import GuardConfig, TrainConfig
from arcbench.training.tracking import told_nobody
from arcbench.training.watch import Watch
from tests.tiny_runs import make_config

HEALTHY, WORSE = 20, 40  # steps that are well; that are not ruined yet
LAST = 60

# The tiny policy has no end: most of what it writes is cut from the first step on, and the finding
# is there after six.
CUT = GuardConfig(
    action="rewind", kinds=("truncated",), severity="warning", patience=2, lr_factor=0.5,
    max_rewinds=1, keep_healthy=9,
)  # fmt: skip


def guarded(model: Path, guard: GuardConfig, **changes: Any) -> TrainConfig:
    """Ten steps of the tiny policy under a guard."""
    return make_config(model, guard=guard, steps=10, checkpoint_every=2, **changes)


def share_without_program(step: int) -> float:
    """Of the completions of a step."""
    return 0.05 * (step % 2) if step <= HEALTHY else 0.4 if step <= WORSE else 0.95


def guarded_course(config: TrainConfig) -> list[Any]:
    """What is said and done, step by step, and which checkpoints are healthy at the end."""
    course: list[Any] = []
    with tempfile.TemporaryDirectory() as root:
        store = RunStore.create(Path(root), "run", config.to_dict())
        watch = Watch(store=store, config=config, say=course.append, stop_with=course.append)
        hear = watch.hearing(told_nobody)
        step, last = 0, False
        while step < LAST and not last:
            step += 1
            metrics = {series.NO_PROGRAM: share_without_program(step)}
            store.append_metrics(step, metrics)
            hear(step, metrics)
            do = watch.agreed(step)
            last = do == "stop"
            if do == "rewind":
                rate = watch.go_back().grpo.learning_rate
                step = int(store.metrics()[-1]["step"] or 0)
                course.append((step, rate))
            elif step % 5 == 0:
                folder = store.checkpoints / f"checkpoint-{step}"
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "whole.json").write_text("{}")
                watch.saved(step)
        course.append((step, rewind.healthy_steps(store)))
        return [str(what).replace(root, "") for what in course]
