"""`generate(seed, index)`: an endless, random-access stream of tasks with their programs."""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np

from arcbench.dsl.concepts._types import AnyArray, Array
from arcbench.errors import UserError
from arcbench.grids import Grid
from arcbench.synth.checks import Fault, find_fault, is_grid, shown_colors
from arcbench.synth.config import Phrasing, SynthConfig
from arcbench.synth.disguises import disguised, draw_disguise, with_distractors
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.programs import (
    Steps,
    Transform,
    compile_program,
    draft_function,
    program_text,
)
from arcbench.synth.registry import families
from arcbench.synth.statistics import FIXED_TOKENS, PAIR_TOKENS, grid_tokens
from arcbench.tasks import Pair, Task

MAX_TRIES = 400
# Redraws of a draft before the families are redrawn as well: keeps their weights honest.
TRIES_A_FAMILY = 8
# A plain program that is longer than this is not what a model would write.
MAX_PLAIN_LINES = 90
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
FAVOR = 3.0
TRAIN_PAIRS = (2, 3, 4, 5)
_PAIRS_BELOW = np.cumsum([0.12, 0.6, 0.2]).tolist()  # shares of 2, 3 and 4 train pairs, as in ARC
_TWO_TESTS = 0.05
DEFAULT = SynthConfig()
Edges = list[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class SynthTask:
    """A generated task, the program that solves it, and what it was drawn from."""

    task: Task
    code: str
    families: tuple[str, ...]  # in the order of their steps
    disguise: str = ""  # what hides the input; empty: nothing
    phrasing: Phrasing = Phrasing.SHORT


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """What one task is to be made of."""

    families: tuple[Family, ...]
    disguised: bool = False
    distracted: bool = False
    phrasing: Phrasing = Phrasing.SHORT


def generate(
    seed: int, index: int, config: SynthConfig = DEFAULT, faults: Counter[Fault] | None = None
) -> SynthTask:
    """The task number `index` of the stream `seed`; the same arguments give the same task.

    `faults` counts why drafts on the way there were thrown away.
    """
    rng = np.random.default_rng([seed, index])
    for attempt in range(MAX_TRIES):
        if attempt % TRIES_A_FAMILY == 0:
            plan = _draw_plan(rng, config)
        made = _attempt(rng, plan, config, f"synth-{seed}-{index}")
        if isinstance(made, SynthTask):
            return made
        if faults is not None:
            faults[made] += 1
    raise RuntimeError(f"no valid task within {MAX_TRIES} tries for seed {seed}, index {index}")


def generate_from(
    rng: RNG, *chosen: Family, tries: int = 200, config: SynthConfig = DEFAULT
) -> SynthTask:
    """A task of the given family, or of several composed ones; RuntimeError if none comes out."""
    plan = _Plan(families=chosen, phrasing=_draw_phrasing(rng, config))
    for _ in range(tries):
        made = _attempt(rng, plan, config, "synth")
        if isinstance(made, SynthTask):
            return made
    raise RuntimeError(f"no valid task within {tries} tries of {[f.name for f in chosen]}")


@cache
def _weights(config: SynthConfig, position: str) -> tuple[tuple[Family, ...], Edges]:
    """The families that may stand somewhere, and the upper edges of their shares."""
    factors = dict(config.weights)
    favored = FAVORED.get(position, set())
    chosen: list[Family] = []
    weights: list[float] = []
    for family in families():
        weight = family.weight * factors.get(family.name, 1.0)
        weight *= FAVOR if family.name in favored else 1.0
        wanted = not config.families or family.name in config.families
        if weight and wanted and (position == "only" or getattr(family, position)):
            chosen.append(family)
            weights.append(weight)
    if not chosen and position == "only":
        raise UserError("no family is left: all that are named have weight 0")
    edges = np.cumsum(weights) / max(sum(weights), 1e-300)
    return tuple(chosen), edges.tolist()


def _draw_family(rng: RNG, config: SynthConfig, position: str) -> Family | None:
    chosen, edges = _weights(config, position)
    place = bisect_right(edges, rng.random())
    return chosen[min(len(chosen) - 1, place)] if chosen else None


def _draw_plan(rng: RNG, config: SynthConfig) -> _Plan:
    kind = rng.random()
    extra = 0 if kind >= config.triples + config.pairs_of_families else 1
    extra += kind < config.triples
    steps = ["first", *["second"] * extra] if extra else ["only"]
    drawn = [_draw_family(rng, config, step) for step in steps]
    # Where few families are asked for, none of them may be able to stand first or second.
    found = [f for f in drawn if f is not None]
    if len(found) < len(drawn):
        found = [f for f in (_draw_family(rng, config, "only"),) if f is not None]
    return _Plan(
        families=tuple(found),
        disguised=len(found) == 1 and rng.random() < config.disguises,
        distracted=rng.random() < config.distractors,
        phrasing=_draw_phrasing(rng, config),
    )


def _draw_phrasing(rng: RNG, config: SynthConfig) -> Phrasing:
    shares = config.phrasings
    if len(shares) == 1:
        return shares[0][0]
    edges = np.cumsum([share for _, share in shares])
    place = int(np.searchsorted(edges, rng.random() * edges[-1], "right"))
    return shares[min(place, len(shares) - 1)][0]


def _attempt(rng: RNG, plan: _Plan, config: SynthConfig, task_id: str) -> SynthTask | Fault:
    """One try: a task, or what is wrong with the draw."""
    drafts = [family.draw(rng) for family in plan.families]
    if len(drafts) > 1 and any(len(d.steps) > 1 or d.preamble for d in drafts):
        return Fault.IDLE_STEP
    draft = drafts[0] if len(drafts) == 1 else _composed(drafts)
    apply = Steps()
    disguise = ""
    if plan.disguised:
        drawn = draw_disguise(rng, draft.draw_input(rng))
        if drawn is None:
            return Fault.NO_DISGUISE
        disguise, how = drawn
        draft = disguised(draft, how, apply)
    transform = draft_function(draft, apply)
    pairs = _draw_pairs(rng, draft, transform, config.max_prompt_tokens)
    if isinstance(pairs, Fault):
        return pairs
    train, test = pairs
    if plan.distracted:
        train, test = _distracted(rng, train, test, transform)
    tied = any(family.tied for family in plan.families)
    fault = find_fault(draft, train, test, tied=tied, apply=apply)
    if fault is not None:
        return fault
    code, phrasing = _written(draft, plan.phrasing, [*train, *test])
    grids = [Pair(input=_frozen(a), output=_frozen(b)) for a, b in (*train, *test)]
    task = Task(
        id=task_id, train=tuple(grids[: len(train)]), test=tuple(grids[len(train) :]),
        source="synth",
    )  # fmt: skip
    names = tuple(family.name for family in plan.families)
    return SynthTask(task=task, code=code, families=names, disguise=disguise, phrasing=phrasing)


def _frozen(array: Array) -> Grid:
    """A grid of what `is_grid` has been asked of already."""
    grid = array.astype(np.int8, order="C")
    grid.setflags(write=False)
    return grid


def _composed(drafts: list[Draft]) -> Draft:
    """The drafts behind one another, on the inputs of the first."""
    names = dict.fromkeys(name for d in drafts for name in d.concepts)
    steps = tuple(step for d in drafts for step in d.steps)
    return Draft(
        concepts=tuple(names),
        steps=steps,
        draw_input=drafts[0].draw_input,
        has_rival=drafts[-1].has_rival,
    )


Pairs = list[tuple[Array, Array]]


def _draw_pairs(
    rng: RNG, draft: Draft, transform: Transform, max_prompt_tokens: int
) -> tuple[Pairs, Pairs] | Fault:
    """Train and test pairs whose prompts are short enough; at least two train pairs."""
    wanted = TRAIN_PAIRS[bisect_right(_PAIRS_BELOW, rng.random())]
    num_test = 2 if rng.random() < _TWO_TESTS else 1
    tests: Pairs = []
    train: Pairs = []
    left = max_prompt_tokens - FIXED_TOKENS
    longest_test = 0
    while len(train) < wanted:
        array = draft.draw_input(rng)
        if not array.size:
            return Fault.NO_DISGUISE
        out = transform(array)
        if not is_grid(array) or not is_grid(out):
            return Fault.NO_GRID
        if len(tests) < num_test:
            longest_test = max(longest_test, grid_tokens(array))
            tests.append((array, out))
            continue
        left -= grid_tokens(array) + grid_tokens(out) + PAIR_TOKENS
        if left < longest_test:
            break
        train.append((array, out))
    return (train, tests) if len(train) >= 2 else Fault.TOO_LONG


def _distracted(rng: RNG, train: Pairs, test: Pairs, transform: Transform) -> tuple[Pairs, Pairs]:
    """The pairs with stray cells that the rule ignores, or as they were where it does not."""
    used = shown_colors([*train, *test])
    free = [c for c in range(1, 10) if c not in used]
    if not free:
        return train, test
    color = free[int(rng.integers(len(free)))]

    def checked(value: AnyArray) -> AnyArray:
        out: AnyArray = transform(value)
        return out if is_grid(out) else np.zeros((0, 0), dtype=np.int64)

    new: Pairs = []
    for array, out in (*train, *test):
        strewn = with_distractors(rng, array, out, color, checked)
        if strewn is None:
            return train, test
        new.append(strewn)
    return new[: len(train)], new[len(train) :]


def _written(draft: Draft, phrasing: Phrasing, pairs: Pairs) -> tuple[str, Phrasing]:
    """The program in the phrasing, or in one near it where that is not to be had."""
    code = program_text(draft, phrasing)
    if phrasing is Phrasing.SHORT:
        return code, phrasing
    if phrasing is Phrasing.PLAIN and code.count("\n") > MAX_PLAIN_LINES:
        return _written(draft, Phrasing.DESCRIBED, pairs)
    if _is_right(code, pairs):
        return code, Phrasing.BARC if "input_grid" in code else phrasing
    if phrasing is Phrasing.COMMON:  # ties, and grids without black
        return _written(draft, Phrasing.BARC, pairs)
    raise RuntimeError(f"the phrasing {phrasing} changes what the program does:\n{code}")


def _is_right(code: str, pairs: Pairs) -> bool:
    transform = compile_program(code)
    return all(np.array_equal(transform(array), out) for array, out in pairs)
