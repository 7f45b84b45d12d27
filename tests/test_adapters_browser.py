"""The app offers what was trained here as a policy."""

import shutil

import pytest

from arcbench.training.config import PolicyConfig
from tests.adapted import checkpoint, make_run
from tests.browsing import tab

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_run_that_trained_while_the_page_is_open_is_offered_and_chosen(page, runs):
    tab(page, "Sample")
    box = page.locator("#ab-policy input")
    store = make_run(runs, "offered", PolicyConfig())
    try:
        box.click()
        offered = page.get_by_role("option").all_inner_texts()
        assert offered[0] == "✓\nembedded"
        assert not any("offered" in text for text in offered)
        page.keyboard.press("Escape")
        box.blur()
        checkpoint(store, 5)
        box.click()
        page.get_by_role("option", name="offered").click()
        assert box.input_value() == str(store.path)
        box.click()
        box.fill("")
        box.press_sequentially("another/model")
        box.press("Enter")
        box.blur()
        assert box.input_value() == "another/model"
    finally:
        shutil.rmtree(store.path)
