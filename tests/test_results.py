import csv
import io
import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from arcbench.augment import Augmentation
from arcbench.errors import UserError
from arcbench.evaluation import Results, Tally, TaskResult, read_results, record
from arcbench.evaluation.export import export
from arcbench.evaluation.results import FIGURES
from arcbench.files import write_json
from arcbench.grids import as_grid
from arcbench.judge import Attempt, Judge
from arcbench.policies.base import Completion
from arcbench.rewards import SCHEMES
from arcbench.sandbox import Limits, Outcome, SandboxPool
from arcbench.tasks import Pair, Task
from arcbench.training.curriculum import read_pass_rates
from tests.made_records import RIGHT, WRONG, drawn_results, made, records, solved_results, tally

TASKS = ("a", "b", "c")


def rng():
    return np.random.default_rng(0)


def figures(samples, task_id="a"):
    return tally([task_id], samples).task(task_id).figures()


def mean(values):
    return sum(values) / len(values) if values else None


@settings(max_examples=40)
@given(st.data())
def test_any_order_and_any_split_of_the_samples_gives_the_same_results(data):
    samples = data.draw(st.lists(records(TASKS), max_size=14))
    shuffled = data.draw(st.permutations(samples))
    cut = data.draw(st.integers(0, len(samples)))
    merged = tally(TASKS, shuffled[:cut])
    merged.merge(tally(TASKS, shuffled[cut:]))
    whole = tally(TASKS, samples).results([1, 2], rng())
    assert merged.results([1, 2], rng()) == whole
    assert merged.samples == len(samples)


def test_pixel_scores_add_up_to_the_same_in_every_order():
    assert 0.1 + 0.2 + 0.3 != 0.3 + 0.2 + 0.1
    samples = [made("a", [WRONG], [WRONG], pixel=x) for x in (0.1, 0.2, 0.3)]
    assert figures(samples) == figures(samples[::-1])
    assert figures(samples)["train_pixel_score"] == pytest.approx(0.2, abs=1e-12)


@settings(max_examples=40)
@given(st.lists(records(["a"]), min_size=1, max_size=14))
def test_the_figures_of_a_task_are_those_of_its_samples_one_by_one(samples):
    found = figures(samples)
    whole = [r for r in samples if all(g is not None for g in r.outputs)]
    assert found["n_preds"] == len(samples)
    assert found["valid_code"] == mean([r.outcome.has_code for r in samples])
    assert found["valid_outputs"] == len(whole) / len(samples)
    assert found["unique_outputs"] == len({r.drawn for r in whole}) / len(samples)
    for split in ("train", "test"):
        parts = [r.score.of([split]) for r in samples]
        assert found[f"{split}_pixel_score"] == pytest.approx(mean([p.pixel_rate for p in parts]))
        assert found[f"{split}_correct_grids"] == pytest.approx(mean([p.exact_rate for p in parts]))
        assert found[f"{split}_pass_rate"] == mean([p.solved for p in parts])
        assert found[f"{split}_is_correct"] == any(p.solved for p in parts)
    assert found["pass_rate"] == mean([r.score.solved for r in samples])
    assert found["is_correct"] == any(r.score.solved for r in samples)
    assert found["truncated"] == mean([r.truncated for r in samples])
    assert found["mean_tokens"] == (mean([r.tokens for r in samples]) or None)
    assert tuple(found) == FIGURES


@settings(max_examples=30)
@given(st.lists(records(TASKS), max_size=14), st.booleans())
def test_totals_are_means_over_the_tasks_and_all_values_survive_json(samples, known):
    results = tally(TASKS, samples).results([1, 2, 50], rng(), policy="p", sizes=[1, 2])
    total = results.total()
    for name in FIGURES:
        there = [f for t in results.tasks if t.samples and (f := t.figures()[name]) is not None]
        assert total[name] == (None if not there else pytest.approx(mean(there)))
    written = json.dumps(results.to_dict(), allow_nan=False)
    assert Results.from_dict(json.loads(written)) == results


def test_right_on_train_in_one_sample_and_on_test_in_another_solves_nothing():
    results = tally("a", [made("a", [RIGHT], [WRONG]), made("a", [WRONG], [RIGHT])]).results(
        [1], rng()
    )
    total = results.total()
    assert (total["train_is_correct"], total["test_is_correct"]) == (1.0, 1.0)
    assert (total["pass_rate"], total["is_correct"]) == (0.0, 0.0)
    assert results.solved_tasks == ()


def test_a_sample_that_misses_one_output_has_no_valid_outputs_but_its_grids_count():
    found = figures([made("a", [RIGHT, None], [RIGHT], outcome=Outcome.RAISED)])
    assert (found["valid_outputs"], found["unique_outputs"]) == (0.0, 0.0)
    assert (found["train_correct_grids"], found["test_pass_rate"]) == (0.5, 1.0)
    assert found["pass_rate"] == 0.0


def test_where_no_test_output_is_known_its_figures_are_absent_and_train_pairs_decide():
    samples = [made("a", [RIGHT], [WRONG], known=False), made("a", [WRONG], [WRONG], known=False)]
    results = tally("a", samples).results([1], rng())
    total = results.total()
    assert {total[n] for n in FIGURES if n.startswith("test_")} == {None}
    assert (total["pass_rate"], total["is_correct"]) == (None, None)
    assert total["train_pass_rate"] == 0.5
    assert results.pairs == "train"
    assert results.pass_at_k[0].value == 0.5
    assert "no test output is known" in results.warnings[0]
    assert "(train pairs)" in text(results.table(), 80)


def test_tasks_without_known_test_outputs_do_not_count_among_those_that_have_them():
    samples = [made("a", [RIGHT], [RIGHT]), made("b", [RIGHT], [WRONG], known=False)]
    results = tally("ab", samples).results([1], rng())
    assert results.pass_at_k[0].value == 1.0
    assert list(results.counts) == ["a"]
    assert results.warnings[0].startswith("1 of 2 tasks have no known test output")


def test_tasks_without_samples_are_told_and_left_out_of_the_totals():
    results = tally("abc", [made("a"), made("b", [WRONG], [WRONG])]).results([1], rng())
    assert results.total()["pass_rate"] == 0.5
    assert results.pass_at_k[0].tasks == 2
    assert results.warnings == ("1 of 3 tasks have no samples: the totals are of the others",)
    assert results.tasks[2] == TaskResult(task_id="c")
    assert set(results.tasks[2].figures().values()) == {0.0, None}


def test_an_evaluation_without_any_sample_has_tables_files_and_no_figures(tmp_path):
    results = Tally("ab").results([1, 8], rng())
    assert (results.pass_at_k, results.curve, results.outcomes) == ((), (), {})
    assert set(results.total().values()) == {None}
    text(results.table(), 80), text(results.table(tasks=True), 80)
    export(tmp_path, results)
    assert read_results(tmp_path) == results


def test_a_sample_of_a_task_that_is_none_of_the_evaluations_is_our_own_mistake():
    with pytest.raises(KeyError, match="other"):
        Tally(["a"]).add(made("other"))


def test_shares_of_outcomes_add_up_to_one():
    outcomes = [Outcome.OK, Outcome.TIMEOUT, Outcome.OK, Outcome.NO_CODE]
    results = tally("ab", [made("ab"[i % 2], outcome=o) for i, o in enumerate(outcomes)]).results(
        [1], rng()
    )
    assert results.outcomes == {Outcome.OK: 0.5, Outcome.NO_CODE: 0.25, Outcome.TIMEOUT: 0.25}


def test_ten_thousand_samples_take_no_more_memory_than_ten():
    few, many = (
        len(pickle.dumps(tally("a", (made("a", [WRONG], [WRONG]) for _ in range(n)))))
        for n in (10, 10_000)
    )
    assert many < few + 100


def test_real_programs_become_the_table_whichever_way_their_prompt_was_turned():
    flip = [([[1, 2], [3, 4]], [[2, 1], [4, 3]]), ([[5, 6]], [[6, 5]]), ([[7, 8, 9]], [[9, 8, 7]])]
    pairs = [Pair(input=as_grid(i), output=as_grid(o)) for i, o in flip]
    task = Task(id="flip", train=tuple(pairs[:2]), test=(pairs[2],))
    bodies = ["return grid[:, ::-1]", "return grid", "return grid", "return 1 / 0", "return grid +"]
    seen = Augmentation(quarter_turns=2, flip=False, colors=tuple(range(10)), pair_order=(1, 0))
    attempts = [
        Attempt(
            task=task if augmentation is None else augmentation.apply(task),
            completion=Completion(
                text=f"```python\ndef transform(grid):\n    {body}\n```", token_ids=(1, 2, 3)
            ),
            augmentation=augmentation,
            index=i,
        )
        for i, (body, augmentation) in enumerate([(b, None) for b in bodies] + [(bodies[1], seen)])
    ]
    with SandboxPool(workers=1, limits=Limits(timeout_s=5.0)) as pool:
        judged = Judge(pool=pool, scheme=SCHEMES["staged"]).judge(attempts)
    found = figures([record(r) for r in judged], "flip")
    assert found["valid_code"] == 5 / 6
    assert found["valid_outputs"] == 4 / 6
    assert found["unique_outputs"] == 2 / 6
    assert found["pass_rate"] == 1 / 6
    assert found["mean_tokens"] == 3


def test_results_of_a_newer_arcbench_and_broken_ones_are_refused(tmp_path):
    file = tmp_path / "results.json"
    with pytest.raises(UserError, match="not there"):
        read_results(tmp_path)
    file.write_text('{"schema": 99}')
    with pytest.raises(UserError, match="schema 99"):
        read_results(tmp_path)
    file.write_text('{"schema": 1, "tasks": 3}')
    with pytest.raises(UserError, match="holds no results of an evaluation"):
        read_results(file)


def test_an_export_has_a_line_for_each_task_and_every_total(tmp_path):
    results = tally("abc", [made("a", tokens=7), made("a", [WRONG], [WRONG]), made("b")]).results(
        [1], rng(), policy="p"
    )
    export(tmp_path, results)
    assert read_results(tmp_path) == results
    with (tmp_path / "tasks.csv").open(newline="") as lines:
        tasks = list(csv.DictReader(lines))
    assert [t["task_id"] for t in tasks] == ["a", "b", "c"]
    assert set(FIGURES) | {"solved", "pass_rate_low", "pass@1", "timeout"} <= set(tasks[0])
    assert (tasks[0]["n_preds"], tasks[0]["pass_rate"], tasks[0]["solved"]) == ("2", "0.5", "1")
    assert (tasks[2]["pass_rate"], tasks[2]["pass@1"], tasks[2]["ok"]) == ("", "", "0")
    with (tmp_path / "summary.csv").open(newline="") as lines:
        summary = {r["figure"]: r for r in csv.DictReader(lines)}
    assert float(summary["pass@1"]["value"]) == 0.75
    assert float(summary["pass@1"]["high"]) >= 0.75
    assert summary["ok"]["value"] == "1.0"
    plots = sorted(p.name for p in (tmp_path / "plots").iterdir())
    assert plots == ["outcomes.png", "pass_at_k.png", "tasks.png", "totals.png"]
    assert all((tmp_path / "plots" / p).read_bytes()[:4] == b"\x89PNG" for p in plots)


def test_an_export_that_cannot_be_finished_leaves_the_last_results_readable(tmp_path):
    old = solved_results([1], 4)
    export(tmp_path, old)
    (tmp_path / "plots" / "tasks.png").unlink()
    (tmp_path / "plots" / "tasks.png").mkdir()
    with pytest.raises(OSError, match=r"tasks\.png"):
        export(tmp_path, solved_results([2], 4))
    assert read_results(tmp_path) == old
    assert not list(tmp_path.glob("**/.*"))


def test_a_curriculum_reads_the_pass_rates_of_an_evaluation(tmp_path):
    results = solved_results([0, 3, 8], 8)
    write_json(tmp_path / "results.json", results.to_dict())
    assert read_pass_rates(tmp_path / "results.json") == results.counts


def text(table, width):
    sink = io.StringIO()
    Console(width=width, file=sink).print(table)
    return sink.getvalue()


@pytest.mark.parametrize("width", [80, 140])
def test_the_tables_fit_the_terminal(width):
    results = drawn_results(30, 600, seed=1)
    for table in (results.table(), results.table(tasks=True, width=width)):
        shown = text(table, width)
        assert "…" not in shown
        assert max(map(len, shown.splitlines())) <= width
    assert "t29" in shown
