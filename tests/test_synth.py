"""The stream of synthetic tasks."""

import numpy as np
import pytest

from arcbench.dsl.concepts._types import AnyArray
from arcbench.grids import as_grid, same_grid
from arcbench.synth import SynthTask, generate
from arcbench.synth.drafts import draft
from arcbench.synth.family import Family
from arcbench.synth.generate import FAVORED, generate_from
from arcbench.synth.programs import compile_program
from arcbench.synth.registry import families

NAMES = [family.name for family in families()]
TASKS = 200


@pytest.fixture(scope="module")
def stream() -> list[SynthTask]:
    return [generate(11, index) for index in range(TASKS)]


def test_the_same_seed_and_index_give_the_same_task(stream: list[SynthTask]) -> None:
    for index in (0, 7, 199):
        assert generate(11, index) == stream[index]


def test_other_indices_and_seeds_give_other_tasks(stream: list[SynthTask]) -> None:
    assert len({str(task.task.pairs) for task in stream}) == TASKS
    assert generate(12, 0).task.train != stream[0].task.train


def test_every_program_solves_its_own_pairs(stream: list[SynthTask]) -> None:
    for synth in stream:
        transform = compile_program(synth.code)
        for _, pair in synth.task.pairs:
            assert pair.output is not None
            out = as_grid(transform(pair.input.astype(np.int64)))
            assert same_grid(out, pair.output), synth.code


def test_programs_have_the_one_form(stream: list[SynthTask]) -> None:
    for synth in stream:
        lines = synth.code.split("\n")
        assert lines[:4] == [
            "from common import *", "from concepts import *", "", "# concepts:",
        ]  # fmt: skip
        assert "def transform(grid):" in lines
        assert lines[-2].startswith("    return ")


def test_every_pair_shows_a_change_and_outputs_differ(stream: list[SynthTask]) -> None:
    for synth in stream:
        pairs = [pair for _, pair in synth.task.pairs]
        for pair in pairs:
            assert pair.output is not None
            assert not same_grid(pair.input, pair.output)
        outputs = [pair.output for pair in synth.task.train if pair.output is not None]
        assert not all(same_grid(outputs[0], other) for other in outputs)


def test_about_a_quarter_of_the_tasks_are_compositions(stream: list[SynthTask]) -> None:
    share = sum(len(synth.families) == 2 for synth in stream) / TASKS
    assert 0.1 < share < 0.4


@pytest.mark.parametrize("name", NAMES)
def test_every_family_gives_valid_tasks(name: str) -> None:
    family = next(family for family in families() if family.name == name)
    rng = np.random.default_rng(3)
    for _ in range(3):
        task = generate_from(rng, family)
        assert task.families == (name,)
        assert 2 <= len(task.task.train) <= 5


def test_favored_families_exist_and_may_stand_where_they_are_favored() -> None:
    by_name = {family.name: family for family in families()}
    for position, names in FAVORED.items():
        for name in names:
            assert getattr(by_name[name], position)


def test_a_color_of_the_program_that_no_pair_shows_is_refused() -> None:
    def draw_input(rng: np.random.Generator) -> AnyArray:
        return np.array(rng.integers(0, 3, size=(4, 4)))

    hidden = Family(
        name="hidden", draw=lambda rng: draft("x", "recolor(grid, Color.BROWN, 0)", draw_input)
    )
    shown = Family(
        name="shown", draw=lambda rng: draft("x", "recolor(grid, Color.RED, 0)", draw_input)
    )
    rng = np.random.default_rng(0)
    with pytest.raises(RuntimeError, match="no valid task"):
        generate_from(rng, hidden, tries=20)
    assert "Color.RED" in generate_from(rng, shown).code


def test_a_step_that_does_nothing_is_refused() -> None:
    def draw_input(rng: np.random.Generator) -> AnyArray:
        return np.array(rng.integers(0, 3, size=(4, 4)))

    idle = Family(
        name="idle",
        draw=lambda rng: draft("x", ["flip_horizontal(grid)", "np.array(grid)"], draw_input),
    )
    with pytest.raises(RuntimeError, match="no valid task"):
        generate_from(np.random.default_rng(0), idle, tries=20)
