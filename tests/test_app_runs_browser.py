"""The tab Runs and the page's addresses, in the real app, in headless Chromium."""

import pytest

from arcbench.judge import Attempt, Judge
from arcbench.policies.base import Completion
from arcbench.rewards import scheme
from arcbench.runs import RunStore
from arcbench.sandbox import SandboxPool
from arcbench.tasks import load_tasks
from arcbench.training.config import overfit_config
from tests.browsing import tab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TASK = "67a3c6ac"
RUN = "looked-at"
PROGRAMS = [f"def transform(grid):\n    return grid[:, ::{step}]" for step in (-1, 1, 2)]


@pytest.fixture(scope="module")
def run(runs):
    """A run of three steps, in the folder that the app looks at."""
    store = RunStore.create(runs, RUN, overfit_config(TASK, steps=3).to_dict())
    task = load_tasks("arc-agi-1", "training")[TASK]
    with SandboxPool(workers=1) as pool:
        judge = Judge(pool=pool, scheme=scheme("arc25-v2"))
        for step in (1, 2, 3):
            attempts = [
                Attempt(task=task, completion=Completion(text=f"```python\n{code}\n```"), index=i)
                for i, code in enumerate(PROGRAMS)
            ]
            store.write_rollouts(step, judge.judge(attempts, step=step))
            store.append_metrics(step, {"reward/mean": float(step), "solve_rate": step / 3})
    return store


def address_has(page, *parts):
    page.wait_for_function("parts => parts.every(p => location.search.includes(p))", arg=parts)


def test_a_run_is_chosen_in_the_table_and_its_rollouts_are_walked_through(run, page):
    tab(page, "Runs")
    page.locator(f'#ab-runs button[data-run="{RUN}"]').click()
    page.wait_for_selector("#ab-overlay svg")
    address_has(page, "tab=runs", f"run={RUN}")
    page.get_by_role("tab", name="Rollouts").click()
    page.wait_for_selector("#ab-rollouts :text('1–9 of 9')")
    page.locator('#ab-rollouts button[data-place="3.0.0"]').click()
    page.wait_for_selector('article[aria-label="completion step 3, group 1, #1"]')
    assert "solved" in page.locator("#ab-rollout header").inner_text()
    page.keyboard.press("j")
    page.wait_for_selector('article[aria-label="completion step 3, group 1, #2"]')
    page.keyboard.press("k")
    page.wait_for_selector('article[aria-label="completion step 3, group 1, #1"]')
    address_has(page, "view=rollouts", "3.0.0")
    page.get_by_role("radio", name="tokens").click()
    page.wait_for_selector("#ab-rollout :text('No log-probabilities')")
    page.get_by_role("radio", name="program and pairs").click()
    page.wait_for_selector("#ab-rollout .ab-program")
    page.get_by_label("To step").fill("1")
    page.wait_for_selector("#ab-rollouts :text('1–3 of 3')")
    page.get_by_label("To step").fill("soon")
    page.wait_for_selector(":text('To step needs a number')")


@pytest.mark.parametrize("page", [f"/?tab=runs&view=rollouts&rollout={RUN}%2F2.0.1"], indirect=True)
def test_an_address_opens_the_same_rollout_again(run, page):
    page.wait_for_selector('article[aria-label="completion step 2, group 1, #2"]')
    assert page.locator("#ab-runs-run input").input_value() == RUN
    page.wait_for_selector("#ab-rollouts :text('1–9 of 9')")


@pytest.mark.parametrize("page", ["/?tab=health&view=memory"], indirect=True)
def test_an_address_opens_the_inner_tab_that_it_names(page):
    page.wait_for_selector("#ab-memory-plan svg")
    page.get_by_role("tab", name="Servers and sync").click()
    address_has(page, "tab=health", "view=servers")


@pytest.mark.parametrize(
    "page", ["/?tab=nowhere&rollout=..%2F..%2Fetc%2F1.0.0&dataset=%2Fetc&task=none"], indirect=True
)
def test_an_address_that_names_nothing_opens_the_first_page(page):
    assert page.get_by_role("tab", name="Tasks").get_attribute("aria-selected") == "true"
    assert page.locator("#ab-dataset input").input_value() == "arc-agi-1"
