"""From an evaluation to a submission and to the gallery of tasks, in the real app."""

import json

import pytest

from arcbench.policies import embedded
from arcbench.tasks import load_tasks
from tests.browsing import shot, tab
from tests.kaggle_files import write_challenges

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TASK = "67a3c6ac"


@pytest.fixture(scope="module")
def challenges(tmp_path_factory):
    task = load_tasks("arc-agi-1", "training")[TASK]
    return write_challenges(tmp_path_factory.mktemp("kaggle"), [task])


def choose(page, elem_id, name):
    page.locator(f"{elem_id} input").click()
    page.get_by_role("option", name=name, exact=True).click()


def upload(page, button, file):
    with page.expect_file_chooser() as chooser:
        page.locator(button).click()
    chooser.value.set_files(file)


def test_a_policy_is_measured_submitted_and_its_tasks_are_sifted(page, challenges, tmp_path):
    embedded.checked_path()
    tab(page, "Evaluate")
    page.wait_for_selector("#ab-evals .ab-note")  # nothing is there yet, and it says so
    page.get_by_label("Samples a task").fill("0")
    page.get_by_label("only the chosen task").check()
    page.locator("#ab-eval-go").click()
    page.wait_for_selector(":text('Samples a task must be at least 1')")
    page.get_by_label("Samples a task").fill("12")
    page.locator("#ab-eval-go").click()
    page.wait_for_selector("#ab-evals button[data-run]")
    name = page.locator("#ab-evals button[data-run]").inner_text()
    page.wait_for_selector("#ab-eval-figures :text('pass@1')", timeout=300_000)
    page.wait_for_selector("#ab-evals :text('finished')")
    page.wait_for_function("name => location.search.includes('eval=' + name)", arg=name)
    assert page.locator("#ab-eval-charts .ab-plot").count() == 2
    shot(page, "evaluate-figures")

    page.get_by_role("tab", name="Submission").click()
    page.locator("#ab-submit").click()
    page.wait_for_selector("#ab-submitted :text('Upload the competition')")
    upload(page, "#ab-challenges", challenges)
    page.wait_for_selector(f"#ab-challenges:has-text('{challenges.name}')")
    page.locator("#ab-submit").click()
    page.wait_for_selector("#ab-submitted :text('1 tasks, 1 test inputs')")
    with page.expect_download() as download:
        page.locator("#ab-take").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert set(json.loads(file.read_text())) == {TASK}
    upload(page, "#ab-mine", file)
    page.wait_for_selector("#ab-checked :text('✓ valid: 1 tasks')")
    broken = tmp_path / "broken.json"
    broken.write_text("[" * 100_000)
    upload(page, "#ab-mine", broken)
    page.wait_for_selector("#ab-checked :text('✗ not valid')")
    shot(page, "evaluate-submission")

    tab(page, "Tasks")
    choose(page, "#ab-judged-in", name)
    page.wait_for_selector(f".ab-thumb[data-task='{TASK}'] .ab-thumb-words")
    choose(page, "#ab-judged", "not sampled")
    page.wait_for_selector("#ab-gallery :text('399 of 400 tasks')")
    choose(page, "#ab-judged", "any")
    page.keyboard.press("Escape")
    page.locator("#ab-task-page").click()
    page.keyboard.press("/")
    page.keyboard.type("67a3")
    page.wait_for_selector("#ab-gallery :text('1 of 400 tasks')")
    page.get_by_role("button", name="Prompt: what the policy reads").click()
    page.wait_for_selector(".ab-tokens :text('embedded')", timeout=300_000)
    page.get_by_role("button", name="Programs that solve it").click()
    page.wait_for_selector("#ab-programs :text('comes with arcbench')")
    page.locator("#ab-theme").click()
    assert page.evaluate("document.body.classList.contains('dark')")
    shot(page, "tasks-dark")
    page.locator("#ab-theme").click()


@pytest.mark.parametrize("page", ["/?tab=runs&view=sweep"], indirect=True)
def test_a_tab_without_content_says_what_fills_it_and_fits_a_tablet(page):
    page.wait_for_selector("#ab-sweep-chart :text('arcbench sweep')")
    page.set_viewport_size({"width": 820, "height": 1180})
    for name in ("Tasks", "Runs", "Evaluate", "Library"):
        tab(page, name)
        page.wait_for_timeout(300)
        shot(page, f"tablet-{name}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 820, name
