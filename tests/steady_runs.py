"""Lines of runs whose policy does not change: whatever is found in them is chance."""

from collections.abc import Iterator

import numpy as np

from arcbench import series
from arcbench.runs import Metrics
from arcbench.sandbox.types import Outcome


def steady_run(
    rng: np.random.Generator, *, steps: int, group: int, prompts: int = 1, tasks: int = 40
) -> Iterator[Metrics]:
    """Tasks of very different difficulty, in rounds, as a run draws them; reward arc25-v2."""
    solves = rng.beta(0.4, 1.2, tasks)  # many never, some nearly always
    bad = rng.beta(0.3, 6.0, tasks)  # completions without a program
    fails = rng.beta(0.5, 3.0, tasks)
    cuts = rng.beta(0.3, 9.0, tasks)
    words = rng.lognormal(3.0, 0.5, tasks)
    sure = rng.lognormal(-1.2, 0.5, tasks)
    order: list[int] = []
    first: dict[int, float] = {}  # the mean reward of each task's first group
    for step in range(1, steps + 1):
        gains = []
        rewards, solved, none, failed, cut, length, entropy = [], [], [], [], [], [], []
        while len(order) < prompts:
            order += rng.permutation(tasks).tolist()
        drawn, order = order[:prompts], order[prompts:]
        for task in drawn:
            has = rng.random(group) >= bad[task]
            ok = has & (rng.random(group) >= fails[task])
            right = ok & (rng.random(group) < solves[task])
            rewards.append(np.where(~has, -1.0, np.where(ok, 1.0 + 8.0 * right, 0.0)))
            if task in first:
                gains.append(rewards[-1].mean() - first[task])
            first.setdefault(task, rewards[-1].mean())
            solved.append(right)
            none.append(~has)
            failed.append(has & ~ok)
            cut.append(rng.random(group) < cuts[task])
            length.append(words[task] * rng.lognormal(0, 0.3, group))
            entropy.append(sure[task] * rng.lognormal(0, 0.2, group))
        reward = np.array(rewards)
        programs = 1 - np.mean(none)
        outcomes = {series.OUTCOME.format(o.value): 0.0 for o in Outcome}
        outcomes[series.OUTCOME.format(Outcome.NO_CODE.value)] = float(np.mean(none))
        outcomes[series.OUTCOME.format(Outcome.RAISED.value)] = float(np.mean(failed))
        line: Metrics = {
            "step": step,
            series.REWARD_MEAN: float(reward.mean()),
            series.REWARD_STD: float(reward.std()),
            series.REWARD_PART.format("exact"): 8.0 * float(np.mean(solved)),
            series.GROUP_REWARD_STD: float(reward.std(axis=1).mean()),
            series.SOLVE_RATE: float(np.mean(solved)),
            series.GROUP_NO_SIGNAL: float(np.mean(reward.std(axis=1) == 0)),
            series.GROUP_ALL_SOLVED: float(np.mean(np.all(solved, axis=1))),
            series.NO_PROGRAM: float(np.mean(none)),
            series.FAILED: float(np.mean(failed)) / programs if programs else 0.0,
            series.LENGTH_MEAN: float(np.mean(length)),
            series.LENGTH_TRUNCATED: float(np.mean(cut)),
            series.ENTROPY: float(np.mean(entropy)),
            series.UNIQUE_4GRAMS: float(np.clip(rng.normal(0.97, 0.02), 0, 1)),
            series.LOOP: float(rng.beta(0.3, 12.0)),
            series.LOSS: float(rng.normal(0, 0.01)),
            series.GRAD_NORM: float(rng.lognormal(0, 0.6)) if reward.std(axis=1).any() else 0.0,
            **outcomes,
        }
        if gains:
            line[series.REWARD_GAIN] = float(np.mean(gains))
        yield line
