"""Runs that go on with an adapter or a checkpoint of another run: with the trainer itself."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from arcbench.errors import UserError
from arcbench.runs import RunState
from arcbench.training.config import (
    GrpoConfig,
    LengthConfig,
    LoraConfig,
    MeasureConfig,
    PolicyConfig,
    overfit_config,
)
from tests.tiny_policy import save_tiny_policy

pytestmark = pytest.mark.slow

LORA = LoraConfig(rank=4, alpha=8)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return save_tiny_policy(tmp_path_factory.mktemp("base"))


def make_config(policy: PolicyConfig, *, steps: int, beta: float = 0.0, samples: int = 0):
    return overfit_config(
        "67a3c6ac",
        policy=policy,
        lengths=LengthConfig(max_completion_tokens=6),
        grpo=GrpoConfig(num_generations=8, learning_rate=1e-2, beta=beta),
        measure=MeasureConfig(samples=samples),
        steps=steps,
        checkpoint_every=2,
        threads=1,
    )


@pytest.fixture(scope="module")
def first(base, tmp_path_factory):
    """A run that trained an adapter for four steps."""
    from arcbench.training.grpo import train

    policy = PolicyConfig(model=str(base), lora=LORA)
    root = tmp_path_factory.mktemp("runs")
    return train(make_config(policy, steps=4, samples=16), root=root, name="first")


def tensors(store, step):
    from safetensors.torch import load_file

    return load_file(store.checkpoints / f"checkpoint-{step}" / "adapter_model.safetensors")


@pytest.mark.long
def test_a_run_goes_on_with_the_adapter_of_another_and_its_reference_is_that_adapter(
    base, first, tmp_path
):
    import torch

    from arcbench.training.grpo import resume, train

    policy = PolicyConfig(model=str(base), adapter=str(first.path))
    assert policy.adapter == str(first.checkpoints / "checkpoint-4")
    assert policy.lora is not None
    assert (policy.lora.rank, policy.lora.alpha) == (4, 8)
    config = make_config(policy, steps=4, beta=0.1, samples=16)
    second = train(config, root=tmp_path, name="second")
    assert second.read_eval("before") == first.read_eval("after")
    # The KL term counts from the adapter, not from the base: nothing has moved yet.
    assert second.metrics()[0]["policy/kl"] == pytest.approx(0, abs=1e-6)
    assert second.metrics()[-1]["policy/kl"] > 1e-4
    assert any(not torch.equal(a, tensors(first, 4)[k]) for k, a in tensors(second, 4).items())
    # Cut after two steps and resumed, it ends with the very same weights.
    cut = train(replace(config, steps=2), root=tmp_path, name="cut")
    assert not (cut.checkpoints / "checkpoint-2" / "ref").exists()
    resume(cut.path, steps=4)
    assert cut.status().state is RunState.FINISHED
    for name, tensor in tensors(second, 4).items():
        assert torch.equal(tensor, tensors(cut, 4)[name]), name


@pytest.mark.long
def test_a_run_goes_on_with_all_weights_of_another(base, tmp_path):
    from arcbench.training.grpo import train

    config = make_config(PolicyConfig(model=str(base)), steps=2, samples=16)
    one = train(config, root=tmp_path, name="one")
    policy = PolicyConfig(model=str(one.path))
    assert policy.model == str(one.checkpoints / "checkpoint-2")
    two = train(replace(config, policy=policy), root=tmp_path, name="two")
    assert two.read_eval("before") == one.read_eval("after")


@pytest.mark.long
def test_an_adapter_for_another_model_stops_a_run_before_it_trains(first, tmp_path):
    from arcbench.training.grpo import train

    policy = PolicyConfig(model="embedded", adapter=str(first.path))
    with pytest.raises(UserError, match=r"does not fit .*arcbench-16m: .*it was made for "):
        train(make_config(policy, steps=2), root=tmp_path, name="wrong")


@pytest.mark.long
def test_an_adapter_that_was_made_for_a_model_of_another_name_is_warned_of(
    base, first, tmp_path, capsys
):
    from arcbench.training.grpo import train

    other = shutil.copytree(base, tmp_path / "other")
    policy = PolicyConfig(model=str(other), adapter=str(first.path))
    store = train(make_config(policy, steps=2), root=tmp_path, name="copy")
    assert f"made for {base}, on top of {other}" in store.log.read_text()


@pytest.mark.long
def test_the_workbench_samples_a_run_with_its_newest_weights_although_older_ones_are_loaded(
    base, tmp_path
):
    from arcbench.policies import SamplingConfig
    from arcbench.prompts import PromptTemplate, messages_hash
    from arcbench.workbench import Workbench
    from tests.adapted import checkpoint, make_run, save_adapter

    policy = PolicyConfig(model=str(base), lora=LORA, template="arcbench-compact")
    store = make_run(tmp_path, "mine", policy)
    config = SamplingConfig(n=2, temperature=0, max_new_tokens=6)
    found = []
    with Workbench(tmp_path) as bench:
        assert bench.trained() == ()
        for step, seed in ((5, 1), (10, 2)):
            save_adapter(base, checkpoint(store, step), seed=seed, size=1.0)
            assert bench.trained() == (str(store.path),)
            task = bench.task("67a3c6ac")
            drawn = list(bench.sample(str(store.path), task, config))
            found.append([r.completion.token_ids for _, r in drawn])
            own = PromptTemplate.load("arcbench-compact").messages(task)
            assert {r.messages_hash for _, r in drawn} == {messages_hash(own)}
            assert bench._workers.policy(str(store.path)).name == f"mine@{step}"
    assert found[0] != found[1]
