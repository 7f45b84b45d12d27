"""Hypothesis strategies that the test files share."""

import numpy as np
from hypothesis import strategies as st

from arcbench.augment import Augmentation
from arcbench.grids import NUM_COLORS, Grid, as_grid
from arcbench.tasks import Pair, Task


@st.composite
def grids(draw: st.DrawFn, max_side: int = 30, min_side: int = 1) -> Grid:
    """Any grid with sides `min_side`–`max_side`; shrinks to a single black cell."""
    side = st.integers(min_side, max_side)
    rows, columns = draw(side), draw(side)
    # One draw of bytes is many times faster than one draw a cell.
    cells = draw(st.binary(min_size=rows * columns, max_size=rows * columns))
    return as_grid((np.frombuffer(cells, dtype=np.uint8) % NUM_COLORS).reshape(rows, columns))


def pairs(max_side: int = 6, output: bool = True) -> st.SearchStrategy[Pair]:
    """An input with an output, or without one."""
    outputs = grids(max_side) if output else st.none()
    return st.builds(lambda i, o: Pair(input=i, output=o), grids(max_side), outputs)


@st.composite
def tasks(
    draw: st.DrawFn, max_side: int = 6, max_train: int = 4, max_test: int = 2, answers: bool = True
) -> Task:
    """A task with 1–`max_train` train pairs and 1–`max_test` test pairs."""
    train = draw(st.lists(pairs(max_side), min_size=1, max_size=max_train))
    test = draw(st.lists(pairs(max_side, output=answers), min_size=1, max_size=max_test))
    task_id = draw(st.text("0123456789abcdef", min_size=8, max_size=8))
    return Task(id=task_id, train=tuple(train), test=tuple(test), source="hypothesis")


@st.composite
def augmentations(draw: st.DrawFn, num_train: int, keep_black: bool = True) -> Augmentation:
    """Any augmentation of a task with `num_train` train pairs."""
    kept = (0,) if keep_black else ()
    rest = draw(st.permutations(range(len(kept), NUM_COLORS)))
    return Augmentation(
        quarter_turns=draw(st.integers(0, 3)),
        flip=draw(st.booleans()),
        colors=(*kept, *rest),
        pair_order=tuple(draw(st.permutations(range(num_train)))),
    )
