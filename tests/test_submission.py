import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench.errors import UserError
from arcbench.grids import as_grid, same_grid, to_lists
from arcbench.submission import (
    Ballots,
    Source,
    build_submission,
    read_challenges,
    read_solutions,
    score_submission,
    validate_bytes,
    validate_submission,
    write_submission,
)
from arcbench.submission import ballots as ballots_module
from arcbench.submission.challenges import Challenges
from arcbench.tasks import Pair, Task
from tests import strategies
from tests.kaggle_files import make_record, write_challenges

A, B, C = (as_grid([[color]]) for color in (1, 2, 3))
RIGHT, WRONG = (True, True), (True, False)


def count(records, views=1):
    found = Ballots(views=views)
    for i, record in enumerate(records):
        found.add(make_record(**{"index": i, **record}))
    return found


def first(ballots, test_index=0):
    return [int(c.grid[0, 0]) for c in ballots.candidates("a", test_index)]


def challenges_of(*tasks):
    return Challenges(
        path="challenges.json",
        num_tests={t.id: len(t.test) for t in tasks},
        tasks={t.id: t for t in tasks},
    )


def test_one_program_that_is_right_on_all_train_pairs_outweighs_any_number_of_others():
    ballots = count([{"test": (A,), "train": WRONG}] * 9 + [{"test": (B,), "train": RIGHT}])
    assert first(ballots) == [2, 1]


def test_among_right_programs_the_majority_comes_first_and_wrong_programs_have_no_vote():
    right = [{"test": (g,), "train": RIGHT} for g in (A, B, B)]
    wrong = [{"test": (A,), "train": WRONG}] * 5
    assert first(count(right + wrong)) == [2, 1]


def test_equal_votes_are_decided_by_the_views_that_they_come_from():
    drawn = [(0, A), (2, A), (1, B), (4, B)]  # of two views: A was drawn in one, B in both
    ballots = count([{"test": (g,), "index": i} for i, g in drawn], views=2)
    assert first(ballots) == [2, 1]


def test_wrong_programs_are_ordered_by_train_pairs_then_votes_then_pixels_then_length():
    one, two = (True, False, False), (True, True, False)
    assert first(count([{"test": (A,), "train": one}] * 3 + [{"test": (B,), "train": two}])) == [
        2,
        1,
    ]
    assert first(count([{"test": (g,), "train": one} for g in (A, B, B)])) == [2, 1]
    closer = [{"test": (A,), "train": one}, {"test": (B,), "train": one, "pixel": 0.9}]
    assert first(count(closer)) == [2, 1]
    shorter = [{"test": (A,)}, {"test": (B,), "code_chars": 50}]
    assert first(count(shorter)) == [2, 1]


def test_equal_votes_keep_the_outputs_of_one_program_together():
    ballots = count([{"test": (A, B)}, {"test": (B, C)}, {"test": (C, A)}])
    programs = set(zip(first(ballots, 0), first(ballots, 1), strict=True))
    assert programs == {(1, 2), (2, 3), (3, 1)}


def test_a_sample_that_is_counted_twice_has_one_vote():
    ballots = count([{"test": (A,)}])
    assert not ballots.add(make_record(test=(A,), index=0))
    assert ballots.candidates("a", 0)[0].votes == 1
    assert ballots.samples("a") == 1


def test_memory_of_a_task_is_bounded_and_what_has_most_votes_survives():
    ballots = Ballots()
    for i in range(5 * ballots_module.MAX_ANSWERS):
        grid = C if i % 10 == 0 else as_grid([[int(digit) for digit in f"{i:04d}"]])
        ballots.add(make_record(test=(grid,), index=i))
    found = ballots.candidates("a", 0)
    assert len(found) <= 2 * ballots_module.MAX_ANSWERS
    assert found[0].votes == ballots_module.MAX_ANSWERS // 2
    assert same_grid(found[0].grid, C)


SOME_GRIDS = st.one_of(
    st.none(),
    st.sampled_from([A, B, C]),
    strategies.grids(max_side=3),
    st.sampled_from(  # nothing that the sandbox lets through, but nothing that may be handed in
        [np.zeros((31, 1), np.int8), np.full((1, 1), 10), np.full((2, 2), -1), np.zeros((0, 3)),
         np.zeros(4, np.int8), np.full((2, 2), 0.5), np.array([[True]]), "grid", [[1], [2, 3]]]
    ),
)  # fmt: skip
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "test": st.lists(SOME_GRIDS, max_size=3).map(tuple),
            "train": st.lists(st.booleans(), min_size=2, max_size=2).map(tuple),
            "pixel": st.sampled_from([0.0, 0.25, 0.9]),
            "code_chars": st.integers(0, 3),
        }
    ),
    max_size=12,
)


@given(RECORDS, st.integers(1, 3), st.randoms(use_true_random=False))
def test_the_order_of_the_records_does_not_matter(records, views, random):
    records = [{**r, "index": i} for i, r in enumerate(records)]
    shuffled = random.sample(records, len(records))
    one, other = count(records, views), count(shuffled, views)
    for i in range(3):
        told = [[(to_lists(c.grid), c.votes, c.views, c.right) for c in b.candidates("a", i)]
                for b in (one, other)]  # fmt: skip
        assert told[0] == told[1]


@settings(max_examples=40)
@given(st.lists(strategies.tasks(max_test=3), max_size=3, unique_by=lambda t: t.id), RECORDS)
def test_every_submission_is_valid_and_its_attempts_differ(tasks, records):
    tasks = [
        Task(id="a" if i == 0 else t.id, train=t.train, test=t.test) for i, t in enumerate(tasks)
    ]
    challenges = challenges_of(*tasks)
    submission = build_submission(challenges, count(records))
    report = validate_bytes(json.dumps(submission.to_dict()).encode(), challenges.num_tests)
    assert report.valid, report.defects
    assert submission.num_test_inputs == challenges.num_test_inputs
    for attempts in submission.tasks.values():
        assert not any(same_grid(a.first, a.second) for a in attempts)


def test_without_a_program_a_task_of_equal_shapes_gets_its_input_and_another_what_fits_its_shape():
    small, large = as_grid([[1, 2], [3, 4]]), as_grid(np.full((4, 4), 7))
    equal = Task(id="e", train=(Pair(input=small, output=small),), test=(Pair(input=large),))
    double = Task(id="d", train=(Pair(input=small, output=large),), test=(Pair(input=large),))
    submission = build_submission(challenges_of(equal, double), Ballots())
    assert same_grid(submission.tasks["e"][0].first, large)
    assert same_grid(submission.tasks["d"][0].first, np.full((8, 8), 7))
    assert submission.count(Source.FALLBACK) == 2


def test_a_single_candidate_is_the_first_attempt_and_a_guess_the_second():
    task = Task(id="a", train=(Pair(input=A, output=B),), test=(Pair(input=A),))
    (attempts,) = build_submission(challenges_of(task), count([{"test": (C,)}])).tasks["a"]
    assert same_grid(attempts.first, C)
    assert attempts.source is Source.RIGHT
    assert same_grid(attempts.second, A)


def test_a_challenge_that_cannot_be_read_is_answered_all_the_same(tmp_path):
    path = tmp_path / "arc-agi_test_challenges.json"
    good = {"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[1]]}]}
    broken = {"train": [{"input": [[1]], "output": [[77]]}], "test": [{"input": [[1]]}] * 3}
    path.write_text(json.dumps({"good": good, "broken": broken, "worse": 5}))
    challenges = read_challenges(path)
    assert dict(challenges.num_tests) == {"good": 1, "broken": 3, "worse": 1}
    assert list(challenges.tasks) == ["good"]
    write_submission(tmp_path / "submission.json", build_submission(challenges, Ballots()))
    assert validate_submission(tmp_path / "submission.json", challenges.num_tests).valid


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "holds no challenges by task id, but a list"),
        ("{", "is not JSON"),
        ("{}", "holds no task"),
        ('{"train": [], "test": []}', "the file of one task"),
        ('{"a": [[[1]]]}', "no task of it has a list of test inputs"),
        ("\x1f\x8b", "is packed (gzip)"),
    ],
)
def test_a_file_that_holds_no_challenges_is_told_as_such(tmp_path, text, told):
    path = tmp_path / "file.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError) as error:
        read_challenges(path)
    assert told in str(error.value)
    assert str(path) in str(error.value)


def test_the_score_is_the_mean_over_tasks_and_whole_tasks_are_counted_apart(tmp_path):
    def task(name, count):
        tests = tuple(Pair(input=A, output=B) for _ in range(count))
        return Task(id=name, train=(Pair(input=A, output=B),), test=tests)

    path = write_challenges(tmp_path, [task("one", 1), task("three", 3)], solutions=True)
    solutions = read_solutions(tmp_path / "solutions.json", path)

    def attempts(first, second):
        return {"attempt_1": to_lists(first), "attempt_2": to_lists(second)}

    content = {
        "one": [attempts(A, B)],
        "three": [attempts(B, A), attempts(A, C), attempts(C, C)],
    }
    score = score_submission(content, solutions)
    assert score.score == pytest.approx((1 + 1 / 3) / 2)
    assert score.output_rate == 2 / 4
    assert score.whole_tasks == 1


def test_solutions_of_other_tasks_are_refused(tmp_path):
    task = Task(id="a", train=(Pair(input=A, output=B),), test=(Pair(input=A, output=B),))
    path = write_challenges(tmp_path, [task])
    (tmp_path / "other.json").write_text('{"b": [[[1]]]}')
    with pytest.raises(UserError, match="no answers for this task"):
        read_solutions(tmp_path / "other.json", path)
