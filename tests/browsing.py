"""The real app as a process of its own, and pages on it in headless Chromium; fixtures."""

import os
import re
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHOTS = ROOT / "build" / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class App:
    """The app's process; what it says is in `said`."""

    def __init__(self, runs, port, *options):
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port), "--runs", str(runs), *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
        )

    def url(self, timeout_s=240):
        """Where it listens, as it says itself."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            ready, _, _ = select.select([self.process.stdout], [], [], 0.5)
            new = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            self.said += new.decode()
            if found := re.search(r"http://[\d.]+:\d+", self.said):
                # Who does not read lets the app wait once the pipe is full.
                threading.Thread(target=self.listen, daemon=True).start()
                return found[0]
            if ready and not new:
                break
        raise AssertionError(f"the app did not come up:\n{self.said}")

    def listen(self):
        """Keep what else it says."""
        while new := os.read(self.process.stdout.fileno(), 65536):
            self.said += new.decode(errors="replace")

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def app(runs):
    made = App(runs, free_port())
    made.address = made.url()
    yield made
    made.close()


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, f"none of {', '.join(BROWSERS)} is installed: the app's tests need one"
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield made
        made.close()


@pytest.fixture
def page(app, browser, request):
    """The app's page, at the path of an indirect parameter if there is one.

    Afterwards its console must be clean and nobody outside was asked.
    """
    made = browser.new_page(viewport={"width": 1280, "height": 800})
    complaints, asked = [], set()
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on(
        "console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None
    )
    made.on("request", lambda request: asked.add(request.url.split("/")[2]))
    made.set_default_timeout(60_000)
    made.goto(app.address + getattr(request, "param", ""))
    made.wait_for_selector(".ab-thumb")
    yield made
    shot(made, request.node.name)
    made.close()
    assert complaints == [], complaints
    assert {host for host in asked if host} == {app.address.split("/")[2]}


def shot(page, name):
    """Keep what is to be seen: what CI has to show of the app."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)[:120]}.png")


def tab(page, name):
    page.get_by_role("tab", name=name).click()
