"""Families in which objects are chosen by what they are: cropped, kept, removed, recoloured."""

from collections.abc import Sequence

import numpy as np

from arcbench.dsl.concepts._components import Kind, Which, things
from arcbench.dsl.concepts._types import Array
from arcbench.synth.drafts import draft
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.inputs import Draw, Style, between, blank, chance, pick
from arcbench.synth.inputs_objects import (
    Maker,
    blob,
    box,
    copies,
    dot,
    frame,
    has_choice,
    holed,
    line,
    many_colored,
    marked_box,
    more_natural,
    name_of,
    new_colors,
    object_style,
    paint_figures,
    place,
    scenes,
    square,
    symmetric_blob,
    until,
)

PLAIN: tuple[Maker, ...] = (blob(2, 4), box(1, 4), blob(3, 5))
# The figures among which a property makes a difference.
FIGURES: dict[str, tuple[Maker, ...]] = {
    "hollow": (frame(3, 5), box(2, 4), blob(2, 4)),
    "solid": (frame(3, 5), box(2, 4), blob(2, 4)),
    "most_holes": (holed(4),),
    "square": (square(2, 4), box(1, 4), blob(2, 3)),
    "rectangle": (box(1, 4), blob(2, 4)),
    "not_rectangle": (box(1, 4), box(2, 5), blob(3, 4)),
    "line": (line(2, 5), blob(2, 4), box(2, 4)),
    "dot": (dot(), blob(2, 4), box(2, 4)),
    "not_dot": (dot(), blob(2, 4), box(2, 4)),
    "symmetric": (symmetric_blob(2, 3), blob(3, 4)),
    "asymmetric": (symmetric_blob(2, 3), blob(3, 4)),
}
CROPPED: tuple[Which, ...] = (
    "largest", "largest", "largest", "smallest", "smallest", "largest_box", "tallest", "widest",
    "top", "bottom", "left", "right", "unique_color", "unique_color", "unique_shape", "hollow",
    "most_holes", "symmetric", "symmetric", "asymmetric", "square", "rectangle", "bordering",
    "sparsest", "common_shape", "common_shape",
)  # fmt: skip
CROPPED_MANY: tuple[Which, ...] = (
    "most_colors", "fewest_colors", "most_marks", "fewest_marks", "symmetric", "asymmetric",
    "largest", "smallest", "multicolor", "one_color", "common_shape", "unique_shape",
)  # fmt: skip
KEPT: tuple[Which, ...] = (
    "largest", "largest", "smallest", "unique_color", "common_color", "common_shape",
    "unique_shape", "repeated_shape", "hollow", "solid", "square", "rectangle", "line", "dot",
    "not_dot", "bordering", "inner", "symmetric", "asymmetric", "tallest", "widest",
)  # fmt: skip

REGIONS: tuple[Which, ...] = (
    "largest", "smallest", "not_dot", "dot", "square", "bordering", "inner", "hollow",
)  # fmt: skip


def with_kind(which: Which, kind: Kind) -> str:
    """The last arguments of a call; the usual kind is left out."""
    return f'"{which}"' if kind == "same_color" else f'"{which}", "{kind}"'


def choice_scenes(
    rng: RNG, style: Style, which: Which, kind: Kind, single: bool, least: int = 2
) -> Draw:
    """Scenes in which `which` names some of the objects, with `single` just one."""
    figures: Sequence[Maker]
    many = kind.startswith("any")
    if which in FIGURES:
        figures = FIGURES[which]
        if many and "symmetric" in which:
            figures = (symmetric_blob(2, 3, many=True), many_colored(3, 4))
    elif many:
        figures = (
            (marked_box(None, 3, 5),)
            if "marks" in which or chance(rng, 0.3)
            else (many_colored(2, 4), many_colored(3, 5), blob(2, 4))
        )
    else:
        figures = PLAIN if chance(rng, 0.6) else (pick(rng, PLAIN),)
    repeated = copies(pick(rng, figures)) if "shape" in which else None

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        makers = [repeated(rng)] if repeated else figures
        colors: Sequence[int] = style.colors
        count = between(rng, max(least, 2), 6 if which.startswith("common") else 5)
        if which == "unique_color" and len(colors) > 1:
            odd = pick(rng, colors)
            rest = [c for c in colors if c != odd]
            taken = paint_figures(rng, grid, makers, [pick(rng, rest)], max(2, count - 1))
            place(rng, grid, taken, pick(rng, makers)(rng, [odd]))
            return grid
        paint_figures(rng, grid, makers, colors, count)
        return grid

    return until(draw, has_choice(which, kind, single, least))


def _many(which: str) -> int:
    return 2 if "color" in which else 1


def _crop(rng: RNG) -> Draft:
    which = pick(rng, CROPPED)
    style = object_style(rng, 7, 15, (_many(which), 4), black=0.9)
    kind: Kind = "same_color"
    name = "crop_object"
    if len(style.colors) == 1 and chance(rng, 0.2):
        kind = "same_color_4"
    if kind == "same_color" and which in ("largest", "smallest"):
        step = f"{which}_object(grid)"
    else:
        step = f"{name}(grid, {with_kind(which, kind)})"
    single = which not in ("common_shape", "bordering")
    inputs = choice_scenes(rng, style, which, kind, single)
    return draft("object, crop", step, inputs, more_natural(which, kind, only_first=True))


def _crop_many(rng: RNG) -> Draft:
    which = pick(rng, CROPPED_MANY)
    style = object_style(rng, 8, 15, (2, 4), black=0.95)
    kind: Kind = "any_color"
    name = "crop_object" if chance(rng, 0.8) else "crop_object_box"
    step = f"{name}(grid, {with_kind(which, kind)})"
    inputs = choice_scenes(rng, style, which, kind, which != "common_shape")
    rival = more_natural(which, kind, only_first=True)
    return draft("object, colors, crop", step, inputs, rival)


def _crop_with_most(rng: RNG) -> Draft:
    style = object_style(rng, 8, 15, (2, 3), black=0.95)
    color = style.color(rng)
    inputs = scenes(rng, style, (many_colored(2, 4), marked_box(color, 3, 5)), 2, 4)
    step = f"crop_object_with_most(grid, {name_of(color)})"

    def is_good(grid: Array) -> bool:
        counts = sorted(t.counts[color] for t in things(grid, "any_color"))
        return len(counts) > 1 and counts[-1] > counts[-2]

    return draft("object, count, crop", step, until(inputs, is_good))


def _keep(rng: RNG) -> Draft:
    which = pick(rng, KEPT)
    style = object_style(rng, 7, 15, (_many(which), 4), black=0.9)
    kind: Kind = "same_color_4" if len(style.colors) == 1 and chance(rng, 0.15) else "same_color"
    name = pick(rng, ["keep_objects", "remove_objects"])
    step = f"{name}(grid, {with_kind(which, kind)})"
    inputs = choice_scenes(rng, style, which, kind, single=False)
    concepts = "object, keep" if name == "keep_objects" else "object, remove"
    return draft(concepts, step, inputs, more_natural(which, kind))


def _recolor(rng: RNG) -> Draft:
    which = pick(rng, KEPT)
    style = object_style(rng, 7, 15, (2, 3) if "color" in which else (1, 2), black=0.93)
    kind: Kind = "same_color_4" if len(style.colors) == 1 and chance(rng, 0.15) else "same_color"
    end = "" if kind == "same_color" else f', "{kind}"'
    color, other = new_colors(rng, 2, style.colors)
    if chance(rng, 0.6):
        step = f'recolor_objects(grid, "{which}", {name_of(color)}{end})'
    else:
        step = (
            f'recolor_objects_and_others(grid, "{which}", {name_of(color)}, {name_of(other)}{end})'
        )
    inputs = choice_scenes(rng, style, which, kind, single=False)
    return draft("object, recolor", step, inputs, more_natural(which, kind))


def _regions(rng: RNG) -> Draft:
    """Regions of one colour on a ground of another, often black ones."""
    style = object_style(rng, 8, 15, (1, 2), black=1.0)
    region = style.colors[0]
    which = pick(rng, REGIONS)
    color, other, wall = new_colors(rng, 3, style.colors)
    black = chance(rng, 0.75)
    inner = choice_scenes(rng, style, which, "same_color_4", single=False)

    def draw(rng: RNG) -> Array:
        grid = inner(rng)
        return np.where(grid == 0, wall, np.where(grid == region, 0, grid)) if black else grid

    name = "Color.BLACK" if black else name_of(region)
    if chance(rng, 0.7):
        step = f'recolor_regions(grid, {name}, "{which}", {name_of(color)})'
    else:
        step = (
            f'recolor_regions_and_others(grid, {name}, "{which}", '
            f"{name_of(color)}, {name_of(other)})"
        )
    rival = more_natural(which, region=0 if black else region)
    return draft("regions, recolor", step, draw, rival)


FAMILIES = [
    Family(name="crop object", draw=_crop, weight=3.0),
    Family(name="crop object of many colors", draw=_crop_many, weight=1.5),
    Family(name="crop object with most of a color", draw=_crop_with_most, weight=0.5),
    Family(name="keep or remove objects", draw=_keep, weight=2.0),
    Family(name="recolor objects", draw=_recolor, weight=3.0),
    Family(name="recolor regions", draw=_regions, weight=1.2, second=False),
]
