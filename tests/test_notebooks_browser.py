"""A notebook in a real JupyterLab: its widgets answer, and their pictures change."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

from arcbench.runs import RunState, RunStore
from arcbench.training.config import overfit_config
from tests.browsing import free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "01_data_and_prompts.ipynb"
PATIENCE_S = 120
LIVE = (  # the cells of a notebook that watches a run
    "from arcbench.notebook import live_run\nfrom arcbench.workbench import Workbench\n"
    'live = live_run(Workbench("../runs"), "mine")\nlive',
    'status = await live.ended()\nprint("it is", status.state.value)',
)
SETTINGS = ("--no-browser", "--allow-root", "--IdentityProvider.token=", "--LabApp.news_url=None")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab that has two notebooks and the settings of a new user."""
    root = tmp_path_factory.mktemp("lab")
    (root / "notebooks").mkdir()
    shutil.copy(NOTEBOOK, root / "notebooks")
    live = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in LIVE],
        metadata={"kernelspec": {"display_name": "Python 3 (ipykernel)", "name": "python3"}},
    )
    nbformat.write(live, root / "notebooks" / "live.ipynb")
    port = free_port()
    own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "IPYTHONDIR": "ipython"}
    with (root / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", f"--port={port}", *SETTINGS],
            cwd=root,
            stdout=log,
            stderr=log,
            env={**os.environ, "ARCBENCH_QUICK": "1"}
            | {name: str(root / folder) for name, folder in own.items()},
        )
    address = f"http://127.0.0.1:{port}/lab"
    end = time.monotonic() + PATIENCE_S
    while not answers(address):
        alive = process.poll() is None and time.monotonic() < end
        assert alive, (root / "log.txt").read_text()
        time.sleep(0.5)
    yield address, root
    process.terminate()  # it ends its kernels
    process.wait(30)


def answers(address):
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except OSError:
        return False


def opened(page, address, name):
    page.set_default_timeout(PATIENCE_S * 1000)
    page.goto(f"{address}/tree/notebooks/{name}?reset")
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()


def test_a_slider_in_jupyterlab_changes_the_picture(lab, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    opened(page, lab[0], NOTEBOOK.name)
    for _ in range(4):  # parameters, imports, the words before the picker, the picker
        page.keyboard.press("Shift+Enter")
    picker = page.locator(".jp-OutputArea-output", has=page.locator(".noUi-handle")).first
    picker.locator(".ab-title b").wait_for()
    first = picker.locator(".ab-title b").inner_text()
    assert first == "67a3c6ac"
    grids = picker.locator(".ab-pairs").inner_html()
    assert grids.count("<svg") == 8

    picker.locator(".noUi-handle").press("ArrowRight")

    picker.locator(".ab-title b", has_text=first).wait_for(state="detached")
    assert picker.locator(".ab-pairs").inner_html() != grids

    field = picker.locator("input[type=text]").first
    field.fill("007bbfb7")
    field.press("Enter")
    picker.locator(".ab-title b", has_text="007bbfb7").wait_for()
    page.close()


@pytest.mark.long
def test_a_run_is_stopped_by_its_button_while_a_cell_waits_for_its_end(lab, browser):
    address, root = lab
    store = RunStore.create(root / "runs", "mine", overfit_config("67a3c6ac").to_dict())
    store.append_metrics(1, {"reward/mean": 1.0})
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as process:
        store.set_status(RunState.RUNNING, pid=process.pid, phase="measuring", step=1)
        opened(page, address, "live.ipynb")
        page.keyboard.press("Shift+Enter")
        page.locator(".jp-OutputArea-output svg.ab-plot").first.wait_for()
        page.keyboard.press("Shift+Enter")
        page.get_by_text("Python 3 (ipykernel) | Busy").wait_for()
        store.set_status(RunState.RUNNING, pid=process.pid, phase="measuring", step=2)
        page.get_by_text("step 2").first.wait_for()

        page.get_by_role("button", name="Stop run").first.click()

        page.get_by_text("it is stopped", exact=True).wait_for()
    assert store.status().reason == "stopped while measuring"
    page.close()
