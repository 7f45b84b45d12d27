"""Shipped presets, the part of the tasks that is held out, and runs that are limited in time."""

from collections import Counter
from dataclasses import replace

import pytest

from arcbench.cli import main
from arcbench.errors import UserError
from arcbench.evaluation.config import EvalConfig
from arcbench.parts import in_part, part_of
from arcbench.runs import RunState, RunStore
from arcbench.tasks import load_tasks
from arcbench.training.config import DataConfig, MeasureConfig, TrainConfig
from arcbench.training.data import check_names, chosen_tasks
from arcbench.training.presets import preset_names, read_preset, read_training
from tests.tiny_policy import save_tiny_policy
from tests.tiny_runs import TASK, make_config

TRAINED = (TASK, "68b16354", "3c9b0459", "a85d4709")


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_a_run_that_can_start(name):
    check_names(TrainConfig.from_dict(read_preset(name)))


def test_settings_of_the_command_line_override_those_of_a_preset():
    config = read_training("headline", None, ["grpo.learning_rate=1e-6"], seed=3, steps=None)
    plain = read_training("headline", None, [])
    assert config == replace(plain, seed=3, grpo=replace(plain.grpo, learning_rate=1e-6))


def test_an_unknown_preset_is_refused_with_those_that_there_are(capsys):
    with pytest.raises(SystemExit) as end:
        main(["train", "--preset", "headlines"])
    assert end.value.code == 2
    assert "unknown preset 'headlines'; one of: headline, laptop" in capsys.readouterr().err


def test_a_third_of_the_tasks_is_held_out_and_every_selector_agrees_on_it():
    tasks = load_tasks("arc-agi-1", "training")
    sizes = Counter(part_of(t) for t in tasks)
    assert sizes == {"train": 274, "held-out": 126}
    for part in ("train", "held-out"):
        ids = in_part(tasks, part)
        assert [t.id for t in chosen_tasks(TrainConfig(data=DataConfig(part=part)))] == ids
        config = EvalConfig(part=part)
        assert list(config.chosen(config.load_tasks())) == ids
        assert EvalConfig.from_dict(config.to_dict()) == config
    assert (part_of("67a3c6ac"), part_of("6150a2bd")) == ("held-out", "train")


@pytest.mark.parametrize("make", [DataConfig, EvalConfig])
def test_a_part_beside_named_tasks_and_an_unknown_part_are_refused(make):
    with pytest.raises(UserError, match="name no tasks"):
        make(part="train", tasks=(TASK,))
    with pytest.raises(UserError, match="held-out"):
        make(part="test")


def test_tasks_chosen_by_the_own_measurement_need_one():
    with pytest.raises(UserError, match=r"measure\.samples"):
        TrainConfig(data=DataConfig(signal_from="before"))


@pytest.mark.long
def test_a_run_that_measures_chooses_its_tasks_and_ends_in_time_can_be_used_and_not_resumed(
    tmp_path,
):
    from arcbench.training import grpo

    model = save_tiny_policy(tmp_path / "tiny")
    config = make_config(
        model,
        data=DataConfig(tasks=TRAINED, augment=False, signal_from="before"),
        measure=MeasureConfig(samples=24, temperature=1.0),
        steps=10_000,
        checkpoint_every=5000,
        max_minutes=0.15,
    )
    store = grpo.train(config, root=tmp_path / "runs", name="short")
    status = store.status()
    assert status.state is RunState.FINISHED
    assert f"0.15 minutes were over at step {status.step} of 10000" in status.reason
    assert 0 < status.step == len(store.metrics()) < 10_000
    before, after = store.read_eval("before"), store.read_eval("after")
    assert set(before["solved"]) == set(after["solved"]) == set(TRAINED)
    wanted = {t for t, n in before["solved"].items() if 0 < n < 24}
    assert {r.task_id for s in store.rollout_steps()[:20] for r in store.rollouts(s)} <= wanted
    assert wanted == {TASK, "68b16354"}

    checkpoint = f"{store.path}/checkpoints/checkpoint-{status.step}"
    assert EvalConfig(policy=str(store.path)).resolved().policy == checkpoint
    with pytest.raises(UserError, match="used its max_minutes"):
        grpo.resume(store.path)
    # Killed while it measured: it goes on there, and trains no more.
    store.set_status(RunState.STOPPED)
    (store.path / "eval" / "after.json").unlink()
    grpo.resume(store.path)
    assert store.read_eval("after") == after
    assert RunStore.open(store.path).status().step == status.step
