"""Augmentations change a task and come exactly back."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench.augment import SAME_COLORS, Augmentation
from arcbench.errors import UserError
from arcbench.grids import as_grid, same_grid
from arcbench.tasks import Pair, Task
from tests.strategies import augmentations, grids, tasks

ASYMMETRIC = as_grid([[1, 2, 3], [4, 5, 6]])


@given(grids(), augmentations(2, keep_black=False))
def test_every_augmentation_of_every_grid_is_exactly_invertible(grid, augmentation):
    changed = augmentation.apply_grid(grid)
    assert same_grid(augmentation.invert_grid(changed), grid)
    assert same_grid(augmentation.apply_grid(augmentation.invert_grid(grid)), grid)
    assert changed.dtype == np.int8
    assert changed.flags.c_contiguous
    assert not changed.flags.writeable


@given(tasks(), st.data())
def test_every_augmentation_of_a_task_is_exactly_invertible(task, data):
    augmentation = data.draw(augmentations(len(task.train), keep_black=False))
    assert augmentation.invert(augmentation.apply(task)) == task


@given(tasks(answers=False), st.data())
def test_a_test_pair_without_an_answer_stays_without(task, data):
    augmentation = data.draw(augmentations(len(task.train)))
    assert all(pair.output is None for pair in augmentation.apply(task).test)


@given(tasks())
def test_the_identity_changes_nothing(task):
    augmentation = Augmentation.identity(task)
    assert augmentation.is_identity
    assert augmentation.apply(task) == task
    assert augmentation == Augmentation.identity(len(task.train))


def test_the_eight_symmetries_are_distinct():
    seen = {
        (grid.shape, grid.tobytes())
        for turns in range(4)
        for flip in (False, True)
        for grid in [
            Augmentation(quarter_turns=turns, flip=flip, pair_order=()).apply_grid(ASYMMETRIC)
        ]
    }
    assert len(seen) == 8


def test_a_quarter_turn_then_a_flip_then_colours():
    swapped = (0, 2, 1, 3, 4, 5, 6, 7, 8, 9)
    augmentation = Augmentation(quarter_turns=1, flip=True, colors=swapped, pair_order=(0,))
    assert augmentation.apply_grid(ASYMMETRIC).tolist() == [[6, 3], [5, 1], [4, 2]]


def test_pair_order_names_the_old_place_of_each_new_pair():
    grid_of = [as_grid([[i]]) for i in range(3)]
    train = tuple(Pair(input=g, output=g) for g in grid_of)
    task = Task(id="t", train=train, test=(Pair(input=grid_of[0]),))
    moved = Augmentation(pair_order=(2, 0, 1)).apply(task)
    assert [int(p.input[0, 0]) for p in moved.train] == [2, 0, 1]


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_black_is_kept_by_default(seed, num_train):
    drawn = Augmentation.draw(np.random.default_rng(seed), num_train)
    assert drawn.colors[0] == 0


def test_draws_reach_all_symmetries_and_every_colour_moves_when_black_is_not_kept():
    rng = np.random.default_rng(0)
    drawn = [Augmentation.draw(rng, 3, keep_black=False) for _ in range(300)]
    assert len({(a.quarter_turns, a.flip) for a in drawn}) == 8
    assert {a.colors[0] for a in drawn} == set(range(10))
    assert len({a.pair_order for a in drawn}) == 6


def test_the_same_seed_draws_the_same_and_a_switched_off_part_leaves_the_others_alone():
    def draw(**off):
        return Augmentation.draw(np.random.default_rng(7), 4, **off)

    full = draw()
    assert full == draw()
    assert draw(colors=False).colors == SAME_COLORS
    assert draw(colors=False).pair_order == full.pair_order
    assert draw(symmetries=False).colors == full.colors
    assert (draw(symmetries=False).quarter_turns, draw(symmetries=False).flip) == (0, False)
    assert draw(order=False).pair_order == (0, 1, 2, 3)
    assert draw(symmetries=False, colors=False, order=False).is_identity


@given(augmentations(4, keep_black=False))
def test_the_dict_form_survives_json(augmentation):
    text = json.dumps(augmentation.to_dict())
    assert Augmentation.from_dict(json.loads(text)) == augmentation


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"quarter_turns": 4, "pair_order": ()}, "quarter_turns"),
        ({"colors": (0, 0, 2, 3, 4, 5, 6, 7, 8, 9), "pair_order": ()}, "colors"),
        ({"colors": (0, 1), "pair_order": ()}, "colors"),
        ({"pair_order": (0, 2)}, "pair_order"),
    ],
)
def test_an_impossible_augmentation_is_refused_and_names_the_field(fields, named):
    with pytest.raises(UserError, match=named):
        Augmentation(**fields)


def test_a_task_with_another_number_of_pairs_is_refused():
    pair = Pair(input=ASYMMETRIC, output=ASYMMETRIC)
    task = Task(id="abc", train=(pair,), test=())
    with pytest.raises(UserError, match="abc has 1 train pairs, the augmentation orders 2"):
        Augmentation.identity(2).apply(task)


@pytest.mark.parametrize(
    "broken", [{}, {"turns": 0, "flip": False, "colors": "x" * 10, "order": [0]}]
)
def test_a_dict_that_is_no_augmentation_is_refused(broken):
    with pytest.raises(UserError, match="not an encoded augmentation"):
        Augmentation.from_dict(broken)
