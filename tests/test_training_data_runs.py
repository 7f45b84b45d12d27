"""The prompts of real runs: memory over many rows, and what each curriculum gives a step."""

import json
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from arcbench.evaluation import TaskCount
from arcbench.policies import load_tokenizer
from arcbench.rollouts import groups
from arcbench.runs import RunState, RunStore
from arcbench.training.config import (
    DataConfig,
    GrpoConfig,
    LengthConfig,
    MeasureConfig,
    PolicyConfig,
    TrainConfig,
)
from arcbench.training.curriculum import write_pass_rates
from arcbench.training.data import OWN_RATES, prompt_dataset, prompt_source
from tests.tiny_policy import save_tiny_policy

pytestmark = pytest.mark.slow

TASKS = ("67a3c6ac", "68b16354", "a85d4709", "3c9b0459", "ed36ccf7")
SOLVED_OF_32 = (16, 4, 0, 32, 30)  # the middle one never, the next one always


def loader_of(config: TrainConfig, folder: Path):
    """The loader of TRL's trainer, made as a run makes it."""
    from transformers import AutoModelForCausalLM
    from trl import GRPOTrainer

    from arcbench.training.trl_args import grpo_args, num_prompts

    source, _ = prompt_source(config, lambda _: 1)
    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(config.policy.model),
        reward_funcs=lambda **_: None,
        args=grpo_args(config, RunStore.create(folder, "rows", {}), False, 20_000),
        train_dataset=prompt_dataset(source, num_prompts(config)),
        processing_class=load_tokenizer(config.policy.model).tokenizer,
    )
    return source, trainer.get_train_dataloader()


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_tiny_policy(tmp_path_factory.mktemp("tiny"))


@pytest.mark.long
def test_100_000_rows_take_no_memory_and_each_step_has_its_own(model, tmp_path):
    config = TrainConfig(
        policy=PolicyConfig(model=str(model)),
        grpo=GrpoConfig(prompts_per_step=8, num_generations=2, micro_batch=8),
        data=DataConfig(tasks=TASKS),
        steps=12_500,
    )
    loader_of(replace(config, steps=50), tmp_path / "first")  # what the libraries take for good
    process = psutil.Process()
    before = process.memory_info().rss
    source, loader = loader_of(config, tmp_path / "runs")
    peak, seen, started = before, 0, time.perf_counter()
    for i, batch in enumerate(loader):
        # 2 backward passes, of 8 completions each, learn from the 8 prompts of a step.
        step = i // 2
        assert [row["index"] for row in batch] == [8 * step + k // 2 for k in range(16)]
        if step % 500 == 0:
            assert [row["prompt"] for row in batch[::2]] == [
                list(source.row(8 * step + k).messages) for k in range(8)
            ]
        seen += 8 * (i % 2)
        if i % 500 == 0:
            peak = max(peak, process.memory_info().rss)
    extra_mb = (peak - before) / 1e6
    print(f"{seen / (time.perf_counter() - started):.0f} rows/s, {extra_mb:.0f} MB")  # noqa: T201
    assert seen == 100_000
    text_mb = 100 * sum(len(str(source.row(i).messages)) for i in range(1000)) / 1e6
    assert extra_mb < 50 < text_mb


CURRICULA = {
    "shortest first": {"order": "shortest-first", "pair_order": False},
    "signal": {"signal_from": "RATES", "min_signal": 0.3},
    "weights": {"signal_from": "RATES", "min_signal": 0.0, "weights": "unsolved"},
}


@pytest.mark.parametrize(
    "name",
    [n if i == 0 else pytest.param(n, marks=pytest.mark.long) for i, n in enumerate(CURRICULA)],
)
def test_a_run_under_each_curriculum_trains_on_its_rows_and_a_resumed_one_goes_on(
    name, model, tmp_path
):
    from arcbench.training.grpo import resume, train

    rates = tmp_path / "rates.json"
    counts = {t: TaskCount(samples=32, solved=n) for t, n in zip(TASKS, SOLVED_OF_32, strict=True)}
    write_pass_rates(rates, counts, "made")
    data = {k: str(rates) if v == "RATES" else v for k, v in CURRICULA[name].items()}
    config = TrainConfig(
        policy=PolicyConfig(model=str(model)),
        data=DataConfig(tasks=TASKS, **data),
        lengths=LengthConfig(max_completion_tokens=8),
        grpo=GrpoConfig(prompts_per_step=2, num_generations=4, micro_batch=4),
        measure=MeasureConfig(samples=0),
        steps=1,
        checkpoint_every=1,
        threads=1,
    )
    source, left_out = prompt_source(config, load_tokenizer(str(model)).count_tokens)
    kept = {t.id for t in source.tasks}
    gone = {"signal": {*TASKS[2:]}, "weights": {TASKS[3]}}.get(name, set())
    assert kept == set(TASKS) - gone
    assert {t for some in left_out for t in some.tasks} == gone
    store = train(config, root=tmp_path, name="run")
    rates.unlink()  # a run goes on by its own copy
    resume(store.path, steps=2)
    assert store.status().state is RunState.FINISHED
    for step in (1, 2):
        rows = [source.row(2 * (step - 1) + place) for place in range(2)]
        found = groups(store.rollouts(step))
        assert [g.rollouts[0].messages_hash for g in found] == [row.hash for row in rows]
        assert [len(g.rollouts) for g in found] == [4, 4]
        assert [source.rebuild(g.rollouts[0]).messages for g in found] == [r.messages for r in rows]
    assert ("left out: 1 always solved" in store.log.read_text()) == bool(gone)
    findings = json.loads((store.path / "preflight.json").read_text())
    assert any(f["name"] == "curriculum" for f in findings) == bool(gone)
    assert (store.path / OWN_RATES).is_file() == ("signal_from" in data)
