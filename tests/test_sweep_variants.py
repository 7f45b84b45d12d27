"""Sweeps over named variants, and the table of what was measured."""

import json

import pytest

from arcbench.cli import main
from arcbench.errors import UserError
from arcbench.runs import RunStore
from arcbench.training.presets import read_preset
from arcbench.training.sweep import (
    SweepFolder,
    SweepPlan,
    axis,
    make_plan,
    overfit_base,
    variant_axis,
)
from arcbench.training.sweep_results import collect, save
from arcbench.training.sweep_table import markdown

TASK = "67a3c6ac"
VARIANTS = ["base", "lora: policy.lora.rank=4 grpo.learning_rate=1e-3", "flat: data.augment=true"]


def test_a_variant_changes_several_settings_at_once_and_the_plan_reads_back():
    plan = make_plan(overfit_base(TASK), [variant_axis(VARIANTS)], seeds=(0, 1))
    assert [(p.values, p.seed) for p in plan.points][:3] == [
        (("base",), 0),
        (("base",), 1),
        (("lora",), 0),
    ]
    base, lora, flat = (plan.points[i].config for i in (0, 2, 4))
    assert lora["policy"]["lora"]["rank"] == 4
    assert (base["grpo"]["learning_rate"], lora["grpo"]["learning_rate"]) == (1e-4, 1e-3)
    assert (base["data"]["augment"], flat["data"]["augment"]) == (False, True)
    assert {**base, "policy": lora["policy"], "grpo": lora["grpo"]} == lora
    assert SweepPlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


def test_variants_cross_with_other_settings_over_a_preset():
    axes = [axis("reward=staged,arc25-v1"), variant_axis(["base", "lr: grpo.learning_rate=1e-6"])]
    plan = make_plan(read_preset("headline"), axes, changes=["max_minutes=2"], seeds=(0, 1, 2))
    assert len(plan.points) == 12
    assert {p.config["max_minutes"] for p in plan.points} == {2.0}


@pytest.mark.parametrize("texts", [[""], [":"], ["a: b"], ["a=1"], ["a", "a: seed=1"]])
def test_what_is_no_variant_is_refused(texts):
    with pytest.raises(UserError, match="--variant"):
        variant_axis(texts)


def test_the_table_tells_what_was_measured_and_what_is_not_there_yet(tmp_path):
    plan = make_plan(
        overfit_base(TASK), [variant_axis(["base", "slow: grpo.learning_rate=1e-7"])], seeds=(0, 1)
    )
    folder = SweepFolder.create(tmp_path, "sweep", plan)
    for seed, (first, last) in enumerate(((1.0, 5.0), (2.0, 7.0))):
        store = RunStore.create(folder.path, plan.points[seed].run, plan.points[seed].config)
        for step in range(1, 31):
            reward = first if step <= 10 else last
            store.append_metrics(
                step, {"reward/mean": reward, "reward/std": 1.0, "solve_rate": 0.1}
            )
        for name, rate in (("before", 0.25), ("after", 0.5 + 0.25 * seed)):
            figures = {"pass rate": rate, "tasks solved": 0.5, "unique outputs": 0.125}
            store.write_eval(name, {"figures": figures})
    results = collect(folder, plan)
    head, _, *rows = markdown(folder, results).splitlines()
    same = "50.0 → 50.0 % | 12.5 → 12.5 % | learning |"
    words = "variant seeds steps reward|pass rate|tasks solved|unique outputs|verdict"
    assert head.replace(" | ", "|") == "| " + words.replace(" ", "|", 3) + " |"
    assert rows == [
        f"| **`base`** | 2 | 30 | 1.50 → 6.00 | 25.0 → 62.5 % | {same}",
        f"| `base` | seed 0 | 30 | 1.00 → 5.00 | 25.0 → 50.0 % | {same}",
        f"| `base` | seed 1 | 30 | 2.00 → 7.00 | 25.0 → 75.0 % | {same}",
        "| `slow` | 0 of 2 |  |  |  |  |  |  |",
    ]
    save(folder, results)
    assert folder.table_file.read_text().splitlines()[2:] == rows


def test_a_preset_and_a_file_are_not_both_taken(capsys):
    with pytest.raises(SystemExit):
        main(["sweep", "--preset", "laptop", "--config", "x.json", "--lr", "1e-5"])
    assert "--preset and --config" in capsys.readouterr().err
