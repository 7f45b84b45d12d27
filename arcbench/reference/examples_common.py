"""Calls of every function and class of `common`, as programs write them."""

from arcbench.reference.values import Call

_SPRITE = ("4.", "44")
_TWO_OBJECTS = ("....", ".11.", ".1..", "..3.", ".33.", "....")
_SHAPE = (".......", ".3333..", ".3..3..", ".3333..", "...3...", ".......")
_FIRST = ("....", ".22.", ".22.", "....")
_SECOND = ("....", "....", "..33", "..33")
_SCENE = ("22....", "2.....", "......", "....33", "....33")

COLORS = {
    "Color": [
        Call(code="grid[1, 2] = Color.RED", grid=("....", "....")),
        Call(
            code="names = {n: v for n, v in vars(Color).items() if isinstance(v, int)}",
            note="All names; a colour is a plain int.",
        ),
    ],
}

DEBUG = {
    "show_colored_grid": [
        Call(
            code="show_colored_grid(grid)",
            grid="figure",
            note="x runs across, so the print is the picture mirrored at its diagonal.",
        )
    ],
    "visualize": [
        Call(
            code="visualize(\n"
            "    lambda: random_sprite(2, 3), lambda grid: scale_sprite(grid, 2), n_examples=1\n)",
            seed=3,
        )
    ],
}

DETECTION = {
    "detect_mirror_symmetry": [
        Call(
            code="found = detect_mirror_symmetry(grid)\n"
            "for x, y in np.argwhere(grid):\n"
            "    for image in orbit(grid, x, y, found):\n"
            "        grid[image] = grid[x, y]",
            grid=("2..2", ".33.", ".33.", "2..."),
            show=("found", "grid"),
        )
    ],
    "detect_rotational_symmetry": [
        Call(
            code="found = detect_rotational_symmetry(grid)\n"
            "for x, y in np.argwhere(grid):\n"
            "    for image in orbit(grid, x, y, [found]):\n"
            "        grid[image] = grid[x, y]",
            grid=("..2..", ".31..", "21312", "..13.", "....."),
            show=("found", "grid"),
        )
    ],
    "detect_translational_symmetry": [
        Call(
            code="found = detect_translational_symmetry(grid)\n"
            "for x, y in np.argwhere(grid):\n"
            "    for image in orbit(grid, x, y, found):\n"
            "        grid[image] = grid[x, y]",
            grid=("12312.", "31231.", "12.123", "31....", "123123"),
            show=("found", "grid"),
        )
    ],
}

DRAWING = {
    "draw_line": [
        Call(
            code="draw_line(grid, x=1, y=1, end_x=4, end_y=4, color=Color.RED)",
            grid=(".......",) * 6,
        ),
        Call(
            code="last = draw_line(\n    grid, x=3, y=0, direction=(0, 1),\n"
            "    color=Color.RED, stop_at_color=[Color.GRAY]\n)",
            grid=(".......", ".....5.", ".....5.", ".....5.", "......."),
            show=("grid", "last"),
        ),
    ],
    "flood_fill": [
        Call(
            code="flood_fill(grid, x=2, y=2, color=Color.YELLOW)",
            grid=_SHAPE,
        ),
        Call(
            code="flood_fill(grid, x=0, y=0, color=Color.RED, connectivity=8)",
            grid=("1...", ".1..", "..1.", ".1.1"),
        ),
    ],
}

MASKS = {
    "is_contiguous": [
        Call(code="answer = is_contiguous(grid)", grid=("....", ".33.", "..3.", "....")),
        Call(code="answer = is_contiguous(grid)", grid=("....", ".3..", "..3.", "....")),
        Call(
            code="answer = is_contiguous(grid, connectivity=8)",
            grid=("....", ".3..", "..3.", "...."),
        ),
    ],
    "object_boundary": [
        Call(code="mask = object_boundary(grid)", grid="blocks"),
        Call(code="grid[object_boundary(grid)] = Color.RED", grid="blocks"),
    ],
    "object_interior": [
        Call(code="mask = object_interior(grid)", grid=_SHAPE),
        Call(
            code="inside = object_interior(grid) & (grid == Color.BLACK)\ngrid[inside] = Color.RED",
            grid=_SHAPE,
        ),
    ],
    "object_neighbors": [
        Call(code="mask = object_neighbors(grid)", grid="block"),
        Call(code="grid[object_neighbors(grid, connectivity=8)] = Color.YELLOW", grid="block"),
    ],
}

MEASURING = {
    "bounding_box": [Call(code="x, y, width, height = bounding_box(grid)", grid="islands")],
    "bounding_box_mask": [Call(code="mask = bounding_box_mask(grid)", grid="ends")],
    "object_colors": [Call(code="colors = object_colors(grid)", grid="islands")],
    "object_position": [
        Call(code="x, y = object_position(grid)", grid="block"),
        Call(code='x, y = object_position(grid, anchor="lower right")', grid="block"),
        Call(code='x, y = object_position(grid, anchor="center")', grid="block"),
    ],
}

OBJECTS = {
    "detect_objects": [
        Call(
            code="objects = detect_objects(grid, connectivity=8, monochromatic=True)",
            grid=_SCENE,
        ),
        Call(
            code="objects = detect_objects(\n"
            "    grid, allowed_dimensions=[(2, 2)], colors=[Color.RED, Color.BLUE],\n"
            "    predicate=lambda window: (window != Color.BLACK).all()\n)",
            grid=("21...", "12...", "...22", ".3.11"),
        ),
    ],
    "find_connected_components": [
        Call(
            code="objects = find_connected_components(grid, connectivity=8)",
            grid=_TWO_OBJECTS,
        ),
        Call(
            code="objects = find_connected_components(\n"
            "    grid, connectivity=8, monochromatic=False\n)",
            grid=_TWO_OBJECTS,
        ),
    ],
}

PLACING = {
    "blit": [
        Call(
            code="blit(grid, sprite, x=1, y=2)",
            grid=("11111",) * 4,
            more={"sprite": _SPRITE},
        ),
        Call(
            code="blit(grid, sprite, x=1, y=2, background=Color.BLACK)",
            grid=("11111",) * 4,
            more={"sprite": _SPRITE},
        ),
    ],
    "blit_object": [
        Call(
            code="blit_object(grid, obj)",
            grid=("11111",) * 4,
            more={"obj": (".....", ".33..", "..3..", ".....")},
        )
    ],
    "blit_sprite": [
        Call(
            code="blit_sprite(grid, sprite, x=1, y=2)",
            grid=("11111",) * 4,
            more={"sprite": _SPRITE},
        )
    ],
    "crop": [
        Call(code="sprite = crop(grid)", grid="block"),
        Call(code="sprite = crop(grid)", grid="islands"),
    ],
    "scale_pattern": [Call(code="sprite = scale_pattern(sprite, 2)", more={"sprite": _SPRITE})],
    "scale_sprite": [
        Call(code="sprite = scale_sprite(sprite, factor=3)", more={"sprite": _SPRITE})
    ],
    "translate": [Call(code="obj = translate(obj, x=2, y=-1)", more={"obj": "block"})],
}

RELATIONS = {
    "check_between_objects": [
        Call(
            code="for x, y in np.argwhere(grid == Color.BLACK):\n"
            "    if check_between_objects(obj1, obj2, x, y):\n"
            "        grid[x, y] = Color.RED",
            grid=("........", ".11.....", ".11..33.", ".....33.", "........"),
            more={
                "obj1": ("........", ".11.....", ".11.....", "........", "........"),
                "obj2": ("........", "........", ".....33.", ".....33.", "........"),
            },
            show=("grid",),
        )
    ],
    "collision": [
        Call(
            code="answer = collision(object1=first, object2=second)",
            more={"first": _FIRST, "second": _SECOND},
        ),
        Call(
            code="answer = collision(object1=first, object2=second, y2=1)",
            more={"first": _FIRST, "second": _SECOND},
        ),
    ],
    "contact": [
        Call(
            code="answer = contact(object1=first, object2=second, y2=1)",
            more={"first": _FIRST, "second": _SECOND},
        ),
        Call(
            code="answer = contact(object1=first, object2=second, y2=2)",
            more={"first": _FIRST, "second": _SECOND},
        ),
    ],
}

SPRITES = {
    "apply_diagonal_symmetry": [
        Call(
            code="sprite = apply_diagonal_symmetry(sprite)", more={"sprite": ("1.3", "22.", "..1")}
        )
    ],
    "apply_symmetry": [
        Call(
            code='sprite = apply_symmetry(sprite, "horizontal")',
            more={
                "sprite": ("1.2", ".3.", "..."),
            },
        ),
        Call(
            code='sprite = apply_symmetry(sprite, "vertical")',
            more={"sprite": ("12..", "3...", ".4..")},
        ),
    ],
    "generate_sprite": [
        Call(code='sprite = generate_sprite(5, 5, symmetry_type="radial")', seed=1),
        Call(
            code='sprite = generate_sprite(4, 6, "not_symmetric", color_palate=[Color.RED])', seed=2
        ),
    ],
    "random_free_location_for_object": [
        Call(
            code="x, y = random_free_location_for_object(grid, sprite)\n"
            "blit_sprite(grid, sprite, x, y)",
            grid=_SCENE,
            more={"sprite": _SPRITE},
            show=("grid", "x", "y"),
            seed=2,
        )
    ],
    "random_free_location_for_sprite": [
        Call(
            code="x, y = random_free_location_for_sprite(grid, sprite, padding=1)\n"
            "blit_sprite(grid, sprite, x, y)",
            grid=_SCENE,
            more={"sprite": _SPRITE},
            show=("grid", "x", "y"),
            seed=1,
        )
    ],
    "random_sprite": [
        Call(code='sprite = random_sprite(4, 4, symmetry="mirror")', seed=6),
        Call(
            code="sprite = random_sprite([3, 4, 5], [3, 4, 5], color_palette=[Color.RED])", seed=1
        ),
    ],
    "randomly_scatter_points": [
        Call(
            code="randomly_scatter_points(grid, color=Color.RED, density=0.2)",
            grid=("......", "......", "..55..", "......", "......"),
            seed=1,
        )
    ],
    "randomly_spaced_indices": [
        Call(
            code="indices = randomly_spaced_indices(max_len=12, n_indices=3)\n"
            "grid[:, indices] = Color.BLUE",
            grid=("............",) * 3,
            show=("indices", "grid"),
            seed=1,
        )
    ],
}

SYMMETRY = {
    "MirrorSymmetry": [
        Call(
            code="symmetry = MirrorSymmetry(mirror_x=None, mirror_y=3)\n"
            "for x, y in np.argwhere(grid):\n"
            "    grid[symmetry.apply(x, y)] = grid[x, y]",
            grid=(".......", ".22....", ".2.3...", "......."),
            show=("symmetry", "grid"),
        )
    ],
    "Symmetry": [
        Call(
            code="kinds = MirrorSymmetry(2, None), TranslationalSymmetry(1, 3)\n"
            "for symmetry in kinds:\n"
            "    grid[symmetry.apply(1, 1)] = Color.RED",
            grid=(".......", ".4.....", ".......", "......."),
            show=("grid",),
            note="What all kinds of symmetry have in common.",
        )
    ],
    "TranslationalSymmetry": [
        Call(
            code="symmetry = TranslationalSymmetry(translate_x=1, translate_y=2)\n"
            "for times in range(3):\n"
            "    grid[symmetry.apply(0, 1, iters=times)] = Color.RED",
            grid=("......", "......", "......"),
            show=("symmetry", "grid"),
        )
    ],
    "orbit": [
        Call(
            code="points = orbit(grid, 1, 1, [MirrorSymmetry(2, None), MirrorSymmetry(None, 3)])\n"
            "for x, y in points:\n"
            "    grid[x, y] = grid[1, 1]",
            grid=(".......", ".2.....", ".......", ".......", "......."),
            show=("points", "grid"),
        ),
        Call(
            code="points = orbit(grid, 0, 1, [TranslationalSymmetry(0, 3)])\n"
            "for x, y in points:\n"
            "    grid[x, y] = grid[0, 1]",
            grid=(".4.......", "........."),
            show=("points", "grid"),
        ),
    ],
}

CALLS = {
    **COLORS,
    **DEBUG,
    **DETECTION,
    **DRAWING,
    **MASKS,
    **MEASURING,
    **OBJECTS,
    **PLACING,
    **RELATIONS,
    **SPRITES,
    **SYMMETRY,
}
