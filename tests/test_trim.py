"""Passes with less padding learn what passes with all of it learn."""

from dataclasses import replace

import pytest

from arcbench.training.config import DataConfig, GrpoConfig, TrainConfig
from arcbench.training.trim import by_length, trimmed, without_padding
from tests.tiny_policy import save_tiny_policy
from tests.tiny_runs import make_config

LENGTHS = (3, 7, 2, 7, 1, 5)


def batches():
    """Three batches of two rows; each row tells its number everywhere."""
    import torch

    found = []
    for first in (0, 2, 4):
        rows = range(first, first + 2)
        mask = torch.tensor([[0] * (7 - LENGTHS[i]) + [1] * LENGTHS[i] for i in rows])
        number = torch.tensor([[i] for i in rows])
        found.append(
            {
                "prompt_ids": mask * number, "prompt_mask": mask,
                "completion_ids": number.expand(2, 4),
                "completion_mask": torch.tensor([[1, 1, 0, 0], [1, 0, 0, 0]]),
                "old_per_token_logps": number.expand(2, 4) * 0.5,
                "importance_sampling_ratio": number * 1.0, "advantages": number[:, 0],
                "num_items_in_batch": torch.tensor(9), "none": None,
            }
        )  # fmt: skip
    return found


def test_rows_stay_whole_and_the_longest_prompts_come_first():
    made = by_length(batches())
    assert [b["advantages"].tolist() for b in made] == [[1, 3], [5, 0], [2, 4]]
    for batch in made:
        for row, number in enumerate(batch["advantages"].tolist()):
            assert int(batch["prompt_mask"][row].sum()) == LENGTHS[number]
            assert set(batch["completion_ids"][row].tolist()) == {number}
            assert float(batch["old_per_token_logps"][row, 0]) == number / 2
        assert int(batch["num_items_in_batch"]) == 9


def test_only_columns_without_any_token_are_cut():
    batch = without_padding(by_length(batches())[2])  # prompts of 2 and 1 tokens
    assert batch["prompt_mask"].tolist() == [[1, 1], [0, 1]]
    for key in ("completion_ids", "completion_mask", "old_per_token_logps"):
        assert batch[key].shape == (2, 2)
    assert batch["importance_sampling_ratio"].shape == (2, 1)
    empty = batches()[0]
    empty["completion_mask"] = empty["completion_mask"] * 0
    assert without_padding(empty)["completion_mask"].shape == (2, 1)


def test_unsloth_keeps_its_own_passes():
    config = TrainConfig.from_dict({"policy": {"lora": {}, "unsloth": True}})
    assert trimmed(object, config) is object


@pytest.mark.slow
@pytest.mark.parametrize("updates", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_run_learns_the_same_with_and_without_padding(tmp_path, monkeypatch, updates):
    from safetensors.torch import load_file

    from arcbench.training import grpo

    model = save_tiny_policy(tmp_path / "tiny")
    config = make_config(
        model,
        data=DataConfig(tasks=("67a3c6ac", "68b16354", "3c9b0459", "74dd1130"), augment=False),
        grpo=GrpoConfig(
            num_generations=4, prompts_per_step=4, micro_batch=4, learning_rate=1e-3,
            updates_per_generation=updates,
        ),
        steps=4,
        checkpoint_every=4,
    )  # fmt: skip
    config = replace(config, optimizer=replace(config.optimizer, name="sgd"))
    weights = []
    for name in ("less", "all"):
        store = grpo.train(config, root=tmp_path / "runs", name=name)
        weights.append(load_file(store.checkpoints / "checkpoint-4" / "model.safetensors"))
        monkeypatch.setattr(grpo, "trimmed", lambda trainer, _: trainer)
    start = load_file(model / "model.safetensors")
    less, whole = weights
    moved = max(float((whole[k] - start[k]).abs().max()) for k in start)
    apart = max(float((whole[k] - less[k]).abs().max()) for k in start)
    assert apart < 1e-3 * moved
