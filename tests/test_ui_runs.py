import re
from dataclasses import replace
from html import escape

import pytest

from arcbench.augment import Augmentation
from arcbench.errors import UserError
from arcbench.judge import Attempt, Judge
from arcbench.policies.base import Completion
from arcbench.policies.token_texts import token_texts
from arcbench.rewards import scheme
from arcbench.runs import RunState, RunStore
from arcbench.sandbox import SandboxPool
from arcbench.training.config import overfit_config
from arcbench.ui import runs, runs_html
from arcbench.workbench import Workbench

TASK = "67a3c6ac"
TOKEN = 500
RIGHT = "def transform(grid):\n    return grid[:, ::-1]"
WRONG = "def transform(grid):\n    return grid"
BROKEN = "def transform(grid):\n    return grid["
ALL = runs.wanted("", "", "all", "", "", "")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    with Workbench(root) as made:
        store = RunStore.create(root, "three-steps", overfit_config(TASK, steps=3).to_dict())
        task = made.task(TASK)
        turned = Augmentation(quarter_turns=1, pair_order=tuple(range(len(task.train))))
        with SandboxPool(workers=1) as pool:
            judge = Judge(pool=pool, scheme=scheme("arc25-v2"))
            for step, codes in enumerate(([WRONG, BROKEN], [WRONG, RIGHT], [RIGHT] * 60), start=1):
                attempts = [
                    Attempt(
                        task=turned.apply(task) if step == 1 else task,
                        completion=Completion(
                            text=f"```python\n{code}\n```",
                            token_ids=(TOKEN,) * len(code),
                            logprobs=(-0.5,) * len(code),
                        ),
                        index=i,
                        augmentation=turned if step == 1 else None,
                    )
                    for i, code in enumerate(codes)
                ]
                store.write_rollouts(step, judge.judge(attempts, step=step))
                store.append_metrics(step, {"reward/mean": float(step), "solve_rate": step / 3})
        RunStore.create(root, "nothing-yet", overfit_config(TASK).to_dict())
        store.set_status(RunState.FAILED, step=3, total_steps=3, reason="the <disk> is full")
        yield made


def test_the_table_has_a_line_for_every_run_with_state_and_curves(bench):
    table = runs_html.run_table(runs.lines(bench))
    assert table.count("<tr data-run=") == 2
    assert "the &lt;disk&gt; is full" in table
    assert "reward from 1.00 to 3.00" in table
    assert "3 / 3" in table


def test_without_runs_the_table_says_how_to_start_one(tmp_path):
    with Workbench(tmp_path) as empty:
        assert "tab Train" in runs_html.run_table(runs.lines(empty))


def test_a_sparkline_of_thousands_of_values_is_short_and_keeps_both_ends():
    drawn = runs_html.sparkline([float(i) for i in range(10_000)], "reward")
    assert drawn.count(",") < 80
    assert re.search(r"from (\d+)\.\d+ to (\d+)", drawn).groups() == ("83", "9916")
    assert runs_html.sparkline([], "reward").count("svg") == 0


def test_metrics_of_several_runs_lie_over_one_another(bench):
    assert runs.metric_names(bench, ["three-steps"]) == ["reward/mean", "solve_rate"]
    plot = runs.curves(bench, "three-steps", ["nothing-yet"], ["reward/mean", "loudness"])
    assert "not recorded" in plot
    assert "three-steps" in plot
    assert "no step yet" in runs.curves(bench, "nothing-yet", [], ["reward/mean"])


def test_rollouts_come_in_pages_and_by_filter(bench):
    first = runs.listing(bench, "three-steps", ALL, "newest", 0)
    assert "1–50 of 64" in first
    assert runs.turned(bench, "three-steps", ALL, 0, 1) == 50
    assert runs.turned(bench, "three-steps", ALL, 50, 1) == 50
    assert runs.turned(bench, "three-steps", ALL, 50, -1) == 0
    broken = runs.wanted(TASK, "syntax_error", "not solved", "1", "1", "")
    assert "1–1 of 1" in runs.listing(bench, "three-steps", broken, "newest", 0)
    nothing = replace(broken, solved=True)
    assert "No rollout fits" in runs.listing(bench, "three-steps", nothing, "newest", 0)
    assert "no rollout yet" in runs.listing(bench, "nothing-yet", ALL, "newest", 0)


def test_a_rollout_opens_with_the_task_as_its_program_got_it(bench):
    shown = runs.opened(bench, "three-steps", "1.0.0")
    assert "turned, mirrored or recoloured" in shown
    assert "step 1, group 1, #1" in shown
    right = runs.opened(bench, "three-steps", "2.0.1")
    assert "✓ solved" in right
    assert "turned" not in right


def test_the_tokens_of_a_rollout_have_their_texts_and_probabilities(bench):
    shown = runs.opened(bench, "three-steps", "2.0.1", runs.TOKENS)
    assert f"All {len(RIGHT)} tokens" in shown
    (text,) = token_texts("embedded", (TOKEN,))
    assert text.isprintable()
    assert text
    assert f"“{escape(text)}”: 61 %, log-probability -0.50" in shown
    assert "✓ solved" in shown


@pytest.mark.parametrize("place", ["1.0", "../x", "a.b.c", "1.0.99", "9.0.0", "1.0.0.0"])
def test_a_place_that_is_not_there_is_named(bench, place):
    with pytest.raises(UserError):
        runs.opened(bench, "three-steps", place)


def test_squares_by_step_show_how_completions_changed(bench, monkeypatch):
    shown = runs.listing(bench, "three-steps", ALL, "newest", 0, runs.SQUARES)
    assert shown.count("<button") == 64
    assert shown.count("ab-cell-solved") == 61
    assert "3 different programs" in shown
    monkeypatch.setattr(runs, "MAX_SQUARES", 63)
    too_many = runs.listing(bench, "three-steps", ALL, "newest", 0, runs.SQUARES)
    assert "64 rollouts are too many" in too_many


def test_a_filter_that_is_no_number_is_named():
    with pytest.raises(UserError, match="From step"):
        runs.wanted("", "", "all", "soon", "", "")


def test_settings_of_a_run_are_there_to_read(bench):
    shown = runs.settings(bench, "three-steps")
    assert "grpo.learning_rate" in shown
    assert "python" in shown
