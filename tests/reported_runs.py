"""Small runs to report on: judged in the real sandbox, with texts that try to break out."""

from dataclasses import replace

from arcbench.augment import Augmentation
from arcbench.judge import Attempt, Judge
from arcbench.policies.base import Completion
from arcbench.rewards import scheme
from arcbench.rollouts import rollout_from_dict, rollout_to_dict
from arcbench.runs import RunState, RunStore
from arcbench.sandbox import SandboxPool
from arcbench.tasks import load_tasks
from arcbench.training.config import GrpoConfig, overfit_config

TASK = "67a3c6ac"
EVIL = "<script>alert('run me')</script><img src=x onerror=alert(1)>"
RIGHT = "def transform(grid):\n    return grid[:, ::-1]"
WRONG = "def transform(grid):\n    return grid"
RAISES = f'def transform(grid):\n    raise ValueError("{EVIL}")'
STEPS = ([WRONG, None, RAISES, WRONG], [WRONG, RAISES, RIGHT, None], [RIGHT, RIGHT, RIGHT, WRONG])
_judged = []


def judged_steps():
    """The rollouts of three steps, of which the first is of a turned task; judged once."""
    if not _judged:
        task = load_tasks("arc-agi-1", "training")[TASK]
        turned = Augmentation(quarter_turns=1, pair_order=tuple(range(len(task.train))))
        with SandboxPool(workers=1) as pool:
            judge = Judge(pool=pool, scheme=scheme("arc25-v2"))
            for step, codes in enumerate(STEPS, start=1):
                attempts = [
                    Attempt(
                        task=turned.apply(task) if step == 1 else task,
                        completion=Completion(
                            text=EVIL if code is None else f"```python\n{code}\n```",
                            token_ids=tuple(range(20)),
                        ),
                        index=i,
                        augmentation=turned if step == 1 else None,
                    )
                    for i, code in enumerate(codes)
                ]
                _judged.append(judge.judge(attempts, step=step))
    return [[rollout_from_dict(rollout_to_dict(r)) for r in step] for step in _judged]


def lines(rollouts, step):
    """The line of metrics of a step."""
    return {
        "reward/mean": sum(r.reward.total for r in rollouts) / len(rollouts),
        "reward/std": 1.5,
        "solve_rate": sum(r.solved for r in rollouts) / len(rollouts),
        "length/mean": 20.0 + step,
        "seconds/step": 2.0,
    }


def made_run(root, name, *, state=RunState.FINISHED, reason="", tasks=(TASK,), steps=3):
    """A run of up to three steps; with several tasks, the others have the first one's rollouts."""
    config = overfit_config(TASK, steps=3, grpo=GrpoConfig(num_generations=4))
    config = replace(config, data=replace(config.data, tasks=tuple(tasks)))
    store = RunStore.create(root, name, config.to_dict())
    store.add_info(device="cpu", processes=1)
    for step, rollouts in enumerate(judged_steps()[:steps], start=1):
        of_all = [replace(r, task_id=t, group=g) for g, t in enumerate(tasks) for r in rollouts]
        store.write_rollouts(step, of_all)
        store.append_metrics(step, lines(of_all, step))
    store.set_status(state, step=steps, total_steps=3, reason=reason)
    return store
