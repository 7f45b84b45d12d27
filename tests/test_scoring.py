import numpy as np
from hypothesis import given

from arcbench.grids import as_grid, same_grid
from arcbench.scoring import Score, pixel_score, score_pair
from tests.strategies import grids


def brute_force_pixel_score(a, b):
    """Every offset of a padded a over a padded b that keeps the smaller inside the larger."""
    height, width = max(a.shape[0], b.shape[0]), max(a.shape[1], b.shape[1])

    def places(grid):
        for y in range(height - grid.shape[0] + 1):
            for x in range(width - grid.shape[1] + 1):
                box = np.full((height, width), -1)
                box[y : y + grid.shape[0], x : x + grid.shape[1]] = grid
                yield box

    return max(int(((p == q) & (p >= 0)).sum()) for p in places(a) for q in places(b)) / (
        height * width
    )


@given(grids(max_side=5), grids(max_side=5))
def test_pixel_score_is_the_best_overlap_over_the_area_of_the_box(a, b):
    assert pixel_score(a, b) == brute_force_pixel_score(a, b)


@given(grids(max_side=8), grids(max_side=8))
def test_pixel_score_is_symmetric_and_one_only_for_equal_grids(a, b):
    assert pixel_score(a, b) == pixel_score(b, a)
    assert 0 <= pixel_score(a, b) <= 1
    assert (pixel_score(a, b) == 1) == same_grid(a, b)


def test_the_worked_example_of_unequal_shapes():
    small, large = as_grid([[1, 2]]), as_grid([[0, 0, 0], [0, 1, 2]])
    assert pixel_score(small, large) == 2 / 6


def test_no_output_scores_nothing():
    pair = score_pair(None, as_grid([[1]]), "test")
    assert (pair.valid, pair.exact, pair.pixel, pair.same_shape) == (False, False, 0.0, False)


def test_a_score_tells_train_from_test():
    right, wrong = as_grid([[1]]), as_grid([[2]])
    score = Score(pairs=(score_pair(right, right, "train"), score_pair(wrong, right, "test")))
    assert score.solved_train
    assert not score.solved_test
    assert not score.solved
    assert score.exact_rate == 0.5


def test_an_empty_score_solves_nothing():
    assert not Score(pairs=()).solved
    assert Score(pairs=()).exact_rate == 0
