"""Curricula: which tasks come, how often and in which order; the files that say so."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from arcbench import cli
from arcbench.errors import UserError
from arcbench.evaluation import TaskCount
from arcbench.groups import signal_chance
from arcbench.runs import RunStore
from arcbench.training.config import DataConfig, TrainConfig
from arcbench.training.curriculum import (
    LeftOut,
    draw_round,
    rate,
    read_pass_rates,
    select,
    write_pass_rates,
)
from arcbench.training.data import (
    PromptSource,
    prompt_source,
    selected_tasks,
)
from arcbench.training.measure import Measurement
from arcbench.training.own_rates import with_own_rates
from tests.test_training_data import TASKS, TEMPLATE, make_task, rollout_of

GROUP = 8
IDS = ("67a3c6ac", "68b16354", "a85d4709", "3c9b0459")  # of ARC-AGI-1's training tasks


def file_of(path, **solved_of_32):
    counts = {t.strip("_"): TaskCount(samples=32, solved=n) for t, n in solved_of_32.items()}
    write_pass_rates(path, counts, "made")
    return str(path)


def judged_line(task, *exact):
    pairs = [{"split": "train", "exact": e, "pixel": 1.0} for e in exact]
    return json.dumps({"task_id": task, "outcome": "ok", "pairs": pairs})


def settings_of(path, **data) -> TrainConfig:
    return TrainConfig.from_dict({"data": {"tasks": list(IDS), "signal_from": str(path), **data}})


def weights_of(size):
    return st.lists(st.floats(0.01, 1.0), min_size=size, max_size=size)


# Rounds


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 9), seed=st.integers(0, 2**31), number=st.integers(0, 50))
def test_every_task_comes_once_a_round_when_weights_are_equal(size, seed, number):
    tasks = tuple(make_task(str(i)) for i in range(size))
    source = PromptSource(
        tasks=tasks, weights=(0.3,) * size, template=TEMPLATE, data=DataConfig(), seed=seed
    )
    ids = [source.row(number * size + i).task.id for i in range(size)]
    assert sorted(ids) == sorted(t.id for t in tasks)


@settings(max_examples=60, deadline=None)
@given(weights=st.integers(1, 12).flatmap(weights_of), seed=st.integers(0, 2**31))
def test_a_round_has_each_task_as_often_as_its_weight_says_rounded_up_or_down(weights, seed):
    drawn = draw_round(weights, np.random.default_rng(seed))
    counts = np.bincount(drawn, minlength=len(weights))
    wanted = np.array(weights) * len(weights) / sum(weights)
    assert len(drawn) == len(weights)
    assert (counts >= np.floor(wanted - 1e-9)).all()
    assert (counts <= np.ceil(wanted + 1e-9)).all()


def test_weighted_rows_come_as_often_as_their_weights_say():
    weights = np.array([0.02, 0.05, 0.1, 0.3, 0.9])
    source = PromptSource(
        tasks=TASKS, weights=tuple(weights), template=TEMPLATE,
        data=DataConfig(augment=False), seed=5,
    )  # fmt: skip
    places = {t.id: i for i, t in enumerate(TASKS)}
    rows = 4000
    counts = np.bincount([places[source.row(i).task.id] for i in range(rows)])

    def distance(expected_weights):
        expected = rows * expected_weights / expected_weights.sum()
        return float(((counts - expected) ** 2 / expected).sum())

    # Rows of a round are not independent: they keep closer to the weights than a chi-square does.
    bound = chi2.ppf(0.99, len(weights) - 1)
    assert distance(weights) < bound
    assert distance(weights * [1, 1, 1, 1.25, 1]) > bound


def test_weights_do_not_decide_where_in_a_round_a_task_stands():
    weights = (0.1, 0.2, 0.4, 0.8, 1.6)
    rng = np.random.default_rng(3)
    rounds = np.array([draw_round(weights, rng) for _ in range(3000)])
    heavy = (rounds == 4).mean(axis=0)  # by place in the round
    assert np.abs(heavy - heavy.mean()).max() < 0.05


# Shortest first


def test_shortest_first_is_sorted_in_the_first_round_and_shuffled_afterwards():
    lengths = {"67a3c6ac": 30, "68b16354": 10, "a85d4709": 40, "3c9b0459": 20}
    config = TrainConfig.from_dict({"data": {"tasks": list(IDS), "order": "shortest-first"}})
    source, left_out = prompt_source(config, _counter(config, lengths))
    assert not left_out
    first = [source.row(i).task.id for i in range(4)]
    assert [lengths[t] for t in first] == sorted(lengths.values())
    later = [tuple(source.row(4 * r + i).task.id for i in range(4)) for r in range(1, 9)]
    assert all(sorted(ids) == sorted(IDS) for ids in later)
    assert len({*later}) > 2


@settings(max_examples=40, deadline=None)
@given(weights=st.integers(1, 12).flatmap(weights_of), seed=st.integers(0, 2**31))
def test_a_weighted_first_round_is_sorted_too(weights, seed):
    drawn = draw_round(weights, np.random.default_rng(seed), shuffled=False)
    assert list(drawn) == sorted(drawn)


def _counter(config, lengths):
    """Tokens of a prompt by the task that it shows."""
    of_text = {}
    for task in selected_tasks(config).tasks:
        for i in range(len(task.test)):
            of_text[TEMPLATE.user_text(task, i)] = lengths[task.id]
    return lambda messages: next(of_text[m["content"]] for m in messages if m["content"] in of_text)


# Any curriculum


@settings(max_examples=60, deadline=None)
@given(
    index=st.integers(0, 10**9),
    seed=st.integers(0, 2**31),
    order=st.sampled_from(["shuffled", "shortest-first"]),
    weights=st.one_of(st.just([]), weights_of(len(TASKS))),
    kinds=st.fixed_dictionaries({k: st.booleans() for k in ("symmetries", "colors", "pair_order")}),
)
def test_a_row_is_the_same_from_a_source_built_again_and_from_its_rollout(
    index, seed, order, weights, kinds
):
    data = DataConfig(order=order, **(kinds if any(kinds.values()) else {"augment": False}))

    def build(seed):
        return PromptSource(
            tasks=TASKS, weights=tuple(weights), template=TEMPLATE, data=data, seed=seed
        )

    row = build(seed).row(index)
    assert build(seed).row(index) == row
    assert build(seed + 1).rebuild(rollout_of(row)).hash == row.hash


@settings(max_examples=40, deadline=None)
@given(index=st.integers(0, 10**6), seed=st.integers(0, 1000))
def test_a_kind_of_augmentation_that_is_off_changes_nothing_of_the_others(index, seed):
    def drawn(**kinds):
        data = DataConfig(**kinds)
        return PromptSource(tasks=TASKS, template=TEMPLATE, data=data, seed=seed).row(index)

    whole = drawn().augmentation
    same_colors = drawn(colors=False).augmentation
    assert same_colors == replace(whole, colors=tuple(range(10)))
    turned = drawn(symmetries=False).augmentation
    assert turned == replace(whole, quarter_turns=0, flip=False)
    ordered = drawn(pair_order=False).augmentation
    assert ordered == replace(whole, pair_order=(0, 1, 2))


# Signal


@settings(max_examples=60, deadline=None)
@given(
    solved=st.lists(st.integers(0, 32), min_size=5, max_size=5),
    least=st.floats(0.0, 0.9),
    weights=st.sampled_from(["equal", "signal", "unsolved"]),
    group=st.integers(8, 64),
)
def test_only_tasks_with_a_signal_are_kept_and_the_reason_is_told_for_each_other(
    solved, least, weights, group, tmp_path_factory
):
    if least == 0 and weights == "equal":
        least = 0.1
    path = tmp_path_factory.getbasetemp() / "rates.json"
    file_of(path, **{f"_{i}": n for i, n in enumerate(solved)})
    data = DataConfig(signal_from=str(path), min_signal=least, weights=weights)
    chances = {str(i): signal_chance(n / 32, group) for i, n in enumerate(solved)}
    by_weight = {
        "equal": dict.fromkeys(chances, 1.0),
        "signal": chances,
        "unsolved": {str(i): 1 - n / 32 for i, n in enumerate(solved)},
    }[weights]
    wanted = [t for t in chances if chances[t] >= least and by_weight[t] > 0]
    if not wanted:
        with pytest.raises(UserError, match="leaves no task of 5"):
            select(TASKS, data, group)
        return
    found = select(TASKS, data, group)
    assert [t.id for t in found.tasks] == wanted
    assert list(found.weights) == [by_weight[t] for t in wanted]
    told = {t: some.reason for some in found.left_out for t in some.tasks}
    assert set(told) == set(chances) - set(wanted)
    for task, reason in told.items():
        n = solved[int(task)]
        assert (reason == "never solved") == (n == 0)
        assert (reason == "always solved") == (n == 32)


def test_left_out_tasks_are_counted_and_the_first_are_named(tmp_path):
    path = tmp_path / "judged.jsonl"
    lines = [judged_line("67a3c6ac", True), judged_line("67a3c6ac", True, False)]
    lines += [judged_line("68b16354", False), judged_line("a85d4709", True)]
    path.write_text("\n".join(lines) + "\n")
    found = selected_tasks(settings_of(path))
    assert [t.id for t in found.tasks] == ["67a3c6ac"]
    assert rate(found.counts["67a3c6ac"]) == 0.5
    assert [str(some) for some in found.left_out] == [
        "1 never solved: 68b16354",
        "1 always solved: a85d4709",
        "1 not in data.signal_from: 3c9b0459",
    ]
    many = LeftOut(reason="never solved", tasks=tuple("abcdefgh"))
    assert str(many) == "8 never solved: a, b, c, d, e, f and 2 more"
    assert many.full.endswith("f, g, h")


def test_the_doctor_names_every_task_that_the_curriculum_leaves_out(tmp_path, capsys):
    path = file_of(tmp_path / "rates.json", _67a3c6ac=16, _68b16354=0, _a85d4709=32, _3c9b0459=2)
    cli.main(["doctor", "--set", f"data.tasks={','.join(IDS)}", f"data.signal_from={path}"])
    out = capsys.readouterr().out
    assert (
        "curriculum: 2 of 4 tasks; left out: 1 never solved: 68b16354; 1 always solved: a85d4709"
        in out
    )
    # (1 − 2·2⁻⁸ + 1 − (1/16)⁸ − (15/16)⁸) / 2
    assert "with 8 completions a group 70% of the groups have a signal, over 2 tasks" in out


def test_group_advice_weighs_tasks_as_the_curriculum_does_and_knows_no_others(tmp_path, capsys):
    path = file_of(tmp_path / "rates.json", _67a3c6ac=16, _68b16354=0, _3c9b0459=2, other=0)
    words = [f"data.tasks={','.join(IDS)}", f"data.signal_from={path}", "data.weights=signal"]
    cli.main(["doctor", "--set", *words])
    # The surer task comes more often: (0.992² + 0.403²) / (0.992 + 0.403)
    assert "82% of the groups have a signal, over 2 tasks" in capsys.readouterr().out
    cli.main(["doctor", "--set", words[0], "--judged", path])
    assert "over 3 tasks (1 never solved, 0 always)" in capsys.readouterr().out


# Files


def test_all_files_of_pass_rates_say_the_same(tmp_path):
    wanted = {"a": TaskCount(samples=4, solved=1), "b": TaskCount(samples=4, solved=4)}
    judged = tmp_path / "judged.jsonl"
    lines = [judged_line("a", True, n == 2) for n in range(4)]
    lines += [judged_line("b", True)] * 4
    judged.write_text("\n" + "\n".join(lines) + "\n")
    assert read_pass_rates(judged) == wanted
    store = RunStore.create(tmp_path, "run", {})
    made = Measurement(tasks=2, samples=4, figures={}, solved={"a": 1, "b": 4})
    store.write_eval("after", made.to_dict())
    (evaluation,) = store.path.glob("eval/after.json")
    assert read_pass_rates(evaluation) == wanted
    write_pass_rates(tmp_path / "own.json", wanted, "judged.jsonl")
    assert read_pass_rates(tmp_path / "own.json") == wanted
    with pytest.raises(UserError, match=r"is a folder: name one of .*eval/after\.json"):
        read_pass_rates(store.path)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "is empty"),
        ("{}", "neither of arcbench judge nor an eval"),
        ("[1, 2]", "neither of arcbench judge nor an eval"),
        ('{"samples": 4, "solved": {"a": 5}}', "task a has 5 solved of 4 samples"),
        ('{"samples": 4, "solved": 3}', "neither of"),
        ('{"task_id": "a", "completion": "x"}', r"rates:1: it tells no 'pairs'"),
        ('{"task_id": "a", "pairs": [1]}', "neither of"),
        ('{"task_id": "a", "pairs": []}\nnot JSON', r"rates:2: not JSON"),
        ("\udcff", "neither of"),
    ],
)
def test_another_file_is_refused_and_named(text, match, tmp_path):
    path = tmp_path / "rates"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=match) as refused:
        read_pass_rates(path)
    assert str(path) in str(refused.value)


def test_a_file_that_does_not_fit_the_run_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(UserError, match=r"no such file: .*nothing\.jsonl"):
        selected_tasks(settings_of(tmp_path / "nothing.jsonl"))
    path = file_of(tmp_path / "rates.json", other=3)
    with pytest.raises(
        UserError, match=r"none of the 4 tasks of arc-agi-1 \(training\): sample and judge"
    ):
        selected_tasks(settings_of(path))
    path = file_of(tmp_path / "rates.json", _67a3c6ac=0, _68b16354=1)
    with pytest.raises(
        UserError, match=r"1 never solved, 1 a signal in less than 0\.5 .* lower data.min_signal"
    ):
        selected_tasks(settings_of(path, min_signal=0.5))
    small = replace(settings_of(path, min_signal=0.6), grpo=TrainConfig().grpo)
    small = replace(small, grpo=replace(small.grpo, num_generations=2))
    with pytest.raises(UserError, match=r"num_generations 2 has a signal with chance 0\.5 at most"):
        selected_tasks(small)


def test_a_run_keeps_the_pass_rates_that_its_tasks_were_chosen_by(tmp_path):
    path = file_of(tmp_path / "rates.json", _67a3c6ac=16, _68b16354=0)
    config = settings_of(path)
    store = RunStore.create(tmp_path / "runs", "one", config.to_dict())
    own = with_own_rates(config, store)
    (tmp_path / "rates.json").unlink()
    assert [t.id for t in selected_tasks(own).tasks] == ["67a3c6ac"]
    resumed = TrainConfig.from_dict(store.config())
    assert resumed == own
    # Its folder may be elsewhere by now.
    moved = store.path.rename(tmp_path / "moved")
    again = with_own_rates(resumed, RunStore.open(moved))
    assert [t.id for t in selected_tasks(again).tasks] == ["67a3c6ac"]
    assert with_own_rates(TrainConfig(), store) == TrainConfig()


# Settings


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ({"order": "longest"}, "'longest'; one of: shuffled, shortest-first"),
        ({"weights": "easy"}, "'easy'; one of: equal, signal, unsolved"),
        ({"weights": "signal"}, "data.weights needs pass rates: name a file of arcbench judge"),
        ({"min_signal": 0.2}, "data.min_signal needs pass rates"),
        ({"signal_from": "f", "min_signal": 1.0}, r"must be in \[0, 1\), not 1.0"),
        ({"signal_from": "f", "min_signal": 0.0}, "data.signal_from does nothing with"),
        ({"augment": False, "colors": False}, "data.colors = false does nothing"),
        ({"symmetries": False, "colors": False, "pair_order": False}, "set it to false"),
        ({"colors": False, "keep_black": False}, "data.keep_black = false does nothing"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(data, match):
    with pytest.raises(UserError, match=match):
        TrainConfig.from_dict({"data": data})


def test_file_and_words_say_the_same_of_the_data(tmp_path, capsys):
    values = {
        "order": "shortest-first", "signal_from": "judged.jsonl", "min_signal": 0.25,
        "weights": "signal", "symmetries": False, "colors": True, "pair_order": False,
    }  # fmt: skip
    path = tmp_path / "run.yaml"
    path.write_text("data:\n" + "".join(f"  {k}: {v}\n" for k, v in values.items()))
    cli.main(["train", "--config", str(path), "--show"])
    shown = json.loads(capsys.readouterr().out)
    assert shown["data"] | values == shown["data"]
    cli.main(["train", "--show", "--set", *(f"data.{k}={v}" for k, v in values.items())])
    assert json.loads(capsys.readouterr().out) == shown
    assert TrainConfig.from_dict(shown) == TrainConfig.from_dict({"data": values})


def test_the_curriculum_command_has_a_line_for_every_task(tmp_path, capsys):
    path = file_of(tmp_path / "rates.json", _67a3c6ac=16, _68b16354=0, _3c9b0459=2)
    words = [f"data.tasks={','.join(IDS)}", f"data.signal_from={path}", "data.weights=signal"]
    cli.main(["curriculum", "--set", *words])
    out = capsys.readouterr().out
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.split()}
    # By their chances of a signal, 0.992 and 0.403; a group of 16 has the rarer one's half the time
    assert lines["67a3c6ac"] == ["16/32", "99%", "4", "71.10%"]
    assert lines["3c9b0459"] == ["2/32", "40%", "16", "28.90%"]
    assert lines["68b16354"] == ["0/32", "0%", "none", "never", "solved"]
    assert lines["a85d4709"] == ["not", "in", "data.signal_from"]
    assert "2 tasks in a round, 2 left out; order: shuffled" in out
    assert "group size: with 8 completions a group 82% of the groups have a signal" in out
    # Without a curriculum the same file says what each task would bring.
    cli.main(["curriculum", "--set", words[0], "--judged", path])
    out = capsys.readouterr().out
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.split()}
    assert lines["68b16354"] == ["0/32", "0%", "none", "25.00%"]
    assert lines["a85d4709"] == ["25.00%"]
