"""What training brought: evaluations before and after, made up with known rates."""

import json

import numpy as np
import pytest

from arcbench.cli import main
from arcbench.errors import UserError
from arcbench.evaluation.config import EvalConfig
from arcbench.evaluation.gains import SEEDS, gains
from arcbench.evaluation.record import record
from arcbench.evaluation.results import Tally
from arcbench.evaluation.store import EvalStore
from arcbench.files import write_json
from arcbench.parts import part_of
from arcbench.policies.base import Completion
from arcbench.rewards import RewardBreakdown
from arcbench.rollouts import Rollout
from arcbench.runs import RunStore
from arcbench.sandbox.types import Execution, Outcome
from arcbench.scoring import PairScore, Score
from arcbench.tasks import load_tasks
from arcbench.training.config import DataConfig, TrainConfig

N = 64
IDS = list(load_tasks("arc-agi-1", "training"))[:200]
OTHERS = list(load_tasks("arc-agi-1", "evaluation"))[:30]


def rollout(task: str, index: int, solved: bool) -> Rollout:
    pair = PairScore(split="test", valid=True, exact=solved, pixel=float(solved), same_shape=True)
    return Rollout(
        run_id="", step=0, task_id=task, group=0, index=index, augmentation=None, messages_hash="",
        completion=Completion(text=""), code="", score=Score(pairs=(pair,)),
        execution=Execution(outcome=Outcome.OK, outputs=()), reward=RewardBreakdown(),
        advantage=None,
    )  # fmt: skip


def evaluation(root, name, rates, policy="embedded", split="training", seed=0, **changes):
    """An evaluation in which each task is solved at its rate."""
    config = EvalConfig(policy=policy, split=split, n=N, k=(1, 8), template="arcbench", **changes)
    store = EvalStore.create(root, name, config.resolved().to_dict())
    rng = np.random.default_rng(seed)
    rollouts = [rollout(t, i, rng.random() < p) for t, p in rates.items() for i in range(N)]
    store.write_shard(rollouts)
    tally = Tally(list(rates))
    for r in rollouts:
        tally.add(record(r))
    write_json(store.path / "results.json", tally.results([1, 8], rng).to_dict())
    return store.path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("gains")
    rng = np.random.default_rng(5)
    rates = {t: float(p) for t, p in zip(IDS, rng.beta(0.2, 2, len(IDS)), strict=True)}
    others = dict.fromkeys(OTHERS, 0.1)
    before = [
        evaluation(root, "before-training", rates),
        evaluation(root, "before-evaluation", others, split="evaluation"),
    ]
    after = []
    for seed in (1, 2):
        config = TrainConfig(data=DataConfig(part="train"), seed=seed)
        run = RunStore.create(root, f"run-{seed}", config.to_dict())
        for step in range(1, 21):
            line = {
                "reward/mean": step / 4 + seed,
                "solve_rate": step / 40,
                "group/unique_outputs": 0.5,
            }
            run.append_metrics(step, line)
        whole = run.checkpoints / "checkpoint-5" / "whole.json"
        write_json(whole, {"step": 5})
        new = {t: min(1.0, 4 * p) if part_of(t) == "train" else p for t, p in rates.items()}
        after += [
            evaluation(root, f"s{seed}-training", new, str(run.path), seed=10 + seed),
            evaluation(root, f"s{seed}-evaluation", others, str(run.path), "evaluation", 20 + seed),
        ]
    return before, after


def test_each_part_has_its_figures_for_each_run_and_for_all(made):
    found = gains(*made, rng=np.random.default_rng(0))
    assert [(g.part, g.run) for g in found] == [
        (part, run)
        for part in ("trained on", "held out", "arc-agi-1/training", "arc-agi-1/evaluation")
        for run in ("run-1", "run-2", SEEDS)
    ]
    trained, held, _, other = (g for g in found if g.run == SEEDS)
    assert trained.tasks == sum(part_of(t) == "train" for t in IDS)
    assert trained.tasks + held.tasks == len(IDS)
    assert [f.name for f in trained.figures] == [
        "pass@1", "pass@8", "pass@64", "unique outputs", "valid outputs",
    ]  # fmt: skip
    first = trained.figures[0]
    assert first.change_interval[0] > 0
    assert first.before_interval[0] < first.before < first.before_interval[1]
    assert first.ratio > 2
    for gain in (held, other):
        figure = gain.figures[0]
        assert figure.after == pytest.approx(figure.before, abs=0.01)
    assert len(trained.gained) > len(trained.lost)
    per_run = [g.figures[0].after for g in found[:2]]
    assert first.after == pytest.approx(sum(per_run) / 2)


def test_tasks_that_are_sometimes_solved_are_chosen_by_other_samples_than_those_that_tell(made):
    found = {(g.part, g.run): g.sometimes for g in gains(*made, rng=np.random.default_rng(0))}
    trained, held = found["trained on", SEEDS], found["held out", SEEDS]
    assert trained.after / trained.before > 2.5
    assert trained.ratio_interval[0] > 2
    # Nothing happened to the others, and nothing is told of them.
    assert held.after / held.before == pytest.approx(1, abs=0.15)
    low, high = held.ratio_interval
    assert low < 1 < high


def test_what_cannot_be_compared_is_refused(made, tmp_path):
    before, after = made
    rng = np.random.default_rng(0)
    with pytest.raises(UserError, match="--before"):
        gains(before[:1], after, rng=rng)
    hot = evaluation(tmp_path, "hot", {IDS[0]: 0.5}, temperature=1.0)
    with pytest.raises(UserError, match=r"temperature 0\.8 .* 1\.0"):
        gains(before, [hot], rng=rng)


def test_the_command_writes_tables_figures_and_charts(made, tmp_path, capsys):
    before, after = ([str(p) for p in paths] for paths in made)
    out, data = tmp_path / "gains.md", tmp_path / "gains.json"
    main(["gains", "--before", *before, "--after", *after, "--out", str(out), "--json", str(data),
          "--plots", str(tmp_path / "plots")])  # fmt: skip
    text = out.read_text()
    assert "| trained on, " in text
    assert text.splitlines()[0] in capsys.readouterr().out
    assert len(json.loads(data.read_text())) == 12
    assert sorted(p.name for p in (tmp_path / "plots").iterdir()) == [
        "before_after_evaluation.png", "before_after_training.png", "reward_curve.png",
    ]  # fmt: skip
