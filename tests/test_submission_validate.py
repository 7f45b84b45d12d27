import json
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench.errors import UserError
from arcbench.submission import Ballots, build_submission, validate_bytes, validate_submission
from arcbench.submission.challenges import Challenges
from tests import strategies

NUM_TESTS = {"aa": 1, "bb": 2}


def grid():
    return [[1, 2, 3], [4, 5, 6]]


def good():
    return {
        task_id: [{"attempt_1": grid(), "attempt_2": grid()} for _ in range(count)]
        for task_id, count in NUM_TESTS.items()
    }


def told(value, **kwargs):
    text = value if isinstance(value, str) else json.dumps(value)
    return [str(d) for d in validate_bytes(text.encode(), NUM_TESTS, **kwargs).defects]


def test_a_good_file_has_no_defect():
    report = validate_bytes(json.dumps(good()).encode(), NUM_TESTS)
    assert report.valid
    assert report.content == good()


IN_A_GRID = [
    (5, "is 5 (a number), not a list of rows"),
    ("[[1]]", 'is "[[1]]" (a string), not a list of rows'),
    (None, "is null, not a list of rows"),
    ({"0": [1]}, "is an object, not a list of rows"),
    ([], "has no rows"),
    ([[]], ", row 0: is empty"),
    ([1, [2]], ", row 0: is 1 (a number), not a list of cells"),
    ([[1, 2], [3]], ", row 1: has 1 cells, the first row has 2"),
    ([[1]] * 31, "has 31 rows; 30 is the most"),
    ([[1] * 31], "has 31 columns; 30 is the most"),
    ([[1, 10]], ", row 0, column 1: 10 is no colour 0-9"),
    ([[1], [-1]], ", row 1, column 0: -1 is no colour 0-9"),
    ([[10**4000]], ", row 0, column 0: a number of many digits is no colour 0-9"),
    ([[1.0]], ", row 0, column 0: 1.0 (a decimal number), not an integer 0-9"),
    ([[True]], ", row 0, column 0: true (a boolean), not an integer 0-9"),
    ([["1"]], ', row 0, column 0: "1" (a string), not an integer 0-9'),
    ([[None]], ", row 0, column 0: null, not an integer 0-9"),
    ([[[1]]], ", row 0, column 0: a list, not an integer 0-9"),
    ([[float("nan")]], ", row 0, column 0: NaN (which JSON does not have), not an integer 0-9"),
]


@pytest.mark.parametrize(("damage", "why"), IN_A_GRID)
def test_what_is_wrong_with_a_grid_is_told_with_task_test_attempt_row_and_column(damage, why):
    value = good()
    value["bb"][1]["attempt_2"] = damage
    (defect,) = told(value)
    expected = why if why.startswith(",") else f": {why}"
    assert defect == f'task "bb", test 1, attempt_2{expected}'


AROUND_GRIDS = [
    (lambda v: v.pop("aa"), ": is missing"),
    (lambda v: v.update(aa={}), ": is an object, not a list of one object for each test input"),
    (lambda v: v["aa"].pop(), ": has attempts for 0 test inputs; the challenge has 1"),
    (lambda v: v["aa"].append(v["bb"][0]), ": has attempts for 2 test inputs; the challenge has 1"),
    (lambda v: v["aa"][0].pop("attempt_2"), ", test 0: attempt_2 is missing"),
    (lambda v: v["aa"][0].update(best=[[1]]), ', test 0: has "best", which is no attempt'),
    (
        lambda v: v.update(aa=[[[1]]]),
        ", test 0: is a list, not an object of attempt_1 and attempt_2",
    ),
]


@pytest.mark.parametrize(("change", "expected"), AROUND_GRIDS)
def test_what_is_wrong_around_the_grids_is_told(change, expected):
    value = good()
    change(value)
    assert told(value) == [f'task "aa"{expected}']


def test_a_task_that_nobody_asked_for_is_told():
    assert told({**good(), "cc": []}) == ['task "cc": is not a task of the challenges']


TEXTS = [
    ("", "not JSON: the file is empty"),
    (json.dumps(good())[:-30], "before it is complete"),
    (json.dumps(good()) + "x", 'not JSON at line 1, column 245: Extra data, found "x"'),
    (json.dumps(good()).replace('"', "'"), "not JSON at line 1, column 2"),
    ("[" * 100_000, "not JSON that can be read"),
    ("[]", "the file holds a list, not an object of task ids"),
    ("NaN", "the file holds NaN (which JSON does not have), not an object of task ids"),
    ("\ufeff" + json.dumps(good()), "not JSON at line 1, column 1"),
    (f'{{"aa": [[1{"0" * 5000}]]}}', "not JSON that can be read"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_a_text_that_is_no_json_object_is_told_with_its_position(text, expected):
    (defect,) = told(text)
    assert expected in defect


def test_bytes_that_are_no_text_are_told_with_their_position():
    (defect,) = validate_bytes(b'{"aa\xff": 1}', NUM_TESTS).defects
    assert str(defect) == "not UTF-8 text: byte 4 is 0xff"


def test_keys_that_the_text_has_twice_are_told_though_json_readers_drop_them():
    entry = json.dumps(good()["aa"])
    twice = json.dumps(good())[:-1] + f', "aa": {entry}}}'
    assert told(twice) == ['task "aa": stands in the file more than once']
    inner = json.dumps(good()).replace('"attempt_1"', '"attempt_2"', 1)
    assert told(inner) == [
        'task "aa", test 0: has "attempt_2" more than once',
        'task "aa", test 0: attempt_1 is missing',
    ]


def test_a_file_for_other_challenges_is_told_as_such():
    assert told({"xx": good()["aa"]})[0].startswith(
        "no task of the file is a task of the challenges"
    )


def test_all_defects_are_counted_and_the_first_told():
    value = good()
    value["aa"][0]["attempt_1"] = [[0.5] * 30] * 30
    report = validate_bytes(json.dumps(value).encode(), NUM_TESTS, limit=7)
    assert report.total == 900
    assert [d.column for d in report.defects] == list(range(7))


def test_an_id_that_would_play_tricks_on_a_terminal_is_shown_in_harmless_letters():
    assert told({**good(), "\x1b[2J\ud800": []})[0].isprintable()


def test_a_folder_and_an_archive_are_refused_in_plain_words(tmp_path):
    with pytest.raises(UserError, match="is a folder"):
        validate_submission(tmp_path, NUM_TESTS)
    packed = tmp_path / "submission.json.gz"
    packed.write_bytes(b"\x1f\x8b\x08")
    with pytest.raises(UserError, match=r"is packed \(gzip\); unpack it"):
        validate_submission(packed, NUM_TESTS)


DAMAGED_CELLS = st.one_of(
    st.none(), st.booleans(), st.text(max_size=2), st.integers(10), st.integers(max_value=-1),
    st.floats(), st.just([1]), st.just({}),
)  # fmt: skip


@settings(max_examples=40)
@given(strategies.tasks(max_test=3), DAMAGED_CELLS, st.data())
def test_one_damaged_cell_of_any_submission_is_named_with_its_place(task, damage, data):
    challenges = Challenges(
        path="c.json", num_tests={task.id: len(task.test)}, tasks={task.id: task}
    )
    value = deepcopy(build_submission(challenges, Ballots()).to_dict())
    test = data.draw(st.integers(0, len(task.test) - 1))
    attempt = data.draw(st.sampled_from(["attempt_1", "attempt_2"]))
    rows = value[task.id][test][attempt]
    row = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.integers(0, len(rows[0]) - 1))
    rows[row][column] = damage
    (defect,) = validate_bytes(json.dumps(value).encode(), challenges.num_tests).defects
    assert (defect.task_id, defect.test_index, defect.attempt) == (task.id, test, attempt)
    assert (defect.row, defect.column) == (row, column)


@settings(max_examples=50)
@given(st.recursive(
    st.none() | st.booleans() | st.integers(-1, 11) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["aa", "bb", "attempt_1", "attempt_2", "x"]), inner),
))  # fmt: skip
def test_no_json_makes_the_check_fail(value):
    report = validate_bytes(json.dumps(value).encode(), NUM_TESTS)
    assert report.total >= 1
    assert all(str(d) for d in report.defects)
