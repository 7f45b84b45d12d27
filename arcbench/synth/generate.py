"""`generate(seed, index)`: an endless, random-access stream of tasks with their programs."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from arcbench.dsl import common, concepts
from arcbench.dsl.concepts._types import AnyArray, Array
from arcbench.grids import MAX_SIDE, as_grid
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.registry import families
from arcbench.tasks import Pair, Task

COMPOSITION_SHARE = 0.25
MAX_TRIES = 400
# Redraws of a draft before the family is redrawn as well: keeps the families' weights honest.
TRIES_A_FAMILY = 8
MAX_CELLS = 4_500
# Compositions that ARC likes: something is chosen or worked out, then turned, tiled or recoloured.
FAVORED = {
    "first": {
        "crop_to_content", "crop_to_color", "halves", "panels_boolean", "panels_choose",
        "keep_color", "symmetrize", "recolor", "extend_canvas",
    },
    "second": {
        "flip", "rotate", "mirror", "mirror_four", "repeat", "upscale", "recolor", "recolor_all",
        "crop_to_content", "halves", "gravity", "shift",
    },
}  # fmt: skip
FAVOR = 5.0
COLOR_PATTERN = re.compile(r"Color\.([A-Z]+)")

Transform = Callable[[AnyArray], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class SynthTask:
    """A generated task, the program that solves it, and the families it was drawn from."""

    task: Task
    code: str
    families: tuple[str, ...]


def generate(seed: int, index: int) -> SynthTask:
    """The task number `index` of the stream `seed`; the same arguments give the same task."""
    rng = np.random.default_rng([seed, index])
    for attempt in range(MAX_TRIES):
        if attempt % TRIES_A_FAMILY == 0:
            chosen = _draw_families(rng)
        task = _attempt(rng, chosen, f"synth-{seed}-{index}")
        if task is not None:
            return task
    raise RuntimeError(f"no valid task within {MAX_TRIES} tries for seed {seed}, index {index}")


def generate_from(rng: RNG, *chosen: Family, tries: int = 200) -> SynthTask:
    """A task of the given family, or of two composed ones; RuntimeError if none comes out."""
    for _ in range(tries):
        task = _attempt(rng, chosen, "synth")
        if task is not None:
            return task
    raise RuntimeError(f"no valid task within {tries} tries of {[f.name for f in chosen]}")


def program_text(draft: Draft) -> str:
    """The draft as program text in the one form that the embedded policy writes."""
    *first, last = draft.steps
    lines = ["from common import *", "from concepts import *", "", "# concepts:"]
    lines += ["# " + ", ".join(draft.concepts), ""]
    if draft.preamble:
        lines += [draft.preamble.strip("\n"), ""]
    lines += ["def transform(grid):", *(f"    grid = {step}" for step in first)]
    lines += [f"    return {last}"]
    return "\n".join(lines) + "\n"


@lru_cache(maxsize=8192)
def compile_program(code: str) -> Transform:
    """`transform` of our own program text (not a sandbox: never for code of a model)."""
    body = "\n".join(line for line in code.split("\n") if not line.startswith("from "))
    names = dict(_names())
    exec(compile(body, "<synth>", "exec"), names)
    transform: Transform = names["transform"]
    return transform


@cache
def _names() -> dict[str, Any]:
    names = {name: getattr(common, name) for name in dir(common) if not name.startswith("_")}
    return names | {name: getattr(concepts, name) for name in concepts.__all__}


@lru_cache(maxsize=8192)
def _step_function(step: str) -> Transform:
    function: Transform = eval(f"lambda grid: {step}", dict(_names()))
    return function


@cache
def _weights(position: str) -> tuple[tuple[Family, ...], Array]:
    chosen = tuple(f for f in families() if position == "only" or getattr(f, position))
    favored = FAVORED.get(position, set())
    weights = np.array([f.weight * (FAVOR if f.name in favored else 1.0) for f in chosen])
    return chosen, np.cumsum(weights / weights.sum())


def _draw_family(rng: RNG, position: str) -> Family:
    chosen, edges = _weights(position)
    return chosen[min(len(chosen) - 1, int(np.searchsorted(edges, rng.random(), "right")))]


def _draw_families(rng: RNG) -> tuple[Family, ...]:
    if rng.random() < COMPOSITION_SHARE:
        return _draw_family(rng, "first"), _draw_family(rng, "second")
    return (_draw_family(rng, "only"),)


def _attempt(rng: RNG, chosen: tuple[Family, ...], task_id: str) -> SynthTask | None:
    """One try; None where the draw gives no good task."""
    drafts = [family.draw(rng) for family in chosen]
    if len(drafts) > 1 and any(len(d.steps) > 1 or d.preamble for d in drafts):
        return None
    draft = drafts[0]
    if len(drafts) > 1:
        names = dict.fromkeys(name for d in drafts for name in d.concepts)
        steps = tuple(step for d in drafts for step in d.steps)
        draft = Draft(concepts=tuple(names), steps=steps, draw_input=draft.draw_input)
    code = program_text(draft)
    drawn = _draw_pairs(rng, draft, compile_program(code))
    if drawn is None:
        return None
    arrays, num_train = drawn
    train, test = arrays[:num_train], arrays[num_train:]
    if any(np.array_equal(a, b) for a, b in test):
        return None
    if not _is_good(draft, train) or not _steps_matter(draft, train):
        return None
    pairs = [Pair(input=as_grid(a), output=as_grid(b)) for a, b in arrays]
    task = Task(
        id=task_id, train=tuple(pairs[:num_train]), test=tuple(pairs[num_train:]), source="synth"
    )
    return SynthTask(task=task, code=code, families=tuple(f.name for f in chosen))


def _draw_pairs(
    rng: RNG, draft: Draft, transform: Transform
) -> tuple[list[tuple[Array, Array]], int] | None:
    """Pairs within the cell budget and the number of train pairs; at least 2 + 1, else None."""
    budget = MAX_CELLS if rng.random() < 0.2 else int(rng.integers(700, 2000))
    wanted = 1 + int(np.searchsorted([0.15, 0.6, 0.9], rng.random())) + 2
    num_test = 2 if rng.random() < 0.05 else 1
    pairs: list[tuple[Array, Array]] = []
    cells = 0
    while len(pairs) < wanted - 1 + num_test:
        array = draft.draw_input(rng)
        out = transform(array)
        if not _is_grid(array) or not _is_grid(out):
            return None
        cells += array.size + out.size
        if cells > budget:
            break
        pairs.append((array, out))
    if len(pairs) < 3:
        return None
    return pairs, min(len(pairs) - 1, wanted - 1)


def _is_grid(value: AnyArray) -> bool:
    if value.ndim != 2 or not value.size or max(value.shape) > MAX_SIDE:
        return False
    return value.dtype.kind in "iu" and value.min() >= 0 and value.max() <= 9


def _is_good(draft: Draft, pairs: list[tuple[Array, Array]]) -> bool:
    """Whether the train pairs show something and everything that the program depends on."""
    if any(np.array_equal(a, b) for a, b in pairs):
        return False
    # Bars that differ in length, or grids that differ in colour, do show something.
    plain = all(a.shape == b.shape and (b == b[0, 0]).all() for a, b in pairs)
    if plain and len({int(b[0, 0]) for _, b in pairs}) == 1:
        return False
    if all(np.array_equal(b, pairs[0][1]) for _, b in pairs):
        return False
    if all(np.array_equal(a, pairs[0][0]) for a, _ in pairs):
        return False
    named = {
        getattr(common.Color, name) for step in draft.steps for name in COLOR_PATTERN.findall(step)
    }
    if not named:
        return True
    shown: set[int] = set()
    for a, b in pairs:
        shown.update(a.ravel().tolist(), b.ravel().tolist())
    return named <= shown


def _steps_matter(draft: Draft, pairs: list[tuple[Array, Array]]) -> bool:
    """Whether leaving out any one of several steps changes the outputs of half of the pairs."""
    if len(draft.steps) == 1 or draft.preamble:
        return True
    for skipped in range(len(draft.steps)):
        changed = 0
        for array, out in pairs:
            value = array
            for i, step in enumerate(draft.steps):
                if i != skipped:
                    value = _step_function(step)(value)
                    # A step may get an input without its sense here; sizes could explode.
                    if max(value.shape) > MAX_SIDE:
                        break
            if not np.array_equal(value, out):
                changed += 1
        if 2 * changed < len(pairs):
            return False
    return True
