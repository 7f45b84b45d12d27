"""Inputs hidden in larger, turned or noisy grids, and the step that brings them back.

A disguise makes a two-step task of any family: what the family draws is wrapped, and the program
begins with unwrapping. Distractors are cells that a rule leaves alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from arcbench.dsl.concepts._types import AnyArray, Array
from arcbench.grids import MAX_SIDE
from arcbench.synth.drafts import COLORS
from arcbench.synth.family import RNG, Draft
from arcbench.synth.inputs import between, chance, paint_noise, pick, same_cells
from arcbench.synth.programs import Steps

Wrap = Callable[[RNG, Array], Array]
NOTHING = np.zeros((0, 0), dtype=np.int64)  # an input that could not be drawn


@dataclass(frozen=True, kw_only=True, slots=True)
class Disguise:
    """A way to hide an input: the step that undoes it, and the wrapping of one input."""

    concepts: str
    step: str
    wrap: Wrap


def disguised(draft: Draft, disguise: Disguise, apply: Steps | None = None) -> Draft:
    """The draft on inputs in disguise; an input that does not come back whole is not drawn."""
    apply = Steps() if apply is None else apply

    def draw_input(rng: RNG) -> Array:
        inner = draft.draw_input(rng)
        outer = disguise.wrap(rng, inner)
        if not outer.size or max(outer.shape) > MAX_SIDE:
            return NOTHING
        return outer if same_cells(apply(disguise.step, outer), inner) else NOTHING

    names = dict.fromkeys((*disguise.concepts.split(", "), *draft.concepts))
    return Draft(
        concepts=tuple(names),
        steps=(disguise.step, *draft.steps),
        draw_input=draw_input,
        has_rival=draft.has_rival,
    )


def _colors(rng: RNG, count: int, sample: AnyArray) -> list[int]:
    """Colours that the sample lacks, black never; fewer than `count` where there are no more."""
    free = [c for c in range(1, 10) if not (sample == c).any()]
    return [free[i] for i in rng.permutation(len(free))[:count]]


def _in_frame(rng: RNG, sample: Array) -> Disguise | None:
    """A rim of a new colour somewhere in a larger grid, with noise or nothing around it."""
    colors = _colors(rng, 2, sample)
    if len(colors) < 2:
        return None
    rim, noise = colors
    ground = 0 if chance(rng, 0.85) else pick(rng, colors[1:])
    density = float(rng.uniform(0.05, 0.25)) if chance(rng, 0.4) and noise != ground else 0.0

    def wrap(rng: RNG, inner: Array) -> Array:
        height, width = inner.shape
        if max(height, width) + 4 > MAX_SIDE:
            return NOTHING
        rows, columns = (between(rng, s + 2, min(MAX_SIDE, s + 8)) for s in (height, width))
        out = np.full((rows, columns), ground, dtype=np.int64)
        paint_noise(rng, out, [noise], density)
        row, column = between(rng, 0, rows - height - 2), between(rng, 0, columns - width - 2)
        out[row : row + height + 2, column : column + width + 2] = rim
        out[row + 1 : row + height + 1, column + 1 : column + width + 1] = inner
        return out

    return Disguise(concepts="frame, crop", step="crop_frame_inside(grid)", wrap=wrap)


def _in_border(rng: RNG, sample: Array) -> Disguise | None:
    """A border of one or two cells, of one colour or of several."""
    width = pick(rng, (1, 1, 2))
    colors = _colors(rng, 3, sample)
    if not colors:
        return None
    plain = chance(rng, 0.6)

    def wrap(rng: RNG, inner: Array) -> Array:
        out = np.pad(inner, width, constant_values=colors[0])
        if not plain:
            rim = np.ones(out.shape, dtype=bool)
            rim[width:-width, width:-width] = False
            out[rim] = np.asarray(colors)[rng.integers(len(colors), size=int(rim.sum()))]
        return out

    step = "remove_border(grid)" if width == 1 else "remove_border(grid, 2)"
    return Disguise(concepts="border, crop", step=step, wrap=wrap)


def _in_blocks(rng: RNG, sample: Array) -> Disguise | None:
    """Every cell is a block."""
    factor = 2 if max(sample.shape) > 8 else pick(rng, (2, 2, 3))
    return Disguise(
        concepts="downscale",
        step=f"downscale(grid, {factor})",
        wrap=lambda rng, inner: inner.repeat(factor, 0).repeat(factor, 1),
    )


def _beside(rng: RNG, sample: Array) -> Disguise | None:
    """Another grid of the same size lies beside it, behind a separator or not."""
    separator = _colors(rng, 1, sample)
    where = pick(rng, ("left", "right", "top", "bottom"))
    has_line = bool(separator) and chance(rng, 0.6)
    palette = np.unique(sample)

    def wrap(rng: RNG, inner: Array) -> Array:
        other = palette[rng.integers(len(palette), size=inner.shape)]
        line = np.full((inner.shape[0], int(has_line)), separator[0] if has_line else 0)
        if where in ("top", "bottom"):
            return np.array(_row(inner.T, other.T, line_of(inner.T), where == "top").T)
        return _row(inner, other, line, where == "left")

    def line_of(view: AnyArray) -> AnyArray:
        return np.full((view.shape[0], int(has_line)), separator[0] if has_line else 0)

    return Disguise(concepts="halves, crop", step=f"{where}_half(grid)", wrap=wrap)


def _row(inner: AnyArray, other: AnyArray, line: AnyArray, first: bool) -> Array:
    parts = (inner, line, other) if first else (other, line, inner)
    return np.array(np.hstack(parts))


_TURNS: dict[str, Callable[[Array], AnyArray]] = {
    "flip_horizontal": np.fliplr,
    "flip_vertical": np.flipud,
    "rotate_clockwise": np.rot90,
    "rotate_180": lambda grid: np.rot90(grid, 2),
    "transpose": np.transpose,
}


def _turned(rng: RNG, sample: Array) -> Disguise | None:
    """The grid lies on its side, or is mirrored."""
    name = pick(rng, tuple(_TURNS))
    back = _TURNS[name]
    return Disguise(
        concepts="rotation" if "rotate" in name else "mirror",
        step=f"{name}(grid)",
        wrap=lambda rng, inner: np.array(back(inner)),
    )


def _noisy(rng: RNG, sample: Array) -> Disguise | None:
    """Specks of a colour of their own on the background."""
    colors = _colors(rng, 1, sample)
    if not colors:
        return None
    ground = int(np.bincount(sample.ravel(), minlength=10).argmax())
    density = float(rng.uniform(0.04, 0.25))

    def wrap(rng: RNG, inner: Array) -> Array:
        out = inner.copy()
        out[(rng.random(inner.shape) < density) & (inner == ground)] = colors[0]
        return out

    step = f"recolor(grid, {COLORS[colors[0]]}, {COLORS[ground]})"
    return Disguise(concepts="noise, recolor", step=step, wrap=wrap)


DISGUISES: Sequence[tuple[str, Callable[[RNG, Array], Disguise | None], float]] = (
    ("in a frame", _in_frame, 1.5),
    ("in a border", _in_border, 0.7),
    ("in blocks", _in_blocks, 0.6),
    ("beside another", _beside, 1.0),
    ("turned", _turned, 0.6),
    ("noisy", _noisy, 1.2),
)
_EDGES = np.cumsum([weight for _, _, weight in DISGUISES])


def draw_disguise(rng: RNG, sample: Array) -> tuple[str, Disguise] | None:
    """A disguise for inputs like the sample, with its name; None where it does not fit."""
    place = int(np.searchsorted(_EDGES, rng.random() * _EDGES[-1], "right"))
    name, make, _ = DISGUISES[min(place, len(DISGUISES) - 1)]
    disguise = make(rng, sample)
    return None if disguise is None else (name, disguise)


def with_distractors(
    rng: RNG, array: Array, out: AnyArray, color: int, transform: Callable[[AnyArray], AnyArray]
) -> tuple[Array, Array] | None:
    """The pair with a few stray cells of a colour on its background; None if they are not ignored.

    They count as ignored where the output is the old one, or the old one with the same cells.
    """
    ground = int(np.bincount(array.ravel(), minlength=10).argmax())
    free = np.flatnonzero(array == ground)
    if len(free) < 8:
        return None
    places = rng.permutation(free)[: between(rng, 1, 3)]
    strewn = array.copy()
    strewn.ravel()[places] = color
    new = transform(strewn)
    if new.shape == out.shape == array.shape:
        kept = out.copy()
        kept.ravel()[places] = color
        if same_cells(new, kept):
            return strewn, np.array(new)
    return (strewn, np.array(new)) if same_cells(new, out) else None
