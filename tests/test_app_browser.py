"""The real app, driven in headless Chromium."""

import pytest

from arcbench.policies import embedded
from tests.browsing import App, tab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TASK = "67a3c6ac"


def choose(page, task_id):
    box = page.locator("#ab-task input")
    box.click()
    box.fill("")
    box.press_sequentially(task_id)
    page.get_by_role("option", name=task_id).click()
    page.wait_for_function(
        "id => document.querySelector('#ab-task-page')?.textContent.includes(id)", arg=task_id
    )


def needs_weights():
    embedded.checked_path()


def test_a_task_typed_or_clicked_shows_its_grids(page):
    choose(page, TASK)
    assert page.locator("#ab-task-page svg.ab-grid").count() == 8
    page.locator('.ab-thumb[data-task="00d62c1b"]').click()
    page.wait_for_selector("#ab-task-page :text('00d62c1b')")
    assert page.locator("#ab-task input").input_value() == "00d62c1b"
    page.get_by_role("button", name="Next").click()
    page.wait_for_selector("#ab-task-page :text('017c7c7b')")


def test_the_prompt_of_a_task_is_there_to_read(page):
    choose(page, TASK)
    page.get_by_role("button", name="Prompt").click()
    page.wait_for_selector("#ab-prompt pre:visible")
    assert "Pink" in page.locator("#ab-prompt").inner_text()


@pytest.mark.long
def test_four_samples_are_four_cards_with_code_and_pairs(page):
    needs_weights()
    choose(page, TASK)
    tab(page, "Sample")
    page.get_by_label("Completions", exact=True).fill("4")
    page.locator("#ab-go").click()
    page.wait_for_function("document.querySelectorAll('.ab-card').length == 4", timeout=120_000)
    assert all(text.strip() for text in page.locator(".ab-card .ab-snippet").all_inner_texts())
    assert "of 4 solved" in page.locator("#ab-summary").inner_text()
    page.locator('.ab-card[data-index="2"]').click()
    page.wait_for_selector('article[aria-label="completion #3"]')
    assert page.locator("#ab-detail .ab-table tbody tr").count() == 4
    assert page.locator("#ab-detail .ab-code").count() >= 1


@pytest.mark.long
def test_a_port_in_use_is_named_and_the_next_free_one_taken(app, tmp_path):
    port = int(app.address.rpartition(":")[2])
    second = App(tmp_path, port)
    try:
        assert int(second.url().rpartition(":")[2]) > port
        assert f"port {port} is in use" in second.said
    finally:
        second.close()
