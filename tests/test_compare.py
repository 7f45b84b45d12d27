import io
import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from arcbench import cli_compare
from arcbench.errors import UserError
from arcbench.evaluation import pass_at_k
from arcbench.evaluation.compare import Side, compare, compare_sides, differing
from arcbench.evaluation.differences import fisher, mcnemar, rate_interval, rate_test
from arcbench.evaluation.pass_at_k import FEW_TASKS, TaskCount
from arcbench.evaluation.sides import read_sides
from arcbench.evaluation.table import short_names, signed
from arcbench.files import write_json
from arcbench.runs import RunStore
from arcbench.training.config import overfit_config
from arcbench.training.measure import Measurement
from tests.made_records import RIGHT, WRONG, drawn_results, made, solved_results, tally


def rng():
    return np.random.default_rng(0)


def count(solved, samples):
    return TaskCount(samples=samples, solved=solved)


def compared(a, b, n=8, **options):
    return compare(solved_results(a, n), solved_results(b, n), rng=rng(), **options)


def named(comparison, name):
    return next(d for d in comparison.differences if d.name == name)


# What is found


def test_a_task_is_gained_or_lost_where_one_side_alone_solves_it():
    found = compared([0, 1, 5, 0, 8], [2, 0, 6, 0, 0])
    assert [t.task_id for t in found.gained] == ["t0"]
    assert [t.task_id for t in found.lost] == ["t4", "t1"]
    assert named(found, "tasks solved").a == 3 / 5
    assert named(found, "tasks solved").b == 2 / 5


def test_the_verdict_is_a_sentence_with_every_figure_that_decides():
    # 14 gained against 3 lost of 40, as in the sign test's tables: p = 0.0127.
    before = [0] * 14 + [1] * 3 + [2] * 23
    after = [3] * 14 + [0] * 3 + [4] * 23
    found = compared(before, after, n=20)
    assert found.verdict.startswith("better: pass rate 6.1 → 16.8 %, +10.6 points (95 % ")
    assert found.verdict.endswith("), 14 tasks gained, 3 lost, McNemar p = 0.013")
    assert compared(after, before, n=20).verdict.startswith("worse: pass rate 16.8 → 6.1 %, −10.6")
    assert compared(before, before, n=20).verdict == (
        "no clear difference: pass rate 6.1 → 6.1 %, +0.0 points (95 % −3.1 to 3.1), "
        "0 tasks gained, 0 lost, McNemar p = 1.00"
    )


sides = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=16
)  # solved of 8 samples


@settings(max_examples=15)
@given(sides)
def test_the_other_way_round_everything_is_the_opposite(solved):
    a, b = zip(*solved, strict=True)
    there, back = compared(a, b), compared(b, a)
    assert [t.task_id for t in there.gained] == [t.task_id for t in back.lost]
    assert there.mcnemar == back.mcnemar
    assert [t.q for t in there.tasks] == [t.q for t in back.tasks]
    for x, y in zip(there.differences, back.differences, strict=True):
        assert x.change == pytest.approx(-y.change)
        if x.low is not None:
            assert (x.low, x.high, x.p) == pytest.approx((-y.high, -y.low, y.p))


@settings(max_examples=15)
@given(sides)
def test_intervals_contain_the_change_and_chances_are_chances(solved):
    a, b = zip(*solved, strict=True)
    found = compared(a, b)
    for d in found.differences:
        if d.low is not None:
            assert d.low <= d.change <= d.high
            assert 0 < d.p <= 1
            if (
                len(found.tasks) >= FEW_TASKS and abs(d.p - 0.05) > 0.005
            ):  # the interval and p agree
                assert (d.p < 0.05) == (d.low > 1e-9 or d.high < -1e-9)
    assert found.pass_rate.low is not None
    for t in found.tasks:
        assert 0 <= t.p <= t.q <= 1
    json.dumps(found.to_dict(), allow_nan=False)


# How sure it is


@pytest.mark.parametrize(
    ("gained", "lost", "p"), [(0, 0, 1.0), (3, 3, 1.0), (5, 0, 0.0625), (14, 3, 0.012726)]
)
def test_mcnemars_test_is_exact(gained, lost, p):
    a = [count(0, 4)] * gained + [count(1, 4)] * lost + [count(2, 4)] * 9
    b = [count(1, 4)] * gained + [count(0, 4)] * lost + [count(2, 4)] * 9
    assert mcnemar(a, b) == pytest.approx(p, abs=1e-6)


def test_the_interval_of_two_shares_is_newcombes():
    # His example (a): 56 of 70 against 48 of 80, method 10.
    found = rate_interval([count(48, 80)], [count(56, 70)])
    assert found == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_the_test_of_several_tasks_counts_every_way_in_which_it_may_have_come():
    a, b = [count(1, 3), count(0, 2)], [count(3, 3), count(1, 2)]
    # Each task's right samples fall on the second side in any of these ways, equally likely.
    ways = [
        sum(i >= 3 for i in first) + sum(i >= 2 for i in second)
        for first in combinations(range(6), 4)
        for second in combinations(range(4), 1)
    ]
    chance = {n: ways.count(n) / len(ways) for n in set(ways)}
    expected = sum(p for p in chance.values() if p <= chance[4] + 1e-9)
    assert rate_test(a, b) == pytest.approx(expected)
    assert rate_test([count(3, 4)], [count(1, 4)]) == pytest.approx(0.4857, abs=1e-4)
    assert rate_test([count(60_000, 100_000)] * 3, [count(60_900, 100_000)] * 3) < 1e-9


def test_few_tasks_that_all_fell_a_little_prove_nothing():
    # Three tasks of 8 samples: a bootstrap over tasks would be certain.
    found = compared([5, 4, 5], [4, 3, 3])
    assert found.verdict.startswith("no clear difference: pass rate 58.3 → 41.7 %, −16.7 points")
    assert found.pass_rate.p > 0.2
    assert {d.p for d in found.differences[1:]} == {None}
    assert found.warnings == (
        "only 3 tasks: interval and p are those of their samples and tell nothing of other tasks",
    )


def test_fishers_test_is_that_of_the_lady_tasting_tea():
    assert fisher(count(3, 4), count(1, 4)) == pytest.approx(0.4857, abs=1e-4)
    assert fisher(count(0, 4), count(0, 9)) == fisher(count(4, 4), count(9, 9)) == 1.0


def test_a_task_is_told_only_if_it_stands_out_among_all_that_were_looked_at():
    # The same 0/16 → 6/16 (p = 0.018) alone, and among 39 tasks that did not change.
    alone = compared([0], [6], n=16)
    among = compared([0] + [2] * 39, [6] + [2] * 39, n=16)
    assert alone.tasks[0].p == among.tasks[0].p < 0.05
    assert [t.task_id for t in alone.changed] == ["t0"]
    assert among.changed == ()
    assert among.tasks[0].q == pytest.approx(40 * among.tasks[0].p)


@pytest.mark.slow
@pytest.mark.parametrize(
    "tasks",
    [1, 3, pytest.param(12, marks=pytest.mark.long), pytest.param(60, marks=pytest.mark.long)],
)
def test_equal_policies_are_seldom_called_different(tasks):
    false = sure = alarms = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        chances = generator.beta(0.3, 1.0, tasks)
        a, b = (
            Side(
                name=name,
                counts={
                    f"t{i}": count(int(c), 16)
                    for i, c in enumerate(generator.binomial(16, chances))
                },
            )
            for name in "ab"
        )
        found = compare_sides(a, b, rng=generator)
        false += not found.pass_rate.low <= 0 <= found.pass_rate.high
        sure += found.pass_rate.p < 0.05
        alarms += len(found.changed)
    assert false <= 7  # 3 of 60 are expected
    assert sure <= 7
    assert alarms <= 4


def test_a_policy_that_learned_is_called_better():
    found = compare(
        drawn_results(100, 32, seed=0), drawn_results(100, 32, seed=1, lift=1.5), rng=rng()
    )
    assert found.verdict.startswith("better")
    assert found.mcnemar < 0.01
    assert found.pass_rate.p < 0.001


def test_with_one_task_the_samples_decide_and_the_reader_is_told():
    found = compared([3], [20], n=32)
    expected = rate_interval([count(3, 32)], [count(20, 32)])
    assert (found.pass_rate.low, found.pass_rate.high) == expected
    assert found.pass_rate.p == pytest.approx(fisher(count(3, 32), count(20, 32)))
    assert found.verdict.endswith("), p < 0.001")
    assert "tell nothing of other tasks" in found.warnings[0]
    assert named(found, "tasks solved").p is None


# What is fair


def test_different_numbers_of_samples_are_compared_at_what_both_have():
    a, b = solved_results([1, 0, 4], 8), solved_results([3, 1, 20], 32)
    found = compare(a, b, rng=rng(), names=("few", "many"), ks=[2])
    assert (found.samples, found.equal_samples, found.mcnemar) == (8, False, None)
    expected = [pass_at_k(32, c, 8) for c in (3, 1, 20)]
    assert named(found, "tasks solved").b == pytest.approx(np.mean(expected))
    assert named(found, "tasks solved").a == pytest.approx(2 / 3)
    assert named(found, "pass@2").b == pytest.approx(
        np.mean([pass_at_k(32, c, 2) for c in (3, 1, 20)])
    )
    assert "few 8 and many 32 samples a task" in found.warnings[0]
    assert "tasks solved in 8 samples 66.7 → " in found.verdict
    assert "McNemar" not in found.verdict
    # More samples find more different outputs and more right ones, whatever the policy.
    names = {d.name for d in found.differences}
    assert names & {"unique outputs", "train is correct"} == set()
    assert "valid outputs" in names


def test_only_tasks_that_both_have_are_compared_and_the_others_are_counted():
    a, b = solved_results([1, 2, 3], 8), solved_results([8], 8)
    found = compare(a, b, rng=rng(), names=("base", "tuned"))
    assert [t.task_id for t in found.tasks] == ["t0"]
    assert found.warnings[0] == "2 tasks of base left out: the other has none of them"
    other = tally(["z"], [made("z")]).results([1], rng())
    with pytest.raises(UserError, match="base and tuned have no task in common"):
        compare(a, other, rng=rng(), names=("base", "tuned"))


def test_settings_that_change_the_samples_make_a_warning_and_others_are_listed():
    a = solved_results([1] * 10, 8, temperature=0.8, policy="p", reward={"name": "x"})
    b = solved_results([1] * 10, 8, temperature=1.0, policy="q", reward={"name": "x"})
    found = compare(a, b, rng=rng())
    assert [(s.name, s.a, s.b, s.matters) for s in found.settings] == [
        ("temperature", 0.8, 1.0, True),
        ("policy", "p", "q", False),
    ]
    assert found.warnings == ("the samples are not of the same kind: temperature 0.8 against 1.0",)


def test_an_evaluation_that_was_stopped_is_told():
    a, b = (solved_results([1] * 10, 8, complete=whole) for whole in (False, True))
    found = compare(a, b, rng=rng())
    assert found.warnings == ("A was stopped before its end: some tasks may lack samples",)
    assert found.settings == ()


def test_a_setting_that_one_side_lacks_differs():
    (only,) = differing({"a": {"b": 1}, "c": (1, 2)}, {"c": [1, 2]})
    assert (only.name, only.a, only.b) == ("a.b", 1, None)


def test_where_one_side_knows_no_test_outputs_both_are_judged_by_their_train_pairs():
    half = [made("a", [RIGHT], [WRONG]), made("a", [WRONG], [WRONG])]
    blind = [made("a", [RIGHT], [WRONG], known=False)] * 2
    a, b = (tally("a", s).results([1], rng()) for s in (half, blind))
    found = compare(a, b, rng=rng())
    assert (found.pass_rate.a, found.pass_rate.b, found.pairs) == (0.5, 1.0, "train")
    assert any("all train pairs" in w for w in found.warnings)


def test_a_k_that_not_all_tasks_have_samples_for_is_refused():
    with pytest.raises(UserError, match=r"fewest samples of a task \(8\), not 9"):
        compared([1], [1], ks=[9])


# The command


def measured(solved, figures):
    """What a training run writes of its one task."""
    counts = {"67a3c6ac": solved}
    return Measurement(tasks=1, samples=32, figures=figures, solved=counts).to_dict()


@pytest.fixture
def folders(tmp_path):
    """Evaluations, and two training runs of which one has not finished."""
    for name, seed, lift, n in (("base", 0, 0.0, 32), ("tuned", 1, 1.5, 32), ("short", 2, 1.5, 8)):
        folder = tmp_path / "evals" / name
        facts = {"evaluation": 1, "policy": f"runs/{name}", "temperature": 0.8, "speed": {"s": n}}
        results = replace(drawn_results(40, n, seed=seed, lift=lift), facts=facts)
        write_json(folder / "results.json", results.to_dict())
    for name, rate in (("done", 1e-4), ("cut", 1e-5)):
        config = overfit_config("67a3c6ac")
        config = replace(config, grpo=replace(config.grpo, learning_rate=rate))
        store = RunStore.create(tmp_path / "runs", name, config.to_dict())
        figures = {"pass rate": 0.1, "tasks solved": 1.0, "mean reward": 1.5, "valid outputs": 0.7}
        store.write_eval("before", measured(3, figures))
        if name == "done":
            store.write_eval("after", measured(20, figures))
    return tmp_path


def test_the_command_prints_the_verdict_and_writes_all_of_it(folders, tmp_path, capsys):
    evals = folders / "evals"
    file, chart = tmp_path / "out" / "c.json", tmp_path / "c.png"
    cli_compare.compare(evals / "base", evals / "tuned", json=file, plot=chart)
    printed = capsys.readouterr().out
    written = json.loads(file.read_text())
    assert f"base → tuned, 40 tasks: {written['verdict']}" in printed
    assert "policy: runs/base → runs/tuned" in printed
    assert "speed" not in printed.rpartition("settings that differ")[2]
    for task in written["gained"][:3] + written["lost"][:3]:
        assert f" {task} " in printed
    assert len(written["tasks"]) == 40
    assert chart.read_bytes()[:4] == b"\x89PNG"


def test_a_training_run_alone_compares_its_before_and_after(folders, capsys):
    cli_compare.compare(folders / "runs" / "done")
    printed = capsys.readouterr().out
    assert "before → after, 1 task: better: pass rate 9.4 → 62.5 %" in printed
    assert "mean reward" in printed
    assert "settings" not in printed


def test_two_training_runs_compare_what_came_out_and_tell_what_went_in(folders):
    RunStore.open(folders / "runs" / "cut").write_eval("after", measured(5, {}))
    a, b = read_sides(folders / "runs" / "done", folders / "runs" / "cut")
    found = compare_sides(a, b, rng=rng())
    assert (found.a, found.b, found.tasks[0].a.solved, found.tasks[0].b.solved) == (
        "done", "cut", 20, 5,
    )  # fmt: skip
    assert [(s.name, s.b) for s in found.settings] == [("grpo.learning_rate", 1e-5)]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("evals/base",), "is one evaluation: name a second one"),
        (("runs/cut",), "has not measured its tasks after training: it has not finished"),
        (("evals/base", "runs/done"), "no task in common"),
        (("evals/base", "nowhere"), "no such folder: .*nowhere"),
        (("runs",), "neither an evaluation .* nor a training run"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(folders, names, message):
    with pytest.raises(UserError, match=message):
        cli_compare.compare(*(folders / name for name in names))


def test_a_run_that_measured_nothing_tells_how_to_measure(folders):
    store = RunStore.create(folders / "runs", "blind", overfit_config("67a3c6ac").to_dict())
    with pytest.raises(UserError, match=r"measure\.samples above 0"):
        cli_compare.compare(store.path)


def test_a_chart_is_a_png(folders, tmp_path):
    with pytest.raises(UserError, match=r"ends in \.png, not 'c\.pdf'"):
        cli_compare.compare(folders / "runs" / "done", plot=tmp_path / "c.pdf")


@pytest.mark.parametrize("width", [80, 140])
def test_the_report_fits_the_terminal_whatever_the_names(width):
    names = ("a-policy-with-a-very-long-name-v1", "a-policy-with-a-very-long-name-v2")
    found = compare(
        drawn_results(40, 32, seed=0), drawn_results(40, 32, seed=1, lift=1), rng=rng(),
        names=names,
    )  # fmt: skip
    sink = io.StringIO()
    cli_compare.print_comparison(found, Console(width=width, file=sink))
    lines = sink.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    header = next(line for line in lines if "change  " in line)
    assert "…g-name-v1  …g-name-v2" in header
    assert all("…" not in line for line in lines if "to +" in line)


@given(st.text("ab-", max_size=30), st.text("ab-", max_size=30))
def test_short_names_are_short_and_never_the_same(a, b):
    first, second = short_names(a, b)
    assert first != second
    assert max(len(first), len(second)) <= 10


def test_numbers_have_their_sign_and_nothing_has_none():
    assert [signed(x) for x in (1.25, -3.0, 0.0, -0.04, 0.04)] == [
        "+1.2",
        "−3.0",
        "0.0",
        "0.0",
        "0.0",
    ]


def test_sides_may_be_made_from_counts_alone():
    a = Side(name="a", counts={"t": count(1, 4), "u": count(0, 4), "none": count(0, 0)})
    b = Side(name="b", counts={"t": count(4, 4), "u": count(0, 4), "none": count(1, 4)})
    found = compare_sides(a, b, rng=rng())
    assert [t.task_id for t in found.tasks] == ["t", "u"]
    assert [d.name for d in found.differences] == ["pass rate", "tasks solved"]
