"""Expert iteration: what is kept of a round, what is learned of it, and a whole run."""

from dataclasses import replace

import numpy as np
import pytest

from arcbench.errors import UserError
from arcbench.evaluation.config import EvalConfig
from arcbench.policies.base import Completion
from arcbench.prompts import PromptTemplate
from arcbench.rewards import RewardBreakdown
from arcbench.rollouts import Rollout
from arcbench.runs import RunState
from arcbench.sandbox.types import Execution, Outcome
from arcbench.scoring import PairScore, Score
from arcbench.tasks import load_tasks
from arcbench.training import grpo
from arcbench.training.config import (
    DataConfig,
    LoraConfig,
    MeasureConfig,
    PolicyConfig,
    TrainConfig,
)
from arcbench.training.data import PromptSource
from arcbench.training.expert import SETTINGS, iterate, resume
from arcbench.training.expert_config import ExpertConfig
from arcbench.training.expert_data import kept, round_prompts
from arcbench.training.fine_tune import IGNORED, FineTuner, example
from tests.tiny_policy import save_tiny_policy
from tests.tiny_runs import TASK, make_config

TASKS = (TASK, "68b16354", "3c9b0459")


def sample(group: int, index: int, code: str | None, *, train: bool, test: bool) -> Rollout:
    pairs = tuple(
        PairScore(split=split, valid=True, exact=exact, pixel=1.0, same_shape=True)
        for split, exact in (("train", train), ("test", test))
    )
    return Rollout(
        run_id="r", step=1, task_id=f"t{group}", group=group, index=index, augmentation=None,
        messages_hash="", completion=Completion(text=code or ""), code=code,
        execution=Execution(outcome=Outcome.OK, outputs=()), score=Score(pairs=pairs),
        reward=RewardBreakdown(), advantage=None,
    )  # fmt: skip


def test_what_is_right_on_the_train_pairs_is_kept_as_drawn_or_each_program_once_rare_ones_first():
    rollouts = [
        sample(0, 0, "a", train=True, test=True),
        sample(0, 1, "a", train=True, test=True),
        sample(0, 2, "b", train=True, test=False),  # the test pair has no say
        sample(0, 3, "c", train=False, test=True),
        sample(0, 4, "d", train=True, test=True),
        sample(1, 0, "a", train=True, test=True),  # of another task
        sample(1, 1, None, train=False, test=False),
    ]
    cut = replace(
        rollouts[0], index=5, code="e", completion=Completion(text="e", finish_reason="length")
    )
    found = [(r.group, r.code) for r in kept([*rollouts, cut], 2, "rarest")]
    assert found == [(0, "b"), (0, "d"), (1, "a")]
    assert [r.code for r in kept(rollouts, 9, "rarest")] == ["b", "d", "a", "a"]
    found = [(r.group, r.code) for r in kept([*rollouts, cut], 2, "drawn")]
    assert found == [(0, "a"), (0, "a"), (1, "a")]
    assert [r.code for r in kept(rollouts, 9, "drawn")] == ["a", "a", "b", "d", "a"]


def test_rounds_take_the_next_rows_and_new_procedural_tasks():
    tasks = load_tasks("arc-agi-1", "training")
    source = PromptSource(
        tasks=tuple(tasks[t] for t in TASKS),
        template=PromptTemplate.load("arcbench"),
        data=DataConfig(tasks=TASKS),
        seed=3,
    )
    expert = ExpertConfig(synthetic=2)
    rounds = [round_prompts(source, i, expert, 10_000, lambda _: 100) for i in range(2)]
    for i, prompts in enumerate(rounds):
        assert [p.messages for p in prompts[:3]] == [
            source.row(3 * i + j).messages for j in range(3)
        ]
        assert [p.attempt.task.id for p in prompts[3:]] == [
            f"synth-3-{2 * i + j}" for j in range(2)
        ]
    assert len(round_prompts(source, 0, replace(expert, tasks=2), 10_000, lambda _: 100)) == 4
    assert len(round_prompts(source, 0, expert, 100, lambda _: 101)) == 3  # only what fits


def test_only_completions_are_learned():
    assert example([1, 2], [3, 4]) == {
        "input_ids": [1, 2, 3, 4],
        "labels": [IGNORED, IGNORED, 3, 4],
    }


@pytest.mark.parametrize(
    ("config", "expert", "words"),
    [
        (TrainConfig(policy=PolicyConfig(lora=LoraConfig())), ExpertConfig(), "policy.lora"),
        (TrainConfig.from_dict({"engine": {"kind": "vllm-colocate"}}), ExpertConfig(), "vllm"),
    ],
)
def test_what_expert_iteration_has_no_use_for_is_refused(config, expert, words):
    with pytest.raises(UserError, match=words):
        expert.check_with(config)


def test_settings_read_back_and_unknown_ones_are_refused():
    expert = ExpertConfig(samples=7, keep=2).resolved(TrainConfig())
    assert expert.micro_batch == expert.batch
    assert ExpertConfig.from_dict(expert.to_dict()) == expert
    with pytest.raises(UserError, match="sample"):
        ExpertConfig.from_dict({"sample": 3})
    with pytest.raises(UserError, match=r"expert\.choice"):
        ExpertConfig.from_dict({"choice": "best"})
    small = TrainConfig.from_dict({"grpo": {"micro_batch": 4}})
    assert ExpertConfig().resolved(small).micro_batch == 4
    with pytest.raises(UserError, match="multiple"):
        ExpertConfig(batch=6).resolved(small)


@pytest.mark.long
@pytest.mark.slow
def test_a_run_learns_from_what_it_kept_and_its_weights_can_be_used(tmp_path):
    from transformers import AutoModelForCausalLM

    model = save_tiny_policy(tmp_path / "tiny")
    config = make_config(
        model,
        data=DataConfig(tasks=TASKS, augment=False, signal_from="before"),
        measure=MeasureConfig(samples=24, temperature=1.0),
    )
    expert = ExpertConfig(rounds=6, samples=32, batch=2, learning_rate=2e-2)
    store = iterate(config, expert, root=tmp_path / "runs", name="expert")
    assert store.status().state is RunState.FINISHED
    metrics = store.metrics()
    assert [m["step"] for m in metrics] == list(range(1, 7))
    assert metrics[-1]["solve_rate"] > 1.2 * metrics[0]["solve_rate"]
    before, after = store.read_eval("before"), store.read_eval("after")
    assert after["figures"]["pass rate"] > before["figures"]["pass rate"]
    assert {r.task_id for r in store.rollouts(1)} == {t for t, n in before["solved"].items() if n}
    assert sorted(p.name for p in store.checkpoints.iterdir()) == ["checkpoint-5", "checkpoint-6"]
    policy = EvalConfig(policy=str(store.path)).resolved().policy
    trained = AutoModelForCausalLM.from_pretrained(policy)
    start = AutoModelForCausalLM.from_pretrained(model)
    moved = [
        float((a - b).abs().max().detach())
        for a, b in zip(trained.parameters(), start.parameters(), strict=True)
    ]
    assert max(moved) > 1e-3
    assert (store.path / SETTINGS).is_file()
    TrainConfig.from_dict(store.config())  # as every reader of runs does
    with pytest.raises(UserError, match="expert-iteration --resume"):
        grpo.resume(store.path)
    with pytest.raises(UserError, match="has finished"):
        resume(store.path)

    # Cut short after round 5, it goes on with the sixth, which draws the same.
    store.set_status(RunState.STOPPED)
    last = [r.completion.token_ids for r in store.rollouts(6)]
    for f in (store.checkpoints / "checkpoint-6").iterdir():
        f.unlink()
    (store.path / "eval" / "after.json").unlink()
    resume(store.path)
    assert [r.completion.token_ids for r in store.rollouts(6)] == last
    assert len(store.metrics()) == 6


@pytest.mark.long
@pytest.mark.slow
def test_fine_tuning_makes_the_examples_likely_and_keeps_its_moments(tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from arcbench.training import build

    build.prepare_libraries()
    folder = save_tiny_policy(tmp_path / "tiny")
    model = AutoModelForCausalLM.from_pretrained(folder)
    tuner = FineTuner(
        model=model, tokenizer=AutoTokenizer.from_pretrained(folder), folder=tmp_path / "out",
        learning_rate=1e-2, batch=4, micro_batch=2, seed=0, gpu=False, bf16=False,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    examples = [([int(x) for x in rng.integers(4, 14, 5 + i)], [15, 2]) for i in range(8)]

    def likely() -> float:
        with torch.no_grad():
            logits = model(torch.tensor([examples[0][0]])).logits[0, -1]
        return float(logits.softmax(-1)[15])

    was = likely()
    first = tuner.fit(examples, 2)
    assert tuner.fit(examples, 2) < first
    assert likely() > 3 * was
    assert {int(s["step"]) for s in tuner._optimizer.state.values()} == {8}
