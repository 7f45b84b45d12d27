"""The tab "Library" of the real app, driven in headless Chromium."""

import pytest

from tests.browsing import tab

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def library(page):
    """The tab with its cards."""
    tab(page, "Library")
    page.wait_for_selector("#ab-library .lib-card")
    return page.locator("#ab-library")


def test_a_name_that_is_typed_leaves_its_entry_with_a_picture(library):
    everything = library.locator(".lib-card:visible").count()
    assert everything > 280
    library.get_by_role("searchbox").press_sequentially("flip hor")
    assert library.locator(".lib-card:visible").count() == 1
    card = library.locator("#flip_horizontal")
    assert card.locator("svg.ab-grid:visible").count() == 2
    assert "grid = flip_horizontal(grid)" in card.inner_text()
    assert library.locator(".lib-count").inner_text() == "1 name"
    assert library.locator(".lib-index a:visible").all_inner_texts() == ["flip_horizontal"]
    library.get_by_role("searchbox").fill("")
    assert library.locator(".lib-card:visible").count() == everything


@pytest.mark.long
def test_the_name_that_was_meant_stands_before_those_that_only_mention_it(library):
    library.get_by_role("searchbox").fill("crop")
    assert library.locator(".lib-card:visible").count() > 5
    found = library.locator(".lib-card:visible").evaluate_all(
        "cards => cards.map(card => [card.getBoundingClientRect().top,"
        " card.getBoundingClientRect().left, card.id])"
    )
    assert min(found)[2] == "crop"


@pytest.mark.long
def test_a_word_of_the_text_counts_only_from_its_beginning(library):
    library.get_by_role("searchbox").fill("hole")
    names = library.locator(".lib-index a:visible").all_inner_texts()
    assert {"fill_holes", "object_interior"} <= set(names)
    assert "extend_rows" not in names  # gives a whole row its colour


@pytest.mark.long
def test_one_library_is_shown_without_the_other(library):
    library.get_by_text("common 40").click()
    shown = library.locator(".lib-group:visible")
    assert {g.get_attribute("data-library") for g in shown.all()} == {"common"}
    assert library.locator(".lib-card:visible").count() == 40
    library.get_by_role("searchbox").fill("fill_holes_and_leak")
    assert "No name or text in common matches" in library.inner_text()


@pytest.mark.long
def test_nothing_found_is_said_in_words(library):
    library.get_by_role("searchbox").fill("xyz")
    assert library.locator(".lib-card:visible").count() == 0
    assert "No name or text matches “xyz”." in library.inner_text()


@pytest.mark.long
@pytest.mark.parametrize("page", ["/?__theme=dark"], indirect=True)
def test_a_name_in_the_index_brings_its_card_into_view_whatever_the_address(page, library):
    library.locator(".lib-index a", has_text="symmetrize_content").click()
    box = library.locator("#symmetrize_content").bounding_box()
    assert box
    assert 0 <= box["y"] < 700
    page.wait_for_function("location.search.includes('tab=library')")
    assert "__theme=dark" in page.url
    assert "#" not in page.url


@pytest.mark.long
def test_the_cards_are_still_there_after_looking_at_another_tab(page, library):
    library.get_by_role("searchbox").fill("gravity")
    tab(page, "Tasks")
    tab(page, "Library")
    page.wait_for_timeout(500)
    assert library.get_by_role("searchbox").input_value() == "gravity"
    assert library.locator("#gravity:visible").count() == 1


def test_what_is_typed_is_answered_by_the_page_alone(page, library):
    page.context.set_offline(True)
    try:
        library.get_by_role("searchbox").fill("gravity")
        library.locator("#gravity").wait_for(state="visible")
        assert library.locator("#flood_fill:visible").count() == 0
    finally:
        page.context.set_offline(False)
        library.get_by_role("searchbox").fill("")
