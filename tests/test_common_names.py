import inspect
import random
import re
import subprocess
import sys

import numpy as np
import pytest

import arcbench.dsl.common as common
from arcbench.dsl import concepts
from arcbench.dsl.common import Color

FUNCTIONS = {
    "flood_fill": ["grid", "x", "y", "color", "connectivity"],
    "draw_line": [
        "grid", "x", "y", "end_x", "end_y", "length", "direction", "color", "stop_at_color",
    ],
    "find_connected_components": ["grid", "background", "connectivity", "monochromatic"],
    "randomly_scatter_points": ["grid", "color", "density", "background"],
    "scale_pattern": ["pattern", "scale_factor"],
    "scale_sprite": ["sprite", "factor"],
    "blit": ["grid", "sprite", "x", "y", "background"],
    "blit_object": ["grid", "obj", "background"],
    "blit_sprite": ["grid", "sprite", "x", "y", "background"],
    "bounding_box": ["grid", "background"],
    "bounding_box_mask": ["grid", "background"],
    "object_position": ["obj", "background", "anchor"],
    "object_colors": ["obj", "background"],
    "crop": ["grid", "background"],
    "translate": ["obj", "x", "y", "background"],
    "collision": ["_", "object1", "object2", "x1", "y1", "x2", "y2", "background"],
    "contact": ["_", "object1", "object2", "x1", "y1", "x2", "y2", "background", "connectivity"],
    "randomly_spaced_indices": ["max_len", "n_indices", "border_size", "padding"],
    "check_between_objects": ["obj1", "obj2", "x", "y", "padding", "background"],
    "random_free_location_for_sprite": [
        "grid", "sprite", "background", "border_size", "padding", "padding_connectivity",
    ],
    "random_free_location_for_object": [
        "grid", "sprite", "background", "border_size", "padding", "padding_connectivity",
    ],
    "object_interior": ["grid", "background"],
    "object_boundary": ["grid", "background"],
    "object_neighbors": ["grid", "background", "connectivity"],
    "orbit": ["grid", "x", "y", "symmetries"],
    "detect_translational_symmetry": ["grid", "ignore_colors", "background"],
    "detect_mirror_symmetry": ["grid", "ignore_colors", "background"],
    "detect_rotational_symmetry": ["grid", "ignore_colors", "background"],
    "show_colored_grid": ["grid", "text"],
    "visualize": ["input_generator", "transform", "n_examples", "n_attempts"],
    "apply_symmetry": ["sprite", "symmetry_type", "background"],
    "apply_diagonal_symmetry": ["sprite", "background"],
    "is_contiguous": ["bitmask", "background", "connectivity"],
    "generate_sprite": [
        "n", "m", "symmetry_type", "fill_percentage", "max_colors", "color_palate",
        "connectivity", "background",
    ],
    "random_sprite": [
        "n", "m", "density", "symmetry", "color_palette", "connectivity", "background",
    ],
    "detect_objects": [
        "grid", "_", "predicate", "background", "monochromatic", "connectivity",
        "allowed_dimensions", "colors", "can_overlap",
    ],
}  # fmt: skip
TYPING = {"List", "Tuple", "Optional", "Union", "Set", "Dict", "Callable", "Any", "NDArray"}
CLASSES = {"Color", "Symmetry", "TranslationalSymmetry", "MirrorSymmetry"}


def test_the_star_import_brings_every_name_of_the_library_and_nothing_else():
    namespace: dict[str, object] = {}
    exec("from arcbench.dsl.common import *", namespace)
    del namespace["__builtins__"]
    assert set(namespace) == set(FUNCTIONS) | CLASSES | TYPING | {"np", "random"}
    assert namespace["np"] is np
    assert namespace["random"] is random


@pytest.mark.parametrize("name", FUNCTIONS)
def test_parameters_have_the_names_that_programs_pass_by_keyword(name):
    assert list(inspect.signature(getattr(common, name)).parameters) == FUNCTIONS[name]


def test_functions_have_the_defaults_that_programs_count_on():
    defaults = {
        name: {
            p.name: p.default
            for p in inspect.signature(getattr(common, name)).parameters.values()
            if p.default is not p.empty
        }
        for name in FUNCTIONS
    }
    assert defaults["blit"] == {"x": 0, "y": 0, "background": None}
    assert defaults["blit_sprite"] == {"background": 0}
    assert defaults["find_connected_components"] == {
        "background": 0, "connectivity": 4, "monochromatic": True,
    }  # fmt: skip
    assert defaults["detect_objects"] == {
        "_": None, "predicate": None, "background": 0, "monochromatic": False,
        "connectivity": None, "allowed_dimensions": None, "colors": None, "can_overlap": False,
    }  # fmt: skip
    assert list(defaults["draw_line"]["stop_at_color"]) == []
    for kind in ("translational", "mirror", "rotational"):
        detect = defaults[f"detect_{kind}_symmetry"]
        assert list(detect["ignore_colors"]) == [0]
        assert detect["background"] is None
    assert defaults["random_free_location_for_sprite"]["padding_connectivity"] == 8
    assert defaults["visualize"] == {"n_examples": 5, "n_attempts": 100}


def test_colors_have_the_names_of_the_seeds_and_of_the_models():
    names = "BLACK BLUE RED GREEN YELLOW GREY PINK ORANGE TEAL MAROON"
    assert [getattr(Color, name) for name in names.split()] == list(range(10))
    assert (Color.GRAY, Color.PURPLE, Color.BROWN) == (5, 8, 9)
    assert Color.TRANSPARENT == Color.BACKGROUND == 0
    assert list(range(10)) == Color.ALL_COLORS
    assert list(range(1, 10)) == Color.NOT_BLACK
    assert all(type(color) is int for color in Color.ALL_COLORS)
    with pytest.raises(AttributeError):
        Color.MUSTARD  # noqa: B018


def test_a_program_may_reassign_colors(monkeypatch):
    monkeypatch.setattr(Color, "BLACK", 7)
    assert common.bounding_box(np.array([[0, 7]])) == (0, 1, 1, 1)  # defaults don't follow


def _public(module):
    objects = {name: getattr(module, name) for name in module.__all__}
    return {n: o for n, o in objects.items() if getattr(o, "__module__", "").startswith("arcbench")}


@pytest.mark.parametrize("module", [common, concepts], ids=["common", "concepts"])
def test_every_name_is_explained_in_sentences_that_a_reader_understands(module):
    named = _public(module)
    assert len(named) == {common: 40, concepts: len(concepts.__all__) - 1}[module]
    for name, thing in named.items():
        text = inspect.getdoc(thing) or ""
        summary = re.split(r"(?<=[.…])(?:\s|$)", " ".join(text.split("\n\n")[0].split()))[0]
        assert summary[-1:] in (".", "…"), name
        assert 3 <= len(summary.split()) <= 25, (name, summary)
        assert summary[0].isupper() or summary[0] in "(`", (name, summary)
        assert not re.match(rf"{name}\b", summary), name  # it says more than the name does
        assert len(text.split()) <= 90, name
    for name in ("Symmetry", "TranslationalSymmetry", "MirrorSymmetry"):
        assert inspect.getdoc(getattr(common, name).apply)


def test_errors_that_programs_may_catch_are_told():
    for name, error in [
        ("flood_fill", "IndexError"), ("draw_line", "AssertionError"), ("contact", "ValueError"),
        ("find_connected_components", "TypeError"), ("object_position", "AssertionError"),
        ("translate", "IndexError"), ("random_free_location_for_sprite", "ValueError"),
        ("randomly_spaced_indices", "IndexError"), ("random_sprite", "ValueError"),
    ]:  # fmt: skip
        assert error in getattr(common, name).__doc__, name


def test_importing_the_library_loads_neither_scipy_nor_matplotlib():
    code = (
        "import sys, arcbench.dsl.common, arcbench.dsl.concepts;"
        "print({'scipy', 'matplotlib'} & set(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert loaded.stdout.strip() == "set()", loaded.stderr


def test_visualize_prints_examples_and_the_share_of_failures(capsys):
    calls = iter(range(100))

    def generate():
        if next(calls) == 1:
            raise RuntimeError("no luck")
        return np.array([[1, 2, 3], [4, 5, 6]])

    common.visualize(input_generator=generate, transform=lambda g: g * 0, n_examples=2)
    printed = capsys.readouterr().out
    assert printed.count("Output:") == 2
    assert "1 of 3 attempts failed" in printed
    assert "RuntimeError: no luck" in printed


def test_a_grid_is_printed_with_x_across(capsys):
    common.show_colored_grid(np.array([[1, 2, 3], [4, 5, 6]]))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert [[d in lines[i] for d in ("m1", "m4")] for i in (0, 1)] == [[True, True], [False] * 2]
