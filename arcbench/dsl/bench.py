"""`python -m arcbench.dsl.bench`: how long each function of `common` and `concepts` takes.

In milliseconds on one core, on 30×30 grids that are bad for it: noise of ten colours, one full
colour, a checkerboard, stripes and scattered cells. Then come the known-good programs of the tests,
run by one worker of the sandbox: seconds for all their pairs, and how many are judged wrong.
"""

import argparse
import inspect
import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import numpy as np

from arcbench.dsl import common, concepts
from arcbench.grids import same_grid
from arcbench.sandbox import Limits, Program, SandboxPool
from arcbench.tasks import load_tasks

LIMIT_MS = 5.0
SIDE = 30
MAX_CALLS = 40  # of one concept on one grid
PROGRAMS = Path(__file__).parents[2] / "tests" / "programs"

SYMMETRIES = ("not_symmetric", "horizontal", "vertical", "mirror", "radial", "diagonal")
_SYMMETRY_PARAMETER = {"generate_sprite": "symmetry_type", "random_sprite": "symmetry"}

Grid = Any  # (SIDE, SIDE), colours 0–9
Call = Callable[[Grid], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """The slowest call of one function."""

    library: str
    name: str
    milliseconds: float
    grid: str  # which one was the worst


def grids(seed: int = 0) -> dict[str, Grid]:
    """The grids on which functions are timed, by name."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 10, (SIDE, SIDE))
    cells = np.indices((SIDE, SIDE)).sum(axis=0)
    return {
        "noise": noise,
        "full": np.full((SIDE, SIDE), 3),
        "checkerboard": cells % 2 * 4,
        "stripes": cells % 10,
        "scattered": np.where(rng.random((SIDE, SIDE)) < 0.2, noise, 0),
    }


def common_calls() -> dict[str, list[Call]]:
    """Calls of every function of `common` on a grid, the costly ways to call it among them."""
    sprite = np.ones((3, 3), dtype=int)
    moves = [common.TranslationalSymmetry(1, 0), common.TranslationalSymmetry(0, 1)]
    every = (0, 3, 4, *range(1, 10))
    calls: dict[str, list[Call]] = {
        "apply_diagonal_symmetry": [lambda g: common.apply_diagonal_symmetry(g.copy())],
        "apply_symmetry": [lambda g: common.apply_symmetry(g.copy(), "horizontal")],
        "blit": [
            lambda g: common.blit(g.copy(), g, 1, 1),
            lambda g: common.blit(g.copy(), sprite, 28, -1, background=0),
            lambda g: _blit_onto_itself(g.copy()),
        ],
        "blit_object": [lambda g: common.blit_object(g.copy(), g)],
        "blit_sprite": [lambda g: common.blit_sprite(g.copy(), g, 1, 1)],
        "bounding_box": [common.bounding_box],
        "bounding_box_mask": [common.bounding_box_mask],
        "check_between_objects": [lambda g: common.check_between_objects(g, g, 3, 3)],
        "collision": [lambda g: common.collision(object1=g, object2=g[::-1], x2=1)],
        "contact": [lambda g: common.contact(object1=g, object2=g[::-1], x2=1, connectivity=8)],
        "crop": [common.crop],
        "detect_objects": [
            lambda g: common.detect_objects(g, connectivity=4, monochromatic=True),
            lambda g: common.detect_objects(g, connectivity=8, monochromatic=False),
            lambda g: common.detect_objects(g, connectivity=4, colors=[1, 3], monochromatic=True),
            lambda g: common.detect_objects(g, connectivity=8, predicate=lambda s: s.size > 2),
            # Windows that overlap in every way: the choice among them is a hard problem in general.
            lambda g: common.detect_objects(g * 0 + 3, allowed_dimensions=[(3, 3)]),
            lambda g: common.detect_objects(
                np.full_like(g, 3), allowed_dimensions=[(2, 2), (5, 1)]
            ),
            lambda g: common.detect_objects(g, allowed_dimensions=[(2, 5)], can_overlap=True),
            lambda g: common.detect_objects(
                g,
                allowed_dimensions=[(3, 3)],
                predicate=lambda s: s[0, 0] == s[1, 1] == s[2, 2] == 3,
            ),
        ],
        "draw_line": [
            lambda g: common.draw_line(g.copy(), 0, 0, direction=(1, 1), color=2),
            lambda g: common.draw_line(
                g.copy(), 0, 0, length=30, direction=(0, 1), color=2, stop_at_color=[7]
            ),
        ],
        "find_connected_components": [
            lambda g: common.find_connected_components(g, monochromatic=True),
            lambda g: common.find_connected_components(g, connectivity=8, monochromatic=False),
            lambda g: common.find_connected_components(g, background=-1),
        ],
        "flood_fill": [
            lambda g: common.flood_fill(g.copy(), 0, 0, 7),
            lambda g: common.flood_fill(g.copy(), 15, 15, 7, connectivity=8),
        ],
        "generate_sprite": [
            partial(_sprite, common.generate_sprite, [SIDE], symmetry) for symmetry in SYMMETRIES
        ],
        "is_contiguous": [common.is_contiguous, lambda g: common.is_contiguous(g != 3)],
        "object_boundary": [common.object_boundary, lambda g: common.object_boundary(g, 4)],
        "object_colors": [common.object_colors],
        "object_interior": [common.object_interior, lambda g: common.object_interior(g, 4)],
        "object_neighbors": [
            lambda g: common.object_neighbors(g, connectivity=8),
            lambda g: common.object_neighbors(g, background=4),
        ],
        "object_position": [lambda g: common.object_position(g, anchor="center")],
        "orbit": [
            lambda g: common.orbit(g, 3, 4, moves),
            lambda g: common.orbit(g, 3, 4, [common.MirrorSymmetry(14.5, 14.5)]),
        ],
        "random_free_location_for_object": [
            lambda g: _free_place(common.random_free_location_for_object, g)
        ],
        "random_free_location_for_sprite": [
            lambda g: _free_place(common.random_free_location_for_sprite, g)
        ],
        "random_sprite": [
            partial(_sprite, common.random_sprite, sides, symmetry)
            for symmetry in SYMMETRIES
            for sides in ([3, 4, 5, 6], [SIDE])
        ],
        "randomly_scatter_points": [
            lambda g: common.randomly_scatter_points(np.zeros_like(g), 3, density=0.5)
        ],
        "randomly_spaced_indices": [lambda g: common.randomly_spaced_indices(SIDE, 7)],
        "scale_pattern": [lambda g: common.scale_pattern(g, 2)],
        "scale_sprite": [lambda g: common.scale_sprite(g, 2)],
        "translate": [lambda g: common.translate(g, 3, -4)],
        "show_colored_grid": [],  # they print
        "visualize": [],
        "Color": [lambda g: [color in every for color in common.Color.ALL_COLORS]],
        "Symmetry": [lambda g: common.Symmetry().apply(1, 2)],
        "MirrorSymmetry": [lambda g: common.MirrorSymmetry(14.5, None).apply(*np.indices(g.shape))],
        "TranslationalSymmetry": [lambda g: _moved(moves[0], g)],
    }
    for kind in ("translational", "mirror", "rotational"):
        detect = getattr(common, f"detect_{kind}_symmetry")
        calls[detect.__name__] = [
            detect,
            partial(detect, ignore_colors=[]),
            partial(detect, background=0),
        ]
    return calls


def _moved(symmetry: common.Symmetry, grid: Grid) -> object:
    """The images of all cells at once."""
    xs, ys = np.indices(grid.shape)
    return symmetry.apply(xs, ys, iters=3)


def _sprite(make: Callable[..., object], sides: list[int], symmetry: str, _: Grid) -> object:
    """A square sprite of one of the side lengths."""
    side = random.choice(sides)
    return make(side, side, **{_SYMMETRY_PARAMETER[make.__name__]: symmetry})


def _blit_onto_itself(grid: Grid) -> Grid:
    """A sprite that is a view of the grid is copied cell by cell."""
    return common.blit(grid, grid.T, 1, 1, background=0)


def _free_place(find: Callable[..., object], grid: Grid) -> object:
    """A place for a sprite in a grid that has one at the lower right only."""
    grid = grid.copy()
    grid[-6:, -6:] = 0
    return find(grid, np.ones((3, 3), dtype=int), padding=1, border_size=1)


def concept_calls(name: str) -> list[Call]:
    """Calls of one concept with arguments from the types of its parameters, evenly chosen."""
    function = getattr(concepts, name)
    parameters = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    every = list(itertools.product(*(_values(p) for p in parameters)))
    chosen = every[:: -(-len(every) // MAX_CALLS)]
    return [partial(_call, function, arguments) for arguments in chosen]


def _call(function: Callable[..., object], arguments: tuple[Any, ...], grid: Grid) -> object:
    return function(grid, *arguments)


def _values(parameter: inspect.Parameter) -> list[Any]:
    """A few values for a parameter of a concept."""
    kind = parameter.annotation
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    if kind is bool:
        return [False, True]
    if kind is not int:
        return [np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 10]
    return [0, 3, 4] if "color" in parameter.name else [1, 2, 3]


def timings() -> Iterator[Timing]:
    """Time every public function; the same seeds give the same calls."""
    for library, calls in _all_calls():
        for name, ways in calls.items():
            if not ways:
                continue
            worst, at = max(
                (_milliseconds(way, grid), title) for way in ways for title, grid in grids().items()
            )
            yield Timing(library=library, name=name, milliseconds=worst, grid=at)


def _all_calls() -> Iterator[tuple[str, dict[str, list[Call]]]]:
    yield "common", common_calls()
    yield "concepts", {name: concept_calls(name) for name in concepts.__all__ if name != "np"}


def _milliseconds(call: Call, grid: Grid, rounds: int = 5) -> float:
    """Time on the core of the fastest of a few calls; of one call where that is fast."""
    best = float("inf")
    for _ in range(rounds):
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002 - the generators of `common` draw from the global state
        start = time.thread_time()
        call(grid)
        best = min(best, (time.thread_time() - start) * 1000)
        if best < LIMIT_MS / 5:
            break
    return best


def print_table(measured: Iterable[Timing], most: int) -> None:
    """The slowest functions with a line at the limit."""
    ordered = sorted(measured, key=lambda t: -t.milliseconds)
    above = sum(t.milliseconds > LIMIT_MS for t in ordered)
    print(f"{len(ordered)} functions on {SIDE}×{SIDE} grids, the slowest call of each")  # noqa: T201
    for i, timing in enumerate(ordered[: max(most, above)]):
        if i == above:
            print(f"  {'-' * 44} {LIMIT_MS:.0f} ms")  # noqa: T201
        print(f"  {timing.library:9}{timing.name:32}{timing.milliseconds:7.2f} ms  {timing.grid}")  # noqa: T201


def print_known_programs(folder: Path, rounds: int = 3) -> None:
    """Seconds of the known-good programs in one worker, and the share of them judged wrong."""
    codes = {path.stem: path.read_text() for path in sorted(folder.glob("*.py"))}
    if not codes:
        print(f"no known-good programs in {folder}")  # noqa: T201
        return
    tasks = load_tasks("arc-agi-1", "training")
    pairs = {name: (*tasks[name].train, *tasks[name].test) for name in codes}
    programs = [
        Program(code=code, inputs=tuple(pair.input for pair in pairs[name]))
        for name, code in codes.items()
    ]
    seconds = {40: float("inf"), len(programs): float("inf")}
    with SandboxPool(workers=1, limits=Limits(timeout_s=10)) as pool:
        pool.run(programs[:1])  # the worker has started
        for count, _ in itertools.product(seconds, range(rounds)):
            start = time.perf_counter()
            executions = pool.run(programs[:count])
            seconds[count] = min(seconds[count], time.perf_counter() - start)
    wrong = [
        name
        for name, execution in zip(codes, executions, strict=True)
        if not execution.outcome.ok
        or not all(
            grid is not None and pair.output is not None and same_grid(grid, pair.output)
            for grid, pair in zip(execution.grids, pairs[name], strict=True)
        )
    ]
    for count, took in seconds.items():
        print(f"{count:4} known-good programs on all pairs, one worker: {took:.2f} s")  # noqa: T201
    print(f"false rejects: {len(wrong)} of {len(codes)} {' '.join(wrong)}".rstrip())  # noqa: T201


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=20, help="functions to show")
    parser.add_argument("--programs", type=Path, default=PROGRAMS, help="known-good programs")
    arguments = parser.parse_args()
    print_table(timings(), arguments.most)
    print_known_programs(arguments.programs)


if __name__ == "__main__":
    main()
