"""Augmentations: a task turned, mirrored, recoloured and reordered, and exactly back again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from arcbench.errors import UserError
from arcbench.grids import NUM_COLORS, Grid
from arcbench.tasks import Pair, Task

SAME_COLORS = tuple(range(NUM_COLORS))


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmentation:
    """A symmetry, a colour permutation and an order of the train pairs.

    A grid is first turned by `quarter_turns` × 90° counter-clockwise, then mirrored left to right
    if `flip`, then cell value `c` becomes `colors[c]`.
    """

    quarter_turns: int = 0  # 0–3
    flip: bool = False
    colors: tuple[int, ...] = SAME_COLORS  # (10,) a permutation of 0–9
    pair_order: tuple[int, ...]  # the new train pair i is the old pair pair_order[i]

    def __post_init__(self) -> None:
        if self.quarter_turns not in (0, 1, 2, 3):
            raise UserError(f"Augmentation.quarter_turns is 0, 1, 2 or 3, not {self.quarter_turns}")
        if sorted(self.colors) != list(SAME_COLORS):
            raise UserError(f"Augmentation.colors is a permutation of 0-9, not {list(self.colors)}")
        if sorted(self.pair_order) != list(range(len(self.pair_order))):
            raise UserError(
                "Augmentation.pair_order is a permutation of the train pairs' places from 0, "
                f"not {list(self.pair_order)}"
            )

    @classmethod
    def identity(cls, task: Task | int) -> "Augmentation":
        """The augmentation that changes nothing, for `task` or for a number of train pairs."""
        num_train = task if isinstance(task, int) else len(task.train)
        return cls(pair_order=tuple(range(num_train)))

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        task: Task | int,
        keep_black: bool = True,
        symmetries: bool = True,
        colors: bool = True,
        order: bool = True,
    ) -> "Augmentation":
        """Draw one uniformly; a part that is switched off stays the identity.

        `keep_black` leaves colour 0 alone. Every part draws from `rng` whether it is on or off,
        so switching one off does not change the others.
        """
        num_train = task if isinstance(task, int) else len(task.train)
        symmetry = int(rng.integers(8))
        kept = 1 if keep_black else 0
        shuffled = rng.permutation(NUM_COLORS - kept) + kept
        pair_order = rng.permutation(num_train)
        if not symmetries:
            symmetry = 0
        return cls(
            quarter_turns=symmetry % 4,
            flip=symmetry >= 4,
            colors=(*range(kept), *(int(c) for c in shuffled)) if colors else SAME_COLORS,
            pair_order=tuple(int(i) for i in pair_order) if order else tuple(range(num_train)),
        )

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self == Augmentation.identity(len(self.pair_order))

    def apply_grid(self, grid: Grid) -> Grid:
        """The grid turned, mirrored and recoloured: (h, w) or (w, h), read-only int8."""
        turned = np.rot90(grid, self.quarter_turns)
        if self.flip:
            turned = turned[:, ::-1]
        return _recolor(turned, np.array(self.colors, dtype=np.int8))

    def invert_grid(self, grid: Grid) -> Grid:
        """The grid of which `apply_grid` makes `grid`."""
        turned = grid[:, ::-1] if self.flip else grid
        turned = np.rot90(turned, -self.quarter_turns)
        return _recolor(turned, np.argsort(self.colors).astype(np.int8))

    def apply(self, task: Task) -> Task:
        """The task with every grid changed and its train pairs reordered; id and source stay.

        Raises UserError if the augmentation was made for another number of train pairs.
        """
        self._check(task)
        return Task(
            id=task.id,
            train=tuple(self._apply_pair(task.train[i]) for i in self.pair_order),
            test=tuple(self._apply_pair(pair) for pair in task.test),
            source=task.source,
        )

    def invert(self, task: Task) -> Task:
        """The task of which `apply` makes `task`."""
        self._check(task)
        return Task(
            id=task.id,
            train=tuple(self._invert_pair(task.train[int(i)]) for i in np.argsort(self.pair_order)),
            test=tuple(self._invert_pair(pair) for pair in task.test),
            source=task.source,
        )

    def _check(self, task: Task) -> None:
        if len(self.pair_order) != len(task.train):
            raise UserError(
                f"task {task.id} has {len(task.train)} train pairs, "
                f"the augmentation orders {len(self.pair_order)}"
            )

    def _apply_pair(self, pair: Pair) -> Pair:
        output = None if pair.output is None else self.apply_grid(pair.output)
        return Pair(input=self.apply_grid(pair.input), output=output)

    def _invert_pair(self, pair: Pair) -> Pair:
        output = None if pair.output is None else self.invert_grid(pair.output)
        return Pair(input=self.invert_grid(pair.input), output=output)

    def to_dict(self) -> dict[str, Any]:
        """A compact JSON-able form: {"turns", "flip", "colors": "0213456789", "order": [1, 0]}."""
        return {
            "turns": self.quarter_turns,
            "flip": self.flip,
            "colors": "".join(str(c) for c in self.colors),
            "order": list(self.pair_order),
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "Augmentation":
        """The inverse of `to_dict`; raises UserError for a dict that it did not write."""
        try:
            return cls(
                quarter_turns=int(value["turns"]),
                flip=bool(value["flip"]),
                colors=tuple(int(c) for c in value["colors"]),
                pair_order=tuple(int(i) for i in value["order"]),
            )
        except UserError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"not an encoded augmentation: {dict(value)!r}") from error


def _recolor(grid: Grid, colors: Grid) -> Grid:
    new = np.ascontiguousarray(colors[grid])
    new.setflags(write=False)
    return new
