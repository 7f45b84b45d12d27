"""The tabs Train and Health in the real app: real runs, a real server, two readers, a restart."""

from contextlib import contextmanager

import pytest

from arcbench.runs import RunStore
from tests.browsing import App, free_port
from tests.tiny_policy import save_tiny_policy

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN, LONG, QUEUED = (f"train-67a3c6ac{n}" for n in ("", "-2", "-3"))
PATIENCE_MS = 120_000  # a run loads its libraries first


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("trained") / "runs"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return str(save_tiny_policy(tmp_path_factory.mktemp("tiny")))


@contextmanager
def running(root):
    app = App(root, free_port())
    try:
        app.address = app.url()
        yield app
    finally:
        app.close()


@contextmanager
def reader(browser, address):
    """A page in a context of its own; its console must be clean afterwards."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None
    )
    page.on("dialog", lambda dialog: dialog.accept())
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.wait_for_selector(".ab-thumb")
    yield page
    context.close()
    assert complaints == [], complaints


def fill(page, tiny, **numbers):
    """Fill the form of the tab Train in."""
    page.locator("#ab-train-policy input").fill(tiny)
    page.locator("#ab-train-policy input").press("Enter")
    for label, value in numbers.items():
        page.get_by_label(label.replace("_", " "), exact=True).fill(str(value))


def chosen(page):
    return page.locator("#ab-run input").input_value()


def status_has(page, words):
    page.wait_for_selector(f"#ab-status :text('{words}')")


def show(page, run):
    page.locator("#ab-run input").click()
    page.get_by_role("option", name=run, exact=True).click()
    page.wait_for_function("run => location.search.endsWith(`watch=${run}`)", arg=run)


@pytest.mark.long
def test_a_run_is_started_by_click_and_watched_to_its_end_by_two_through_a_restart(
    tmp_path, tiny, browser
):
    root = tmp_path / "runs"
    with running(root) as app, reader(browser, f"{app.address}/?tab=train") as page:
        page.wait_for_selector("#ab-curve :text('No run yet')")
        page.get_by_role("button", name="More settings").click()
        fill(page, tiny, Steps=0, Group_size=4, Max_new_tokens=6, Measured_samples=0)
        page.wait_for_selector("#ab-preflight :text('Steps must be at least 1')")
        page.wait_for_selector("#ab-start:disabled")
        fill(page, tiny, Steps=80)
        page.wait_for_selector("#ab-preflight :text('a run can start')")
        page.locator("#ab-start:enabled").click()
        page.wait_for_selector("#ab-curve svg.ab-plot")
        address = page.url.removeprefix(app.address)
    assert address.endswith(f"watch={RUN}")
    # The app is gone and comes back: the run went on, and its address shows it to any reader.
    with running(root) as app, reader(browser, app.address + address) as page:
        status_has(page, "running")
        with reader(browser, app.address + address) as other:
            status_has(page, "finished")
            status_has(other, "finished")
            assert chosen(page) == chosen(other) == RUN
            page.wait_for_selector("#ab-log :text('all of it is in')")
            assert "step 80 of 80" in other.locator("#ab-status").inner_text()
    assert len(RunStore.open(root / RUN).metrics()) == 80


@pytest.mark.long
def test_runs_are_started_watched_queued_killed_stopped_resumed_and_continued(root, tiny, browser):
    with running(root) as app, reader(browser, f"{app.address}/?tab=train") as page:
        page.wait_for_selector("#ab-curve :text('No run yet')")
        page.get_by_role("button", name="More settings").click()
        fill(page, tiny, Steps=0, Group_size=4, Max_new_tokens=6, Measured_samples=0)
        page.wait_for_selector("#ab-preflight :text('Steps must be at least 1')")
        page.wait_for_selector("#ab-start:disabled")
        fill(page, tiny, Steps=4)
        page.wait_for_selector("#ab-preflight :text('a run can start')")
        page.locator("#ab-start:enabled").click()
        page.wait_for_selector("#ab-curve svg.ab-plot")
        status_has(page, "finished")
        page.wait_for_selector("#ab-log :text('all of it is in')")
        page.wait_for_selector("#ab-memory :text('trainer')")
        assert chosen(page) == RUN
        # Two readers start a run at the same time: one waits for the other.
        fill(page, tiny, Steps=100_000)
        page.locator("#ab-start").click()
        page.wait_for_function(
            "run => document.querySelector('#ab-run input').value === run", arg=LONG
        )
        with reader(browser, f"{app.address}/?tab=train&watch={LONG}") as other:
            status_has(other, "running")
            other.get_by_role("button", name="More settings").click()
            fill(other, tiny, Steps=2, Group_size=4, Max_new_tokens=6, Measured_samples=0)
            other.locator("#ab-start:enabled").click()
            other.wait_for_selector("#ab-queue :text('waits, 1 before it')")
            page.wait_for_selector("#ab-queue :text('waits, 1 before it')")
            status_has(other, f"waiting for {LONG}")
            other.locator("#ab-stop:enabled").click()
            status_has(other, "stopped")
        page.wait_for_selector("#ab-curve svg.ab-plot")
        page.wait_for_function(
            "() => !document.querySelector('#ab-queue').textContent.includes('waits')"
        )
        address = page.url.removeprefix(app.address)
    assert address.endswith(f"watch={LONG}")
    # The app is gone and comes back: the run went on, and its address shows it again.
    with running(root) as app, reader(browser, app.address + address) as page:
        page.wait_for_selector("#ab-curve svg.ab-plot")
        status_has(page, "running")
        page.locator("#ab-kill:enabled").click()
        status_has(page, "killed while training")
        page.locator("#ab-resume:enabled").click()
        status_has(page, "running")
        page.wait_for_selector("#ab-queue :text('training')")
        page.locator("#ab-stop:enabled").click()
        status_has(page, "stopped")
        show(page, RUN)
        page.wait_for_selector("#ab-continue:enabled")
        page.get_by_label("Steps in all").fill("3")
        page.locator("#ab-continue").click()
        page.wait_for_selector(f"#ab-queue :text('{RUN}-from-4')")
        status_has(page, "finished")
        page.wait_for_selector("#ab-curve svg.ab-plot")
        assert "step 3 of 3" in page.locator("#ab-status").inner_text()
    assert len(RunStore.open(root / f"{RUN}-from-4").metrics()) == 3
    assert RunStore.open(root / QUEUED).metrics() == []


@pytest.mark.long
def test_a_server_is_started_checked_and_stopped_and_a_memory_plan_drawn(root, tiny, browser):
    with running(root) as app, reader(browser, f"{app.address}/?tab=health") as page:
        page.get_by_role("tab", name="Servers and sync").click()
        page.wait_for_selector("#ab-servers :text('No server was started here')")
        page.locator("#ab-server-policy input").fill(tiny)
        page.locator("#ab-server-policy input").press("Enter")
        page.get_by_label("Port", exact=True).fill(str(free_port()))
        page.locator("#ab-server-go").click()
        page.get_by_role("tab", name="Memory plan").click()
        page.wait_for_selector("#ab-memory-plan :text('fits')")
        page.get_by_label("Card, GB").fill("16")
        page.wait_for_selector("#ab-memory-plan :text('does not fit')")
        assert page.locator("#ab-memory-plan svg.ab-plot").count() == 1
        page.get_by_role("tab", name="Servers and sync").click()
        page.wait_for_selector("#ab-servers .ab-badge:has-text('up')")
        page.wait_for_function("() => document.querySelector('#ab-sync-url input').value")
        page.locator("#ab-sync-policy input").fill(tiny)
        page.locator("#ab-sync-policy input").press("Enter")
        page.locator("#ab-sync-go").click()
        page.wait_for_selector("#ab-sync :text('checking')")
        page.wait_for_selector("#ab-sync :text('✓ follows')")
        page.wait_for_selector("#ab-sync svg.ab-plot")
        page.locator("#ab-server-stop:enabled").click()
        page.wait_for_selector("#ab-servers .ab-badge:has-text('stopped')")
