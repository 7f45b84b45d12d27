"""Every public name of the libraries is explained, with examples that were run."""

import html
import random
import re
import time
from html.parser import HTMLParser

import numpy as np
import pytest

from arcbench.dsl import common, concepts
from arcbench.grids import as_grid
from arcbench.reference import __main__ as command
from arcbench.reference import build, entries, summaries
from arcbench.reference.examples_common import CALLS
from arcbench.reference.grids import GRIDS, grid_of
from arcbench.reference.values import Call
from arcbench.ui.html import code_block
from arcbench.ui.library_html import mask_svg, palette, plain
from arcbench.ui.library_page import page

ENTRIES = {entry.name: entry for entry in entries()}
VOID = {"meta", "input", "br", "hr", "img"}
# What cannot be seen by looking at one grid before and after.
WITHOUT_GRIDS = {"generate_sprite", "random_sprite", "visualize"}


class Page(HTMLParser):
    """Checks that every element is closed in its turn, and collects what tests ask for."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.sources, self.text = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given["href"])
        self.sources += [given[k] for k in ("src", "href") if k in given and tag != "a"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """An element that closes itself."""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def parsed():
    return Page(page())


def test_every_public_name_has_an_entry():
    own = {
        name
        for package in (common, concepts)
        for name in package.__all__
        if (getattr(getattr(package, name), "__module__", "") or "").startswith("arcbench.")
    }
    assert set(ENTRIES) == own
    assert len(own) == 40 + len(set(concepts.__all__) - {"np"})


def test_no_example_speaks_of_a_name_that_is_gone():
    assert {*CALLS, *build.concept_calls()} == set(ENTRIES)


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_says_what_the_name_is_and_shows_it(name):
    entry = ENTRIES[name]
    assert re.match(rf"{name}(\(.*\)( -> [\w\[\], |]+)?)?$", entry.signature)
    assert entry.summary.endswith(("…", "."))
    assert len(entry.summary) > 15
    assert entry.group.summary
    assert entry.examples
    assert any(re.search(rf"\b{name}\b", example.code) for example in entry.examples) or (
        name == "Symmetry"  # programs make one of its kinds
    )
    for example in entry.examples:
        assert example.after or example.printed
        assert example.before or name in {*WITHOUT_GRIDS, "Color"}


@pytest.mark.parametrize(
    "name", [entry.name for entry in entries() if entry.signature.endswith("-> Grid")]
)
def test_a_grid_made_of_a_grid_is_another_one(name):
    for example in ENTRIES[name].examples:
        before, after = dict(example.before), dict(example.after)
        grids = [v for v in after.values() if isinstance(v, np.ndarray)]
        assert grids, "the result is not shown"
        assert any(not np.array_equal(g, b) for g in grids for b in before.values()) or not before
        changed = [n for n in after if n in before and np.array_equal(after[n], before[n])]
        assert changed == [], "nothing happens in this example"


def test_all_grids_of_the_examples_are_small_grids_of_arc():
    for entry in entries():
        for example in entry.examples:
            for name, value in (*example.before, *example.after):
                for grid in value if isinstance(value, list) else [value]:
                    if isinstance(grid, np.ndarray) and grid.ndim == 2 and grid.dtype != bool:
                        assert max(as_grid(grid).shape) <= 12, (entry.name, name)


def test_every_shared_grid_is_shown_somewhere():
    used = {call.grid for calls in build.concept_calls().values() for call in calls}
    used |= {source for calls in CALLS.values() for call in calls for source in (
        call.grid, *call.more.values()
    )}  # fmt: skip
    assert set(GRIDS) - used == set()


def test_running_the_examples_leaves_the_random_generators_alone():
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    build.run(Call(code="sprite = random_sprite(3, 3)", seed=1))
    found = random.random(), np.random.random()  # noqa: NPY002
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    assert found == (random.random(), np.random.random())  # noqa: NPY002


def test_random_examples_are_the_same_every_time():
    call = Call(code="sprite = random_sprite([3, 4], [3, 4])", seed=2)
    assert np.array_equal(build.run(call).after[0][1], build.run(call).after[0][1])


def test_what_is_changed_in_place_and_what_is_assigned_are_shown():
    call = Call(code="flood_fill(grid, 0, 0, 3)\nx, y = 1, 2", grid=("..", ".."))
    shown = dict(build.run(call).after)
    assert np.array_equal(shown.pop("grid"), grid_of("33", "33"))
    assert shown == {"x": 1, "y": 2}


def test_an_example_that_fails_is_not_hidden():
    with pytest.raises(NameError):
        build.run(Call(code="grid = no_such_concept(grid)", grid="small"))
    with pytest.raises(KeyError):
        build.run(Call(code="grid = crop(grid)", grid="no such grid"))


def test_a_signature_has_defaults_as_programs_write_them_and_words_to_choose_from():
    assert ENTRIES["keep_least_common"].signature == (
        "keep_least_common(grid, other_color=Color.BLACK) -> Grid"
    )
    assert ENTRIES["draw_frames"].signature.startswith('draw_frames(grid, color, gap=1, kind="any')
    assert "take_color=False" in ENTRIES["crop_between_corners"].signature
    assert ENTRIES["object_interior"].signature.endswith("-> Mask")
    assert ENTRIES["MirrorSymmetry"].signature == "MirrorSymmetry(mirror_x, mirror_y)"
    assert "`apply(x, y, iters=1)" in ENTRIES["MirrorSymmetry"].details
    choices = {c.parameter: c.words for c in ENTRIES["gravity"].choices}
    assert choices == {"direction": ("up", "down", "left", "right")}


def test_the_examples_are_run_in_a_moment():
    build.entries.cache_clear()
    start = time.process_time()
    assert len(entries()) > 280
    assert time.process_time() - start < 3


def test_the_page_is_well_formed_and_needs_nothing_else(parsed):
    assert parsed.open == []
    assert parsed.sources == []
    assert len(parsed.ids) == len(set(parsed.ids))


def test_the_page_has_an_anchor_and_a_link_for_every_name(parsed):
    assert set(ENTRIES) <= set(parsed.ids)
    assert sorted(parsed.links) == sorted(f"#{name}" for name in ENTRIES)


def test_the_page_shows_every_text_of_the_entries(parsed):
    text = re.sub(r"\s+", " ", "".join(parsed.text))
    missing = [entry.name for entry in entries() if entry.summary.replace("`", "") not in text]
    assert missing == []


def test_the_command_writes_the_page_where_it_is_told_to(tmp_path, capsys):
    out = tmp_path / "docs" / "library.html"
    command.main(["--out", str(out)])
    assert out.read_text(encoding="utf-8") == page()
    assert "MB" in capsys.readouterr().out
    assert out.stat().st_size < 2_000_000


def test_a_mask_is_drawn_with_a_dot_in_every_true_cell():
    drawn = mask_svg(np.array([[True, False], [False, True]]), 10, "mask")
    assert "2 cells are True" in drawn
    assert drawn.count("h0") == 2


def test_numbers_are_shown_as_python_writes_them():
    assert plain([np.int64(3), (np.float64(2.5), np.bool_(True))]) == [3, (2.5, True)]
    assert plain(np.array([1, 2])) == [1, 2]


def test_names_of_one_colour_stand_together():
    drawn = palette({"GREY": 5, "GRAY": 5, "RED": 2})
    assert drawn.index("RED") < drawn.index("GREY, GRAY")


def test_a_program_tells_what_the_names_in_it_do_but_not_those_it_makes_itself():
    own = "def crop(grid):\n    return grid\n\n"
    shown = code_block(f"{own}def transform(grid):\n    return fill_holes(crop(grid), 2)")
    titles = re.findall(r'title="([^"]*)"', shown)
    assert [html.unescape(title) for title in titles] == [summaries()["fill_holes"]]
    assert shown.count('class="ab-line"') == 5
    assert shown.count("ab-known") == 1
