"""Tasks and every form in which they are read."""

import json

import pytest
from hypothesis import given, settings

from arcbench.errors import UserError
from arcbench.grids import as_grid, to_lists
from arcbench.tasks import DATASETS, Pair, Task, load_tasks
from tests.strategies import tasks

GRID = [[0, 1], [2, 3]]
PAIR = {"input": GRID, "output": [[5]]}
GOOD = {"train": [PAIR, PAIR], "test": [PAIR]}


def write(path, value):
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def raw(task):
    """The task as ARC's task files have it."""
    return {
        split: [
            {"input": to_lists(p.input)}
            | ({"output": to_lists(p.output)} if p.output is not None else {})
            for s, p in task.pairs
            if s == split
        ]
        for split in ("train", "test")
    }


@pytest.mark.parametrize(
    ("dataset", "split", "count"),
    [
        ("arc-agi-1", "training", 400),
        ("arc-agi-1", "evaluation", 400),
        ("arc-agi-1", None, 800),
        ("arc-agi-2", "training", 1000),
        ("arc-agi-2", "evaluation", 120),
        ("arc-agi-2", None, 1120),
    ],
)
def test_the_public_data_sets_are_whole_and_need_no_network(dataset, split, count):
    found = load_tasks(dataset, split)
    assert len(found) == count
    assert not found.problems
    assert all(p.output is not None for task in found.values() for _, p in task.pairs)


def test_every_listed_data_set_and_split_can_be_read():
    for dataset, splits in DATASETS.items():
        assert all(load_tasks(dataset, split) for split in splits)


def test_a_known_task_has_its_known_cells():
    task = load_tasks("arc-agi-1", "training").task("6150a2bd")
    assert to_lists(task.train[0].input) == [[3, 3, 8], [3, 7, 0], [5, 0, 0]]
    assert to_lists(task.train[0].output) == [[0, 0, 5], [0, 7, 3], [8, 3, 3]]
    assert task.source == "arc-agi-1/training"


def test_an_unknown_data_set_names_the_known_ones():
    with pytest.raises(UserError, match=r"unknown data set 'arc3'.*arc-agi-1, arc-agi-2, a path"):
        load_tasks("arc3")
    with pytest.raises(UserError, match="unknown data set ''"):
        load_tasks("")


def test_an_unknown_split_names_the_known_ones():
    with pytest.raises(UserError, match=r"unknown split of arc-agi-1 'test'.*training, evaluation"):
        load_tasks("arc-agi-1", "test")


def test_an_unknown_task_names_close_ones_first():
    with pytest.raises(UserError, match=r"'6150a2'; one of: 6150a2bd, .*…") as caught:
        load_tasks("arc-agi-1", "training").task("6150a2")
    assert "400 tasks" in str(caught.value)


@settings(max_examples=25)
@given(task=tasks())
def test_a_task_file_is_read_as_it_was_written(task, tmp_path_factory):
    path = write(tmp_path_factory.mktemp("t") / f"{task.id}.json", raw(task))
    read = load_tasks(path).task(task.id)
    assert (read.train, read.test, read.source) == (task.train, task.test, str(path))


@settings(max_examples=25)
@given(task=tasks())
def test_a_kaggle_file_takes_its_answers_from_the_file_beside_it(task, tmp_path_factory):
    folder = tmp_path_factory.mktemp("k")
    inputs = {
        "train": raw(task)["train"],
        "test": [{"input": p["input"]} for p in raw(task)["test"]],
    }
    answers = {task.id: [p["output"] for p in raw(task)["test"]]}
    path = write(folder / "a_challenges.json", {task.id: inputs})
    assert all(p.output is None for p in load_tasks(path).task(task.id).test)
    beside = write(folder / "a_solutions.json", answers)
    assert load_tasks(path).task(task.id).test == task.test
    elsewhere = beside.rename(folder / "other.json")
    assert load_tasks(path, solutions=elsewhere).task(task.id).test == task.test


def test_a_kaggle_file_with_too_few_answers_names_the_task(tmp_path):
    path = write(tmp_path / "x_challenges.json", {"aa": GOOD, "bb": GOOD, "cc": GOOD})
    write(tmp_path / "x_solutions.json", {"aa": [[[1]]], "bb": []})
    found = load_tasks(path)
    assert list(found) == ["aa", "cc"]
    assert to_lists(found.task("aa").test[0].output) == [[1]]
    messages = [str(p) for p in found.problems]
    assert messages == [
        f"{path}: bb: 1 test inputs, but 0 answers",
        f"{tmp_path / 'x_solutions.json'}: cc: no answers for this task; it is read without them",
    ]


def test_a_folder_of_kaggle_files_wants_a_split(tmp_path):
    for split in ("training", "evaluation"):
        write(tmp_path / f"arc-agi_{split}_challenges.json", {split[:2]: GOOD})
        write(tmp_path / f"arc-agi_{split}_solutions.json", {split[:2]: [[[7]]]})
    write(tmp_path / "sample_submission.json", {})
    assert list(load_tasks(tmp_path, "evaluation")) == ["ev"]
    with pytest.raises(UserError, match=r"several Kaggle files.*arc-agi_training_challenges\.json"):
        load_tasks(tmp_path)


def test_a_folder_with_the_splits_as_folders(tmp_path):
    for split in ("training", "evaluation"):
        (tmp_path / split).mkdir()
        write(tmp_path / split / f"{split}.json", GOOD)
    assert list(load_tasks(tmp_path, "training")) == ["training"]
    with pytest.raises(UserError, match="its folders evaluation, training do"):
        load_tasks(tmp_path)
    with pytest.raises(UserError, match="neither a folder 'test'"):
        load_tasks(tmp_path, "test")


BROKEN = [
    ("{", "is not JSON"),
    ("[1]", "holds a list, not an ARC task"),
    ({"train": [], "test": []}, "a task has at least one train pair"),
    ({"train": [PAIR]}, "has no list 'test'"),
    ({"train": [{"input": GRID}], "test": []}, "train pair 0 has no output"),
    ({"train": [PAIR, 3], "test": []}, "train pair 1 is no object with an input"),
    (
        {"train": [PAIR], "test": [{"input": [[0], [1, 2]]}]},
        "test pair 0, input: row 1 has 2 cells",
    ),
    ({"train": [{"input": [[10]], "output": GRID}], "test": []}, r"train pair 0, input: .* is 10"),
    ({"train": [{"input": GRID, "output": [[True]]}], "test": []}, "output: .* is True"),
    ({"train": [{"input": [[0] * 31], "output": GRID}], "test": []}, "1x31"),
    ({"train": [{"input": [], "output": GRID}], "test": []}, "at least one cell"),
]


@pytest.mark.parametrize(("content", "message"), BROKEN)
def test_a_broken_file_is_named_with_what_is_wrong_and_the_others_load(tmp_path, content, message):
    write(tmp_path / "good.json", GOOD)
    write(tmp_path / "oops.json", content)
    found = load_tasks(tmp_path)
    assert list(found) == ["good"]
    (problem,) = found.problems
    assert problem.file == str(tmp_path / "oops.json")
    with pytest.raises(UserError, match=message) as caught:
        load_tasks(tmp_path / "oops.json")
    assert str(caught.value) == str(problem)


def test_a_file_that_is_no_text_and_a_folder_without_files_are_named(tmp_path):
    (tmp_path / "x.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"x\.json: is not UTF-8 text"):
        load_tasks(tmp_path / "x.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty holds no \.json or \.jsonl file"):
        load_tasks(tmp_path / "empty")


def test_deep_nesting_is_a_problem_and_no_crash(tmp_path):
    with pytest.raises(UserError, match="is not JSON"):
        load_tasks(write(tmp_path / "deep.json", "[" * 100_000))


def test_barc_problems_give_their_last_example_to_the_test_and_broken_lines_are_numbered(tmp_path):
    lines = [
        json.dumps(
            {"source": "def main(g): …", "examples": [[GRID, [[1]]], [GRID, [[2]]]], "seeds": []}
        ),
        "",
        "not json",
        json.dumps({"uid": "abc", "examples": [PAIR, PAIR, PAIR], "code": ""}),
        json.dumps({"examples": [[GRID, GRID]]}),
        json.dumps({"messages": []}),
        json.dumps({"examples": [[GRID, GRID], [GRID, [[11]]]]}),
    ]
    path = write(tmp_path / "data.jsonl", "\r\n".join(lines))
    found = load_tasks(path)
    assert list(found) == ["data-1", "abc"]
    assert found.task("data-1") == Task(
        id="data-1",
        train=(Pair(input=as_grid(GRID), output=as_grid([[1]])),),
        test=(Pair(input=as_grid(GRID), output=as_grid([[2]])),),
        source=str(path),
    )
    assert len(found.task("abc").train) == 2
    assert [p.task_id for p in found.problems] == ["line 3", "line 5", "line 6", "data-7"]
    assert "chat records" in found.problems[2].message
    assert "test pair 0, output" in found.problems[3].message


def test_an_id_that_comes_twice_is_a_problem(tmp_path):
    line = json.dumps({"uid": "same", "examples": [PAIR, PAIR]})
    found = load_tasks(write(tmp_path / "x.jsonl", f"{line}\n{line}\n"))
    assert len(found) == 1
    assert "taken already" in found.problems[0].message


def test_a_split_of_a_single_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="one file and has no splits"):
        load_tasks(write(tmp_path / "a.json", GOOD), "training")


def test_a_task_needs_a_train_pair_with_its_output():
    with pytest.raises(UserError, match="at least one train pair"):
        Task(id="t", train=(), test=())
    with pytest.raises(UserError, match="train pair 0 has no output"):
        Task(id="t", train=(Pair(input=as_grid(GRID)),), test=())
