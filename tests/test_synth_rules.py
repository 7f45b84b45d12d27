"""What procedural tasks show: rules about colours, not numbers, in any phrasing, hidden or not."""

import re
from collections import Counter

import numpy as np
import pytest

from arcbench.dsl.common import Color
from arcbench.synth import Phrasing, SynthConfig, generate
from arcbench.synth.checks import REVERSED, Fault, find_fault, keeps_renaming
from arcbench.synth.disguises import DISGUISES, disguised, with_distractors
from arcbench.synth.drafts import COLORS, draft
from arcbench.synth.family import Family
from arcbench.synth.generate import generate_from
from arcbench.synth.inputs_objects import NATURAL, more_natural
from arcbench.synth.plain import plain_program
from arcbench.synth.programs import compile_program, program_text
from arcbench.synth.rates import FamilyRate, family_tasks, weights_from_rates
from arcbench.synth.registry import families

BY_NAME = {family.name: family for family in families()}


@pytest.mark.parametrize("name", BY_NAME)
def test_a_rule_stays_true_when_its_colours_are_renamed(name):
    rng = np.random.default_rng(12)
    for _ in range(3):
        item = generate_from(rng, BY_NAME[name])
        names = np.array([0, *(1 + rng.permutation(9))])
        code = re.sub(
            r"Color\.([A-Z]+)", lambda m, n=names: COLORS[n[getattr(Color, m[1])]], item.code
        )
        transform = compile_program(code)
        for _, pair in item.task.pairs:
            got = transform(names[pair.input])
            assert np.array_equal(got, names[pair.output]), code


@pytest.mark.parametrize("phrasing", [p for p in Phrasing if p is not Phrasing.SHORT])
def test_every_family_can_be_written_in_every_phrasing(phrasing):
    config = SynthConfig(phrasings=((phrasing, 1.0),))
    rng = np.random.default_rng(3)
    for family in families():
        # Raises where the written program gives other outputs than the short one.
        item = generate_from(rng, family, config=config)
        near = {Phrasing.PLAIN: Phrasing.DESCRIBED, Phrasing.COMMON: Phrasing.BARC}
        assert item.phrasing in (phrasing, near.get(phrasing))
        own = item.phrasing in (Phrasing.PLAIN, Phrasing.COMMON)
        assert ("from concepts" in item.code) == (not own)


def test_phrasings_look_as_a_model_would_write_them():
    two = draft(
        "crop, mirror", ["largest_object(grid)", 'mirror(grid, "right")'],
        lambda rng: np.eye(3, dtype=np.int64),
    )  # fmt: skip
    barc = program_text(two, Phrasing.BARC)
    assert "def transform(input_grid):" in barc
    assert "output_grid = largest_object(input_grid)" in barc
    assert 'output_grid = mirror(output_grid, "right")' in barc
    assert "# description:\n# Crop to" in barc
    assert "(side: right)" in barc
    one = draft("flip", "flip_horizontal(recolor(grid, Color.RED, Color.BLUE))", two.draw_input)
    assert "return np.array(np.where(grid == 2, 1, grid)[:, ::-1])" in plain_program(one)


@pytest.mark.parametrize(
    ("name", "least"), [("crop object", 3), ("keep or remove objects", 5), ("recolor", 8)]
)
def test_objects_are_found_with_common_where_that_gives_the_same(name, least):
    config = SynthConfig(phrasings=((Phrasing.COMMON, 1.0),))
    rng = np.random.default_rng(8)
    items = [generate_from(rng, BY_NAME[name], config=config) for _ in range(15)]
    own = [item for item in items if item.phrasing is Phrasing.COMMON]
    assert len(own) >= least
    for item in own:
        assert "from concepts" not in item.code
        assert "find_connected_components" in item.code or "grid[grid ==" in item.code


def test_shares_of_phrasings_are_kept():
    config = SynthConfig(phrasings=((Phrasing.SHORT, 0.7), (Phrasing.BARC, 0.3)))
    counts = Counter(generate(2, index, config).phrasing for index in range(200))
    assert 0.55 < counts[Phrasing.SHORT] / 200 < 0.85
    assert sum(counts.values()) == counts[Phrasing.SHORT] + counts[Phrasing.BARC]


@pytest.mark.parametrize(("name", "make"), [(name, make) for name, make, _ in DISGUISES])
def test_a_disguise_changes_the_input_and_its_step_brings_it_back(name, make):
    rng = np.random.default_rng(5)
    plain = draft("x", "flip_vertical(grid)", lambda rng: rng.integers(0, 3, size=(4, 6)))
    seen = 0
    for _ in range(40):
        disguise = make(rng, plain.draw_input(rng))
        hidden = disguised(plain, disguise)
        assert len(hidden.steps) == 2
        outer = hidden.draw_input(rng)
        if not outer.size:
            continue
        seen += 1
        unwrap = compile_program(program_text(draft("x", disguise.step, plain.draw_input)))
        assert unwrap(outer).shape == (4, 6)
        assert outer.shape != (4, 6) or not np.array_equal(unwrap(outer), outer) or name == "noisy"
    assert seen > 20


def test_a_disguise_that_cannot_be_undone_draws_nothing():
    from arcbench.synth.disguises import Disguise

    plain = draft("x", "flip_vertical(grid)", lambda rng: rng.integers(0, 3, size=(4, 6)))
    broken = Disguise(concepts="x", step="transpose(grid)", wrap=lambda rng, inner: inner)
    assert not disguised(plain, broken).draw_input(np.random.default_rng(0)).size


def test_distractors_are_cells_that_the_rule_leaves_alone():
    rng = np.random.default_rng(0)
    grid = np.zeros((6, 6), dtype=np.int64)
    grid[1, 1] = 3

    def recolored(value):
        return np.where(value == 3, 4, value)

    new = with_distractors(rng, grid, recolored(grid), 7, recolored)
    assert new is not None
    assert 1 <= (new[0] == 7).sum() <= 3
    assert np.array_equal(new[0] == 7, new[1] == 7)
    flipped = grid[::-1]
    assert with_distractors(rng, grid, flipped, 7, lambda value: value[::-1]) is None


def test_a_rule_is_refused_where_a_more_natural_one_fits_the_train_pairs_as_well():
    small, tall = np.zeros((8, 8), dtype=np.int64), np.zeros((8, 8), dtype=np.int64)
    small[0:3, 0:3], small[5, 5] = 1, 1  # the largest object is the tallest as well
    tall[0:2, 0:4], tall[3:8, 6] = 1, 1  # here it is not
    rival = more_natural("tallest")
    assert rival([small, small.T], [tall])
    assert not rival([small, tall], [tall])
    assert not rival([small], [small])
    assert not more_natural("largest")([small], [tall])  # nothing comes before it
    assert len(set(NATURAL)) == len(NATURAL) == 36
    tallest = draft(
        "x", 'crop_object(grid, "tallest")', lambda rng: small, more_natural("tallest")
    )  # fmt: skip
    train = [(small, small[:3, :3]), (small[::-1], small[:3, :3]), (small.T, small[:3, :3] * 1)]
    train[1] = (small[::-1].copy(), np.ones((3, 3), dtype=np.int64))
    train[2] = (np.pad(small, 1), np.full((3, 3), 2))
    assert find_fault(tallest, train, [(tall, tall[3:8, 6:7])]) is Fault.AMBIGUOUS


def test_a_tie_that_the_numbers_of_colours_decide_is_refused():
    tie = np.array([[1, 1, 2, 2], [0, 0, 0, 0]])
    clear = np.array([[1, 1, 1, 2], [0, 0, 0, 0]])
    most = draft("x", "most_common_color(grid)", lambda rng: tie)
    one = np.array([[1]])
    assert keeps_renaming(most, [(clear, one)], REVERSED)
    assert not keeps_renaming(most, [(tie, one)], REVERSED)
    family = Family(name="tie", draw=lambda rng: _tied(), tied=True)
    with pytest.raises(RuntimeError, match="no valid task"):
        generate_from(np.random.default_rng(0), family, tries=20)
    assert generate_from(np.random.default_rng(0), Family(name="tie", draw=family.draw))


def _tied():
    def draw(rng):
        a, b = (rng.permutation(9) + 1)[:2]
        return np.array([[a, a, b, b], [0, 0, 0, 0]])

    return draft("x", "most_common_color(grid)", draw)


def test_rates_are_measured_on_plain_fresh_tasks_of_the_family():
    items = family_tasks("recolor", 5)
    assert len({item.task.id for item in items}) == 5
    assert all(item.families == ("recolor",) and not item.disguise for item in items)


def test_weak_families_get_more_weight_within_bounds():
    rates = [
        FamilyRate(family="weak", samples=20, solved=0),
        FamilyRate(family="middling", samples=20, solved=12),
        FamilyRate(family="strong", samples=20, solved=20),
        FamilyRate(family="unknown", samples=0, solved=0),
    ]
    weights = weights_from_rates(rates)
    assert weights["weak"] > weights["unknown"] > weights["middling"] > weights["strong"]
    assert min(weights.values()) >= 1 / 3 - 0.001
    assert max(weights.values()) <= 3
    assert rates[1].rate == 0.6


def test_another_rule_of_the_family_that_fits_is_found():
    def draw(rng):
        step = ("left_half(grid)", "half(grid)")[int(rng.integers(2))]
        return draft(
            "x", step, lambda rng: rng.integers(0, 5, size=[(4, 6), (6, 4)][rng.integers(2)])
        )

    from arcbench.synth.ambiguity import ambiguity
    from arcbench.synth.drafts import other_step

    found = ambiguity(np.random.default_rng(0), Family(name="halves", draw=draw), tasks=30)
    assert 0 < found.found < 30
    assert found.share == found.found / 30
    wide, tall = np.arange(8).reshape(2, 4), np.arange(8).reshape(4, 2)
    rival = other_step("half(grid)", ["left_half(grid)", "half(grid)"])
    assert rival([wide, wide + 1], [tall])
    assert not rival([wide, tall], [tall])
    assert not rival([wide], [wide])
